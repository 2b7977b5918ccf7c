//! `basicAuth`: a name and a password, held against hashes as `htpasswd` makes them.
//!
//! Verifying a password is slow on purpose (bcrypt), so it is handed to the caller as a [`Trial`], and a password that
//! was right once is known again: by a hash with a secret of the process, never by itself, and only so many.

mod cache;
mod hash;

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, StatusCode, header};

use self::cache::{Cache, Proof};
use self::hash::Hash;
use super::answer::Answer;
use super::message::{FieldName, Request, text, value_of};
use crate::config::Files;
use crate::config::dynamic::middleware::access as wire;

const CONTENT_TYPE: FieldName = FieldName::known("content-type", "Content-Type");
const AUTHENTICATE: FieldName = FieldName::known("www-authenticate", "Www-Authenticate");
/// Longest `Authorization` that is looked at, in bytes.
const MAX_FIELD: usize = 8 * 1024;

/// Asks for a name and a password.
#[derive(Debug)]
pub(super) struct Auth {
    users: Arc<Users>,
    realm: HeaderValue,
    remove_header: bool,
    tell_in: Option<FieldName>,
}

#[derive(Debug)]
struct Users {
    hashes: HashMap<String, Hash>,
    cache: Cache,
}

/// A password to be verified: slow, so off the threads that serve.
#[derive(Debug)]
pub struct Trial {
    users: Arc<Users>,
    name: String,
    password: Vec<u8>,
    proof: Proof,
}

impl Trial {
    /// Verifies; takes up to seconds.
    #[must_use]
    pub fn is_right(&self) -> bool {
        let is_right = match self.users.hashes.get(&self.name) {
            Some(hash) => hash.verifies(&self.password),
            None => {
                // An unknown name shall take as long as a known one.
                let any = self.users.hashes.values().next();
                any.map(|hash| hash.verifies(&self.password));
                false
            }
        };
        if is_right {
            self.users.cache.add(self.proof);
        }
        is_right
    }

    /// Whose password it is.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// What the request says.
#[derive(Debug)]
pub(super) enum Claim {
    /// Somebody who was verified before.
    Known(String),
    /// Somebody who says so.
    Unverified(Trial),
    /// Nobody.
    None,
}

impl Auth {
    /// From `basicAuth`.
    pub(super) fn new(written: &wire::BasicAuth, files: &dyn Files) -> Result<Self, String> {
        let mut hashes = HashMap::new();
        for line in lines(written, files)? {
            let mut parts = line.split(':');
            let (Some(name), Some(hash), None) = (parts.next(), parts.next(), parts.next()) else {
                // What the line says is a secret.
                return Err("error parsing BasicUser: write name:hash, as htpasswd does".to_owned());
            };
            hashes.insert(
                name.to_owned(),
                Hash::parse(hash).map_err(|why| format!("user {name:?}: {why}"))?,
            );
        }
        if hashes.is_empty() {
            return Err("no users found; write users or a usersFile".to_owned());
        }
        let realm = if written.realm.is_empty() {
            "traefik"
        } else {
            &written.realm
        };
        let tell_in = (!written.header_field.is_empty()).then(|| {
            let name = FieldName::parse(&written.header_field);
            name.ok_or_else(|| format!("headerField {:?} is no name of a field", written.header_field))
        });
        Ok(Self {
            users: Arc::new(Users {
                hashes,
                cache: Cache::default(),
            }),
            realm: value_of(&format!("Basic realm=\"{realm}\"")),
            remove_header: written.remove_header,
            tell_in: tell_in.transpose()?,
        })
    }

    /// Would it be the same with what its file holds now? An error says why that cannot be told.
    pub(super) fn has_users_of(&self, written: &wire::BasicAuth, files: &dyn Files) -> Result<bool, String> {
        Ok(Self::new(written, files)?.users.hashes == self.users.hashes)
    }

    /// Who asks. `secret` is the process's.
    pub(super) fn claim(&self, request: &dyn Request, secret: &[u8; 32]) -> Claim {
        let Some((name, password)) = credentials(text(request.fields(), &header::AUTHORIZATION)) else {
            return Claim::None;
        };
        let proof = Proof::new(secret, &name, &password);
        if self.users.cache.has(&proof) {
            return Claim::Known(name);
        }
        Claim::Unverified(Trial {
            users: Arc::clone(&self.users),
            name,
            password,
            proof,
        })
    }

    /// Changes the request of somebody who may come in.
    pub(super) fn let_in(&self, request: &mut dyn Request, name: &str) {
        if let Some(field) = &self.tell_in {
            request.set(field, value_of(name));
        }
        if self.remove_header {
            request.remove(&header::AUTHORIZATION);
        }
    }

    /// The answer to the others.
    pub(super) fn refusal(&self) -> Answer {
        Answer::new(StatusCode::UNAUTHORIZED, "401 Unauthorized\n")
            .with(CONTENT_TYPE, HeaderValue::from_static("text/plain"))
            .with(AUTHENTICATE, self.realm.clone())
    }
}

/// Lines with users: those of the file first, so that written ones win.
fn lines(written: &wire::BasicAuth, files: &dyn Files) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    if !written.users_file.is_empty() {
        let bytes = files.read(&written.users_file)?;
        let content =
            String::from_utf8(bytes).map_err(|_| format!("{:?} is not text", written.users_file))?;
        lines.extend(content.lines().map(|line| line.trim().to_owned()));
    }
    lines.extend(written.users.iter().map(|line| line.trim().to_owned()));
    lines.retain(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines)
}

/// Name and password of a field (RFC 7617), read as Go reads it.
fn credentials(field: &str) -> Option<(String, Vec<u8>)> {
    let (scheme, encoded) = field.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case("basic ") || field.len() > MAX_FIELD {
        return None;
    }
    let decoded = STANDARD.decode(encoded).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    let (name, password) = decoded.split_at_checked(colon)?;
    let name = String::from_utf8(name.to_vec()).ok()?;
    Some((name, password.get(1..)?.to_vec()))
}

#[cfg(test)]
mod tests;
