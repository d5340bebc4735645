//! Reads what a peer prints: the Test Anything Protocol, of which only the outermost level counts.
//!
//! Several streams one after another are fine, each with its plan. By hand, because all that is wanted
//! is to count strictly: what is skipped or still to do is not a check that passed.

/// What a peer's output comes to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tap {
    pub(crate) passed: usize,
    /// The names of those that did not pass.
    pub(crate) failed: Vec<String>,
    /// How many were announced; none where nothing was.
    planned: Option<usize>,
    /// Whether one of several streams had nothing to check.
    has_empty: bool,
    bailed_out: bool,
}

impl Tap {
    pub(crate) fn read(output: &str) -> Self {
        let mut tap = Self::default();
        for line in output.lines() {
            if let Some(name) = check(line, "not ok") {
                tap.failed.push(name.to_owned());
            } else if let Some(name) = check(line, "ok") {
                let (_, directive) = name.rsplit_once('#').unwrap_or_default();
                let directive = directive.trim_start().to_ascii_lowercase();
                if directive.starts_with("skip") || directive.starts_with("todo") {
                    tap.failed.push(name.to_owned());
                } else {
                    tap.passed += 1;
                }
            } else if let Some(count) = line.strip_prefix("1..").and_then(|rest| rest.trim().parse::<usize>().ok()) {
                tap.planned = Some(tap.planned.unwrap_or(0) + count);
                tap.has_empty |= count == 0;
            } else if line.starts_with("Bail out!") {
                tap.bailed_out = true;
            }
        }
        tap
    }

    /// Why the output proves nothing, whatever its checks say.
    pub(crate) fn fault(&self) -> Option<String> {
        let run = self.passed + self.failed.len();
        match self.planned {
            _ if self.bailed_out => Some("it bailed out".to_owned()),
            _ if run == 0 => Some("it checked nothing".to_owned()),
            _ if self.has_empty => Some("a part of it checked nothing".to_owned()),
            None => Some("it announced no plan".to_owned()),
            Some(planned) if planned != run => Some(format!("it planned {planned} checks and ran {run}")),
            Some(_) => None,
        }
    }
}

fn check<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(word)?;
    if !rest.is_empty() && !rest.starts_with(' ') {
        return None;
    }
    Some(
        rest.trim_start_matches([' ', '-'])
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .trim_start_matches([' ', '-']),
    )
}

#[cfg(test)]
mod tests {
    use super::Tap;

    #[test]
    fn the_outermost_checks_are_counted() {
        let tap =
            Tap::read("TAP version 13\n# Subtest: a\n    ok 1 - inner\n    1..1\nok 1 - a\nnot ok 2 - b # x\n1..2\n");
        assert_eq!((tap.passed, tap.failed.as_slice()), (1, ["b # x".to_owned()].as_slice()));
        assert_eq!(tap.fault(), None);
    }

    #[test]
    fn several_streams_add_up() {
        let tap = Tap::read("ok - made\n1..1\nTAP version 13\n1..2\nok 1 x\nok\n");
        assert_eq!((tap.passed, tap.fault()), (3, None));
    }

    #[test]
    fn what_is_skipped_or_still_to_do_has_not_passed() {
        let tap = Tap::read("ok 1 - a # SKIP no time\nok 2 - b # todo later\nok 3 - c #4\n1..3\n");
        assert_eq!((tap.passed, tap.failed.len()), (1, 2));
    }

    #[test]
    fn output_that_proves_nothing_is_at_fault() {
        for (output, fault) in [
            ("", "it checked nothing"),
            ("1..0\n", "it checked nothing"),
            ("okay\n", "it checked nothing"),
            ("ok 1 - typed\n1..1\nTAP version 13\n1..0\n", "a part of it checked nothing"),
            ("ok 1\n", "it announced no plan"),
            ("1..3\nok 1\n", "it planned 3 checks and ran 1"),
            ("ok 1\n1..1\nBail out! no server\n", "it bailed out"),
        ] {
            assert_eq!(Tap::read(output).fault().as_deref(), Some(fault), "{output:?}");
        }
    }
}
