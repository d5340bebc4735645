//! A value for each user, without a lock, or a map that grows.

use std::{
    hash::{BuildHasher, RandomState},
    iter,
};

use todo_api::UserId;

/// Users are told apart by the hash of their ids. Those who have the same share a value: nobody can tell with whom.
#[derive(Debug)]
pub(crate) struct ByUser<T> {
    values: Vec<T>,
    hasher: RandomState,
}

impl<T> ByUser<T> {
    /// So many values, one at least.
    pub(crate) fn new(count: usize, value: impl FnMut() -> T) -> Self {
        Self { values: iter::repeat_with(value).take(count).collect(), hasher: RandomState::new() }
    }

    /// Where the value of `user` is.
    pub(crate) fn index(&self, user: &UserId) -> usize {
        let index = self.hasher.hash_one(user) % self.values.len() as u64;
        usize::try_from(index).unwrap_or_default()
    }

    pub(crate) fn at(&self, index: usize) -> &T {
        &self.values[index]
    }
}
