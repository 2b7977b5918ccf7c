//! The file provider (traefik-core 5.3, traefik-providers 1): one file, or a directory of files.

mod fingerprint;
mod load;
mod places;
mod watch;

pub use load::{Loaded, Source};
pub use places::Places;
pub use watch::Watcher;

/// The part behind the `@` of everything that comes from files.
pub const NAME: &str = "file";
