//! `piton cookie`: the cookie value of a server, so that a person can aim a curl at it.

use crate::cli::Cookie;
use crate::sticky::{CookieValue, cookie_name, legacy_values};

/// Prints the value written today and the older ones that are accepted.
pub(super) fn print(cookie: &Cookie) {
    let value = CookieValue::of(&cookie.server);
    println!("{value}");
    for legacy in legacy_values(&cookie.server) {
        println!("{legacy}  (accepted, and rewritten)");
    }
    if let Some(service) = &cookie.service {
        println!("curl -b '{}={value}'", cookie_name("", service));
    }
}
