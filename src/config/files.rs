//! Files that a configuration names: keys and certificates. Reading them is an edge's business; rings 0 and 1
//! are handed this.

use std::fmt::Debug;

/// Where the content of named files comes from.
pub trait Files: Debug + Send + Sync {
    /// The whole content of the file at `path`.
    ///
    /// # Errors
    /// Why it cannot be had, in words for the one who wrote the path; never with any of its content.
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;

    /// May everybody on the machine read the file at `path`? No where that cannot be told.
    fn is_exposed(&self, _path: &str) -> bool {
        false
    }
}

/// No file can be read: for configurations that name none.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        Err(format!("{path:?} cannot be read here"))
    }
}
