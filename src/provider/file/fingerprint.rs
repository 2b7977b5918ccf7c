//! Has anything changed? Answered from the file system's own data, whatever events were missed.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Source;

/// Two equal fingerprints mean that reading again would give the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint {
    source: u64,
    /// Of files that are named in there.
    pub(super) named: u64,
}

impl Fingerprint {
    /// The state of everything `source` would read, and of the files `named` in there. Missing files are a state too.
    pub(super) fn of(source: &Source, named: &[PathBuf]) -> Self {
        let mut hasher = DefaultHasher::new();
        match source.files() {
            Ok(files) => files.iter().for_each(|file| of_file(file, &mut hasher)),
            Err(problem) => problem.to_string().hash(&mut hasher),
        }
        let fingerprint = Self {
            source: hasher.finish(),
            named: 0,
        };
        fingerprint.naming(named)
    }

    /// The same, with other files named: as they are now.
    pub(super) fn naming(self, named: &[PathBuf]) -> Self {
        let mut hasher = DefaultHasher::new();
        named.iter().for_each(|file| of_file(file, &mut hasher));
        Self {
            named: hasher.finish(),
            ..self
        }
    }
}

/// Links are followed: a swapped link leads to another inode.
fn of_file(path: &Path, hasher: &mut DefaultHasher) {
    path.hash(hasher);
    if let Ok(metadata) = fs::metadata(path) {
        let of = |metadata: &fs::Metadata| {
            (
                metadata.dev(),
                metadata.ino(),
                metadata.size(),
                metadata.mode(),
                (metadata.mtime(), metadata.mtime_nsec()),
                (metadata.ctime(), metadata.ctime_nsec()),
            )
        };
        of(&metadata).hash(hasher);
    }
}

/// Which files have something in them. A writer in the middle of its work takes that away: whoever writes a
/// file in place first makes it empty, whoever replaces a directory first empties it.
#[derive(Debug)]
pub(super) struct Filled {
    filled: BTreeSet<PathBuf>,
    empty: BTreeSet<PathBuf>,
    no_files: bool,
}

impl Filled {
    /// The state of everything `source` would read.
    pub(super) fn of(source: &Source) -> Self {
        let has_bytes = |path: &PathBuf| {
            fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() > 0)
        };
        let files = source.files().unwrap_or_default();
        let no_files = files.is_empty();
        let (filled, others): (BTreeSet<_>, BTreeSet<_>) = files.into_iter().partition(has_bytes);
        let is_empty_file = |path: &PathBuf| fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
        Self {
            filled,
            empty: others.into_iter().filter(is_empty_file).collect(),
            no_files,
        }
    }

    /// Is a file empty that had something in it `before`, or a directory without files that had some?
    pub(super) fn lost_something_of(&self, before: &Self) -> bool {
        !self.empty.is_disjoint(&before.filled) || (self.no_files && !before.no_files)
    }
}
