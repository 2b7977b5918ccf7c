//! What became of every item of a configuration: for the log, the API and `piton -t`.

use std::collections::BTreeMap;
use std::fmt;

use crate::config::{Named, Remarks};
use crate::tls::Tls;

/// What became of one item.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// In use as written.
    #[default]
    Enabled,
    /// In use, but something about it has no effect or is probably not meant.
    Warning,
    /// Not in use.
    Disabled,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Enabled => "enabled",
            Self::Warning => "warning",
            Self::Disabled => "disabled",
        })
    }
}

/// Why an item is not simply enabled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// What it alone makes of the item.
    pub status: Status,
    /// Where: the key path within the item, such as `servers[1].url`; empty for the whole item.
    pub key: String,
    /// What is wrong and what would be right.
    pub text: String,
}

/// One router, service or middleware, with the reasons of its status.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Item {
    /// Empty when enabled.
    pub reasons: Vec<Reason>,
}

impl Item {
    /// What became of it.
    #[must_use]
    pub fn status(&self) -> Status {
        self.reasons
            .iter()
            .map(|reason| reason.status)
            .max()
            .unwrap_or_default()
    }

    /// Notes something about `key` that does not keep the item from working.
    pub fn warn(&mut self, key: impl Into<String>, text: impl Into<String>) {
        self.note(Status::Warning, key.into(), text.into());
    }

    /// Notes why the item cannot be used.
    pub fn disable(&mut self, key: impl Into<String>, text: impl Into<String>) {
        self.note(Status::Disabled, key.into(), text.into());
    }

    fn note(&mut self, status: Status, key: String, text: String) {
        self.reasons.push(Reason { status, key, text });
    }
}

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A router.
    Router,
    /// A service.
    Service,
    /// A certificate, a set of options, or what routers say about them.
    Tls,
    /// A middleware.
    Middleware,
}

/// Everything that was compiled, by qualified name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Routers.
    pub routers: Named<Item>,
    /// Services.
    pub services: Named<Item>,
    /// Certificates and options of TLS; those about which there is nothing to say are left out.
    pub tls: Named<Item>,
    /// Middlewares.
    pub middlewares: Named<Item>,
    /// Things about the whole configuration.
    pub notes: Vec<String>,
    /// What each provider has to say about what it reads.
    pub remarks: BTreeMap<String, Remarks>,
}

impl Report {
    /// Every reason with the item it is about.
    pub fn reasons(&self) -> impl Iterator<Item = (Kind, &str, &Reason)> + '_ {
        let routers = self.routers.iter().map(|(name, item)| (Kind::Router, name, item));
        let services = self
            .services
            .iter()
            .map(|(name, item)| (Kind::Service, name, item));
        let middlewares = self.middlewares.iter();
        let middlewares = middlewares.map(|(name, item)| (Kind::Middleware, name, item));
        let tls = self.tls.iter().map(|(name, item)| (Kind::Tls, name, item));
        let all = routers.chain(services).chain(middlewares).chain(tls);
        all.flat_map(|(kind, name, item)| {
            let reasons = item.reasons.iter();
            reasons.map(move |reason| (kind, &**name, reason))
        })
    }

    /// One line per reason and note, for the log.
    pub fn lines(&self) -> impl Iterator<Item = (Status, String)> + '_ {
        let reasons = self.reasons();
        let reasons = reasons.map(|(kind, name, reason)| (reason.status, line(kind, name, reason)));
        reasons.chain(self.notes.iter().map(|note| (Status::Warning, note.clone())))
    }

    /// Lines that `before` did not have.
    #[must_use]
    pub fn fresh_lines(&self, before: &Self) -> Vec<(Status, String)> {
        let of = |kind: Kind, old: &Named<Item>, new: &Named<Item>| -> Vec<(Status, String)> {
            let differences = old.differences(new).flat_map(|difference| {
                let known = difference.before().map_or(&[][..], |item| &item.reasons);
                let reasons = difference.now().map_or(&[][..], |item| &item.reasons);
                let fresh = reasons.iter().filter(|reason| !known.contains(reason));
                fresh.map(move |reason| (reason.status, line(kind, difference.name(), reason)))
            });
            differences.collect()
        };
        let mut lines = of(Kind::Router, &before.routers, &self.routers);
        lines.extend(of(Kind::Service, &before.services, &self.services));
        lines.extend(of(Kind::Middleware, &before.middlewares, &self.middlewares));
        lines.extend(of(Kind::Tls, &before.tls, &self.tls));
        let notes = self.notes.iter().filter(|note| !before.notes.contains(note));
        lines.extend(notes.map(|note| (Status::Warning, note.clone())));
        lines
    }
}

/// What is to be said about TLS, by item.
pub(super) fn of_tls(tls: &Tls, conflicts: &Named<Item>) -> Named<Item> {
    let mut items: BTreeMap<&str, Item> = BTreeMap::new();
    for finding in tls.findings() {
        let item = items.entry(&finding.item).or_default();
        match finding.is_error {
            true => item.disable(&*finding.key, &*finding.text),
            false => item.warn(&*finding.key, &*finding.text),
        }
    }
    let mut report = conflicts.clone();
    for (name, item) in items {
        report.insert(name, item);
    }
    report
}

fn line(kind: Kind, name: &str, reason: &Reason) -> String {
    let kind = match kind {
        Kind::Router => "router",
        Kind::Service => "service",
        Kind::Tls => "tls",
        Kind::Middleware => "middleware",
    };
    let dot = if reason.key.is_empty() { "" } else { " " };
    format!(
        "{kind} {name}{dot}{}: {} ({})",
        reason.key, reason.text, reason.status
    )
}
