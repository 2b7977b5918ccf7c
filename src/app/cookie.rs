//! `piton cookie`: the cookie value of a server, so that a person can aim a curl at it.

use crate::cli::Cookie;
use crate::sticky::{CookieValue, cookie_name, legacy_values};

/// The value written today, the older ones that are accepted, and on request the whole cookie.
pub(super) fn text(cookie: &Cookie) -> String {
    let value = CookieValue::of(&cookie.server);
    let mut lines = vec![value.to_string()];
    lines.extend(legacy_values(&cookie.server).map(|legacy| format!("{legacy}  (accepted, and rewritten)")));
    if let Some(service) = &cookie.service {
        lines.push(format!("curl -b '{}={value}'", cookie_name("", service)));
    }
    lines.join("\n") + "\n"
}
