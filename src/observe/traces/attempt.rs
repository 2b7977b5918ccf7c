//! An attempt at a server, as a span of the client's side.

use std::sync::Arc;

use super::span::Attributes;
use super::told;
use crate::balance::{Micros, Server};

/// An attempt under way.
#[derive(Debug)]
pub(super) struct Attempt {
    span: u64,
    start: Micros,
    server: Arc<Server>,
    /// Attempts of the same request before.
    before: u32,
    /// What it is about; empty before it was sent.
    asked: Attributes,
    name: &'static str,
    status: Option<u16>,
}

/// One that is over.
pub(super) struct Over {
    pub(super) id: u64,
    pub(super) name: &'static str,
    pub(super) start: Micros,
    /// Its attributes, and whether it failed.
    pub(super) told: (Attributes, bool),
}

impl Attempt {
    pub(super) fn new(span: u64, server: Arc<Server>, start: Micros, before: u32) -> Self {
        Self {
            span,
            start,
            server,
            before,
            asked: Attributes::default(),
            name: told::UNKNOWN,
            status: None,
        }
    }

    pub(super) fn span(&self) -> u64 {
        self.span
    }

    /// Is another look at `server` a part of it? A connection that the server had closed meanwhile makes no new attempt.
    pub(super) fn goes_on_at(&self, server: &Arc<Server>) -> bool {
        self.status.is_none() && Arc::ptr_eq(&self.server, server)
    }

    /// It is sent.
    pub(super) fn asks_for(&mut self, method: &str, path: &str, query: Option<&str>) {
        let mut asked = Attributes::default();
        self.name = told::method(&mut asked, method);
        let base = self.server.upstream().base_path().unwrap_or_default();
        let (mark, query) = query.map_or(("", ""), |query| ("?", query));
        let authority = self.authority();
        let url = format!("{}://{authority}{base}{path}{mark}{query}", self.scheme());
        asked.text("url.full", &url);
        self.asked = asked;
    }

    pub(super) fn answered(&mut self, status: u16) {
        self.status = Some(status);
    }

    /// It is over; `reason` says why where there was no answer.
    pub(super) fn over(mut self, reason: &'static str) -> Over {
        let mut attributes = std::mem::take(&mut self.asked);
        told::authority(&mut attributes, self.authority(), self.scheme());
        if self.before > 0 {
            attributes.number("http.request.resend_count", self.before.into());
        }
        if let Some(status) = self.status {
            attributes.number("http.response.status_code", status.into());
        }
        let is_error = self.status.is_none_or(|status| status >= 400);
        match self.status {
            Some(status) if is_error => attributes.text("error.type", &status.to_string()),
            Some(_) => {}
            None => attributes.text("error.type", reason),
        }
        Over {
            id: self.span,
            name: self.name,
            start: self.start,
            told: (attributes, is_error),
        }
    }

    fn authority(&self) -> &str {
        self.server.upstream().host_header().to_str().unwrap_or_default()
    }

    fn scheme(&self) -> &'static str {
        match self.server.url().get(..6) {
            Some(start) if start.eq_ignore_ascii_case("https:") => "https",
            _ => "http",
        }
    }
}
