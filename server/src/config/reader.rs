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
        match given.trim().parse() {
            Ok(number) if bounds.contains(&number) => number,
            _ => {
                let (least, most) = bounds.into_inner();
                self.refuse(
                    variable,
                    format_args!(
                        "is {given:?}, but must be a whole number from {least} to {most}; {default} is the default"
                    ),
                );
                default
            }
        }
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
        let given = given.trim();
        given.parse().unwrap_or_else(|_| {
            self.refuse(variable, format_args!("is {given:?}, but must be true or false"));
            default
        })
    }
}
