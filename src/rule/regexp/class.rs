//! Bracket classes, named sets and single-character escapes, read by Go's grammar.

use std::fmt::Write as _;

use super::{invalid, literal, tail};

/// The names that may stand in `[:name:]`. The crate would read an unknown one as a class of these letters.
const POSIX_SETS: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "word", "xdigit",
];

/// What an element of a pattern reads as, and the pattern behind it.
type Read<'p, T> = Result<(T, &'p str), String>;

/// Rewrites a bracket class; `rest` starts behind the bracket.
pub(super) fn class<'p>(rest: &'p str, out: &mut String) -> Result<&'p str, String> {
    let unclosed = || invalid("character class, missing closing ]", rest);
    out.push('[');
    let mut left = rest;
    if let Some(negated) = left.strip_prefix('^') {
        out.push('^');
        left = negated;
    }
    // A bracket that comes first is a member.
    let mut first = true;
    loop {
        match left.strip_prefix(']') {
            Some(after) if !first => {
                out.push(']');
                return Ok(after);
            }
            _ if left.is_empty() => return Err(unclosed()),
            _ => left = member(left, out)?,
        }
        first = false;
    }
}

/// Rewrites one member of a class: a named set, a range or a character.
fn member<'p>(rest: &'p str, out: &mut String) -> Result<&'p str, String> {
    if let Some((name, after)) = rest.strip_prefix("[:").and_then(|named| named.split_once(":]")) {
        if !POSIX_SETS.contains(&name.strip_prefix('^').unwrap_or(name)) {
            return Err(invalid("character class range", rest));
        }
        let _ = write!(out, "[:{name}:]");
        return Ok(after);
    }
    if let Some(escaped) = rest.strip_prefix('\\')
        && let Some((set, after)) = named_set(escaped)?
    {
        out.push_str(&set);
        return Ok(after);
    }
    let (low, after) = class_char(rest)?;
    literal(low, out);
    match after.strip_prefix('-') {
        Some(end) if !end.is_empty() && !end.starts_with(']') => {
            let (high, after) = class_char(end)?;
            if high < low {
                return Err(invalid("character class range", rest));
            }
            out.push('-');
            literal(high, out);
            Ok(after)
        }
        _ => Ok(after),
    }
}

/// Reads one character of a class.
fn class_char(rest: &str) -> Read<'_, char> {
    match rest.chars().next() {
        Some('\\') => escaped_char(tail(rest, '\\')),
        Some(c) => Ok((c, tail(rest, c))),
        None => Err(invalid("character class, missing closing ]", rest)),
    }
}

/// Reads a set with a name (`\d`, `\pL`), if `rest`, which starts behind the backslash, has one: the members of the
/// class that it is.
pub(super) fn named_set(rest: &str) -> Result<Option<(String, &str)>, String> {
    let Some(letter) = rest.chars().next() else {
        return Ok(None);
    };
    let set = match letter {
        'd' => "0-9",
        'D' => "[^0-9]",
        'w' => "0-9A-Za-z_",
        'W' => "[^0-9A-Za-z_]",
        's' => r"\t\n\f\r\x20",
        'S' => r"[^\t\n\f\r\x20]",
        'p' | 'P' => return unicode_set(tail(rest, letter), letter == 'P').map(Some),
        _ => return Ok(None),
    };
    Ok(Some((set.to_string(), tail(rest, letter))))
}

/// Reads the name behind `\p` or `\P`.
fn unicode_set(rest: &str, negated: bool) -> Read<'_, String> {
    let (name, after) = match rest.strip_prefix('{') {
        Some(braced) => braced
            .split_once('}')
            .ok_or_else(|| invalid("character class range", rest))?,
        None => {
            let length = rest.chars().next().map_or(0, char::len_utf8);
            rest.split_at_checked(length).unwrap_or_default()
        }
    };
    let (name, inverted) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
    if name.is_empty() || !name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric()) {
        return Err(invalid("character class range", rest));
    }
    let p = if negated != inverted { 'P' } else { 'p' };
    Ok((format!("\\{p}{{{name}}}"), after))
}

/// Reads an escape that stands for one character; `rest` starts behind the backslash.
pub(super) fn escaped_char(rest: &str) -> Read<'_, char> {
    let Some(letter) = rest.chars().next() else {
        return Err("error parsing regexp: trailing backslash at end of expression".into());
    };
    let after = tail(rest, letter);
    let octal = |c: char| c.is_digit(8);
    let c = match letter {
        'a' => '\x07',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        'x' => return hexadecimal(after),
        // One digit that is not zero would be a back reference, which linear time cannot do.
        '0' => return number(rest, leading(rest, 3, octal), 8),
        '1'..='7' if after.starts_with(octal) => return number(rest, leading(rest, 3, octal), 8),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => c,
        _ => return Err(invalid("escape sequence", rest)),
    };
    Ok((c, after))
}

/// Reads what follows `\x`.
fn hexadecimal(rest: &str) -> Read<'_, char> {
    let hex = |c: char| c.is_ascii_hexdigit();
    match rest.strip_prefix('{') {
        Some(braced) => {
            let (c, after) = number(braced, leading(braced, braced.len(), hex), 16)?;
            let after = after
                .strip_prefix('}')
                .ok_or_else(|| invalid("escape sequence", rest))?;
            Ok((c, after))
        }
        None if leading(rest, 2, hex) == 2 => number(rest, 2, 16),
        None => Err(invalid("escape sequence", rest)),
    }
}

/// How many of the first `most` characters, all ASCII, are of a kind.
fn leading(rest: &str, most: usize, kind: impl Fn(char) -> bool) -> usize {
    rest.chars().take(most).take_while(|c| kind(*c)).count()
}

/// Reads the first `length` bytes as the number of a character.
fn number(rest: &str, length: usize, radix: u32) -> Read<'_, char> {
    let read = rest.split_at_checked(length).and_then(|(digits, after)| {
        let value = u32::from_str_radix(digits, radix).ok()?;
        Some((char::from_u32(value)?, after))
    });
    read.ok_or_else(|| invalid("escape sequence", rest))
}
