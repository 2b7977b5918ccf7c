//! Request targets and hosts on their way to the rules.

use piton::request::target::{canonical_host, clean_path, clean_query, routing_path};
use serde::Deserialize;

use crate::{Differences, expect};

/// `rows`: what a path becomes for servers (`clean`) and for rules (`routing`); `bad: true` when it is
/// answered 400.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paths {
    #[serde(default = "yes")]
    sanitize: bool,
    rows: Vec<PathRow>,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PathRow {
    path: String,
    #[serde(default)]
    clean: Option<String>,
    #[serde(default)]
    routing: Option<String>,
    #[serde(default)]
    bad: bool,
}

pub fn paths(case: Paths) -> Differences {
    let mut differences = Vec::new();
    for row in case.rows {
        let clean = clean_path(&row.path, case.sanitize).ok();
        expect(
            &mut differences,
            &format!("{} is bad", row.path),
            row.bad,
            clean.is_none(),
        );
        let Some(clean) = clean else {
            continue;
        };
        if let Some(expected) = row.clean {
            expect(
                &mut differences,
                &format!("{} clean", row.path),
                expected.as_str(),
                &*clean,
            );
        }
        if let Some(expected) = row.routing {
            let routing = routing_path(&clean).unwrap();
            expect(
                &mut differences,
                &format!("{} for rules", row.path),
                expected.as_str(),
                &*routing,
            );
        }
    }
    differences
}

/// `rows`: what a `Host` or authority is to rules.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    rows: Vec<(String, String)>,
}

pub fn hosts(case: Texts) -> Differences {
    let mut differences = Vec::new();
    for (written, expected) in case.rows {
        expect(
            &mut differences,
            &written,
            expected.as_str(),
            &*canonical_host(&written),
        );
    }
    differences
}

/// `rows`: what a query becomes for servers.
pub fn queries(case: Texts) -> Differences {
    let mut differences = Vec::new();
    for (written, expected) in case.rows {
        expect(
            &mut differences,
            &written,
            expected.as_str(),
            &*clean_query(&written),
        );
    }
    differences
}
