//! Cookie values, names, `Set-Cookie` lines, and finding a cookie in a request.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};
use piton::config::NoFiles;
use piton::config::dynamic::http::Cookie;
use piton::sticky::{CookieValue, Lookup, Sticky, cookie_name, find_cookie, legacy_values};
use serde::Deserialize;

use crate::{Differences, expect};

/// `rows`: the value written for each handler name, and the hashes accepted besides.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Values {
    rows: Vec<ValueRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ValueRow {
    handler: String,
    value: String,
    /// fnv, and fnv of that.
    #[serde(default)]
    legacy: Vec<String>,
}

pub fn values(case: Values) -> Differences {
    let mut differences = Vec::new();
    for row in case.rows {
        let ValueRow {
            handler,
            value,
            legacy,
        } = row;
        expect(
            &mut differences,
            &handler,
            value.clone(),
            CookieValue::of(&handler).to_string(),
        );
        if !legacy.is_empty() {
            expect(
                &mut differences,
                &handler,
                &legacy[..],
                &legacy_values(&handler)[1..],
            );
        }
        let sticky = Sticky::new(
            &Cookie::default(),
            "app@file",
            &[&handler],
            &NoFiles,
            Arc::default(),
        )
        .unwrap();
        let mut known = |value: &str, legacy| {
            let mut headers = HeaderMap::new();
            let cookie = format!("{}={value}", sticky.name());
            headers.insert(header::COOKIE, HeaderValue::from_str(&cookie).unwrap());
            let expected = Lookup::Known {
                index: 0,
                legacy,
                issued: None,
                renew: false,
            };
            expect(&mut differences, &cookie, expected, sticky.find(&headers, 0));
        };
        known(&value, false);
        known(&handler, true);
        legacy.iter().for_each(|value| known(value, true));
    }
    differences
}

/// `rows`: the effective cookie name of a configured name on a service.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Names {
    rows: Vec<NameRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NameRow {
    #[serde(default)]
    service: String,
    #[serde(default)]
    configured: String,
    name: String,
}

pub fn names(case: Names) -> Differences {
    let mut differences = Vec::new();
    for row in case.rows {
        let what = format!("service {:?}, configured {:?}", row.service, row.configured);
        expect(
            &mut differences,
            &what,
            row.name,
            cookie_name(&row.configured, &row.service),
        );
    }
    differences
}

/// `rows`: the line set for server `http://127.0.0.1:8081` of service `my-service@file` when `sticky` is
/// written so; null when the service is not sticky at all.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetCookies {
    rows: Vec<SetCookieRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetCookieRow {
    sticky: serde_yaml::Value,
    line: Option<String>,
}

pub fn set_cookies(case: SetCookies) -> Differences {
    let mut differences = Vec::new();
    for row in case.rows {
        let what = serde_yaml::to_string(&row.sticky).unwrap();
        let service = super::session::service_with(&row.sticky);
        let line = service
            .servers()
            .unwrap()
            .level
            .as_ref()
            .and_then(|level| level.sticky().set_cookie(0, 0, None));
        let line = line.map(|line| String::from_utf8(line.as_bytes().to_vec()).unwrap());
        expect(&mut differences, &what, row.line, line);
    }
    differences
}

/// `rows`: what the cookie called `name` is in `Cookie` lines; null when there is none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestCookies {
    name: String,
    rows: Vec<RequestCookieRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestCookieRow {
    lines: Vec<String>,
    /// Put this before the first line so many times.
    #[serde(default)]
    before: Option<(String, usize)>,
    finds: Option<String>,
}

pub fn request_cookies(case: RequestCookies) -> Differences {
    let mut differences = Vec::new();
    for row in case.rows {
        let what = format!("{:?} before {:?}", row.before, row.lines);
        let mut lines = row.lines;
        if let (Some((text, times)), Some(first)) = (row.before, lines.first_mut()) {
            first.insert_str(0, &text.repeat(times));
        }
        let found = find_cookie(|| lines.iter().map(String::as_bytes), case.name.as_bytes());
        let found = found.map(|value| String::from_utf8(value.to_vec()).unwrap());
        expect(&mut differences, &what, row.finds, found);
    }
    differences
}
