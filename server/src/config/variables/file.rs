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
    let mut pairs: Vec<(String, String)> = Vec::new();
    for line in dotenvy::from_read_iter(text.as_bytes()) {
        pairs.push(line.map_err(|_| {
            let place = pairs.last().map_or("at the top".to_owned(), |(name, _)| format!("after {name}"));
            refusal(format!(
                ": the line {place} cannot be read; write NAME=value, with the value in single quotes where it has \
                 spaces, quotes, $ or #"
            ))
        })?);
    }
    match substitution(text) {
        Some((number, name)) => Err(refusal(format!(
            ": {name} in line {number} has a $, which would be taken for the name of another variable; put the value in \
             single quotes"
        ))),
        None => Ok(pairs),
    }
}

/// The first line, by its number and its variable, in which `$` stands for another variable. An unknown one is
/// nothing, so a secret with a `$` would be changed without a word.
fn substitution(text: &str) -> Option<(usize, &str)> {
    let mut name = "";
    let mut quote: Option<char> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let mut value = line;
        // Within quotes a value goes on.
        if quote.is_none() {
            let Some((key, rest)) = line.split_once('=').filter(|_| !line.trim_start().starts_with('#')) else {
                continue;
            };
            // There may be an `export` before it.
            name = key.split_whitespace().next_back().unwrap_or_default();
            value = rest;
        }
        let mut characters = value.chars();
        let mut begins_word = true;
        while let Some(character) = characters.next() {
            match character {
                '\'' | '"' if quote.is_none_or(|open| open == character) => quote = quote.xor(Some(character)),
                _ if quote == Some('\'') => {}
                '\\' => _ = characters.next(),
                '$' => return Some((number, name)),
                '#' if begins_word && quote.is_none() => break,
                _ => {}
            }
            begins_word = character.is_whitespace();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dollar_that_is_replaced_is_found() {
        for value in ["$ecret", "a$", "${A}", "a=b$c", r#""$a""#, r#""it's $a""#, r"\\$a", "'a'$b", "a#$b", "'a'#$b"] {
            assert_eq!(substitution(&format!("A=1\n\n# A\nexport NAME={value}")), Some((4, "NAME")), "{value}");
        }
        assert_eq!(substitution("A='1\n2' # it's\nNAME =\"1\n$2\""), Some((4, "NAME")));
    }

    #[test]
    fn a_dollar_that_stays_is_none() {
        for value in
            ["'$ecret'", r"\$ecret", r#""\$ecret""#, "a # $b", "# $a", r"'it'\''s $a'", "'\n# $a\n'", "\n# it's=$a"]
        {
            assert_eq!(substitution(&format!("NAME={value}\nA=1")), None, "{value}");
        }
    }
}
