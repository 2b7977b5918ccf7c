//! Strings in constraints and in the template of the default rule, as Go writes them: `"…"` with escapes, and raw
//! between backticks.

use std::str::Chars;

/// Why a string is none: the byte, counted from its opening quote, and the reason.
pub(super) type Fault = (usize, String);

/// Does a string start with this?
pub(super) const fn opens(quote: char) -> bool {
    matches!(quote, '"' | '`')
}

/// Reads the string that `text` starts with; returns its value and its length with both quotes.
pub(super) fn read(text: &str) -> Result<(String, usize), Fault> {
    match text.strip_prefix('`') {
        Some(after) => {
            let (value, _) = after
                .split_once('`')
                .ok_or_else(|| fault(0, "the string is not closed; end it with a backtick"))?;
            Ok((value.to_owned(), value.len() + 2))
        }
        None => quoted(text),
    }
}

fn quoted(text: &str) -> Result<(String, usize), Fault> {
    let mut value = String::new();
    let mut chars = text.chars();
    chars.next();
    loop {
        let here = text.len() - chars.as_str().len();
        match chars.next() {
            Some('"') => return Ok((value, here + 1)),
            Some('\\') => value.push(escaped(&mut chars).ok_or_else(|| {
                fault(
                    here,
                    "unknown escape; write `\\\\` for a backslash, or put the string in backticks",
                )
            })?),
            Some('\n') | None => return Err(fault(0, "the string is not closed; end it with `\"`")),
            Some(c) => value.push(c),
        }
    }
}

/// Reads what follows a backslash.
fn escaped(chars: &mut Chars<'_>) -> Option<char> {
    let digits = |chars: &mut Chars<'_>, count: usize| {
        let mut digit = |code: u32| Some(code * 16 + chars.next()?.to_digit(16)?);
        (0..count)
            .try_fold(0, |code, _| digit(code))
            .and_then(char::from_u32)
    };
    match chars.next()? {
        same @ ('\\' | '"') => Some(same),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'x' => digits(chars, 2).filter(char::is_ascii),
        'u' => digits(chars, 4),
        _ => None,
    }
}

fn fault(at: usize, message: &str) -> Fault {
    (at, message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::read;

    fn value(text: &str) -> Option<(String, usize)> {
        read(text).ok()
    }

    #[test]
    fn a_raw_string_ends_at_the_next_backtick_and_has_no_escapes() {
        assert_eq!(value(r"`a\n`b`"), Some((r"a\n".to_owned(), 5)));
        assert_eq!(value("`a"), None);
    }

    #[test]
    fn a_quoted_string_knows_the_usual_escapes() {
        let (text, length) = value(r#""a\\.\"\t\x41\u00e4" rest"#).unwrap();
        assert_eq!((text.as_str(), length), ("a\\.\"\tAä", 20));
    }

    #[test]
    fn an_unknown_escape_is_refused_at_its_byte() {
        assert_eq!(read(r#""ab\d""#).unwrap_err().0, 3);
        assert_eq!(read(r#""\xff""#).unwrap_err().0, 1, "a byte that is no character");
        assert_eq!(read(r#""\u12""#).unwrap_err().0, 1);
    }

    #[test]
    fn an_open_string_is_refused_at_its_quote() {
        assert_eq!(read("\"ab").unwrap_err().0, 0);
        assert_eq!(read("\"ab\n\"").unwrap_err().0, 0);
    }
}
