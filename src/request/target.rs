//! The request target on its way to the rules: normalise, sanitise, decode for routing; and the host beside it.
//! Pure functions (traefik-core 4.3 and 4.7, RFC 3986 section 6.2.2).

use std::borrow::Cow;

use thiserror::Error;

#[cfg(test)]
mod tests;

/// Why a request target is refused. All of these are answered with 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BadTarget {
    /// A raw `#`: clients keep fragments to themselves (traefik-core 4.7, step 2).
    #[error("the request path contains a fragment")]
    Fragment,
    /// A `%` without two hexadecimal digits behind it (traefik-core 4.7, step 3).
    #[error("the request path contains a malformed percent-encoding")]
    MalformedEscape,
    /// Not an absolute path (RFC 9112 section 3.2.1), or one with a raw control byte in it.
    #[error("the request path is not an absolute path of printable characters")]
    NotOriginForm,
}

/// One byte of a path and how it was written.
#[derive(Debug, Clone, Copy)]
enum Piece {
    /// As it is.
    Raw(u8),
    /// As `%XX`; `upper` when both digits are in the canonical case.
    Escaped { byte: u8, upper: bool },
}

/// Steps 2-5 of traefik-core 4.7 for the path: refuse fragments and malformed escapes, decode unreserved
/// characters, put the other escapes in upper case and, if `sanitize`, collapse `//` and resolve `.` and `..`.
///
/// Segments are resolved after decoding, so `%2E%2E` is a `..`; `%2F` separates nothing. A trailing slash stays, and
/// as in Go `/a/b/..` is `/a`, without one. Characters that RFC 3986 does not allow raw in a path (`{`, `"`, `\`,
/// all of non-ASCII ..) become escapes, as Go sends them. An empty path is `/` (RFC 3986 section 6.2.3).
///
/// Idempotent, and borrowed when nothing changes.
///
/// # Errors
/// See [`BadTarget`]. Control bytes are refused raw; encoded they pass, `%00` included, as Traefik's defaults have it.
pub fn clean_path(path: &str, sanitize: bool) -> Result<Cow<'_, str>, BadTarget> {
    if path.is_empty() {
        return Ok(Cow::Borrowed("/"));
    }
    if !path.starts_with('/') {
        return Err(BadTarget::NotOriginForm);
    }
    let normal = normalise(path)?;
    if sanitize && has_dots_or_doubles(&normal) {
        return Ok(Cow::Owned(resolve(&normal)));
    }
    Ok(normal)
}

/// Step 5 of traefik-core 4.7: every raw `;` of the query becomes `&`. Borrowed when there is none.
pub fn clean_query(query: &str) -> Cow<'_, str> {
    if query.contains(';') {
        Cow::Owned(query.replace(';', "&"))
    } else {
        Cow::Borrowed(query)
    }
}

/// The path that rules look at (traefik-core 4.3): escapes decoded, except those of reserved characters
/// (RFC 3986 section 2.2, and `%`), which stay, in upper case. Borrowed when there is no `%`.
///
/// Where the decoded bytes are not UTF-8 they stay encoded as well: `/%C3%A9%FF` is `/é%FF`. Nothing is lost or
/// merged that way, and no rule can be tricked by a replacement character; Traefik would have the raw byte there.
///
/// # Errors
/// [`BadTarget`], for a path that did not come out of [`clean_path`].
pub fn routing_path(clean: &str) -> Result<Cow<'_, str>, BadTarget> {
    if !clean.contains('%') {
        return Ok(Cow::Borrowed(clean));
    }
    let mut bytes = Vec::with_capacity(clean.len());
    for piece in pieces(clean) {
        match piece? {
            Piece::Escaped { byte, .. } if is_reserved(byte) => push_escaped(&mut bytes, byte),
            Piece::Escaped { byte, .. } | Piece::Raw(byte) => bytes.push(byte),
        }
    }
    Ok(Cow::Owned(into_text(bytes)))
}

/// The host as rules and caches compare it (traefik-core 4.3): trimmed, without port and IPv6 brackets, in lower
/// case (ASCII only; a valid host has nothing else). Borrowed when no letter changes.
///
/// Whatever is neither `host`, `host:port`, `[v6]` nor `[v6]:port` is taken whole: `::1` is an address, and rubbish
/// matches no rule. One trailing dot is kept.
pub fn canonical_host(raw: &str) -> Cow<'_, str> {
    let host = without_port(raw.trim()).trim();
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}

fn without_port(authority: &str) -> &str {
    if !authority.contains(':') {
        return authority;
    }
    if let Some(bracketed) = authority.strip_prefix('[') {
        return match bracketed.split_once(']') {
            Some((address, port)) if port.is_empty() || is_port_suffix(port) => address,
            _ => authority,
        };
    }
    match authority.split_once(':') {
        Some((host, port)) if !port.contains([':', '[', ']']) && !host.contains(['[', ']']) => host,
        _ => authority,
    }
}

/// A colon and anything that cannot be mistaken for another part of an authority.
fn is_port_suffix(text: &str) -> bool {
    text.strip_prefix(':')
        .is_some_and(|port| !port.contains([':', '[', ']']))
}

