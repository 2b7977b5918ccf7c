//! `piton -t`: everything that is wrong, at once, with its place.

use std::process::ExitCode;

use super::conf;
use super::serve::settings;
use super::sources::Sources;
use crate::cli::Serve;
use crate::config::install::Install;
use crate::config::{Problem, Remarks, split};
use crate::control::Control;
use crate::disk::Disk;
use crate::logging;
use crate::provider::Update;
use crate::provider::file::{self, Places, Source};
use crate::proxy::EntryPoint;
use crate::routing::{Kind, Snapshot, Status};

/// Checks the file of `-c` and all files of the file provider; prints every problem.
pub(super) fn check(args: &Serve) -> ExitCode {
    let Some(path) = &args.conf else {
        eprintln!("piton: -t needs -c FILE");
        return ExitCode::FAILURE;
    };
    let mut problems = Vec::new();
    match conf::read(path) {
        Ok((install, warnings)) => {
            problems.extend(warnings);
            problems.extend(conf::placed(of_values(&install), path));
            problems.extend(of_files(&install));
        }
        Err(found) => {
            problems.extend(found);
            problems.extend(conf::source_of_refused(path).map(of_keys).unwrap_or_default());
        }
    }
    for problem in &problems {
        eprintln!("{problem}");
    }
    let errors = problems.iter().filter(|problem| problem.is_error()).count();
    let warnings = problems.len() - errors;
    eprintln!("{}: {errors} errors, {warnings} warnings", path.display());
    if errors == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Values of the static configuration that parse but cannot be used.
fn of_values(install: &Install) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, written) in &install.entry_points {
        let path = format!("entryPoints.{name}");
        if let Err(error) = EntryPoint::new(name, 0, written, &install.global) {
            problems.push(Problem::error(path, error.to_string()));
        }
    }
    if let Err(error) = logging::check(&install.log) {
        problems.push(Problem::error("", error.to_string()));
    }
    if let Err(error) = conf::server_conf(install) {
        problems.push(Problem::error("", error.to_string()));
    }
    if let Err(error) = settings(install) {
        problems.push(Problem::error("", error.to_string()));
    }
    if let Err(found) = Sources::of(install, &Disk::here()) {
        problems.extend(found);
    }
    problems
}

/// What is wrong with the files by themselves: what they mean depends on the static file.
fn of_keys(source: Source) -> Vec<Problem> {
    source.survey().1
}

/// What is wrong with the files: their keys and values, and what those mean as far as they could be read.
fn of_files(install: &Install) -> Vec<Problem> {
    let Some(source) = install.providers.file.as_ref().and_then(conf::source) else {
        return Vec::new();
    };
    let (configuration, mut problems) = source.survey();
    let update = Update {
        provider: file::NAME,
        configuration: configuration.into(),
        remarks: Remarks::new(),
        is_urgent: false,
    };
    let snapshot = settings(install)
        .ok()
        .and_then(|settings| Control::new(settings).apply(update));
    if let Some(snapshot) = snapshot {
        let meaning = of_meaning(&snapshot, &source, &problems);
        problems.extend(meaning);
    }
    problems
}

/// The report's reasons, at their places in the files. An item with a `known` mistake is not judged: a
/// misspelt key may be all that is wrong with it.
fn of_meaning(snapshot: &Snapshot, source: &Source, known: &[Problem]) -> Vec<Problem> {
    let places = Places::of(source);
    let is_judged = |item: &str| {
        let below = |problem: &Problem| {
            problem
                .key_path
                .strip_prefix(item)
                .map(|rest| rest.starts_with('.'))
        };
        !known
            .iter()
            .any(|problem| problem.is_error() && below(problem) == Some(true))
    };
    let reasons = snapshot.report.reasons().filter_map(|(kind, name, reason)| {
        let (name, _) = split(name);
        let (kind, above): (&str, &[&str]) = match kind {
            Kind::Router => ("http.routers", &["http", "routers", name]),
            Kind::Service => ("http.services", &["http", "services", name]),
            Kind::Middleware => ("http.middlewares", &["http", "middlewares", name]),
            Kind::Tls => ("tls", &["tls"]),
        };
        let item = format!("{kind}.{name}");
        let dot = if reason.key.is_empty() { "" } else { "." };
        let path = format!("{item}{dot}{}", reason.key);
        let problem = match reason.status {
            Status::Disabled => Problem::error(path, &reason.text),
            Status::Enabled | Status::Warning => Problem::warning(path, &reason.text),
        };
        let below = match above {
            ["tls"] => format!("{name}.{}", reason.key),
            _ => reason.key.clone(),
        };
        is_judged(&item).then(|| places.place(problem, above, &below))
    });
    let notes = snapshot
        .report
        .notes
        .iter()
        .map(|note| Problem::warning("", note));
    reasons.chain(notes).collect()
}
