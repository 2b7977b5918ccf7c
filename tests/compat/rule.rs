//! Rules: which requests they take, and what is said about those that are none.

use std::collections::BTreeMap;
use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};
use piton::request::RequestView;
use piton::rule::{Rule, default_priority};
use serde::Deserialize;

use crate::{Differences, expect};

/// `rows`: rules with the requests they take and refuse, or a part of the error.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    rows: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    rule: String,
    #[serde(default)]
    takes: Vec<Request>,
    #[serde(default)]
    refuses: Vec<Request>,
    #[serde(default)]
    priority: Option<i64>,
    /// A part of the message; empty for any.
    #[serde(default)]
    error: Option<String>,
}

/// A request as rules see it: host and path canonical.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Request {
    method: String,
    host: String,
    path: String,
    query: Option<String>,
    headers: BTreeMap<String, Vec<String>>,
    client: Option<IpAddr>,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            method: "GET".to_owned(),
            host: "example.com".to_owned(),
            path: "/".to_owned(),
            query: None,
            headers: BTreeMap::new(),
            client: None,
        }
    }
}

impl Request {
    fn satisfies(&self, rule: &Rule) -> bool {
        let mut headers = HeaderMap::new();
        for (name, values) in &self.headers {
            for value in values {
                let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                headers.append(name, HeaderValue::from_str(value).unwrap());
            }
        }
        rule.matches(&RequestView {
            method: &self.method,
            host: &self.host,
            path: &self.path,
            query: self.query.as_deref(),
            headers: &headers,
            client: self.client,
        })
    }
}

pub fn rules(case: Rules) -> Differences {
    let mut differences = Vec::new();
    for row in case.rows {
        if let Some(priority) = row.priority {
            expect(&mut differences, &row.rule, priority, default_priority(&row.rule));
        }
        match (Rule::parse(&row.rule), &row.error) {
            (Ok(rule), None) => {
                let requests = row.takes.iter().map(|request| (request, true));
                for (request, expected) in requests.chain(row.refuses.iter().map(|request| (request, false)))
                {
                    let what = format!("{} takes {request:?}", row.rule);
                    expect(&mut differences, &what, expected, request.satisfies(&rule));
                }
            }
            (Err(error), Some(part)) if error.message.contains(part.as_str()) => {}
            (outcome, expected) => {
                let found = outcome.map(|_| "a rule").map_err(|error| error.to_string());
                differences.push(format!(
                    "{}\n      expected {expected:?}\n      found    {found:?}",
                    row.rule
                ));
            }
        }
    }
    differences
}