/// Decodes what is unreserved, encodes what may not be raw, and puts escapes in upper case.
fn normalise(path: &str) -> Result<Cow<'_, str>, BadTarget> {
    let mut normal = true;
    for piece in pieces(path) {
        normal &= match piece? {
            Piece::Raw(byte) => may_be_raw(byte),
            Piece::Escaped { byte, upper } => upper && !is_unreserved(byte),
        };
    }
    if normal {
        return Ok(Cow::Borrowed(path));
    }
    let mut bytes = Vec::with_capacity(path.len() + 8);
    for piece in pieces(path) {
        match piece? {
            Piece::Raw(byte) if may_be_raw(byte) => bytes.push(byte),
            Piece::Escaped { byte, .. } if is_unreserved(byte) => bytes.push(byte),
            Piece::Raw(byte) | Piece::Escaped { byte, .. } => push_escaped(&mut bytes, byte),
        }
    }
    Ok(Cow::Owned(into_text(bytes)))
}

/// The path byte by byte, escapes read.
fn pieces(path: &str) -> impl Iterator<Item = Result<Piece, BadTarget>> {
    let mut bytes = path.bytes();
    std::iter::from_fn(move || {
        Some(match bytes.next()? {
            b'%' => escaped(bytes.next(), bytes.next()),
            b'#' => Err(BadTarget::Fragment),
            byte if byte.is_ascii_control() => Err(BadTarget::NotOriginForm),
            byte => Ok(Piece::Raw(byte)),
        })
    })
}

fn escaped(high: Option<u8>, low: Option<u8>) -> Result<Piece, BadTarget> {
    let digit = |byte: Option<u8>| Some((byte?, char::from(byte?).to_digit(16)?));
    let (Some((h, high)), Some((l, low))) = (digit(high), digit(low)) else {
        return Err(BadTarget::MalformedEscape);
    };
    let byte = u8::try_from(high << 4 | low).map_err(|_| BadTarget::MalformedEscape)?;
    let upper = !h.is_ascii_lowercase() && !l.is_ascii_lowercase();
    Ok(Piece::Escaped { byte, upper })
}

/// Whether [`resolve`] has anything to do.
fn has_dots_or_doubles(path: &str) -> bool {
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let double = segment.is_empty() && segments.peek().is_some();
        if double || matches!(segment, "." | "..") {
            return true;
        }
    }
    false
}

/// Go's `URL.JoinPath`: drops empty and `.` segments, lets `..` take one away, keeps one trailing slash.
fn resolve(path: &str) -> String {
    let mut kept = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    let mut clean = String::with_capacity(path.len());
    for segment in kept {
        clean.push('/');
        clean.push_str(segment);
    }
    if path.ends_with('/') || clean.is_empty() {
        clean.push('/');
    }
    clean
}

/// The path with every escape decoded, as Go's `URL.Path`; what is not UTF-8 then is replaced. Borrowed when there is
/// no `%`.
pub fn decoded(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let bytes: Vec<u8> = pieces(path)
        .filter_map(|piece| match piece.ok()? {
            Piece::Escaped { byte, .. } | Piece::Raw(byte) => Some(byte),
        })
        .collect();
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// What follows in `path` behind the text `prefix`, which is compared with the decoded path; escapes stay as they are.
#[must_use]
pub fn behind<'p>(path: &'p str, prefix: &str) -> Option<&'p str> {
    let (mut wanted, mut at) = (prefix.bytes(), 0);
    let mut left = pieces(path);
    for byte in wanted.by_ref() {
        at += match left.next()?.ok()? {
            Piece::Raw(found) if found == byte => 1,
            Piece::Escaped { byte: found, .. } if found == byte => 3,
            _ => return None,
        };
    }
    path.get(at..)
}

/// A path that somebody has written, with everything escaped that may not be raw in one; escapes stay.
///
/// # Errors
/// The first escape that is none.
pub fn escape(path: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'%' => {
                let is_escape = matches!(after, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
                if !is_escape {
                    let bad: Vec<u8> = std::iter::once(b'%')
                        .chain(after.iter().copied().take(2))
                        .collect();
                    return Err(String::from_utf8_lossy(&bad).into_owned());
                }
                bytes.push(b'%');
            }
            &byte if may_be_raw(byte) => bytes.push(byte),
            &byte => push_escaped(&mut bytes, byte),
        }
    }
    Ok(into_text(bytes))
}

/// Bytes to text; those that are not UTF-8 are written as escapes.
fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let mut text = Vec::new();
        for chunk in error.as_bytes().utf8_chunks() {
            text.extend_from_slice(chunk.valid().as_bytes());
            chunk
                .invalid()
                .iter()
                .for_each(|byte| push_escaped(&mut text, *byte));
        }
        String::from_utf8_lossy(&text).into_owned()
    })
}

fn push_escaped(bytes: &mut Vec<u8>, byte: u8) {
    let digit = |value: u8| {
        if value < 10 {
            b'0' + value
        } else {
            b'A' + value - 10
        }
    };
    bytes.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
}

/// RFC 3986 section 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// RFC 3986 section 2.2, and the percent sign: decoding these would change what the path means.
fn is_reserved(byte: u8) -> bool {
    b":/?#[]@!$&'()*+,;=%".contains(&byte)
}

/// What may stand raw in a path: RFC 3986 section 3.3, and brackets, which browsers send.
fn may_be_raw(byte: u8) -> bool {
    is_unreserved(byte) || b"/:@!$&'()*+,;=[]".contains(&byte)
}
