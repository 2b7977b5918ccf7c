//! What is installed, and how it is run.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Debian's, which has Debian's libraries.
const PYTHON: &str = "/usr/bin/python3";

/// Longer than anything here should take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs a client to its end, which must be a good one; returns what it printed. `None`, and once a line that says so,
/// where it is not installed.
pub fn run(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new("timeout")
        .args([&PATIENCE.as_secs().to_string(), program])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("timeout is installed");
    if output.status.code() == Some(127) {
        skipped(program);
        return None;
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}\n{text}\n{errors}",
        output.status
    );
    Some(text)
}

/// A script of this directory that runs; ended when dropped.
pub struct Script {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Script {
    /// Starts it, where Python and this library of its are installed; else says once that it is not.
    pub fn start(library: &str, name: &str, arguments: &[&str]) -> Option<Self> {
        let import = Command::new(PYTHON)
            .args(["-c", &format!("import {library}")])
            .stderr(Stdio::null())
            .status();
        if !import.is_ok_and(|status| status.success()) {
            skipped(&format!("the Python library {library}"));
            return None;
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/clients")
            .join(name);
        let mut child = Command::new(PYTHON)
            .arg(path)
            .args(arguments)
            // gRPC writes about every answer that is not its own.
            .env("GRPC_VERBOSITY", "NONE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // Nobody reads when the test is over.
                let _ = sender.send(line);
            }
        });
        Some(Self { child, input, lines })
    }

    /// The next line that it prints.
    pub fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a line in time")
    }

    /// Lets it go on.
    pub fn go_on(&mut self) {
        writeln!(self.input).unwrap();
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says why a test is skipped, also when output is captured; once for each reason.
fn skipped(what: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    if SAID
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(what.to_owned())
    {
        let line = format!("SKIPPED: {what} is not installed\n");
        // Not by `eprint!`, which libtest would keep.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}
