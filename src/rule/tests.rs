//! What rules mean. Shared helpers here; facts by subject below.

mod hosts;
mod language;
mod matchers;
mod properties;
mod regexps;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Rule, RuleError};
use crate::request::RequestView;

/// A request with an owner; every part has a default.
#[derive(Debug, Clone)]
pub(super) struct Request {
    method: String,
    host: String,
    path: String,
    query: Option<String>,
    headers: HeaderMap,
    client: Option<std::net::IpAddr>,
}

/// `GET /path` for `host`; a query may follow the path.
pub(super) fn get(host: &str, target: &str) -> Request {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query.to_string())),
        None => (target, None),
    };
    Request {
        method: "GET".into(),
        host: host.into(),
        path: path.into(),
        query,
        headers: HeaderMap::new(),
        client: None,
    }
}

impl Request {
    fn method(mut self, method: &str) -> Self {
        self.method = method.into();
        self
    }

    fn header(mut self, name: &str, value: &[u8]) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        self.headers.append(name, HeaderValue::from_bytes(value).unwrap());
        self
    }

    fn client(mut self, ip: &str) -> Self {
        self.client = Some(ip.parse().unwrap());
        self
    }

    fn satisfies(&self, rule: &Rule) -> bool {
        rule.matches(&RequestView {
            method: &self.method,
            host: &self.host,
            path: &self.path,
            query: self.query.as_deref(),
            headers: &self.headers,
            client: self.client,
        })
    }
}

/// The compiled rule, or a panic that names it.
pub(super) fn rule(text: &str) -> Rule {
    Rule::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The error of a rule that must not compile.
pub(super) fn refused(text: &str) -> RuleError {
    Rule::parse(text)
        .err()
        .unwrap_or_else(|| panic!("{text} compiles"))
}

#[track_caller]
pub(super) fn yes(text: &str, request: &Request) {
    assert!(request.satisfies(&rule(text)), "{text} refuses {request:?}");
}

#[track_caller]
pub(super) fn no(text: &str, request: &Request) {
    assert!(!request.satisfies(&rule(text)), "{text} takes {request:?}");
}
