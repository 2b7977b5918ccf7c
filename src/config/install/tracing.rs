//! `tracing`: spans of requests, for a collector that speaks OpenTelemetry.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::config::{AllowEmpty, Secret};

/// `tracing`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Tracing {
    /// The attribute `service.name` of all spans.
    pub service_name: String,
    /// Further attributes of the process.
    pub resource_attributes: BTreeMap<String, String>,
    /// Share of the traces begun here that are sent, from 0 to 1. A client that began one has decided itself.
    pub sample_rate: f64,
    /// Parameters of queries whose values may be told.
    pub safe_query_params: Vec<String>,
    /// Headers of requests that become attributes.
    pub captured_request_headers: Vec<String>,
    /// Headers of answers that become attributes.
    pub captured_response_headers: Vec<String>,
    /// Trace requests that piton answers itself, too (`/ping`, `/metrics`, `/api`).
    pub add_internals: bool,
    /// Where spans are sent.
    pub otlp: AllowEmpty<Otlp>,
}

impl Default for Tracing {
    fn default() -> Self {
        Self {
            service_name: "piton".to_owned(),
            resource_attributes: BTreeMap::new(),
            sample_rate: 1.0,
            safe_query_params: Vec::new(),
            captured_request_headers: Vec::new(),
            captured_response_headers: Vec::new(),
            add_internals: false,
            otlp: AllowEmpty::absent(),
        }
    }
}

impl Tracing {
    /// How the collector is spoken to.
    #[must_use]
    pub fn http(&self) -> OtlpHttp {
        let http = self.otlp.as_ref().and_then(|otlp| otlp.http.as_ref());
        http.cloned().unwrap_or_default()
    }
}

/// `tracing.otlp`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Otlp {
    /// OTLP over HTTP.
    pub http: AllowEmpty<OtlpHttp>,
}

/// `tracing.otlp.http`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OtlpHttp {
    /// The collector, as a URL.
    pub endpoint: String,
    /// Further fields of the requests to it.
    pub headers: BTreeMap<String, Secret>,
}

impl Default for OtlpHttp {
    fn default() -> Self {
        Self {
            endpoint: "http://localhost:4318/v1/traces".to_owned(),
            headers: BTreeMap::new(),
        }
    }
}
