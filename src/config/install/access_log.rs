//! `accessLog`: a line for each request (traefik-core 5.4, 9.2).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::Deserialize;

use crate::config::Span;

/// `accessLog`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessLog {
    /// File; empty means standard output.
    pub file_path: String,
    /// `common`, `genericCLF` or `json`.
    pub format: String,
    /// Lines that may wait to be written, per thread; 0 means as many as fit into [`Self::WAITING_BYTES`].
    pub buffering_size: u64,
    /// Log requests that piton answers itself, too.
    pub add_internals: bool,
    /// Traefik would write to standard output as well when it sends lines to a collector; without effect.
    pub dual_output: bool,
    /// Which requests are logged; any that says yes is enough.
    pub filters: Option<Filters>,
    /// What is said of them.
    pub fields: Option<Fields>,
}

impl AccessLog {
    /// Bytes of lines that may wait to be written, per thread.
    pub const WAITING_BYTES: usize = 1024 * 1024;

    /// Known formats.
    pub const FORMATS: [&'static str; 3] = ["common", "genericCLF", "json"];
}

impl Default for AccessLog {
    fn default() -> Self {
        Self {
            file_path: String::new(),
            format: "common".to_owned(),
            buffering_size: 0,
            add_internals: false,
            dual_output: false,
            filters: None,
            fields: None,
        }
    }
}

/// `accessLog.filters`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Filters {
    /// Statuses and ranges of them.
    pub status_codes: Vec<String>,
    /// Requests that were tried more than once.
    pub retry_attempts: bool,
    /// Requests that took longer; 0 means none.
    pub min_duration: Span,
}

/// `accessLog.fields`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Fields {
    /// What becomes of fields without a rule of their own.
    pub default_mode: Mode,
    /// Rules by field.
    pub names: BTreeMap<String, Mode>,
    /// Rules for headers.
    pub headers: Option<FieldHeaders>,
    /// Rules for the parameters of queries.
    pub query_parameters: Option<QueryParameters>,
}

/// `accessLog.fields.headers`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FieldHeaders {
    /// What becomes of headers without a rule of their own.
    pub default_mode: Mode,
    /// Rules by header, in any case.
    pub names: BTreeMap<String, Mode>,
}

impl Default for FieldHeaders {
    fn default() -> Self {
        Self {
            default_mode: Mode::Drop,
            names: BTreeMap::new(),
        }
    }
}

/// `accessLog.fields.queryParameters`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueryParameters {
    /// What becomes of the values in the query of `RequestPath`.
    pub default_mode: Mode,
}

/// What becomes of a field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// It is logged.
    #[default]
    Keep,
    /// It is left out.
    Drop,
    /// That it was there is logged: `REDACTED`.
    Redact,
}

/// A status, or a range of them, as it is written in a configuration: `503`, `500-504`.
#[must_use]
pub fn statuses(text: &str) -> Option<RangeInclusive<u16>> {
    let status = |text: &str| {
        let status: u16 = text.trim().parse().ok()?;
        (100..=999).contains(&status).then_some(status)
    };
    let range = match text.split_once('-') {
        Some((from, to)) => status(from)?..=status(to)?,
        None => status(text)?..=status(text)?,
    };
    (!range.is_empty()).then_some(range)
}
