//! Stickiness of one level: the cookie that names a server or a child, and what happens when that is lost.

use http::HeaderValue;

use super::Ask;
use crate::config::dynamic::http::OnLoss;
use crate::sticky::{Lookup, Sticky, Verdict};

/// A sticky level.
#[derive(Debug)]
pub struct Level {
    sticky: Sticky,
    on_loss: OnLoss,
}

/// Whom a request's cookie names.
#[derive(Debug)]
pub(super) struct Bond {
    /// Its position on the level.
    pub(super) index: u32,
    /// `Set-Cookie` for staying there, where the cookie has an older form or is to be renewed.
    pub(super) rewritten: Option<HeaderValue>,
    /// What the cookie alone says.
    pub(super) verdict: Verdict,
    /// Is it to be renewed? Then also while another one stands in, or the session would expire on its detour.
    renews: bool,
}

impl Bond {
    /// `Set-Cookie` that keeps the session alive while another one stands in.
    pub(super) fn renewal(self) -> Option<HeaderValue> {
        self.rewritten.filter(|_| self.renews)
    }
}

impl Level {
    /// A level whose cookie is `sticky`.
    #[must_use]
    pub fn new(sticky: Sticky, on_loss: OnLoss) -> Self {
        Self { sticky, on_loss }
    }

    /// The cookie.
    #[must_use]
    pub fn sticky(&self) -> &Sticky {
        &self.sticky
    }

    /// What happens when the one a cookie names cannot be used.
    pub(super) fn on_loss(&self) -> OnLoss {
        self.on_loss
    }

    /// Whom the request's cookie names, if anyone.
    ///
    /// # Errors
    /// What is to be said of a cookie that names nobody.
    pub(super) fn bond(&self, ask: &Ask<'_>) -> Result<Bond, Verdict> {
        let lookup = self.sticky.find(ask.headers, ask.wall);
        let verdict = Verdict::from(lookup);
        let Lookup::Known {
            index,
            legacy,
            issued,
            renew,
        } = lookup
        else {
            return Err(verdict);
        };
        let rewritten = || self.sticky.set_cookie(index, ask.wall, issued);
        Ok(Bond {
            index: u32::try_from(index).map_err(|_| Verdict::Unknown)?,
            rewritten: (legacy || renew).then(rewritten).flatten(),
            verdict,
            renews: renew,
        })
    }

    /// The `Set-Cookie` that binds a new session to `index`.
    pub(super) fn bind(&self, index: u32, ask: &Ask<'_>) -> Option<HeaderValue> {
        self.sticky.set_cookie(index as usize, ask.wall, None)
    }
}
