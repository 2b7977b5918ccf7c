//! Annotations of ingress-nginx that a cookie can honour, as annotations of ours (traefik-providers 6.3).
//!
//! | `nginx.ingress.kubernetes.io/` | here |
//! |---|---|
//! | `affinity: cookie` | `sticky.cookie`, called `INGRESSCOOKIE`, `HttpOnly`, for the path `/` |
//! | `session-cookie-name`, `-path`, `-domain`, `-secure`, `-samesite`, `-max-age` | the same of `sticky.cookie` |
//! | `session-cookie-expires` | `Max-Age`, unless that is given: the same time, but counted from each answer |
//! | `session-cookie-change-on-failure: false`, which is nginx's default | `sticky.onLoss: detour` |
//! | `session-cookie-change-on-failure: true` | `sticky.onLoss: rebind` |
//!
//! A detour gives a session to another server only as long as its own is down; a server that is gone for good loses its
//! sessions in both. So does nginx.

use super::NGINX_PREFIX;
use super::notes::Notes;
use super::object::Annotations;
use crate::config::annotations::Annotation;
use crate::config::{Level, parse_bool};

/// The name of the cookie when none is given.
const COOKIE: &str = "INGRESSCOOKIE";

/// Annotations that are read here.
const READ: &[&str] = &[
    "affinity",
    "affinity-mode",
    "session-cookie-name",
    "session-cookie-secure",
    "session-cookie-path",
    "session-cookie-domain",
    "session-cookie-samesite",
    "session-cookie-max-age",
    "session-cookie-expires",
    "session-cookie-change-on-failure",
];

/// Annotations that close a route to some: without them it would be open to all.
const GUARDS: &[&str] = &[
    "auth-secret",
    "auth-tls-secret",
    "auth-type",
    "auth-url",
    "allowlist-source-range",
    "denylist-source-range",
    "whitelist-source-range",
    // What they hold is nginx's own language; `deny all` is part of it.
    "auth-snippet",
    "configuration-snippet",
    "modsecurity-snippet",
    "server-snippet",
];

/// Marks an Ingress that gets a part of the requests of another one; alone it would get them all.
const CANARY: &str = "canary";

/// What these annotations say of services, as `service.*`.
pub(super) fn affinity(annotations: &Annotations, notes: &mut Notes) -> Vec<Annotation> {
    let reader = Reader(annotations);
    reader.note_others(notes);
    match reader.get("affinity") {
        Some("cookie") => {}
        other => {
            if let Some(other) = other.filter(|other| !other.is_empty()) {
                notes.warn(format!(
                    "annotation {NGINX_PREFIX}affinity: {other:?} is not known, sessions do not stick; write cookie"
                ));
            } else if let Some(name) = reader.names().find(|name| name.starts_with("session-cookie-")) {
                notes.warn(format!(
                    "annotation {NGINX_PREFIX}{name} has no effect without {NGINX_PREFIX}affinity: cookie"
                ));
            }
            return Vec::new();
        }
    }
    match reader.get("affinity-mode") {
        None | Some("" | "persistent") => {}
        Some(mode) => notes.warn(format!(
            "annotation {NGINX_PREFIX}affinity-mode: {mode:?} cannot be honoured: sessions stay where they are, as with \
             persistent"
        )),
    }
    reader.cookie(notes)
}

/// Is it the canary of another Ingress?
pub(super) fn is_canary(annotations: &Annotations) -> bool {
    let written = Reader(annotations).get(CANARY);
    written.is_some_and(|value| parse_bool(&value.to_ascii_lowercase()) == Some(true))
}

/// An annotation that guards a route and that nobody here can honour.
pub(super) fn guard(annotations: &Annotations) -> Option<&'static str> {
    let reader = Reader(annotations);
    let mut guards = GUARDS.iter().copied();
    guards.find(|guard| reader.get(guard).is_some_and(|value| !value.is_empty()))
}

struct Reader<'a>(&'a Annotations);

