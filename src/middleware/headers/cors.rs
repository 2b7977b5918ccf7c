//! Cross-origin requests.

use http::{HeaderName, HeaderValue, Method, StatusCode};
use regex::Regex;

use super::super::answer::Answer;
use super::super::message::{FieldName, Fields, Request, text};
use super::field;
use crate::config::dynamic::middleware::headers as wire;
use crate::rule::go_regexp;

const ALLOW_CREDENTIALS: FieldName = FieldName::known(
    "access-control-allow-credentials",
    "Access-Control-Allow-Credentials",
);
const ALLOW_HEADERS: FieldName =
    FieldName::known("access-control-allow-headers", "Access-Control-Allow-Headers");
const ALLOW_METHODS: FieldName =
    FieldName::known("access-control-allow-methods", "Access-Control-Allow-Methods");
const ALLOW_ORIGIN: FieldName =
    FieldName::known("access-control-allow-origin", "Access-Control-Allow-Origin");
const EXPOSE: FieldName = FieldName::known("access-control-expose-headers", "Access-Control-Expose-Headers");
const MAX_AGE: FieldName = FieldName::known("access-control-max-age", "Access-Control-Max-Age");
const VARY: FieldName = FieldName::known("vary", "Vary");
const REQUEST_METHOD: HeaderName = HeaderName::from_static("access-control-request-method");

/// What other origins may do.
#[derive(Debug)]
pub(super) struct Cors {
    credentials: bool,
    headers: Option<HeaderValue>,
    methods: Option<HeaderValue>,
    origins: Vec<String>,
    patterns: Vec<Regex>,
    expose: Option<HeaderValue>,
    max_age: HeaderValue,
    vary: bool,
}

impl Cors {
    /// `None` when nothing of it is written.
    pub(super) fn new(written: &wire::Headers) -> Result<Option<Self>, String> {
        let is_used = written.access_control_allow_credentials
            || !written.access_control_allow_headers.is_empty()
            || !written.access_control_allow_methods.is_empty()
            || !written.access_control_allow_origin_list.is_empty()
            || !written.access_control_allow_origin_list_regex.is_empty()
            || !written.access_control_expose_headers.is_empty()
            || written.access_control_max_age != 0
            || written.add_vary_header;
        if !is_used {
            return Ok(None);
        }
        let joined = |list: &[String], key: &str| {
            let joined = (!list.is_empty()).then(|| list.join(","));
            joined.map(|text| field(&text, key)).transpose()
        };
        let pattern = |pattern: &String| {
            go_regexp(pattern).map_err(|why| format!("error occurred during origin parsing: {why}"))
        };
        let patterns = written.access_control_allow_origin_list_regex.iter().map(pattern);
        Ok(Some(Self {
            credentials: written.access_control_allow_credentials,
            headers: joined(&written.access_control_allow_headers, "accessControlAllowHeaders")?,
            methods: joined(&written.access_control_allow_methods, "accessControlAllowMethods")?,
            origins: written.access_control_allow_origin_list.clone(),
            patterns: patterns.collect::<Result<_, _>>()?,
            expose: joined(
                &written.access_control_expose_headers,
                "accessControlExposeHeaders",
            )?,
            max_age: HeaderValue::from(written.access_control_max_age),
            vary: written.add_vary_header,
        }))
    }

    /// The answer to a browser that asks what it may do.
    pub(super) fn preflight(&self, request: &dyn Request) -> Option<Answer> {
        let origin = text(request.fields(), &http::header::ORIGIN);
        let is_preflight = *request.method() == Method::OPTIONS
            && !origin.is_empty()
            && !text(request.fields(), &REQUEST_METHOD).is_empty();
        if !is_preflight {
            return None;
        }
        let credentials = self.credentials.then(|| HeaderValue::from_static("true"));
        let fields = [
            (ALLOW_CREDENTIALS, credentials),
            (ALLOW_HEADERS, self.headers.clone()),
            (ALLOW_METHODS, self.methods.clone()),
            (ALLOW_ORIGIN, self.allowed(origin)),
            (MAX_AGE, Some(self.max_age.clone())),
        ];
        let written = fields
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        Some(
            written.fold(Answer::new(StatusCode::OK, ""), |answer, (name, value)| {
                answer.with(name, value)
            }),
        )
    }

    /// What is said of an origin, if it is allowed.
    fn allowed(&self, origin: &str) -> Option<HeaderValue> {
        let listed = self
            .origins
            .iter()
            .find(|listed| *listed == "*" || *listed == origin);
        let listed = listed.map(String::as_str);
        let matches = || self.patterns.iter().any(|pattern| pattern.is_match(origin));
        let said = listed.or_else(|| matches().then_some(origin))?;
        HeaderValue::from_str(said).ok()
    }

    pub(super) fn leave(&self, request: &dyn Request, response: &mut dyn Fields) {
        if let Some(origin) = self.allowed(text(request.fields(), &http::header::ORIGIN)) {
            response.set(&ALLOW_ORIGIN, origin);
        }
        if self.credentials {
            response.set(&ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        if let Some(expose) = &self.expose {
            response.set(&EXPOSE, expose.clone());
        }
        if self.vary {
            let vary = match text(response.fields(), VARY.name()) {
                "Origin" => return,
                "" => "Origin".to_owned(),
                other => format!("{other},Origin"),
            };
            if let Ok(vary) = HeaderValue::from_str(&vary) {
                response.set(&VARY, vary);
            }
        }
    }
}
