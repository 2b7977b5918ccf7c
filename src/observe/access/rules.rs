//! What becomes of each field (`accessLog.fields`).

use std::collections::HashMap;

use crate::config::install::access_log::{self, FieldHeaders, Mode};

/// Rules for fields, headers and parameters of queries.
#[derive(Debug, Default)]
pub(super) struct Rules {
    default: Mode,
    names: HashMap<Box<str>, Mode>,
    header_default: Mode,
    /// By name in lower case.
    headers: HashMap<Box<str>, Mode>,
    query: Mode,
}

impl Rules {
    pub(super) fn new(written: Option<&access_log::Fields>) -> Self {
        let nothing = access_log::Fields::default();
        let written = written.unwrap_or(&nothing);
        let of_headers = FieldHeaders::default();
        let headers = written.headers.as_ref().unwrap_or(&of_headers);
        Self {
            default: written.default_mode,
            names: written
                .names
                .iter()
                .map(|(name, mode)| (name.as_str().into(), *mode))
                .collect(),
            header_default: headers.default_mode,
            headers: headers
                .names
                .iter()
                .map(|(name, mode)| (name.to_ascii_lowercase().into(), *mode))
                .collect(),
            query: written
                .query_parameters
                .as_ref()
                .map(|parameters| parameters.default_mode)
                .unwrap_or_default(),
        }
    }

    /// Of the field called `name`.
    pub(super) fn of(&self, name: &str) -> Mode {
        match self.names.is_empty() {
            true => self.default,
            false => self.names.get(name).copied().unwrap_or(self.default),
        }
    }

    /// Of the header called `name` (in lower case).
    pub(super) fn of_header(&self, name: &str) -> Mode {
        self.headers.get(name).copied().unwrap_or(self.header_default)
    }

    /// Of the values of a query.
    pub(super) fn of_query(&self) -> Mode {
        self.query
    }

    /// Is any header logged?
    pub(super) fn wants_headers(&self) -> bool {
        self.header_default != Mode::Drop || self.headers.values().any(|mode| *mode != Mode::Drop)
    }
}
