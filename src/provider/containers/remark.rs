//! What a conversion has to say.

use super::Container;

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// A container, or a part of what it says, is left out.
    Error,
    /// It works, but probably not as meant.
    Warn,
    /// Worth knowing.
    Info,
    /// Why a container is not used, where that is as configured.
    Debug,
}

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
