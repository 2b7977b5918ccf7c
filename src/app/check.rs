//! `piton -t`: everything that is wrong, at once, with its place.

use std::process::ExitCode;

use super::conf;
use super::serve::ground;
use crate::cli::Serve;
use crate::config::install::Install;
use crate::config::{Problem, split};
use crate::control::Control;
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
            problems.extend(
                of_values(&install)
                    .into_iter()
                    .map(|problem| problem.in_file(&path.as_path().into())),
            );
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
    if let Err(error) = ground(install) {
        problems.push(Problem::error("", error.to_string()));
    }
    problems
}

/// What is wrong with the files by themselves: what they mean depends on the static file.
fn of_keys(source: Source) -> Vec<Problem> {
    match source.load() {
        Ok(loaded) => loaded.warnings,
        Err(problems) => problems,
    }
}

fn of_files(install: &Install) -> Vec<Problem> {
    let Some(source) = install.providers.file.as_ref().and_then(conf::source) else {
        return Vec::new();
    };
    match (source.load(), ground(install)) {
        (Ok(loaded), Ok(ground)) => {
            let mut problems = loaded.warnings;
            let update = Update {
                provider: file::NAME,
                configuration: loaded.configuration.into(),
            };
            if let Some(snapshot) = Control::new(ground).apply(update) {
                problems.extend(of_meaning(&snapshot, &source));
            }
            problems
        }
        (Ok(_), Err(_)) => Vec::new(),
        (Err(problems), _) => problems,
    }
}

/// The report's reasons, at their places in the files.
fn of_meaning(snapshot: &Snapshot, source: &Source) -> Vec<Problem> {
    let places = Places::of(source);
    let reasons = snapshot.report.reasons().map(|(kind, name, reason)| {
        let kind = match kind {
            Kind::Router => "routers",
            Kind::Service => "services",
        };
        let (name, _) = split(name);
        let dot = if reason.key.is_empty() { "" } else { "." };
        let path = format!("http.{kind}.{name}{dot}{}", reason.key);
        let problem = match reason.status {
            Status::Disabled => Problem::error(path, &reason.text),
            Status::Enabled | Status::Warning => Problem::warning(path, &reason.text),
        };
        places.place(problem, &["http", kind, name], &reason.key)
    });
    let notes = snapshot
        .report
        .notes
        .iter()
        .map(|note| Problem::warning("", note));
    reasons.chain(notes).collect()
}
