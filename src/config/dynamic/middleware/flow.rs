//! Middlewares that limit, repeat, collect and compress (traefik-core 7.2).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::access::{AuthTls, IpStrategy};
use crate::config::{Span, encode};

/// `chain`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Chain {
    /// Names of middlewares, applied from left to right.
    pub middlewares: Vec<String>,
}

/// `buffering`; sizes in bytes, 0 means no limit.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Buffering {
    /// Largest request body.
    pub max_request_body_bytes: i64,
    /// Request bytes kept in memory before the disk is used.
    pub mem_request_body_bytes: i64,
    /// Largest response body.
    pub max_response_body_bytes: i64,
    /// Response bytes kept in memory before the disk is used.
    pub mem_response_body_bytes: i64,
    /// When to try again.
    pub retry_expression: String,
}

/// `circuitBreaker`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CircuitBreaker {
    /// When it opens.
    pub expression: String,
    /// Time between looks at the expression.
    #[serde(serialize_with = "encode::always")]
    pub check_period: Span,
    /// Time it stays open.
    #[serde(serialize_with = "encode::always")]
    pub fallback_duration: Span,
    /// Time in which traffic returns.
    #[serde(serialize_with = "encode::always")]
    pub recovery_duration: Span,
    /// Status while open.
    #[serde(serialize_with = "encode::always")]
    pub response_code: u16,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self {
            expression: String::new(),
            check_period: Span::milliseconds(100),
            fallback_duration: Span::seconds(10),
            recovery_duration: Span::seconds(10),
            response_code: 503,
        }
    }
}

/// `compress`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Compress {
    /// Types left alone.
    pub excluded_content_types: Vec<String>,
    /// The only types compressed.
    pub included_content_types: Vec<String>,
    /// Smallest body compressed, in bytes; 0 means 1024.
    pub min_response_body_bytes: i64,
    /// Encodings by preference; empty means gzip, br, zstd.
    pub encodings: Vec<String>,
    /// Encoding for requests without `Accept-Encoding`; empty means none.
    pub default_encoding: String,
}

/// `errors`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Errors {
    /// Codes and ranges replaced: `500`, `500-504`.
    pub status: Vec<String>,
    /// New status, by code or range.
    pub status_rewrites: BTreeMap<String, u16>,
    /// Service that has the pages.
    pub service: String,
    /// Path and query asked of it, with `{status}`, `{originalStatus}`, `{url}`.
    pub query: String,
    /// Fields of the request it is shown.
    pub error_request_headers: Option<Vec<String>>,
}

/// `grpcWeb`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GrpcWeb {
    /// Origins let in; `*` means all.
    pub allow_origins: Vec<String>,
}

/// `inFlightReq`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InFlightReq {
    /// Requests at the same time.
    pub amount: i64,
    /// Whose requests are counted together; absent means one host's.
    pub source_criterion: Option<SourceCriterion>,
}

/// Whose requests are counted together; at most one field shall be present.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SourceCriterion {
    /// One client address's.
    pub ip_strategy: Option<IpStrategy>,
    /// Those with the same value of this field.
    pub request_header_name: String,
    /// Those for the same host.
    pub request_host: bool,
}

/// `rateLimit`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RateLimit {
    /// Requests per period; 0 means no limit.
    pub average: i64,
    /// The period.
    #[serde(serialize_with = "encode::always")]
    pub period: Span,
    /// Requests that may come at once.
    #[serde(serialize_with = "encode::always")]
    pub burst: i64,
    /// Whose requests are counted together; absent means one client address's.
    pub source_criterion: Option<SourceCriterion>,
    /// Counts shared with other instances.
    pub redis: Option<Redis>,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            average: 0,
            period: Span::seconds(1),
            burst: 1,
            source_criterion: None,
            redis: None,
        }
    }
}

/// `rateLimit.redis`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Redis {
    /// `host:port`.
    #[serde(serialize_with = "encode::always")]
    pub endpoints: Vec<String>,
    /// TLS towards it.
    pub tls: Option<AuthTls>,
    /// User name.
    pub username: String,
    /// Password.
    #[serde(serialize_with = "encode::hidden")]
    pub password: String,
    /// Number of the database.
    pub db: i64,
    /// Connections per CPU; 0 means 10.
    pub pool_size: i64,
    /// Idle connections kept.
    pub min_idle_conns: i64,
    /// Most connections; 0 means no limit.
    pub max_active_conns: i64,
    /// Time to read; absent means 3s.
    pub read_timeout: Option<Span>,
    /// Time to write; absent means 3s.
    pub write_timeout: Option<Span>,
    /// Time to connect; absent means 5s.
    pub dial_timeout: Option<Span>,
}

impl Default for Redis {
    fn default() -> Self {
        Self {
            endpoints: vec!["127.0.0.1:6379".to_owned()],
            tls: None,
            username: String::new(),
            password: String::new(),
            db: 0,
            pool_size: 0,
            min_idle_conns: 0,
            max_active_conns: 0,
            read_timeout: None,
            write_timeout: None,
            dial_timeout: None,
        }
    }
}

/// `retry`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Retry {
    /// Tries in all, the first included; required.
    pub attempts: i64,
    /// Time before the second try; 0 means none.
    pub initial_interval: Span,
    /// Time for all tries; 0 means no limit.
    pub timeout: Span,
    /// Largest body kept for a repeat, in bytes; negative means no limit.
    #[serde(serialize_with = "encode::always")]
    pub max_request_body_bytes: i64,
    /// Codes and ranges tried again.
    pub status: Vec<String>,
    /// Do not try again when the server was not reached.
    pub disable_retry_on_network_error: bool,
    /// Try POST, PATCH and LOCK again too.
    pub retry_non_idempotent_method: bool,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 0,
            initial_interval: Span::ZERO,
            timeout: Span::ZERO,
            max_request_body_bytes: 2 * 1024 * 1024,
            status: Vec::new(),
            disable_retry_on_network_error: false,
            retry_non_idempotent_method: false,
        }
    }
}
