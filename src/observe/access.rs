//! The access log: a line for each request that is over (traefik-core 9.2).
//!
//! A worker writes its line into the buffer of its own thread and goes on. One thread of its own takes the buffers over
//! and writes them; when it is behind, lines are dropped and counted, and no request waits.

mod clf;
mod fields;
mod filter;
mod json;
mod rules;
mod time;
mod writer;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Ended;
use crate::config::install;
use fields::Fields;
use filter::Filter;
use rules::Rules;
use writer::Writer;

/// Why there is no access log.
#[derive(Debug, thiserror::Error)]
#[error("accessLog.filePath {path:?} cannot be opened: {reason}")]
pub struct InvalidAccessLog {
    /// The path.
    pub path: String,
    /// What the system said.
    pub reason: io::Error,
}

/// What a line looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Common,
    GenericClf,
    Json,
}

/// The access log of the process.
#[derive(Debug)]
pub struct AccessLog {
    format: Format,
    filter: Filter,
    rules: Rules,
    add_internals: bool,
    /// Requests so far, in the line or not.
    requests: AtomicU64,
    writer: Writer,
}

impl AccessLog {
    /// Opens it and starts the thread that writes.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub(super) fn open(written: &install::AccessLog) -> Result<Self, InvalidAccessLog> {
        let writer = Writer::open(&written.file_path, written.buffering_size);
        Ok(Self {
            format: match written.format.as_str() {
                "json" => Format::Json,
                "genericCLF" => Format::GenericClf,
                _ => Format::Common,
            },
            filter: Filter::new(written.filters.as_ref()),
            rules: Rules::new(written.fields.as_ref()),
            add_internals: written.add_internals,
            requests: AtomicU64::new(0),
            writer: writer.map_err(|reason| InvalidAccessLog {
                path: written.file_path.clone(),
                reason,
            })?,
        })
    }

    /// Does it want the server's header?
    #[must_use]
    pub fn wants_origin_headers(&self) -> bool {
        self.format == Format::Json && self.rules.wants_headers()
    }

    /// A request is over.
    pub(super) fn ended(&self, ended: &Ended<'_>) {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        if (ended.is_internal && !self.add_internals) || !self.filter.takes(ended) {
            return;
        }
        let fields = Fields::new(ended, number, &self.rules);
        self.writer.write(|line| match self.format {
            Format::Common => clf::write(line, &fields, true),
            Format::GenericClf => clf::write(line, &fields, false),
            Format::Json => json::write(line, &fields),
        });
    }

    /// Writes what waits and opens the file anew: whoever rotates it has moved it away.
    pub fn reopen(&self) {
        self.writer.reopen();
    }

    /// Waits until everything is written, for `patience` at most.
    pub fn flush(&self, patience: Duration) {
        self.writer.flush(patience);
    }
}

#[cfg(test)]
mod tests;
