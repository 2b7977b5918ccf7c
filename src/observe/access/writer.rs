//! The thread that writes lines, and the buffers it takes them from.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use crate::config::install::AccessLog;
use crate::meter::{ROWS, row};
use crate::observe::metrics::DROPPED_LINES;

/// How long lines are collected after the first of them.
const COLLECT: Duration = Duration::from_millis(2);

/// How often it is looked whether everything is written.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Takes lines from every thread.
#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    thread: Thread,
    _handle: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    buffers: [Mutex<Buffer>; ROWS],
    /// Lines that may wait in one buffer.
    most_lines: u64,
    /// Something was written since the thread looked last.
    is_stirred: AtomicBool,
    is_reopened: AtomicBool,
    /// Bytes that were given, and those that were written or lost.
    given: AtomicU64,
    done: AtomicU64,
}

/// Lines of one thread.
#[derive(Debug, Default)]
struct Buffer {
    bytes: Vec<u8>,
    lines: u64,
}

/// Where lines go.
#[derive(Debug)]
enum Sink {
    Stdout,
    File { path: PathBuf, file: File },
}

impl Sink {
    fn open(path: &str) -> io::Result<Self> {
        if path.is_empty() {
            return Ok(Self::Stdout);
        }
        // In the background the working directory is another one.
        let path = std::path::absolute(path)?;
        let file = open(&path)?;
        Ok(Self::File { path, file })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(bytes)?;
                out.flush()
            }
            Self::File { file, .. } => file.write_all(bytes),
        }
    }

    /// The file of this name, which may be another one by now.
    fn reopen(&mut self) {
        if let Self::File { path, file } = self {
            match open(path) {
                Ok(again) => *file = again,
                Err(error) => {
                    tracing::error!("the access log {path:?} stays as it was: it cannot be opened: {error}");
                }
            }
        }
    }
}

/// Read and write, so that a pipe that nobody reads does not keep the process from starting.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let is_pipe = path.metadata().is_ok_and(|it| !it.is_file() && !it.is_dir());
    options.append(true).create(true).read(is_pipe).mode(0o640);
    options.open(path)
}

impl Writer {
    /// Opens `path` (empty: standard output) and starts the thread. `most_lines` may wait per buffer; 0 means that only
    /// their size counts.
    pub(super) fn open(path: &str, most_lines: u64) -> io::Result<Self> {
        let sink = Sink::open(path)?;
        let shared = Arc::new(Shared {
            buffers: std::array::from_fn(|_| Mutex::default()),
            most_lines: if most_lines == 0 { u64::MAX } else { most_lines },
            is_stirred: AtomicBool::new(false),
            is_reopened: AtomicBool::new(false),
            given: AtomicU64::new(0),
            done: AtomicU64::new(0),
        });
        let of_thread = Arc::clone(&shared);
        let handle = thread::Builder::new()
            .name("access log".to_owned())
            .spawn(move || of_thread.run(sink))?;
        Ok(Self {
            shared,
            thread: handle.thread().clone(),
            _handle: handle,
        })
    }

    /// Adds the line that `write` makes; drops it when too many wait.
    pub(super) fn write(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let shared = &*self.shared;
        let Some(buffer) = shared.buffers.get(row()) else {
            return;
        };
        // Held by this thread, and for a moment by the one that swaps the bytes out.
        let mut buffer = buffer.lock().unwrap_or_else(PoisonError::into_inner);
        if buffer.bytes.len() >= AccessLog::WAITING_BYTES || buffer.lines >= shared.most_lines {
            drop(buffer);
            return lose(1);
        }
        let before = buffer.bytes.len();
        write(&mut buffer.bytes);
        buffer.lines += 1;
        let given = (buffer.bytes.len() - before) as u64;
        shared.given.fetch_add(given, Ordering::Release);
        drop(buffer);
        if !shared.is_stirred.swap(true, Ordering::AcqRel) {
            self.thread.unpark();
        }
    }

    pub(super) fn reopen(&self) {
        self.shared.is_reopened.store(true, Ordering::Release);
        self.thread.unpark();
    }

    pub(super) fn flush(&self, patience: Duration) {
        let begin = Instant::now();
        let given = self.shared.given.load(Ordering::Acquire);
        while self.shared.done.load(Ordering::Acquire) < given && begin.elapsed() < patience {
            self.thread.unpark();
            thread::sleep(LOOK_EVERY);
        }
    }
}

impl Shared {
    fn run(&self, mut sink: Sink) {
        let mut taken = Vec::new();
        loop {
            if !self.is_stirred.swap(false, Ordering::AcqRel) && !self.is_reopened.load(Ordering::Acquire) {
                thread::park();
                continue;
            }
            thread::sleep(COLLECT);
            // Asked before the lines are taken: those that were given before it go to the old file.
            let is_reopened = self.is_reopened.swap(false, Ordering::AcqRel);
            for buffer in &self.buffers {
                {
                    let mut buffer = buffer.lock().unwrap_or_else(PoisonError::into_inner);
                    std::mem::swap(&mut buffer.bytes, &mut taken);
                    buffer.lines = 0;
                }
                if let Err(error) = sink.write(&taken) {
                    let lost = taken.iter().filter(|byte| **byte == b'\n').count();
                    lose(lost as u64);
                    tracing::error!(lost, "lines of the access log could not be written: {error}");
                }
                self.done.fetch_add(taken.len() as u64, Ordering::Release);
                taken.clear();
            }
            if is_reopened {
                sink.reopen();
            }
        }
    }
}

/// Counts lines that will not be written; said when their count doubles. Not by the thread that writes: that one hangs.
fn lose(lines: u64) {
    let before = DROPPED_LINES.fetch_add(lines, Ordering::Relaxed);
    let dropped = before + lines;
    if before.checked_ilog2() != dropped.checked_ilog2() {
        tracing::warn!(dropped, "the access log is too slow: lines were dropped");
    }
}
