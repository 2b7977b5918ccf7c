//! What a conversion has to say.

use std::collections::BTreeMap;

use super::Container;
use crate::config::{self, Level, Remarks};

/// One thing to say about one container. The same containers give the same remarks in the same order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Remark {
    /// How much it matters.
    pub level: Level,
    /// The container, by its title.
    pub about: String,
    /// What there is to say.
    pub text: String,
}

/// The same, by what they are about.
#[must_use]
pub fn by_object(remarks: Vec<Remark>) -> Remarks {
    let mut objects: BTreeMap<String, Vec<config::Remark>> = BTreeMap::new();
    for Remark { level, about, text } in remarks {
        objects
            .entry(about)
            .or_default()
            .push(config::Remark { level, text });
    }
    objects.into_iter().collect()
}

/// Where remarks about one container are noted.
#[derive(Debug)]
pub(super) struct Notes<'n> {
    about: &'n str,
    remarks: &'n mut Vec<Remark>,
}

impl<'n> Notes<'n> {
    pub(super) fn of(container: &'n Container, remarks: &'n mut Vec<Remark>) -> Self {
        Self {
            about: &container.title,
            remarks,
        }
    }

    pub(super) fn add(&mut self, level: Level, text: impl Into<String>) {
        self.remarks.push(Remark {
            level,
            about: self.about.to_owned(),
            text: text.into(),
        });
    }

    pub(super) fn error(&mut self, text: impl Into<String>) {
        self.add(Level::Error, text);
    }

    pub(super) fn warn(&mut self, text: impl Into<String>) {
        self.add(Level::Warn, text);
    }
}
