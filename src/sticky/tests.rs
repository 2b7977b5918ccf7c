//! Facts about sticky levels. One module per subject; a test's name is the fact.

// What becomes of keys that are written.
mod keys;
// Traefik's own cookies.
mod plain;
// What no forger gets past.
mod forgery;
// Signed cookies: values, time, rotation, migration.
mod signed;

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};

use super::{Lookup, Sticky};
use crate::config::dynamic::http::{Cookie, Sign, SignKey};
use crate::config::{NoFiles, Secret};

const SERVERS: [&str; 2] = ["http://127.0.0.1:8081", "http://127.0.0.1:8082"];
/// 2023-11-14T22:13:20Z, in milliseconds.
const NOW: u64 = 1_700_000_000_000;

fn sticky(cookie: &Cookie) -> Sticky {
    Sticky::new(cookie, "my-service@file", &SERVERS, &NoFiles, Arc::default()).unwrap()
}

/// What the level says at `now` to a request with these `Cookie` lines.
fn lookup(sticky: &Sticky, lines: &[&str], now: u64) -> Lookup {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(header::COOKIE, HeaderValue::from_str(line).unwrap());
    }
    sticky.find(&headers, now)
}

/// A key with a secret of its own.
fn key(id: &str) -> SignKey {
    SignKey {
        id: id.to_owned(),
        secret: Secret::from(format!("{id:*^32}")),
        file: String::new(),
    }
}

/// A cookie signed with the keys of these ids.
fn signed(ids: &[&str]) -> Cookie {
    Cookie {
        sign: Some(Sign {
            keys: ids.iter().map(|id| key(id)).collect(),
            ..Sign::default()
        }),
        ..Cookie::default()
    }
}

/// The value that the level sets for a server.
fn value(sticky: &Sticky, index: usize, now: u64) -> String {
    let line = sticky.set_cookie(index, now, None).unwrap();
    let (pair, _) = line.to_str().unwrap().split_once("; ").unwrap();
    pair.split_once('=').unwrap().1.to_owned()
}

/// What the level says of a value of its cookie.
fn says(sticky: &Sticky, value: &str, now: u64) -> Lookup {
    lookup(sticky, &[&format!("{}={value}", sticky.name())], now)
}
