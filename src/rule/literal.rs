//! String literals, by the rules of Go's `strconv.Unquote` (traefik-core 4.2).

use std::str::Chars;

use super::RuleError;

/// Reads a raw string: `after` starts behind the opening backtick at `start`.
///
/// Returns the value and the bytes consumed, the closing backtick included. Go drops carriage returns.
pub(super) fn raw(start: usize, after: &str) -> Result<(String, usize), RuleError> {
    let (value, _) = after.split_once('`').ok_or_else(|| {
        RuleError::new(
            start,
            "raw string literal not terminated; close it with a backtick",
        )
    })?;
    Ok((value.replace('\r', ""), value.len() + 1))
}

/// Reads an interpreted string: `after` starts behind the opening double quote at `start`.
///
/// Returns the value and the bytes consumed, the closing quote included. Byte escapes may spell UTF-8; a string
/// that ends up as anything else is refused, because no request text that piton compares is anything else.
pub(super) fn quoted(start: usize, after: &str) -> Result<(String, usize), RuleError> {
    let mut value = Vec::new();
    let mut chars = after.chars();
    loop {
        let here = start + 1 + after.len() - chars.as_str().len();
        match chars.next() {
            Some('"') => break,
            Some('\\') => unescape(&mut chars, &mut value).map_err(|why| RuleError::new(here, why))?,
            Some('\n') | None => {
                let message = "string literal not terminated; close it with `\"` on the same line";
                return Err(RuleError::new(start, message));
            }
            Some(c) => push(&mut value, c),
        }
    }
    let value = String::from_utf8(value)
        .map_err(|_| RuleError::new(start, "the byte escapes of this string do not spell valid UTF-8"))?;
    Ok((value, after.len() - chars.as_str().len()))
}

/// Reads what follows a backslash.
fn unescape(chars: &mut Chars<'_>, value: &mut Vec<u8>) -> Result<(), String> {
    match chars.next() {
        Some('a') => value.push(0x07),
        Some('b') => value.push(0x08),
        Some('f') => value.push(0x0c),
        Some('n') => value.push(b'\n'),
        Some('r') => value.push(b'\r'),
        Some('t') => value.push(b'\t'),
        Some('v') => value.push(0x0b),
        Some('\\') => value.push(b'\\'),
        Some('"') => value.push(b'"'),
        Some('x') => value.push(byte(digits(chars, 0, 2, 16)?)?),
        Some('u') => push(value, character(digits(chars, 0, 4, 16)?)?),
        Some('U') => push(value, character(digits(chars, 0, 8, 16)?)?),
        Some(c @ '0'..='7') => {
            let high = c.to_digit(8).unwrap_or_default();
            value.push(byte(digits(chars, high, 2, 8)?)?);
        }
        Some(c) => {
            return Err(format!(
                "unknown escape sequence `\\{}`; write `\\\\` for a backslash, or use a backtick string",
                c.escape_debug()
            ));
        }
        None => return Err("escape sequence not terminated".into()),
    }
    Ok(())
}

/// Reads exactly `count` digits onto `high`.
fn digits(chars: &mut Chars<'_>, high: u32, count: usize, radix: u32) -> Result<u32, String> {
    (0..count).try_fold(high, |value, _| {
        let digit = chars.next().and_then(|c| c.to_digit(radix));
        let next = digit.and_then(|digit| value.checked_mul(radix)?.checked_add(digit));
        next.ok_or_else(|| {
            "illegal character in escape sequence; give `\\ooo`, `\\xHH`, `\\uHHHH` or `\\UHHHHHHHH`"
                .to_string()
        })
    })
}

fn byte(value: u32) -> Result<u8, String> {
    u8::try_from(value).map_err(|_| "octal escape is over 255".to_string())
}

fn character(value: u32) -> Result<char, String> {
    char::from_u32(value).ok_or_else(|| "escape sequence is invalid Unicode code point".to_string())
}

fn push(value: &mut Vec<u8>, c: char) {
    value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}
