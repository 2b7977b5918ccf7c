//! Middlewares that set and check header fields (traefik-core 7.2).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::encode;

/// `contentType`: its presence is its meaning.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContentType {
    /// Deprecated, without effect.
    pub auto_detect: Option<bool>,
}

/// `headers`: custom fields, CORS, security.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Headers {
    /// Set on requests; an empty value removes.
    #[serde(serialize_with = "encode::header_values")]
    pub custom_request_headers: BTreeMap<String, String>,
    /// Set on responses; an empty value removes.
    #[serde(serialize_with = "encode::header_values")]
    pub custom_response_headers: BTreeMap<String, String>,
    /// CORS: credentials allowed?
    pub access_control_allow_credentials: bool,
    /// CORS: fields allowed.
    pub access_control_allow_headers: Vec<String>,
    /// CORS: methods allowed.
    pub access_control_allow_methods: Vec<String>,
    /// CORS: origins allowed.
    pub access_control_allow_origin_list: Vec<String>,
    /// CORS: origins allowed, by regular expression.
    pub access_control_allow_origin_list_regex: Vec<String>,
    /// CORS: fields shown to scripts.
    pub access_control_expose_headers: Vec<String>,
    /// CORS: seconds an answer to a preflight may be kept.
    pub access_control_max_age: i64,
    /// Add `Vary: Origin`.
    pub add_vary_header: bool,
    /// Hosts let in; empty means all.
    pub allowed_hosts: Vec<String>,
    /// Fields that may hold the host.
    pub hosts_proxy_headers: Vec<String>,
    /// Fields and values that mean the client came by TLS.
    pub ssl_proxy_headers: BTreeMap<String, String>,
    /// `max-age` of `Strict-Transport-Security`; 0 means no such field.
    pub sts_seconds: i64,
    /// `includeSubDomains` of it.
    pub sts_include_subdomains: bool,
    /// `preload` of it.
    pub sts_preload: bool,
    /// Send it on plain connections too.
    #[serde(rename = "forceSTSHeader")]
    pub force_sts_header: bool,
    /// `X-Frame-Options: DENY`.
    pub frame_deny: bool,
    /// `X-Frame-Options` of one's own.
    pub custom_frame_options_value: String,
    /// `X-Content-Type-Options: nosniff`.
    pub content_type_nosniff: bool,
    /// `X-XSS-Protection: 1; mode=block`.
    pub browser_xss_filter: bool,
    /// `X-XSS-Protection` of one's own.
    #[serde(rename = "customBrowserXSSValue")]
    pub custom_browser_xss_value: String,
    /// `Content-Security-Policy`.
    pub content_security_policy: String,
    /// `Content-Security-Policy-Report-Only`.
    pub content_security_policy_report_only: String,
    /// `Public-Key-Pins`.
    pub public_key: String,
    /// `Referrer-Policy`.
    pub referrer_policy: String,
    /// `Permissions-Policy`.
    pub permissions_policy: String,
    /// Switch the security fields off.
    pub is_development: bool,
    /// Deprecated: `Feature-Policy`.
    pub feature_policy: Option<String>,
    /// Deprecated: use `redirectScheme`.
    pub ssl_redirect: Option<bool>,
    /// Deprecated: use `redirectScheme`.
    pub ssl_temporary_redirect: Option<bool>,
    /// Deprecated: use `redirectRegex`.
    pub ssl_host: Option<String>,
    /// Deprecated: use `redirectRegex`.
    pub ssl_force_host: Option<bool>,
}
