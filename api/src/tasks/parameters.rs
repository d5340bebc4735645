//! All parameters of the operations on tasks, to name each that is at fault.

use poem::{FromRequest, Request, RequestBody};

use super::{Completed, OnlyCompleted, Search, Sort, TaskId};
use crate::{
    Fault, IdempotencyKey, Operation, Unprocessable, operations,
    page::{Cursor, Limit},
    parameter::{Param, Parameter, in_query},
    precondition::{IfMatch, IfNoneMatch},
    problem::failed,
};

/// The name of a parameter, and what would be wrong with it in a request.
type Validator = (&'static str, fn(&Request) -> Option<Fault>);

/// All parameters that any operation takes.
const VALIDATORS: [Validator; 9] = [
    validator::<Limit>(),
    validator::<Option<Cursor>>(),
    validator::<Completed>(),
    validator::<Search>(),
    validator::<Sort>(),
    validator::<TaskId>(),
    validator::<IfMatch>(),
    validator::<IfNoneMatch>(),
    validator::<Option<IdempotencyKey>>(),
];

const fn validator<T: Parameter>() -> Validator {
    (T::NAME, |request| Param::<T>::read(request).err())
}

/// What is wrong with the parameters of the operation that `request` asks for.
pub(crate) fn faults(request: &Request) -> Vec<Fault> {
    own(request)
        .iter()
        .filter_map(|name| match name.as_str() {
            // The one parameter that is read differently by one operation.
            OnlyCompleted::NAME if is_on_all(request) => Param::<OnlyCompleted>::read(request).err(),
            name => VALIDATORS.iter().find(|(known, _)| *known == name).and_then(|(_, fault)| fault(request)),
        })
        .chain(narrowing(request))
        .chain(disregarded(request))
        .collect()
}

/// Whether all of the caller's tasks are to be changed.
fn is_on_all(request: &Request) -> bool {
    Operation::at(request.method(), request.original_uri().path())
        .is_some_and(|operation| ["completeAllTasks", "deleteCompletedTasks"].contains(&operation.id))
}

/// The names of the parameters of the operation that `request` asks for.
fn own(request: &Request) -> &'static [String] {
    operations::parameters(request.method(), request.original_uri().path())
}

/// The parameters of the list that are given to an operation on all tasks, where they would narrow nothing.
fn narrowing(request: &Request) -> impl Iterator<Item = Fault> {
    let (is_on_all, own) = (is_on_all(request), own(request));
    [Limit::NAME, Option::<Cursor>::NAME, Completed::NAME, Search::NAME, Sort::NAME]
        .into_iter()
        .filter(move |name| is_on_all && !own.iter().any(|own| own == name))
        .filter(|name| !matches!(in_query(request, name), Ok(None)))
        .map(|name| Fault::in_parameter(name, "must not be given: it narrows the list alone"))
}

/// The conditions that are given to an operation which does not look at them.
fn disregarded(request: &Request) -> impl Iterator<Item = Fault> {
    [IfMatch::NAME, IfNoneMatch::NAME]
        .into_iter()
        .filter(|name| request.headers().contains_key(*name) && !own(request).iter().any(|own| own == name))
        .map(|name| Fault::in_parameter(name, "must not be given: the operation does not look at it"))
}

/// An argument of every operation on tasks, behind the body. Refuses a condition that it does not look at: whoever
/// gives one wants nothing done where it does not hold (RFC 9110, 13.1).
pub(crate) struct OwnConditions;

impl<'a> FromRequest<'a> for OwnConditions {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> poem::Result<Self> {
        if disregarded(request).next().is_some() {
            return Err(failed(Unprocessable(faults(request))));
        }
        Ok(Self)
    }
}

/// An argument of an operation on all of the caller's tasks. Refuses the parameters of the list that is at the same
/// address: whoever gives one means the tasks that they see there, and not all.
pub(crate) struct Unfiltered;

impl<'a> FromRequest<'a> for Unfiltered {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> poem::Result<Self> {
        if narrowing(request).next().is_some() {
            return Err(failed(Unprocessable(faults(request))));
        }
        Ok(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_of_every_operation_is_validated() {
        let known = VALIDATORS.map(|(name, _)| name);
        let mut taken: Vec<_> = operations::all_parameters().collect();
        assert!(taken.iter().all(|name| known.contains(name)), "one at fault would be a fault of none: {taken:?}");
        taken.sort_unstable();
        taken.dedup();
        assert_eq!(taken.len(), known.len(), "each is taken by some operation");
    }
}
