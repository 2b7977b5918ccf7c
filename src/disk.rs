//! The disk as configuration uses it: whole regular files of bounded size.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::{Files, Problem};

/// Largest file that is read, in bytes.
const MAX_FILE: u64 = 8 * 1024 * 1024;

/// Reads a regular file of bounded size; anything else could block or never end.
///
/// # Errors
/// When it is not such a file, or cannot be read.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, Problem> {
    read(path).map_err(|reason| Problem::error("", reason).in_file(&Arc::from(path)))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: io::Error| format!("cannot be read: {error}");
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err("is not a regular file".to_owned());
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(format!("is larger than {} MiB", MAX_FILE / 1024 / 1024));
    }
    Ok(bytes)
}

/// Files that a configuration names, relative to the directory piton was started in (Traefik's rule). That
/// directory is remembered: in the background the working directory is another one.
#[derive(Debug)]
pub struct Disk {
    base: PathBuf,
}

impl Disk {
    /// Relative to the working directory of now.
    #[must_use]
    pub fn here() -> Self {
        Self {
            base: std::env::current_dir().unwrap_or_default(),
        }
    }

    /// Where the file is that is named `path`.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        self.base.join(path)
    }
}

impl Files for Disk {
    /// Only everybody counts: that a group may read a key is meant (`ssl-cert`, `fsGroup`).
    fn is_exposed(&self, path: &str) -> bool {
        let metadata = fs::metadata(self.path(path));
        metadata.is_ok_and(|metadata| metadata.mode() & 0o004 != 0)
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        read(&self.path(path)).map_err(|reason| format!("{path:?} {reason}"))
    }
}
