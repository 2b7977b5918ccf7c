//! Security fields, and hosts that may be asked for.

use http::{HeaderName, HeaderValue, StatusCode};

use super::super::answer::Answer;
use super::super::message::{FieldName, Fields, Request, host, text};
use super::field;
use crate::config::dynamic::middleware::headers as wire;

const STS: FieldName = FieldName::known("strict-transport-security", "Strict-Transport-Security");
const PINS: FieldName = FieldName::known("public-key-pins", "Public-Key-Pins");
const FRAMES: FieldName = FieldName::known("x-frame-options", "X-Frame-Options");
const SNIFFING: FieldName = FieldName::known("x-content-type-options", "X-Content-Type-Options");
const XSS: FieldName = FieldName::known("x-xss-protection", "X-Xss-Protection");
const CSP: FieldName = FieldName::known("content-security-policy", "Content-Security-Policy");
const CSP_REPORT: FieldName = FieldName::known(
    "content-security-policy-report-only",
    "Content-Security-Policy-Report-Only",
);
const REFERRER: FieldName = FieldName::known("referrer-policy", "Referrer-Policy");
const PERMISSIONS: FieldName = FieldName::known("permissions-policy", "Permissions-Policy");

/// What protects browsers.
#[derive(Debug)]
pub(super) struct Security {
    allowed_hosts: Vec<String>,
    host_fields: Vec<HeaderName>,
    tls_fields: Vec<(HeaderName, String)>,
    sts: Option<HeaderValue>,
    sts_always: bool,
    pins: Option<HeaderValue>,
    always: Vec<(FieldName, HeaderValue)>,
}

impl Security {
    /// `None` when nothing of it is written.
    pub(super) fn new(written: &wire::Headers) -> Result<Option<Self>, String> {
        if !is_used(written) {
            return Ok(None);
        }
        let name = |name: &String, key: &str| {
            let parsed = HeaderName::from_bytes(name.as_bytes());
            parsed.map_err(|_| format!("{key}: {name:?} is no name of a field"))
        };
        let host_fields = written.hosts_proxy_headers.iter();
        let tls_fields = written.ssl_proxy_headers.iter();
        let is_live = !written.is_development;
        Ok(Some(Self {
            allowed_hosts: if is_live {
                written.allowed_hosts.clone()
            } else {
                Vec::new()
            },
            host_fields: host_fields
                .map(|it| name(it, "hostsProxyHeaders"))
                .collect::<Result<_, _>>()?,
            tls_fields: tls_fields
                .map(|(it, value)| Ok((name(it, "sslProxyHeaders")?, value.clone())))
                .collect::<Result<_, String>>()?,
            sts: (written.sts_seconds != 0 && is_live)
                .then(|| sts(written))
                .transpose()?,
            sts_always: written.force_sts_header,
            pins: (!written.public_key.is_empty() && is_live)
                .then(|| field(&written.public_key, "publicKey"))
                .transpose()?,
            always: always(written)?,
        }))
    }

    /// Answers requests for hosts that are not allowed; else says whether the client came by TLS.
    pub(super) fn enter(&self, request: &dyn Request, is_tls: bool) -> Result<bool, Answer> {
        if !self.allowed_hosts.is_empty() {
            let of_field = self.host_fields.iter().map(|name| text(request.fields(), name));
            let asked = of_field.into_iter().find(|host| !host.is_empty());
            let asked = asked.unwrap_or_else(|| host(request));
            if !self
                .allowed_hosts
                .iter()
                .any(|allowed| allowed.eq_ignore_ascii_case(asked))
            {
                return Err(Answer::error(StatusCode::INTERNAL_SERVER_ERROR, "Bad Host"));
            }
        }
        let says_so = |(name, value): &(HeaderName, String)| text(request.fields(), name) == value;
        Ok(is_tls || self.tls_fields.iter().any(says_so))
    }

    pub(super) fn leave(&self, is_secure: bool, response: &mut dyn Fields) {
        if let Some(sts) = self.sts.as_ref().filter(|_| is_secure || self.sts_always) {
            response.set(&STS, sts.clone());
        }
        if let Some(pins) = self.pins.as_ref().filter(|_| is_secure) {
            response.set(&PINS, pins.clone());
        }
        for (name, value) in &self.always {
            response.set(name, value.clone());
        }
    }
}

fn is_used(written: &wire::Headers) -> bool {
    let texts = [
        &written.custom_frame_options_value,
        &written.custom_browser_xss_value,
        &written.content_security_policy,
        &written.content_security_policy_report_only,
        &written.public_key,
        &written.referrer_policy,
        &written.permissions_policy,
    ];
    let switches = [
        written.sts_include_subdomains,
        written.sts_preload,
        written.force_sts_header,
        written.frame_deny,
        written.content_type_nosniff,
        written.browser_xss_filter,
        written.is_development,
        written.sts_seconds != 0,
        !written.allowed_hosts.is_empty(),
        !written.hosts_proxy_headers.is_empty(),
        !written.ssl_proxy_headers.is_empty(),
    ];
    switches.contains(&true) || texts.iter().any(|text| !text.is_empty())
}

fn sts(written: &wire::Headers) -> Result<HeaderValue, String> {
    if written.sts_seconds < 0 {
        return Err(format!(
            "stsSeconds {} is negative; write how long, in seconds",
            written.sts_seconds
        ));
    }
    let subdomains = if written.sts_include_subdomains {
        "; includeSubDomains"
    } else {
        ""
    };
    let preload = if written.sts_preload { "; preload" } else { "" };
    field(
        &format!("max-age={}{subdomains}{preload}", written.sts_seconds),
        "stsSeconds",
    )
}

/// Fields that do not depend on the request.
fn always(written: &wire::Headers) -> Result<Vec<(FieldName, HeaderValue)>, String> {
    let or = |own: &str, is_on: bool, usual: &str| match own {
        "" if is_on => usual.to_owned(),
        own => own.to_owned(),
    };
    let all = [
        (
            FRAMES,
            "customFrameOptionsValue",
            or(&written.custom_frame_options_value, written.frame_deny, "DENY"),
        ),
        (
            SNIFFING,
            "contentTypeNosniff",
            or("", written.content_type_nosniff, "nosniff"),
        ),
        (
            XSS,
            "customBrowserXSSValue",
            or(
                &written.custom_browser_xss_value,
                written.browser_xss_filter,
                "1; mode=block",
            ),
        ),
        (
            CSP,
            "contentSecurityPolicy",
            written.content_security_policy.clone(),
        ),
        (
            CSP_REPORT,
            "contentSecurityPolicyReportOnly",
            written.content_security_policy_report_only.clone(),
        ),
        (REFERRER, "referrerPolicy", written.referrer_policy.clone()),
        (
            PERMISSIONS,
            "permissionsPolicy",
            written.permissions_policy.clone(),
        ),
    ];
    let written = all.into_iter().filter(|(.., value)| !value.is_empty());
    written
        .map(|(name, key, value)| Ok((name, field(&value, key)?)))
        .collect()
}
