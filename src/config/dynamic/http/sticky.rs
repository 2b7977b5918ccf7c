//! `sticky`: the cookie and what becomes of its session (traefik-core 1.3).

use serde::{Deserialize, Serialize};

use crate::config::{AllowEmpty, Secret, Span, encode};

/// `sticky`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Sticky {
    /// The cookie; absent means no stickiness.
    pub cookie: AllowEmpty<Cookie>,
    /// Piton: what becomes of a session whose server is lost.
    pub on_loss: OnLoss,
}

/// `sticky.onLoss`: the server (or child service) that a cookie names cannot be used now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum OnLoss {
    /// Another one takes the session over, with a new cookie.
    #[default]
    Rebind,
    /// Another one stands in; the cookie stays, and so the session goes home when its server is back.
    Detour,
    /// The request fails with 503; the cookie stays.
    Fail,
}

/// `sticky.cookie` (traefik-core 1.3).
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Cookie {
    /// Cookie name; empty means the generated one.
    pub name: String,
    /// `Secure`, also on plain http.
    pub secure: bool,
    /// `HttpOnly`.
    pub http_only: bool,
    /// `none`, `lax`, `strict` in any case; anything else means no attribute.
    pub same_site: String,
    /// Seconds; 0 means no attribute, negative means `Max-Age=0`.
    pub max_age: i64,
    /// `Path`; empty means no attribute.
    #[serde(serialize_with = "encode::always")]
    pub path: String,
    /// `Domain`; empty or invalid means no attribute.
    pub domain: String,
    /// Piton: `Partitioned` (CHIPS).
    pub partitioned: bool,
    /// Piton: send the cookie again while it is used, so that `max_age` counts from the last use.
    pub renew: bool,
    /// Piton: sign the cookie; absent means Traefik's plain value.
    pub sign: Option<Sign>,
}

impl Default for Cookie {
    fn default() -> Self {
        Self {
            name: String::new(),
            secure: false,
            http_only: false,
            same_site: String::new(),
            max_age: 0,
            path: "/".to_owned(),
            domain: String::new(),
            partitioned: false,
            renew: false,
            sign: None,
        }
    }
}

/// Piton: `sticky.cookie.sign`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Sign {
    /// The first signs, all verify.
    pub keys: Vec<SignKey>,
    /// Longest time between two requests of a session; absent means no limit. Implies that the cookie is renewed.
    pub max_idle: Option<Span>,
    /// Longest life of a session, used or not; absent means no limit.
    pub max_life: Option<Span>,
    /// Honour unsigned cookies too, and sign them: for the time of a migration.
    pub accept_plain: bool,
}

/// Piton: one key of `sign`; exactly one of `secret` and `file` shall be given.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SignKey {
    /// Names the key in the cookie.
    pub id: String,
    /// The key itself: any text of at least 32 bytes.
    pub secret: Secret,
    /// A file that holds it.
    pub file: String,
}
