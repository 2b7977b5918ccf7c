//! What piton says about itself, in the shapes of Traefik's API (traefik-core 8), and the one thing that can be changed
//! by it: a server can be drained.
//!
//! | module | what it is |
//! |---|---|
//! | `list` | pages of a list: search, status, order |
//! | `shapes` | routers, services, middlewares, entry points as JSON |
//! | `drain` | taking a server out of service, and who may |
//! | `socket` | the API on a unix socket |

mod drain;
mod list;
mod shapes;
pub mod socket;

use std::fmt::Write as _;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::config::install::Install;
use crate::routing::Snapshot;
use drain::Tokens;
use list::{Page, Query};

/// A request to the API.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its method.
    pub method: Method,
    /// Its path, still encoded.
    pub path: String,
    /// Its query, without the `?`.
    pub query: String,
    /// The token it bears.
    pub bearer: Option<String>,
    /// Did it come by a way that only those have who may change something?
    pub is_trusted: bool,
    /// Who asks, for the log.
    pub who: String,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its `Content-Type`.
    pub kind: &'static str,
    /// `X-Next-Page`, for lists.
    pub next_page: Option<usize>,
    /// Its body.
    pub body: String,
}

impl Reply {
    fn json(value: &Value) -> Self {
        Self {
            status: StatusCode::OK,
            kind: "application/json",
            next_page: None,
            body: line_of(value),
        }
    }

    /// As Go's `http.Error` sends it: the text is JSON, the type says otherwise.
    fn error(status: StatusCode, message: &str) -> Self {
        Self {
            status,
            kind: "text/plain; charset=utf-8",
            next_page: None,
            body: line_of(&json!({ "message": message })),
        }
    }

    fn text(status: StatusCode, text: &str) -> Self {
        Self {
            status,
            kind: "text/plain; charset=utf-8",
            next_page: None,
            body: text.to_owned(),
        }
    }
}

/// JSON as Go writes it: what HTML could take for markup is escaped.
fn line_of(value: &Value) -> String {
    let plain = value.to_string();
    let mut line = String::with_capacity(plain.len() + 1);
    for letter in plain.chars() {
        match letter {
            // In JSON they stand in strings only.
            '&' | '<' | '>' | '\u{2028}' | '\u{2029}' => drop(write!(line, "\\u{:04x}", letter as u32)),
            other => line.push(other),
        }
    }
    line.push('\n');
    line
}

/// The API of one process.
#[derive(Debug)]
pub struct Api {
    install: Install,
    base: String,
    started: String,
    tokens: Option<Tokens>,
}

impl Api {
    /// What is written under `api` in `install`, of a process that started at `started` (RFC 3339). `None` without it.
    #[must_use]
    pub fn new(install: &Install, started: String) -> Option<Self> {
        let written = install.api.as_ref()?;
        let token_file = written.write.as_ref().map(|write| write.token_file.as_str());
        Some(Self {
            base: written.base_path.trim_end_matches('/').to_owned(),
            started,
            tokens: token_file.filter(|path| !path.is_empty()).map(Tokens::of),
            install: install.clone(),
        })
    }

    /// The answer, by `snapshot`.
    #[must_use]
    pub fn answer(&self, asked: &Asked, snapshot: &Snapshot) -> Reply {
        let not_found = || Reply::text(StatusCode::NOT_FOUND, "404 page not found\n");
        let Some(path) = asked.path.strip_prefix(self.base.as_str()) else {
            return not_found();
        };
        let parts: Option<Vec<String>> = path.split('/').skip(1).map(percent_decoded).collect();
        let Some(parts) = parts else {
            return Reply::error(
                StatusCode::BAD_REQUEST,
                "the path is not valid percent-encoded UTF-8",
            );
        };
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        if let ["api", "http", "services", service, "servers", url, "drain"] = parts.as_slice() {
            return self.drain(asked, snapshot, service, url);
        }
        if asked.method != Method::GET {
            return Reply::text(StatusCode::METHOD_NOT_ALLOWED, "405 method not allowed\n");
        }
        match parts.as_slice() {
            ["" | "dashboard", ..] => Reply::text(
                StatusCode::NOT_FOUND,
                "piton has no dashboard: its API is below /api, such as /api/overview\n",
            ),
            ["api", rest @ ..] => self
                .read(rest, &Query::of(&asked.query), snapshot)
                .unwrap_or_else(not_found),
            _ => not_found(),
        }
    }

    fn read(&self, parts: &[&str], query: &Query, snapshot: &Snapshot) -> Option<Reply> {
        let one = |found: Option<Value>, kind: &str, name: &str| match found {
            Some(value) => Reply::json(&value),
            None => Reply::error(StatusCode::NOT_FOUND, &format!("{kind} not found: {name}")),
        };
        let nothing = || list::page(Vec::new(), query);
        let listed = match parts {
            ["version"] => return Some(Reply::json(&self.version())),
            ["overview"] => return Some(Reply::json(&shapes::overview(&self.install, snapshot))),
            ["rawdata"] => return Some(Reply::json(&shapes::raw(snapshot))),
            ["entrypoints"] => list::page(shapes::entry_points(&self.install), query),
            ["entrypoints", name] => {
                let all = shapes::entry_points(&self.install);
                let found = all.into_iter().find(|it| it["name"] == *name);
                return Some(one(found, "entry point", name));
            }
            ["http", "routers"] => list::page(shapes::routers(snapshot), query),
            ["http", "routers", name] => {
                return Some(one(shapes::router(snapshot, name), "router", name));
            }
            ["http", "services"] => list::page(shapes::services(snapshot), query),
            ["http", "services", name] => {
                return Some(one(shapes::service(snapshot, name), "service", name));
            }
            ["http", "middlewares"] => list::page(shapes::middlewares(snapshot), query),
            ["http", "middlewares", name] => {
                return Some(one(shapes::middleware(snapshot, name), "middleware", name));
            }
            ["tcp", "routers" | "services" | "middlewares"] | ["udp", "routers" | "services"] => nothing(),
            [
                "tcp" | "udp",
                kind @ ("routers" | "services" | "middlewares"),
                name,
            ] => {
                return Some(one(None, kind.trim_end_matches('s'), name));
            }
            _ => return None,
        };
        Some(match listed {
            Ok(Page { items, next }) => Reply {
                next_page: Some(next),
                ..Reply::json(&Value::Array(items))
            },
            Err(message) => Reply::error(StatusCode::BAD_REQUEST, &message),
        })
    }

    fn version(&self) -> Value {
        json!({
            "Version": env!("CARGO_PKG_VERSION"),
            "Codename": "piton",
            "startDate": self.started,
        })
    }
}

/// A part of a path without its percents; `None` when that is no text.
fn percent_decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests;
