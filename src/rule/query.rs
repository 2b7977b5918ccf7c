//! A query string as Go's `url.ParseQuery` reads it: escapes decoded, `+` as a space, pairs that hold a `;` or a bad
//! escape left out.

use std::borrow::Cow;

/// Whether one of the values of `key` is `value`. Allocates nothing.
pub(super) fn has(query: &str, key: &str, value: &str) -> bool {
    values(query, key).any(|raw| decoded(raw).eq(value.bytes()))
}

/// Whether `test` accepts one of the values of `key`. Values without escapes are borrowed.
pub(super) fn any_value(query: &str, key: &str, test: impl Fn(&str) -> bool) -> bool {
    values(query, key).any(|raw| test(&text(raw)))
}

/// The values of `key`, still encoded, from left to right.
fn values<'q>(query: &'q str, key: &str) -> impl Iterator<Item = &'q str> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.contains(';'))
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .filter(|(name, value)| well_formed(name) && well_formed(value))
        .filter(|(name, _)| decoded(name).eq(key.bytes()))
        .map(|(_, value)| value)
}

/// Whether every `%` starts an escape.
fn well_formed(raw: &str) -> bool {
    raw.split('%')
        .skip(1)
        .all(|after| after.len() >= 2 && after.bytes().take(2).all(|b| b.is_ascii_hexdigit()))
}

/// The bytes that a well-formed `raw` stands for.
fn decoded(raw: &str) -> impl Iterator<Item = u8> {
    let mut bytes = raw.bytes();
    std::iter::from_fn(move || match bytes.next()? {
        b'+' => Some(b' '),
        b'%' => Some(hex(bytes.next()?) << 4 | hex(bytes.next()?)),
        byte => Some(byte),
    })
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
    }
}

/// The text that `raw` stands for; bytes that are not UTF-8 become U+FFFD, as Go's regular expressions see them.
fn text(raw: &str) -> Cow<'_, str> {
    if !raw.contains(['%', '+']) {
        return Cow::Borrowed(raw);
    }
    let bytes: Vec<u8> = decoded(raw).collect();
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}
