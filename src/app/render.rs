//! `piton render`: what objects become, so that a person sees it before a cluster does.
//!
//! The configuration goes to standard output, what there is to say to standard error. Exit code 0: it was rendered,
//! whatever was said about single objects; 1: options or objects could not be read, and nothing is printed; 2: the command
//! line is wrong.

mod cluster;
mod engine;
mod input;

use std::io::{Write as _, stdout};
use std::process::ExitCode;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::to_writer_pretty;

use crate::cli::{Render, Rendered};
use crate::config::dynamic::Configuration;
use crate::config::encode::Shown;
use crate::config::{AllowEmpty, Level, Notation, Problem, cut, decode};
use crate::provider::InvalidProvider;

use super::conf::placed;

/// What objects mean.
struct Rendering {
    configuration: Configuration,
    /// What is said: how much it matters, about what, and the text.
    remarks: Vec<(Level, String, String)>,
}

/// Renders, prints, and tells whether it worked.
pub(super) fn render(args: &Render) -> ExitCode {
    let rendering = match args.provider {
        Rendered::Docker => engine::docker(args),
        Rendered::Swarm => engine::swarm(args),
        Rendered::KubernetesIngress => cluster::ingresses(args),
    };
    match rendering {
        Ok(rendering) => {
            print(&rendering);
            ExitCode::SUCCESS
        }
        Err(problems) => {
            for problem in problems {
                eprintln!("{problem}");
            }
            ExitCode::FAILURE
        }
    }
}

fn print(rendering: &Rendering) {
    for (level, about, text) in &rendering.remarks {
        let level = match level {
            Level::Error => "error",
            Level::Warn => "warning",
            Level::Info => "info",
            Level::Debug => "debug",
        };
        eprintln!("{}", cut(&format!("{level}: {about}: {text}")));
    }
    let mut out = stdout().lock();
    // A reader that has seen enough (`piton render ... | head -1`) is no failure.
    let _ = to_writer_pretty(&mut out, &Shown(&rendering.configuration));
    let _ = out.write_all(b"\n");
}

/// The options of a provider: the file's, or the defaults; `check` makes of them what is used.
fn options<W: DeserializeOwned + Default, O>(
    args: &Render,
    check: impl FnOnce(&W) -> Result<O, InvalidProvider>,
) -> Result<O, Vec<Problem>> {
    let Some(path) = &args.options else {
        return check(&W::default()).map_err(|invalid| vec![Problem::error(invalid.key, invalid.reason)]);
    };
    let file = Arc::from(path.as_path());
    let in_file = |problem: Problem| problem.in_file(&file);
    let notation = Notation::of_path(path).unwrap_or(Notation::Yaml);
    let node = notation.parse(&input::read(path)?);
    let node = node.map_err(|problem| vec![in_file(problem)])?;
    let mut problems = Vec::new();
    let written: AllowEmpty<W> = decode::decode(&node, "", &mut problems);
    if problems.iter().any(Problem::is_error) {
        return Err(problems.into_iter().map(in_file).collect());
    }
    check(&written.into_inner().unwrap_or_default())
        .map_err(|invalid| placed(vec![Problem::error(invalid.key, invalid.reason)], path))
}
