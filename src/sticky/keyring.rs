//! The keys of one level: read, checked, and made ready to sign and to verify.

use std::borrow::Cow;
use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::Refusal;
use super::signed::{Parts, Tag};
use crate::config::Files;
use crate::config::dynamic::http::{Sign, SignKey};

/// Shorter keys are refused: 32 bytes are what HMAC-SHA-256 can make use of.
const MIN_SECRET: usize = 32;
/// Longest key id.
const MAX_ID: usize = 16;
/// What a level's key is derived with, besides the cookie's name.
const PURPOSE: &[u8] = b"piton sticky v1\0";

/// Why a level cannot sign: the key path below `cookie`, and the reason. Never what was written there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignProblem {
    /// Such as `sign.keys[1].file`.
    pub key: String,
    /// What is wrong and what would be right.
    pub text: String,
}

impl SignProblem {
    pub(super) fn new(key: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            text: text.into(),
        }
    }
}

/// Keys in the order written: the first signs, all verify.
pub(super) struct Keyring(Box<[Key]>);

/// One of them.
pub(super) struct Key {
    id: Box<str>,
    /// Has taken the key in already; a copy of it signs or verifies one value.
    mac: Hmac<Sha256>,
}

impl Keyring {
    /// Reads and checks the keys of `sign` for the cookie called `cookie_name`; problems are added.
    ///
    /// The key used is derived from the secret and the cookie's name, so that a value moved to another cookie is
    /// foreign there.
    pub(super) fn new(
        sign: &Sign,
        cookie_name: &str,
        files: &dyn Files,
        problems: &mut Vec<SignProblem>,
    ) -> Self {
        if sign.keys.is_empty() {
            problems.push(SignProblem::new(
                "sign.keys",
                "at least one key is needed to sign",
            ));
        }
        let mut keys: Vec<Key> = Vec::with_capacity(sign.keys.len());
        for (index, written) in sign.keys.iter().enumerate() {
            let mut problem = |field: &str, text: &str| {
                problems.push(SignProblem::new(format!("sign.keys[{index}]{field}"), text));
            };
            if !is_id(written.id.as_bytes()) {
                problem(".id", "write 1 to 16 letters, digits, \"_\" or \"-\"");
            } else if sign.keys.iter().take(index).any(|other| other.id == written.id) {
                problem(".id", "another key before has this id");
            }
            match secret_of(written, files) {
                Ok(secret) => keys.extend(Key::new(&written.id, &secret, cookie_name)),
                Err((field, text)) => problem(field, &text),
            }
        }
        Self(keys.into())
    }

    /// The key that signs. `None` if there is no key, which no level is made with.
    pub(super) fn first(&self) -> Option<&Key> {
        self.0.first()
    }

    /// Verifies in constant time; tells whether it is the first key's. Allocates nothing.
    ///
    /// # Errors
    /// The key is not known, or the tag is not its.
    pub(super) fn verify(&self, parts: &Parts<'_>) -> Result<bool, Refusal> {
        let mut keys = self.0.iter().enumerate();
        let (at, key) = keys
            .find(|(_, key)| key.id.as_bytes() == parts.key_id)
            .ok_or(Refusal::UnknownKey)?;
        let mac = key.mac.clone().chain_update(parts.message);
        mac.verify_slice(&parts.tag).map_err(|_| Refusal::BadSignature)?;
        Ok(at == 0)
    }
}

impl Key {
    fn new(id: &str, secret: &[u8], cookie_name: &str) -> Option<Self> {
        // HMAC takes keys of any length.
        let level = Hmac::<Sha256>::new_from_slice(secret).ok()?;
        let derived = level
            .chain_update(PURPOSE)
            .chain_update(cookie_name)
            .finalize()
            .into_bytes();
        Some(Self {
            id: id.into(),
            mac: Hmac::new_from_slice(&derived).ok()?,
        })
    }

    /// What names the key in a cookie.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The tag of `message`.
    pub(super) fn tag(&self, message: &[u8]) -> Tag {
        let mac = self.mac.clone().chain_update(message);
        mac.finalize().into_bytes().into()
    }
}

impl PartialEq for Keyring {
    fn eq(&self, other: &Self) -> bool {
        // No value has an empty message: that tag tells keys apart and opens nothing.
        let same = |(a, b): (&Key, &Key)| a.id == b.id && a.tag(b"") == b.tag(b"");
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(same)
    }
}

impl fmt::Debug for Keyring {
    /// Ids only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}

/// Is this a key's id? Only such bytes may stand in a cookie between dots.
pub(super) fn is_id(id: &[u8]) -> bool {
    (1..=MAX_ID).contains(&id.len())
        && id
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// The secret of a key, or which field is wrong and why.
fn secret_of<'k>(key: &'k SignKey, files: &dyn Files) -> Result<Cow<'k, [u8]>, (&'static str, String)> {
    let (field, secret) = match (key.secret.is_empty(), key.file.is_empty()) {
        (false, false) => return Err(("", "write either secret or file, not both".to_owned())),
        (true, true) => return Err(("", "secret or file is missing".to_owned())),
        (false, true) => (".secret", Cow::Borrowed(key.secret.expose().as_bytes())),
        (true, false) => (".file", Cow::Owned(read(&key.file, files)?)),
    };
    if secret.len() < MIN_SECRET {
        let text = format!(
            "the key has {} bytes, {MIN_SECRET} are needed; make one with: openssl rand -base64 32",
            secret.len()
        );
        return Err((field, text));
    }
    Ok(secret)
}

/// A file's content without the line end that editors and shells put behind it.
fn read(path: &str, files: &dyn Files) -> Result<Vec<u8>, (&'static str, String)> {
    let mut content = files.read(path).map_err(|reason| {
        // Who mistakes `file` for `secret` has written the key there.
        (".file", reason.replace(&format!("{path:?}"), "the file"))
    })?;
    if content.last() == Some(&b'\n') {
        content.pop();
        if content.last() == Some(&b'\r') {
            content.pop();
        }
    }
    Ok(content)
}
