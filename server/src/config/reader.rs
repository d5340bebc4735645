//! The reading of values, each by what it must be.

use std::{fmt::Display, ops::RangeInclusive, str::FromStr, time::Duration};

use super::Refusals;

/// Reads values, and remembers what is wrong with them.
#[derive(Default)]
pub(super) struct Reader(Refusals);

impl Reader {
    pub(super) fn refuse(&mut self, variable: &str, fault: impl Display) {
        self.0.0.push(format!("{variable} {fault}"));
    }

    pub(super) fn finish(self) -> Refusals {
        self.0
    }

    /// A value whose type says what it must be.
    pub(super) fn parse<T: FromStr<Err: Display>>(&mut self, variable: &str, given: &str) -> Option<T> {
        given.parse().map_err(|fault| self.refuse(variable, fault)).ok()
    }

    /// What `read` makes of a value, which must be what is `wanted`.
    pub(super) fn read<T>(
        &mut self,
        variable: &str,
        given: &str,
        wanted: impl Display,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = read(given);
        if value.is_none() {
            self.refuse(variable, format_args!("is {given:?}, but must be {wanted}"));
        }
        value
    }

    /// A whole number within bounds.
    pub(super) fn number<T: FromStr + PartialOrd + Display>(
        &mut self,
        variable: &str,
        given: Option<String>,
        default: T,
        bounds: RangeInclusive<T>,
    ) -> T {
        let Some(given) = given else {
            return default;
        };
        let (least, most) = (bounds.start(), bounds.end());
        let wanted = format!("a whole number from {least} to {most}; {default} is the default");
        let read = |given: &str| given.trim().parse::<T>().ok().filter(|number| bounds.contains(number));
        self.read(variable, &given, wanted, read).unwrap_or(default)
    }

    /// A time in whole seconds within bounds.
    pub(super) fn seconds(
        &mut self,
        variable: &str,
        given: Option<String>,
        default: u64,
        bounds: RangeInclusive<u64>,
    ) -> Duration {
        Duration::from_secs(self.number(variable, given, default, bounds))
    }

    /// The items of a comma separated list. One that is given must not be empty: an empty list often means that
    /// anything goes.
    pub(super) fn list(&mut self, variable: &str, given: Option<String>) -> Vec<String> {
        let Some(given) = given else {
            return Vec::new();
        };
        let items = given.split(',').map(str::trim).filter(|item| !item.is_empty());
        let items: Vec<_> = items.map(str::to_owned).collect();
        if items.is_empty() {
            self.refuse(variable, format_args!("is {given:?}, which has no item; write one, or leave it unset"));
        }
        items
    }

    /// A yes or no.
    pub(super) fn flag(&mut self, variable: &str, given: Option<String>, default: bool) -> bool {
        let Some(given) = given else {
            return default;
        };
        self.read(variable, given.trim(), "true or false", |given| given.parse().ok()).unwrap_or(default)
    }
}
