//! Why an engine could not be asked.

use std::time::Duration;

/// Why there is no answer, or none that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// No connection.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// The connection broke.
    #[error("{path}: the connection broke: {reason}")]
    Broken {
        /// What was asked for.
        path: String,
        /// Why.
        reason: String,
    },
    /// No answer in time.
    #[error("{path}: no answer within {limit:?}")]
    TimedOut {
        /// What was asked for.
        path: String,
        /// How long was waited.
        limit: Duration,
    },
    /// An answer that is an error.
    #[error("{path}: status {status}: {message}")]
    Refused {
        /// What was asked for.
        path: String,
        /// HTTP status.
        status: u16,
        /// The engine's words, cut.
        message: String,
    },
    /// An answer that is none of an engine.
    #[error("{path}: not the answer of an engine: {reason}")]
    Garbage {
        /// What was asked for.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl EngineError {
    /// Did the engine say that there is no such thing?
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// Was the question refused, whatever the answer would be? A proxy in front of the engine does that; trouble of the
    /// engine itself is none of this.
    #[must_use]
    pub const fn is_denied(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                status: 400..=499,
                ..
            }
        )
    }
}
