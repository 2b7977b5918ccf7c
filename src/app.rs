//! The composition root: the only place that knows everyone.

mod check;
mod conf;
mod cookie;
mod demo;
mod gate;
mod internal;
mod render;
mod serve;
mod sources;
mod startup;

pub use startup::StartFailure;

use std::io::Write as _;
use std::process::ExitCode;

use crate::cli::{Cli, Command};

/// Runs what the command line asks for.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    let outcome = match cli.command {
        Some(Command::Demo(demo)) => match demo.app {
            Some(port) => demo::application(port),
            None => demo::plan(&demo).and_then(serve::serve),
        },
        Some(Command::Cookie(cookie)) => {
            print(&cookie::text(&cookie));
            Ok(())
        }
        Some(Command::Render(render)) => return render::render(&render),
        None if cli.serve.test => return check::check(&cli.serve),
        None => conf::plan(&cli.serve).and_then(serve::serve),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("piton: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Writes to standard output; a reader that has seen enough (`piton cookie ... | head -1`) is no failure.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}
