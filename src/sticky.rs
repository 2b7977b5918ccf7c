//! The sticky cookie: which server a request's cookie names, and the `Set-Cookie` that binds a client.
//!
//! Behaviour to the byte: traefik-core section 1. This module finds and renders; it never chooses a
//! server and never writes a response.
//!
//! | module | what it is |
//! |---|---|
//! | `name`, `scan` | what the cookie is called; finding it in a request |
//! | `value`, `table` | Traefik's values, and the handlers they stand for |
//! | `set_cookie` | attributes, as Go writes them |
//! | `signing` | a level with signed cookies |
//! | `signed`, `keyring`, `limits` | its values, its keys, its times |
//! | `lookup`, `refusal` | what is found, and why something is not honoured |
//! | `verdict` | what became of a request's cookie in the end |

mod keyring;
mod limits;
mod lookup;
mod name;
mod refusal;
mod scan;
mod set_cookie;
mod signed;
mod signing;
mod table;
mod value;
mod verdict;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;

pub use keyring::SignProblem;
pub use lookup::{Issued, Lookup};
pub use name::cookie_name;
pub use refusal::{Refusal, Refusals};
pub use scan::find_cookie;
pub use set_cookie::{Attributes, SameSite, browser_objections};
pub use value::{CookieValue, legacy_values};
pub use verdict::{Moved, Outcome, Verdict};

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};

use crate::config::Files;
use crate::config::dynamic::http::Cookie;
use signing::Signing;
use table::Table;

/// One level of stickiness: a cookie name, the handlers its values stand for, and their `Set-Cookie` lines.
#[derive(Debug)]
pub struct Sticky {
    name: String,
    table: Table,
    form: Form,
    refusals: Arc<Refusals>,
}

/// How values are written.
#[derive(Debug)]
enum Form {
    /// As Traefik writes them.
    Plain {
        /// Ready-made lines of the handlers, in order.
        lines: Box<[HeaderValue]>,
        /// Send them on every answer.
        renew: bool,
    },
    /// Signed, with the time.
    Signed(Box<Signing>),
}

impl Sticky {
    /// Builds the level for `service` (qualified name, `app@file`) over `handlers`: server URLs or child
    /// names exactly as written, in order; later ones win where two share a value (traefik-core 1.1).
    ///
    /// Keys are read from `files` here. `refusals` goes on counting for this level: over a reload it is that of the
    /// level before.
    ///
    /// # Errors
    /// Everything that keeps the level from signing, where it shall. Such a level must not run unsigned.
    pub fn new<S: AsRef<str>>(
        cookie: &Cookie,
        service: &str,
        handlers: &[S],
        files: &dyn Files,
        refusals: Arc<Refusals>,
    ) -> Result<Self, Vec<SignProblem>> {
        let name = cookie_name(&cookie.name, service);
        let form = match &cookie.sign {
            Some(sign) => Form::Signed(Box::new(Signing::new(cookie, sign, &name, handlers, files)?)),
            None => Form::Plain {
                lines: plain_lines(cookie, &name, handlers),
                renew: cookie.renew,
            },
        };
        Ok(Self {
            table: Table::new(handlers),
            name,
            form,
            refusals,
        })
    }

    /// The effective cookie name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Cookies refused so far, by reason.
    #[must_use]
    pub fn refusals(&self) -> &Arc<Refusals> {
        &self.refusals
    }

    /// Are its keys those that the same `cookie` would be given now? A file may hold another key than it did when
    /// this level was built.
    #[must_use]
    pub fn has_keys_of(&self, cookie: &Cookie, files: &dyn Files) -> bool {
        match (&self.form, &cookie.sign) {
            (Form::Signed(signing), Some(sign)) => signing.has_keys_of(sign, &self.name, files),
            (Form::Plain { .. }, None) => true,
            _ => false,
        }
    }

    /// What the request's cookie says at `now_ms` (unix time in milliseconds; only signed cookies ask for it).
    /// Counts a refusal. Scans the header in place: no allocation, and a cost that does not depend on the number of
    /// servers.
    #[must_use]
    pub fn find(&self, headers: &HeaderMap, now_ms: u64) -> Lookup {
        let lines = || headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes);
        let Some(value) = find_cookie(lines, self.name.as_bytes()) else {
            return Lookup::Absent;
        };
        match &self.form {
            Form::Plain { renew, .. } => self.table.lookup(value).renewed_if(*renew),
            Form::Signed(signing) => {
                let lookup = signing.lookup(value, &self.table, now_ms);
                if let Lookup::Refused(refusal) = lookup {
                    self.refusals.count(refusal);
                }
                lookup
            }
        }
    }

    /// The `Set-Cookie` value that binds a client to handler `index`. A plain one is a reference-counted copy; a
    /// signed one is written now: `issued` is what [`Lookup::Known`] said of the cookie that it continues, `None` for
    /// a new session.
    #[must_use]
    pub fn set_cookie(&self, index: usize, now_ms: u64, issued: Option<Issued>) -> Option<HeaderValue> {
        match &self.form {
            Form::Plain { lines, .. } => lines.get(index).cloned(),
            Form::Signed(signing) => signing.set_cookie(index, now_ms, issued),
        }
    }
}

fn plain_lines<S: AsRef<str>>(cookie: &Cookie, name: &str, handlers: &[S]) -> Box<[HeaderValue]> {
    let attributes = Attributes::new(cookie);
    let line = |handler: &S| {
        let line = attributes.render(name, &CookieValue::of(handler.as_ref()));
        // The first copy of a value makes it shareable, which allocates: here, not in a request.
        line.clone()
    };
    handlers.iter().map(line).collect()
}
