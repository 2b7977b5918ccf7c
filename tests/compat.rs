//! Golden cases: what Traefik does, one fact per file, input and expectation together.
//!
//! Every `tests/compat/cases/**/*.yml` has a `why` (the fact as a sentence), a `kind` (which part of piton is
//! asked), and the rest as that kind's module describes it. An unknown kind or key fails: a case that is not
//! run proves nothing.
//!
//! | kind | module | asks |
//! |---|---|---|
//! | `value`, `name`, `set-cookie`, `request-cookie` | `cookie` | `sticky` |
//! | `session` | `session` | a compiled service, request by request |
//! | `sequence`, `hrw` | `pick` | `balance` |
//! | `rule` | `rule` | `rule` |
//! | `path`, `host`, `query` | `target` | `request::target` |
//! | `containers` | `containers` | `provider::containers`, from the engine's own words |
//! | `kubernetes` | `kubernetes` | `provider::ingress`, from manifests |
//! | `load`, `directory` | `load` | `config::dynamic`, the file provider |
//! | `labels` | `labels` | `config::dynamic` |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "in tests a panic is the report"
)]

#[path = "support/servers.rs"]
mod servers;

mod compat {
    pub mod containers;
    pub mod cookie;
    pub mod kubernetes;
    pub mod labels;
    pub mod load;
    pub mod pick;
    pub mod rule;
    pub mod session;
    pub mod target;
}

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use piton::config::Notation;
use piton::config::dynamic::{self, Configuration};
use piton::config::encode::Shown;
use serde::de::DeserializeOwned;
use serde_yaml::{Mapping, Value};

/// What differs in a case; empty when it holds.
type Differences = Vec<String>;

/// Notes a difference between what a case expects and what is.
fn expect<T: PartialEq + Debug>(differences: &mut Differences, what: &str, expected: T, found: T) {
    if expected != found {
        differences.push(format!(
            "{what}\n      expected {expected:?}\n      found    {found:?}"
        ));
    }
}

/// Notes it if a configuration, printed as Traefik's API prints it, does not mean the same when it is read again.
fn expect_printed_and_read(differences: &mut Differences, what: &str, configuration: &Configuration) {
    let printed = serde_json::to_string(&Shown(configuration)).unwrap();
    let again = dynamic::read(printed.as_bytes(), Notation::Yaml, None).map(|(again, _)| again);
    // What is hidden cannot come back.
    if !printed.contains("(secret)") {
        let what = format!("{what}, printed and read again");
        expect(differences, &what, Ok(configuration), again.as_ref());
    }
}

fn run(case: &str) -> Result<Differences, String> {
    let mut fields: Mapping = serde_yaml::from_str(case).map_err(|error| error.to_string())?;
    let mut take = |key: &str| {
        fields
            .remove(key)
            .and_then(|value| value.as_str().map(str::to_owned))
    };
    take("why").ok_or("a case needs `why`: the fact it shows, as a sentence")?;
    let kind = take("kind").ok_or("a case needs `kind`")?;
    let rest = Value::Mapping(fields);
    match kind.as_str() {
        "value" => parsed(rest).map(compat::cookie::values),
        "name" => parsed(rest).map(compat::cookie::names),
        "set-cookie" => parsed(rest).map(compat::cookie::set_cookies),
        "request-cookie" => parsed(rest).map(compat::cookie::request_cookies),
        "session" => parsed(rest).map(compat::session::session),
        "sequence" => parsed(rest).map(compat::pick::sequences),
        "hrw" => parsed(rest).map(compat::pick::hrw),
        "rule" => parsed(rest).map(compat::rule::rules),
        "path" => parsed(rest).map(compat::target::paths),
        "host" => parsed(rest).map(compat::target::hosts),
        "query" => parsed(rest).map(compat::target::queries),
        "containers" => parsed(rest).map(compat::containers::containers),
        "kubernetes" => parsed(rest).map(compat::kubernetes::kubernetes),
        "load" => parsed(rest).map(compat::load::loads),
        "labels" => parsed(rest).map(compat::labels::labels),
        "directory" => parsed(rest).map(compat::load::directory),
        unknown => Err(format!("unknown kind {unknown:?}")),
    }
}

fn parsed<T: DeserializeOwned>(fields: Value) -> Result<T, String> {
    serde_yaml::from_value(fields).map_err(|error| error.to_string())
}

fn case_files(directory: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            case_files(&path, files);
        } else {
            files.push(path);
        }
    }
}

#[test]
fn every_case_holds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compat/cases");
    let mut files = Vec::new();
    case_files(&root, &mut files);
    let mut failures = Vec::new();
    for file in &files {
        let name = file.strip_prefix(&root).unwrap().display();
        let text = std::fs::read_to_string(file).unwrap();
        let differences = std::panic::catch_unwind(|| run(&text));
        let differences = differences.unwrap_or_else(|_| Err("it panicked, see above".to_owned()));
        match differences {
            Ok(differences) if differences.is_empty() => {}
            Ok(differences) => failures.push(format!("{name}\n    {}", differences.join("\n    "))),
            Err(error) => failures.push(format!("{name}\n    {error}")),
        }
    }
    assert!(
        files.len() > 30,
        "only {} cases found below {}",
        files.len(),
        root.display()
    );
    assert!(
        failures.is_empty(),
        "{} of {} cases:\n{}",
        failures.len(),
        files.len(),
        failures.join("\n")
    );
}

#[test]
fn a_case_of_an_unknown_kind_or_with_an_unknown_key_fails() {
    assert_eq!(
        run("{why: x, kind: cookies}"),
        Err("unknown kind \"cookies\"".to_owned())
    );
    let error = run("{why: x, kind: sequence, rows: [{weights: [1], picks: A, pick: B}]}").unwrap_err();
    assert!(error.contains("pick"), "{error}");
    assert!(run("{kind: sequence, rows: []}").is_err(), "no `why`");
}

#[test]
fn a_difference_is_reported() {
    let found = run("{why: x, kind: sequence, rows: [{weights: [1, 1], picks: AA}]}").unwrap();
    assert_eq!(found.len(), 1);
    assert!(
        found[0].contains("expected \"AA\"") && found[0].contains("found    \"AB\""),
        "{found:?}"
    );
}
