//! What a request's cookie says about its server.

use super::Refusal;

/// What a request's cookie says about its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// No valid cookie of that name.
    Absent,
    /// A cookie whose value stands for no handler (any more).
    Unknown,
    /// A cookie that a level with signed cookies does not honour.
    Refused(Refusal),
    /// A handler, by position.
    Known {
        /// Position in the list the level was built from.
        index: usize,
        /// Is it in a form that is to be rewritten (traefik-core 1.1): an older one, or a plain one where cookies
        /// are signed?
        legacy: bool,
        /// When a signed cookie was issued: to be handed to [`super::Sticky::set_cookie`] if it is sent again.
        issued: Option<Issued>,
        /// Is the cookie to be sent again, for a sliding life or signed with the first key?
        renew: bool,
    },
}

impl Lookup {
    /// The same; a known handler's cookie is to be sent again if `renew`.
    pub(super) fn renewed_if(mut self, again: bool) -> Self {
        if let Self::Known { renew, .. } = &mut self {
            *renew = again;
        }
        self
    }
}

/// When the session of a signed cookie began, in unix seconds. Only a verified cookie holds one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Issued(pub(super) u32);

/// Whole unix seconds of unix milliseconds. Four bytes end in the year 2106, where time stands still.
pub(super) fn seconds(now_ms: u64) -> u32 {
    u32::try_from(now_ms / 1000).unwrap_or(u32::MAX)
}