impl<'a> Reader<'a> {
    fn names(&self) -> impl Iterator<Item = &'a str> {
        let annotations = self.0.iter();
        annotations.filter_map(|(key, _)| key.strip_prefix(NGINX_PREFIX))
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        let mut annotations = self.0.iter();
        let found = annotations.find(|(key, _)| key.strip_prefix(NGINX_PREFIX) == Some(name));
        found.map(|(_, value)| value.trim())
    }

    /// Names everything that has no effect here.
    fn note_others(&self, notes: &mut Notes) {
        let others: Vec<&str> = self.names().filter(|name| !READ.contains(name)).collect();
        if !others.is_empty() {
            notes.warn(format!(
                "annotations {NGINX_PREFIX}* without effect here: {}",
                others.join(", ")
            ));
        }
    }

    fn cookie(&self, notes: &mut Notes) -> Vec<Annotation> {
        let mut made = Made(Vec::new());
        let given = |name: &str| self.get(name).filter(|value| !value.is_empty());
        made.add("cookie", "true", "affinity");
        made.add("cookie.httponly", "true", "affinity");
        let (name, from) =
            given("session-cookie-name").map_or((COOKIE, "affinity"), |name| (name, "session-cookie-name"));
        made.add("cookie.name", name, from);
        let (path, from) =
            given("session-cookie-path").map_or(("/", "affinity"), |path| (path, "session-cookie-path"));
        made.add("cookie.path", path, from);
        if let Some(domain) = given("session-cookie-domain") {
            made.add("cookie.domain", domain, "session-cookie-domain");
        }
        if self.flag("session-cookie-secure", notes) == Some(true) {
            made.add("cookie.secure", "true", "session-cookie-secure");
        }
        if let Some(written) = given("session-cookie-samesite") {
            let same_site = written.to_ascii_lowercase();
            if matches!(same_site.as_str(), "none" | "lax" | "strict") {
                made.add("cookie.samesite", &same_site, "session-cookie-samesite");
            } else {
                notes.warn(format!(
                    "annotation {NGINX_PREFIX}session-cookie-samesite: {written:?} is left out; write None, Lax or Strict"
                ));
            }
        }
        let max_age = self.seconds("session-cookie-max-age", notes);
        let expires = self.seconds("session-cookie-expires", notes);
        match (max_age, expires) {
            (Some(seconds), _) => made.add("cookie.maxage", seconds, "session-cookie-max-age"),
            (None, Some(seconds)) => {
                made.add("cookie.maxage", seconds, "session-cookie-expires");
                notes.add(
                    Level::Info,
                    format!("annotation {NGINX_PREFIX}session-cookie-expires is sent as Max-Age={seconds}"),
                );
            }
            (None, None) => {}
        }
        let changes = self.flag("session-cookie-change-on-failure", notes) == Some(true);
        let on_loss = if changes { "rebind" } else { "detour" };
        let from = self.get("session-cookie-change-on-failure");
        let from = from.map_or("affinity", |_| "session-cookie-change-on-failure");
        made.add("onloss", on_loss, from);
        made.0
    }

    fn flag(&self, name: &str, notes: &mut Notes) -> Option<bool> {
        let written = self.get(name)?;
        let flag = parse_bool(&written.to_ascii_lowercase());
        if flag.is_none() {
            notes.warn(format!(
                "annotation {NGINX_PREFIX}{name}: {written:?} is left out; write true or false"
            ));
        }
        flag
    }

    fn seconds(&self, name: &str, notes: &mut Notes) -> Option<&'a str> {
        let written = self.get(name)?;
        let is_number = written.parse::<i64>().is_ok();
        if !is_number {
            notes.warn(format!(
                "annotation {NGINX_PREFIX}{name}: {written:?} is left out; write a number of seconds"
            ));
        }
        is_number.then_some(written)
    }
}

struct Made(Vec<Annotation>);

impl Made {
    fn add(&mut self, key: &str, value: &str, from: &str) {
        self.0.push(Annotation {
            label: format!("traefik.service.sticky.{key}").into(),
            value: value.into(),
            written: format!("{NGINX_PREFIX}{from}").into(),
        });
    }
}
