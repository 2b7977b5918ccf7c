//! The value of a signed cookie.
//!
//! ```text
//! 08d5f409490f61fc.k1.6553f100.6553f13c.QFhM...  server hash . key id . issued . seen . tag
//! ```
//!
//! Times are unix seconds in eight hexadecimal digits. The tag is the HMAC-SHA-256 over all before the last dot, at most
//! 51 bytes, which is one block of the hash: that and the outer hash are all that a verification computes.
//! There is one spelling of each value: upper-case digits and padded or sloppy base64 are refused.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

use super::CookieValue;
use super::keyring::{Key, is_id};

/// An HMAC-SHA-256.
pub(super) type Tag = [u8; 32];

/// Length of a tag in base64.
const TAG_TEXT: usize = 43;
/// Bytes of a value besides its key id: the hash, two times, four dots and the tag.
pub(super) const LEN_WITHOUT_ID: usize = 16 + 2 * 8 + 4 + TAG_TEXT;

/// A value taken apart. Nothing of it is to be believed before its tag is verified.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts<'v> {
    /// What the tag covers.
    pub(super) message: &'v [u8],
    /// Stands for the server.
    pub(super) hash: &'v [u8; 16],
    /// Names the key.
    pub(super) key_id: &'v [u8],
    /// When the session began.
    pub(super) issued: u32,
    /// When it was last noted as used.
    pub(super) seen: u32,
    /// The signature.
    pub(super) tag: Tag,
}

impl<'v> Parts<'v> {
    /// Takes a value apart; `None` if it does not have the shape of a signed one.
    pub(super) fn of(value: &'v [u8]) -> Option<Self> {
        let (message, tag) = value.split_at_checked(value.len().checked_sub(TAG_TEXT + 1)?)?;
        let mut parts = message.split(|&byte| byte == b'.');
        let parts = Self {
            message,
            hash: parts.next()?.try_into().ok()?,
            key_id: parts.next().filter(|id| is_id(id))?,
            issued: time(parts.next()?)?,
            seen: time(parts.next()?)?,
            tag: tag_of(tag.strip_prefix(b".")?)?,
        };
        let is_hash = parts.hash.iter().all(|&digit| nibble(digit).is_some());
        let dots = message.iter().filter(|&&byte| byte == b'.').count();
        (is_hash && dots == 3).then_some(parts)
    }
}

/// Appends the value of a handler to `line`, signed with `key`.
pub(super) fn write(line: &mut String, key: &Key, hash: &CookieValue, issued: u32, seen: u32) {
    let start = line.len();
    // Writing into a String cannot fail.
    let _ = write!(line, "{hash}.{}.{issued:08x}.{seen:08x}", key.id());
    let tag = key.tag(line.as_bytes().get(start..).unwrap_or_default());
    line.push('.');
    BASE64.encode_string(tag, line);
}

fn tag_of(text: &[u8]) -> Option<Tag> {
    // The decoder wants room for whole groups of four characters.
    let mut room = [0; 36];
    let length = BASE64.decode_slice(text, &mut room).ok()?;
    room.get(..length)?.try_into().ok()
}

/// Eight lower-case hexadecimal digits.
fn time(text: &[u8]) -> Option<u32> {
    let digits: &[u8; 8] = text.try_into().ok()?;
    digits
        .iter()
        .try_fold(0, |time: u32, &digit| Some(time << 4 | u32::from(nibble(digit)?)))
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}
