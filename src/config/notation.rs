//! Which notation a file is in.

use std::path::Path;

use super::node::Node;
use super::problem::Problem;
use super::{toml, yaml};

/// A notation that becomes a [`Node`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Notation {
    /// `.yaml`, `.yml`
    Yaml,
    /// `.toml`
    Toml,
}

impl Notation {
    /// The notation of a file by its extension, in any case; `None` for others, as in Traefik (traefik-providers 1.1).
    pub fn of_path(path: &Path) -> Option<Self> {
        // As Go cuts it: a file named `.yml` has an extension and nothing before it.
        let (_, extension) = path.file_name()?.to_str()?.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "yaml" | "yml" => Some(Self::Yaml),
            "toml" => Some(Self::Toml),
            _ => None,
        }
    }

    /// Reads a text. Errors: it is too big, not UTF-8, or not in this notation.
    pub fn parse(self, bytes: &[u8]) -> Result<Node, Problem> {
        match self {
            Self::Yaml => yaml::parse(bytes),
            Self::Toml => toml::parse(bytes),
        }
    }
}
