//! A level whose cookies are signed: what a value says, and the line that is written.

use http::HeaderValue;

use super::keyring::Keyring;
use super::limits::Limits;
use super::lookup::seconds;
use super::set_cookie::Attributes;
use super::signed::{self, LEN_WITHOUT_ID, Parts};
use super::table::Table;
use super::{CookieValue, Issued, Lookup, Refusal, SignProblem};
use crate::config::Files;
use crate::config::dynamic::http::{Cookie, Sign};

/// Everything that signing adds to a level.
///
/// What it does not do: a cookie stolen or kept is accepted again within its limits, since nothing is remembered
/// about sessions here; that is inherent in cookies without a store. `maxIdle` and `maxLife` bound it.
#[derive(Debug)]
pub(super) struct Signing {
    keys: Keyring,
    limits: Limits,
    accept_plain: bool,
    /// Values of the handlers, in order.
    hashes: Box<[CookieValue]>,
    /// `NAME=`
    head: String,
    attributes: Attributes,
}

impl Signing {
    /// Reads the keys and builds the lines as far as they are known.
    ///
    /// # Errors
    /// All that keeps the level from signing.
    pub(super) fn new<S: AsRef<str>>(
        cookie: &Cookie,
        sign: &Sign,
        name: &str,
        handlers: &[S],
        files: &dyn Files,
    ) -> Result<Self, Vec<SignProblem>> {
        let mut problems = Vec::new();
        let signing = Self {
            keys: Keyring::new(sign, name, files, &mut problems),
            limits: Limits::new(cookie, sign, &mut problems),
            accept_plain: sign.accept_plain,
            hashes: handlers
                .iter()
                .map(|handler| CookieValue::of(handler.as_ref()))
                .collect(),
            head: format!("{name}="),
            attributes: Attributes::new(cookie),
        };
        if problems.is_empty() {
            Ok(signing)
        } else {
            Err(problems)
        }
    }

    /// Are its keys those that `sign` means now?
    pub(super) fn has_keys_of(&self, sign: &Sign, name: &str, files: &dyn Files) -> bool {
        let mut problems = Vec::new();
        let keys = Keyring::new(sign, name, files, &mut problems);
        problems.is_empty() && keys == self.keys
    }

    /// What a value says at `now_ms`. Allocates nothing.
    pub(super) fn lookup(&self, value: &[u8], table: &Table, now_ms: u64) -> Lookup {
        let result = match Parts::of(value) {
            Some(parts) => self.verified(&parts, table, seconds(now_ms)),
            None => self.unsigned(value, table),
        };
        result.unwrap_or_else(Lookup::Refused)
    }

    fn verified(&self, parts: &Parts<'_>, table: &Table, now: u32) -> Result<Lookup, Refusal> {
        let is_first_key = self.keys.verify(parts)?;
        let is_due = self.limits.judge(parts.issued, parts.seen, now)?;
        // A session signed with a key on its way out would end with it.
        let renew = is_due || !is_first_key;
        Ok(table
            .current(parts.hash)
            .map_or(Lookup::Unknown, |index| Lookup::Known {
                index,
                legacy: false,
                issued: Some(Issued(parts.issued)),
                renew,
            }))
    }

    /// What has not the shape of a signed value: Traefik's values of all ages while they are accepted.
    fn unsigned(&self, value: &[u8], table: &Table) -> Result<Lookup, Refusal> {
        match table.lookup(value) {
            Lookup::Known { index, .. } if self.accept_plain => Ok(Lookup::Known {
                index,
                legacy: true,
                issued: None,
                renew: false,
            }),
            Lookup::Known { .. } => Err(Refusal::Plain),
            _ if !is_plain(value) => Err(Refusal::Malformed),
            _ if self.accept_plain => Ok(Lookup::Unknown),
            _ => Err(Refusal::Plain),
        }
    }

    /// The line that binds a client to handler `index`, signed now: one allocation. A session that goes on keeps
    /// its time of issue.
    pub(super) fn set_cookie(
        &self,
        index: usize,
        now_ms: u64,
        issued: Option<Issued>,
    ) -> Option<HeaderValue> {
        let (hash, key) = (self.hashes.get(index)?, self.keys.first()?);
        let now = seconds(now_ms);
        let issued = issued.map_or(now, |Issued(issued)| issued);
        let length = self.head.len() + LEN_WITHOUT_ID + key.id().len() + self.attributes.as_str().len();
        let mut line = String::with_capacity(length);
        line.push_str(&self.head);
        // Issued by a clock that is ahead, it is not used before that either.
        signed::write(&mut line, key, hash, issued, now.max(issued));
        line.push_str(self.attributes.as_str());
        HeaderValue::try_from(line).ok()
    }
}

/// Has it the shape of a plain value, whatever server it was for?
fn is_plain(value: &[u8]) -> bool {
    value.len() == 16 && value.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
