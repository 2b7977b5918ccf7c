//! `entryPoints`: where connections are accepted (traefik-core 5.2).

use serde::Deserialize;

use crate::config::dynamic::http::{RouterObservability, RouterTls};
use crate::config::{AllowEmpty, Span};

/// One entry point.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EntryPoint {
    /// `[host]:port[/tcp|/udp]`; see [`parse_address`](super::parse_address).
    pub address: String,
    /// Routers that name no entry point use those with this mark.
    pub as_default: bool,
    /// Let several processes listen on the port.
    pub reuse_port: bool,
    /// Leave ACME challenges to routers.
    #[serde(rename = "allowACMEByPass")]
    pub allow_acme_by_pass: bool,
    /// Times and limits of connections.
    pub transport: Transport,
    /// Whose PROXY protocol header is believed.
    pub proxy_protocol: AllowEmpty<ProxyProtocol>,
    /// Whose `X-Forwarded-*` is believed.
    pub forwarded_headers: ForwardedHeaders,
    /// Requests.
    pub http: HttpOptions,
    /// HTTP/2.
    pub http2: Http2,
    /// HTTP/3; presence enables it.
    pub http3: AllowEmpty<Http3>,
    /// UDP.
    pub udp: UdpOptions,
    /// What of its traffic is observed.
    pub observability: Option<RouterObservability>,
}

/// `transport`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Transport {
    /// Stopping.
    pub life_cycle: LifeCycle,
    /// Times towards clients.
    pub responding_timeouts: RespondingTimeouts,
    /// Longest life of a kept-alive connection; 0 means no limit.
    pub keep_alive_max_time: Span,
    /// Most requests of a kept-alive connection; 0 means no limit.
    pub keep_alive_max_requests: i64,
    /// Most connections at the same time; 0 means no limit. Piton's own.
    pub max_connections: i64,
    /// Most connections of one address (IPv6: of one network of 64 bits) at the same time; 0 means no limit. Piton's own.
    pub max_connections_per_address: i64,
}

/// `transport.lifeCycle`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LifeCycle {
    /// Time after the signal in which connections are still accepted.
    pub request_accept_grace_timeout: Span,
    /// Time for requests in flight.
    pub grace_time_out: Span,
}

impl Default for LifeCycle {
    fn default() -> Self {
        Self {
            request_accept_grace_timeout: Span::ZERO,
            grace_time_out: Span::seconds(10),
        }
    }
}

/// `transport.respondingTimeouts`; 0 means no limit.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RespondingTimeouts {
    /// Time to read a whole request, its body included.
    pub read_timeout: Span,
    /// Time to write a response.
    pub write_timeout: Span,
    /// Time a connection may idle between requests.
    pub idle_timeout: Span,
}

impl Default for RespondingTimeouts {
    fn default() -> Self {
        Self {
            read_timeout: Span::seconds(60),
            write_timeout: Span::ZERO,
            idle_timeout: Span::seconds(180),
        }
    }
}

/// `proxyProtocol`: whose header is believed.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProxyProtocol {
    /// Everybody's.
    pub insecure: bool,
    /// These addresses' and CIDR ranges'.
    #[serde(rename = "trustedIPs")]
    pub trusted_ips: Vec<String>,
}

/// `forwardedHeaders` (traefik-core 6.1).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ForwardedHeaders {
    /// Believe everybody.
    pub insecure: bool,
    /// Believe these addresses and CIDR ranges.
    #[serde(rename = "trustedIPs")]
    pub trusted_ips: Vec<String>,
    /// Fields that stay although `Connection` names them.
    pub connection: Vec<String>,
    /// Do not add the client to `X-Forwarded-For`.
    pub not_append_x_forwarded_for: bool,
    /// Set `X-Forwarded-Scheme` and `X-Scheme` too.
    pub add_x_forwarded_scheme_headers: bool,
}

/// `http` of an entry point.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpOptions {
    /// Middlewares before those of each router; names need a provider.
    pub middlewares: Vec<String>,
    /// TLS for routers that say nothing about it.
    pub tls: AllowEmpty<RouterTls>,
    /// Redirects of everything.
    pub redirections: Option<Redirections>,
    /// Percent-encoded characters a path may hold; absent means all.
    pub encoded_characters: Option<EncodedCharacters>,
    /// Turn `;` in a query into `%3B` instead of `&`.
    pub encode_query_semicolons: bool,
    /// Resolve `//`, `.` and `..` in paths.
    pub sanitize_path: bool,
    /// Largest request header, in bytes.
    pub max_header_bytes: i64,
    /// Most bytes of a request's body, 413 beyond; 0 means no limit. Piton's own.
    pub max_request_body_bytes: i64,
    /// Fields with `_` in their names: `keep`, `delete` or `reject`.
    pub underscore_headers_strategy: String,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            middlewares: Vec::new(),
            tls: AllowEmpty::absent(),
            redirections: None,
            encoded_characters: None,
            encode_query_semicolons: false,
            sanitize_path: true,
            max_header_bytes: 1024 * 1024,
            max_request_body_bytes: 0,
            underscore_headers_strategy: "keep".to_owned(),
        }
    }
}

/// `http.redirections`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Redirections {
    /// To another entry point.
    pub entry_point: Option<RedirectEntryPoint>,
}

/// `http.redirections.entryPoint`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RedirectEntryPoint {
    /// Name of an entry point, or `:port`.
    pub to: String,
    /// The new scheme.
    pub scheme: String,
    /// 301 and 308 instead of 302 and 307.
    pub permanent: bool,
    /// Priority of the router made for it.
    pub priority: i64,
}

impl Default for RedirectEntryPoint {
    fn default() -> Self {
        Self {
            to: String::new(),
            scheme: "https".to_owned(),
            permanent: true,
            priority: i64::MAX - 1,
        }
    }
}

/// `http.encodedCharacters`: all are allowed unless forbidden here (traefik-core 4.7).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EncodedCharacters {
    /// `%2F`
    pub allow_encoded_slash: bool,
    /// `%5C`
    pub allow_encoded_back_slash: bool,
    /// `%00`
    pub allow_encoded_null_character: bool,
    /// `%3B`
    pub allow_encoded_semicolon: bool,
    /// `%25`
    pub allow_encoded_percent: bool,
    /// `%3F`
    pub allow_encoded_question_mark: bool,
    /// `%23`
    pub allow_encoded_hash: bool,
}

impl Default for EncodedCharacters {
    fn default() -> Self {
        Self {
            allow_encoded_slash: true,
            allow_encoded_back_slash: true,
            allow_encoded_null_character: true,
            allow_encoded_semicolon: true,
            allow_encoded_percent: true,
            allow_encoded_question_mark: true,
            allow_encoded_hash: true,
        }
    }
}

/// `http2`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Http2 {
    /// Requests at the same time on one connection.
    pub max_concurrent_streams: u32,
    /// HPACK table for what is received, in bytes.
    pub max_decoder_header_table_size: u32,
    /// HPACK table for what is sent, in bytes.
    pub max_encoder_header_table_size: u32,
}

impl Default for Http2 {
    fn default() -> Self {
        Self {
            max_concurrent_streams: 250,
            max_decoder_header_table_size: 4096,
            max_encoder_header_table_size: 4096,
        }
    }
}

/// `http3`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Http3 {
    /// Port named in `Alt-Svc`; 0 means the entry point's.
    pub advertised_port: u16,
}

/// `udp`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UdpOptions {
    /// Time after which a silent session ends.
    pub timeout: Span,
}

impl Default for UdpOptions {
    fn default() -> Self {
        Self {
            timeout: Span::seconds(3),
        }
    }
}
