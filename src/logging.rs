//! The log: where lines go and which are written (`log` of the static configuration).

use std::fs::{File, OpenOptions};
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::config::install::Log;

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum InvalidLog {
    /// `log.level`.
    #[error("log.level {0:?} is unknown; use TRACE, DEBUG, INFO, WARN, ERROR, FATAL or PANIC")]
    Level(String),
    /// `log.format`.
    #[error("log.format {0:?} is unknown; use common or json")]
    Format(String),
    /// `log.filePath`.
    #[error("log.filePath {path:?} cannot be opened: {reason}")]
    File {
        /// The path.
        path: String,
        /// What the system said.
        reason: io::Error,
    },
    /// Started twice in one process.
    #[error("the log is in use already")]
    Twice,
}

/// Looks whether [`start`] would know what is written, without starting anything.
///
/// # Errors
/// When a level or a format is none.
pub fn check(log: &Log) -> Result<(), InvalidLog> {
    filter(&log.level)?;
    match log.format.as_str() {
        "" | "common" | "json" => Ok(()),
        other => Err(InvalidLog::Format(other.to_owned())),
    }
}

/// Starts the log of the process.
///
/// # Errors
/// When a setting cannot be honoured.
pub fn start(log: &Log) -> Result<(), InvalidLog> {
    let filter = filter(&log.level)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer(log)?);
    let is_terminal = log.file_path.is_empty() && io::IsTerminal::is_terminal(&io::stderr());
    let builder = builder.with_ansi(is_terminal && !log.no_color).with_target(false);
    let started = match log.format.as_str() {
        "" | "common" => builder.try_init(),
        "json" => builder.json().try_init(),
        other => return Err(InvalidLog::Format(other.to_owned())),
    };
    started.map_err(|_| InvalidLog::Twice)
}

/// Piton's own lines from `level` on; of Pingora, which reports every lost client as an error, only what
/// keeps it from working.
fn filter(level: &str) -> Result<EnvFilter, InvalidLog> {
    let level = match level.to_ascii_uppercase().as_str() {
        "TRACE" => "trace",
        "DEBUG" => "debug",
        "" | "INFO" => "info",
        "WARN" => "warn",
        "ERROR" | "FATAL" | "PANIC" => "error",
        _ => return Err(InvalidLog::Level(level.to_owned())),
    };
    // Its DEBUG is a dump of every request.
    let pingora = match level {
        "trace" => "trace",
        "debug" => "info",
        _ => "off",
    };
    // What keeps Pingora from starting is worth a line at any level; that an upgrade takes a moment is not.
    // kube repeats whole answers that it does not understand, secrets among them.
    let filter = format!(
        "{level},pingora_core={pingora},pingora_core::server=error,pingora_core::server::transfer_fd={pingora},pingora_proxy={pingora},pingora_load_balancing={pingora},pingora_pool={pingora},kube_client=off"
    );
    Ok(EnvFilter::new(filter))
}

fn writer(log: &Log) -> Result<BoxMakeWriter, InvalidLog> {
    if log.file_path.is_empty() {
        return Ok(BoxMakeWriter::new(io::stderr));
    }
    let file = OpenOptions::new().create(true).append(true).open(&log.file_path);
    let file = file.map_err(|reason| InvalidLog::File {
        path: log.file_path.clone(),
        reason,
    })?;
    let path = std::path::absolute(&log.file_path).unwrap_or_else(|_| PathBuf::from(&log.file_path));
    let opened = OPENED.get_or_init(|| Opened {
        path,
        file: Mutex::new(file),
    });
    Ok(BoxMakeWriter::new(|| Line(opened)))
}

/// The file that the log of the process goes to.
static OPENED: OnceLock<Opened> = OnceLock::new();

struct Opened {
    path: PathBuf,
    file: Mutex<File>,
}

/// Writes one line to the file that is open now.
struct Line(&'static Opened);

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens the log's file anew, if there is one: whoever rotates it has moved it away.
pub fn reopen() {
    let Some(opened) = OPENED.get() else { return };
    match OpenOptions::new().create(true).append(true).open(&opened.path) {
        Ok(again) => *opened.file.lock().unwrap_or_else(PoisonError::into_inner) = again,
        Err(error) => tracing::error!("log.filePath {:?} stays as it was: {error}", opened.path),
    }
}
