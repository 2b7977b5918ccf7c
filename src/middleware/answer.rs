//! Answers of middlewares, with Traefik's fields and bodies.

use bytes::Bytes;
use http::{HeaderValue, StatusCode};

use super::message::FieldName;

/// What a middleware answers in the place of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its fields, without those that frame it.
    pub fields: Vec<(FieldName, HeaderValue)>,
    /// Its body.
    pub body: Bytes,
}

const CONTENT_TYPE: FieldName = FieldName::known("content-type", "Content-Type");
const NOSNIFF: FieldName = FieldName::known("x-content-type-options", "X-Content-Type-Options");

impl Answer {
    /// A body and nothing about it.
    pub(super) fn new(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            fields: Vec::new(),
            body: body.into(),
        }
    }

    /// The body is the text of the status.
    pub(super) fn of_status(status: StatusCode) -> Self {
        Self::new(status, status.canonical_reason().unwrap_or_default())
    }

    /// With the two fields and the newline of Go's `http.Error`.
    pub(super) fn error(status: StatusCode, body: &str) -> Self {
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        Self::new(status, format!("{body}\n"))
            .with(CONTENT_TYPE, text)
            .with(NOSNIFF, HeaderValue::from_static("nosniff"))
    }

    /// The same with one more field.
    pub(super) fn with(mut self, name: FieldName, value: HeaderValue) -> Self {
        self.fields.push((name, value));
        self
    }
}
