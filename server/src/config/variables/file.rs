//! A file of variables. It holds secrets, so no value of it is shown.

use std::{fs, io, path::Path};

use crate::Refusals;

/// The pairs of a file, none where there is no file.
pub(super) fn read(path: &Path) -> Result<Vec<(String, String)>, Refusals> {
    let refusal = |fault: String| Refusals::one(format!("{}{fault}", path.display()));
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(refusal(format!(
                " cannot be read ({error}); check its permissions, and that it is text in UTF-8"
            )));
        }
    };
    // Which some editors begin a file with.
    let text = text.trim_start_matches('\u{feff}');
    let refused = altered(text)
        .map(|(number, name, (sign, remedy))| refusal(format!(": {name} in line {number} has a {sign}, {remedy}")));
    let mut pairs: Vec<(String, String)> = Vec::new();
    for line in dotenvy::from_read_iter(text.as_bytes()) {
        let Ok(pair) = line else {
            let place = pairs.last().map_or("at the top".to_owned(), |(name, _)| format!("after {name}"));
            return Err(refused.unwrap_or_else(|| {
                refusal(format!(
                    ": the line {place} cannot be read; write NAME=value, with the value in single quotes where it has \
                     spaces, quotes, \\, $ or #"
                ))
            }));
        };
        pairs.push(pair);
    }
    refused.map_or(Ok(pairs), Err)
}

/// A sign that a value would lose, and the remedy.
type Sign = (&'static str, &'static str);

const DOLLAR: Sign = ("$", "which would be taken for the name of another variable; put the value in single quotes");

const BACKSLASH: Sign = (r"\", "which would be taken away; put the value in single quotes");

/// Within single quotes, whose end the ' was to be.
const BEFORE_ITS_END: Sign =
    (r"\ before a '", r#"which would not end it; put the value in double quotes, with a \ before each \, $ and ""#);

const SINGLE_QUOTE: Sign = ("'", OTHER_QUOTES);

const DOUBLE_QUOTE: Sign = ("\"", OTHER_QUOTES);

const OTHER_QUOTES: &str = r#"which would be taken away; put the value in quotes of the other kind, or in double ones, with a \ before each \, $ and ""#;

/// The first line, by its number and its variable, with a sign that the library would take out of the value. A `$`
/// stands for another variable, or for nothing; outside quotes, `\n` is a line feed and `\\` is `\`; quotes within a
/// value go. What reads the file for a frontend keeps all but the first, so the two would have different secrets,
/// without a word. And behind a `\`, a `'` does not end a value, which would run on into the next one.
fn altered(text: &str) -> Option<(usize, &str, Sign)> {
    let mut name = "";
    let mut quote: Option<char> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let mut value = line;
        // Within quotes a value goes on.
        if quote.is_none() {
            if line.trim_start().is_empty() || line.trim_start().starts_with('#') {
                continue;
            }
            // A line without a name is refused by the library, and may be part of a secret, as may all that follows.
            let (key, rest) = line.split_once('=')?;
            (name, value) = (variable(key)?, rest);
        }
        let mut characters = value.chars();
        // Whether a comment may begin, and whether quotes may: at the value's start, or behind others, as shells have
        // it.
        let (mut begins_word, mut may_open) = (true, true);
        while let Some(character) = characters.next() {
            let is_bare = quote.is_none();
            match character {
                _ if quote == Some(character) => quote = None,
                '\'' | '"' if is_bare && may_open => quote = Some(character),
                '\'' if is_bare => return Some((number, name, SINGLE_QUOTE)),
                '"' if is_bare => return Some((number, name, DOUBLE_QUOTE)),
                '\\' => match (characters.next(), quote) {
                    (Some('\''), Some('\'')) => return Some((number, name, BEFORE_ITS_END)),
                    (Some('n' | '\\'), None) => return Some((number, name, BACKSLASH)),
                    _ => {}
                },
                _ if quote == Some('\'') => {}
                '$' => return Some((number, name, DOLLAR)),
                '#' if begins_word && is_bare => break,
                _ => {}
            }
            begins_word = character.is_whitespace();
            may_open = begins_word || matches!(character, '\'' | '"' | '\\');
        }
    }
    None
}

/// The name before an `=`, by the library's rules; `None` for what the library refuses.
fn variable(key: &str) -> Option<&str> {
    let key = key.trim();
    let exported = key.strip_prefix("export").filter(|rest| rest.starts_with(char::is_whitespace));
    let name = exported.map_or(key, str::trim_start);
    let is_of_names = |byte: u8| byte.is_ascii_alphanumeric() || b"_.".contains(&byte);
    let is_name =
        name.bytes().all(is_of_names) && name.starts_with(|first: char| !first.is_ascii_digit() && first != '.');
    is_name.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dollar_that_is_replaced_is_found() {
        for value in ["$ecret", "a$", "${A}", "a=b$c", r#""$a""#, r#""it's $a""#, r"\\\$a", "'a'$b", "a#$b", "'a'#$b"] {
            let text = format!("A=1\n\n# A\nexport NAME={value}");
            assert_eq!(altered(&text).map(|(number, name, _)| (number, name)), Some((4, "NAME")), "{value}");
        }
        assert_eq!(altered("A='1\n2' # it's\nNAME =\"1\n$2\""), Some((4, "NAME", DOLLAR)));
    }

    #[test]
    fn a_dollar_that_stays_is_none() {
        for value in
            ["'$ecret'", r"\$ecret", r#""\$ecret""#, "a # $b", "# $a", r"'it'\''s $a'", "'\n# $a\n'", "\n# it's=$a"]
        {
            assert_eq!(altered(&format!("NAME={value}\nA=1")), None, "{value}");
        }
    }

    /// By the library: what it lets pass has a name.
    #[test]
    fn what_has_no_name_is_left_to_be_refused() {
        for text in ["A: \"b=c\"d", "A: \"b=\"\nC=$d", "A: \"b\nc=$d\"", "A-B=$c", "1A=$b", "export A B=$c", "=$a"] {
            assert_eq!(altered(text), None, "{text}");
            assert!(dotenvy::from_read_iter(text.as_bytes()).any(|line| line.is_err()), "{text}");
        }
    }

    #[test]
    fn what_would_be_taken_away_is_found() {
        for (value, sign) in [
            (r"a\nb", BACKSLASH),
            (r"a\\b", BACKSLASH),
            ("a'b'c", SINGLE_QUOTE),
            (r#"a"b"c"#, DOUBLE_QUOTE),
            ("it's", SINGLE_QUOTE),
            (r"'a\'", BEFORE_ITS_END),
            (r"'a\\\'", BEFORE_ITS_END),
        ] {
            assert_eq!(altered(&format!("NAME={value}")), Some((1, "NAME", sign)), "{value}");
        }
        for value in [r"'a\nb'", r"'a\\'", r#""a\nb""#, r"a\ b", r"it\'s", r#"'a'"b""#, r#""it's""#, "'a\"b' # it's"] {
            assert_eq!(altered(&format!("NAME={value}")), None, "{value}");
        }
    }
}
