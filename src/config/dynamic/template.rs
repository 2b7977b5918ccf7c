//! Traefik runs every dynamic file through Go's `text/template` (traefik-providers 1.2); piton does not.
//!
//! A file that needs it must not be read as if it did not: `{{` is refused wherever it stands, since Traefik would have
//! taken it as an action there, even in a comment.

use crate::config::problem::{Position, Problem};

/// The first `{{`, as an error.
pub(super) fn find(bytes: &[u8]) -> Option<Problem> {
    // Not UTF-8 is the reader's business.
    let text = std::str::from_utf8(bytes).ok()?;
    let byte = text.find("{{")?;
    let problem = Problem::error("", "Go templates ({{ ... }}) are not supported in configuration files")
        .at(Position::of_byte(text, byte))
        .hint("write the values out, or render the file before piton reads it (for example with gomplate or envsubst)");
    Some(problem)
}
