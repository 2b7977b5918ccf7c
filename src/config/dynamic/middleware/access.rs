//! Middlewares that decide who gets in (traefik-core 7.2).

use serde::{Deserialize, Serialize};

use crate::config::{AllowEmpty, encode};

/// `basicAuth`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BasicAuth {
    /// `name:hash` lines as `htpasswd` makes them.
    #[serde(serialize_with = "encode::user_hashes")]
    pub users: Vec<String>,
    /// File of such lines.
    pub users_file: String,
    /// Realm shown by browsers; empty means `traefik`.
    pub realm: String,
    /// Do not pass `Authorization` on.
    pub remove_header: bool,
    /// Field that tells servers the name; empty means none.
    pub header_field: String,
}

/// `digestAuth`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DigestAuth {
    /// `name:realm:hash` lines as `htdigest` makes them.
    #[serde(serialize_with = "encode::user_hashes")]
    pub users: Vec<String>,
    /// File of such lines.
    pub users_file: String,
    /// Do not pass `Authorization` on.
    pub remove_header: bool,
    /// Realm shown by browsers; empty means `traefik`.
    pub realm: String,
    /// Field that tells servers the name; empty means none.
    pub header_field: String,
}

/// `forwardAuth`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ForwardAuth {
    /// URL asked.
    #[serde(serialize_with = "encode::url")]
    pub address: String,
    /// TLS towards it.
    pub tls: Option<AuthTls>,
    /// Pass the client's `X-Forwarded-*` on.
    pub trust_forward_header: Option<bool>,
    /// Fields copied from its answer to the request.
    pub auth_response_headers: Vec<String>,
    /// The same, by regular expression.
    pub auth_response_headers_regex: String,
    /// Fields of the request it is shown; empty means all.
    pub auth_request_headers: Vec<String>,
    /// Cookies copied from its answer to the client.
    pub add_auth_cookies_to_response: Vec<String>,
    /// Field that tells servers the name; empty means none.
    pub header_field: String,
    /// Send it the body.
    pub forward_body: bool,
    /// Largest body sent, in bytes; negative means no limit.
    #[serde(serialize_with = "encode::always")]
    pub max_body_size: i64,
    /// Largest answer read, in bytes; absent or negative means no limit.
    pub max_response_body_size: Option<i64>,
    /// Keep `Location` as it came.
    pub preserve_location_header: bool,
    /// Ask with the request's own method instead of GET.
    pub preserve_request_method: bool,
    /// Where a 401 redirects to.
    #[serde(rename = "authSigninURL")]
    #[serde(serialize_with = "encode::url")]
    pub auth_signin_url: String,
}

impl Default for ForwardAuth {
    fn default() -> Self {
        Self {
            address: String::new(),
            tls: None,
            trust_forward_header: None,
            auth_response_headers: Vec::new(),
            auth_response_headers_regex: String::new(),
            auth_request_headers: Vec::new(),
            add_auth_cookies_to_response: Vec::new(),
            header_field: String::new(),
            forward_body: false,
            max_body_size: -1,
            max_response_body_size: None,
            preserve_location_header: false,
            preserve_request_method: false,
            auth_signin_url: String::new(),
        }
    }
}

/// `forwardAuth.tls` and `rateLimit.redis.tls`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuthTls {
    /// Roots: file or PEM.
    pub ca: String,
    /// Client certificate: file or PEM.
    pub cert: String,
    /// Its key: file or PEM.
    #[serde(serialize_with = "encode::key_or_path")]
    pub key: String,
    /// Do not verify certificates.
    pub insecure_skip_verify: bool,
    /// Deprecated.
    pub ca_optional: Option<bool>,
}

/// `ipAllowList`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IpAllowList {
    /// Addresses and CIDR ranges let in; required.
    pub source_range: Vec<String>,
    /// Which address is the client's; absent means that of the connection.
    pub ip_strategy: AllowEmpty<IpStrategy>,
    /// Status for the others; 0 means 403.
    pub reject_status_code: u16,
}

/// `ipWhiteList`, the deprecated form of `ipAllowList`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IpWhiteList {
    /// Addresses and CIDR ranges let in; required.
    pub source_range: Vec<String>,
    /// Which address is the client's; absent means that of the connection.
    pub ip_strategy: AllowEmpty<IpStrategy>,
}

/// Which address is the client's.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IpStrategy {
    /// Place in `X-Forwarded-For`, counted from the right; 0 means not to look there.
    pub depth: i64,
    /// The first address from the right in `X-Forwarded-For` that is none of these.
    #[serde(rename = "excludedIPs")]
    pub excluded_ips: Vec<String>,
    /// Bits of an IPv6 address that count.
    pub ipv6_subnet: Option<i64>,
}

/// `encodedCharacters`: which percent-encoded characters a path may hold; all are refused by default.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
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

/// `passTLSClientCert`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PassTlsClientCert {
    /// Send the certificate itself.
    pub pem: bool,
    /// Send what it says.
    pub info: Option<CertificateInfo>,
}

/// What of a client certificate is sent.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CertificateInfo {
    /// End of validity.
    pub not_after: bool,
    /// Start of validity.
    pub not_before: bool,
    /// Alternative names.
    pub sans: bool,
    /// Serial number.
    pub serial_number: bool,
    /// Whose it is.
    pub subject: Option<DistinguishedName>,
    /// Who issued it.
    pub issuer: Option<DistinguishedName>,
}

/// Which parts of a distinguished name are sent.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DistinguishedName {
    /// `C`
    pub country: bool,
    /// `ST`
    pub province: bool,
    /// `L`
    pub locality: bool,
    /// `O`
    pub organization: bool,
    /// `OU`; of the subject only.
    pub organizational_unit: bool,
    /// `CN`
    pub common_name: bool,
    /// `SN`
    pub serial_number: bool,
    /// `DC`
    pub domain_component: bool,
}
