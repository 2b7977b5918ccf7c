//! The sticky cookie: which server a request's cookie names, and the `Set-Cookie` that binds a client.
//!
//! Behaviour to the byte: traefik-core section 1. This module finds and renders; it never chooses a
//! server and never writes a response.

mod name;
mod scan;
mod set_cookie;
mod table;
mod value;

pub use name::cookie_name;
pub use scan::find_cookie;
pub use set_cookie::{Attributes, SameSite, browser_objections};
pub use table::Lookup;
pub use value::{CookieValue, legacy_values};

use http::{HeaderMap, HeaderValue, header};

use crate::config::dynamic::http::Cookie;
use table::Table;

/// One level of stickiness: a cookie name, the handlers its values stand for, and their `Set-Cookie` lines.
#[derive(Debug)]
pub struct Sticky {
    name: String,
    table: Table,
    set_cookies: Box<[HeaderValue]>,
}

impl Sticky {
    /// Builds the level for `service` (qualified name, `app@file`) over `handlers`: server URLs or child
    /// names exactly as written, in order; later ones win where two share a value (traefik-core 1.1).
    #[must_use]
    pub fn new<S: AsRef<str>>(cookie: &Cookie, service: &str, handlers: &[S]) -> Self {
        let name = cookie_name(&cookie.name, service);
        let attributes = Attributes::new(cookie);
        let set_cookies = handlers
            .iter()
            .map(|handler| {
                let line = attributes.render(&name, &CookieValue::of(handler.as_ref()));
                // The first copy of a value makes it shareable, which allocates: here, not in a request.
                line.clone()
            })
            .collect();
        Self {
            table: Table::new(handlers),
            name,
            set_cookies,
        }
    }

    /// The effective cookie name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the request's cookie says. Scans the header in place: no allocation, and a cost that does
    /// not depend on the number of servers.
    #[must_use]
    pub fn find(&self, headers: &HeaderMap) -> Lookup {
        let lines = || headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes);
        match find_cookie(lines, self.name.as_bytes()) {
            Some(value) => self.table.lookup(value),
            None => Lookup::Absent,
        }
    }

    /// The `Set-Cookie` value that binds a client to handler `index`; a reference-counted copy.
    #[must_use]
    pub fn set_cookie(&self, index: usize) -> Option<HeaderValue> {
        self.set_cookies.get(index).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVERS: [&str; 2] = ["http://127.0.0.1:8081", "http://127.0.0.1:8082"];

    fn sticky(cookie: &Cookie) -> Sticky {
        Sticky::new(cookie, "my-service@file", &SERVERS)
    }

    fn lookup(sticky: &Sticky, lines: &[&str]) -> Lookup {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_str(line).unwrap());
        }
        sticky.find(&headers)
    }

    #[test]
    fn default_cookie_is_written_as_traefik_writes_it() {
        let sticky = sticky(&Cookie::default());
        assert_eq!(sticky.set_cookie(0).unwrap(), "_4fcce=08d5f409490f61fc; Path=/");
        assert_eq!(sticky.set_cookie(1).unwrap(), "_4fcce=6bf4bc2f5d722cee; Path=/");
        assert_eq!(sticky.set_cookie(2), None);
    }

    #[test]
    fn current_and_legacy_values_are_known_and_others_are_not() {
        let sticky = sticky(&Cookie::default());
        let known = |index, legacy| Lookup::Known { index, legacy };
        assert_eq!(lookup(&sticky, &["_4fcce=6bf4bc2f5d722cee"]), known(1, false));
        assert_eq!(
            lookup(&sticky, &["a=b", "_4fcce=http://127.0.0.1:8081"]),
            known(0, true)
        );
        assert_eq!(lookup(&sticky, &["_4fcce=5a1cc52f3f46040d"]), known(0, true));
        assert_eq!(lookup(&sticky, &["_4fcce=7d49894b220072d3"]), known(1, true));
        assert_eq!(lookup(&sticky, &["_4fcce=6BF4BC2F5D722CEE"]), Lookup::Unknown);
        assert_eq!(lookup(&sticky, &["_4fcce="]), Lookup::Unknown);
        assert_eq!(lookup(&sticky, &["other=1"]), Lookup::Absent);
    }
}
