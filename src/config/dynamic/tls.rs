//! `tls:` of the dynamic configuration: certificates, stores, options (traefik-providers 1.4).
//!
//! Every certificate and key is "a path or PEM": a path when such a file exists, PEM text otherwise.

use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::{Named, encode};

/// Everything under `tls:`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Tls {
    /// Certificates, found by the names in them.
    pub certificates: Certificates,
    /// What handshakes are like, by name; `default` serves routers that name none.
    pub options: Named<Options>,
    /// Where certificates are kept, by name; Traefik knows only `default`.
    pub stores: Named<Store>,
}

/// Certificates; copies share them, since there may be thousands.
#[derive(Debug, Clone, Default)]
pub struct Certificates(Arc<Vec<StoredCertificate>>);

impl Certificates {
    /// Adds one, unless it is there.
    pub fn add(&mut self, certificate: StoredCertificate) {
        if !self.contains(&certificate) {
            Arc::make_mut(&mut self.0).push(certificate);
        }
    }
}

impl PartialEq for Certificates {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Deref for Certificates {
    type Target = [StoredCertificate];

    fn deref(&self) -> &[StoredCertificate] {
        &self.0
    }
}

impl FromIterator<StoredCertificate> for Certificates {
    fn from_iter<I: IntoIterator<Item = StoredCertificate>>(certificates: I) -> Self {
        Self(Arc::new(certificates.into_iter().collect()))
    }
}

impl Serialize for Certificates {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_slice().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Certificates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(|certificates| Self(Arc::new(certificates)))
    }
}

/// A certificate and its key.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CertificatePair {
    /// Certificate chain: path or PEM.
    pub cert_file: String,
    /// Private key: path or PEM.
    #[serde(serialize_with = "encode::key_or_path")]
    pub key_file: String,
}

/// A certificate, its key, and the stores it belongs to.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StoredCertificate {
    /// Certificate chain: path or PEM.
    pub cert_file: String,
    /// Private key: path or PEM.
    #[serde(serialize_with = "encode::key_or_path")]
    pub key_file: String,
    /// Names of stores; empty means `default`.
    pub stores: Vec<String>,
}

/// One store.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Store {
    /// Served when no certificate fits.
    pub default_certificate: Option<CertificatePair>,
    /// Made by a resolver and served when no certificate fits.
    pub default_generated_cert: Option<GeneratedCertificate>,
}

/// `defaultGeneratedCert`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GeneratedCertificate {
    /// Name of the certificate resolver.
    pub resolver: String,
    /// Names the certificate shall carry.
    pub domain: Option<Domain>,
}

/// One set of handshake options.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Options {
    /// `VersionTLS12` ...; empty means 1.2.
    pub min_version: String,
    /// `VersionTLS13` ...; empty means the newest.
    pub max_version: String,
    /// Cipher suites of TLS 1.2 by name; empty means the default ones.
    pub cipher_suites: Vec<String>,
    /// Key exchange groups by name; empty means the default ones.
    pub curve_preferences: Vec<String>,
    /// Certificates asked of clients.
    pub client_auth: ClientAuth,
    /// Refuse clients whose server name fits no certificate.
    pub sni_strict: bool,
    /// Protocols offered; empty means `h2`, `http/1.1`, `acme-tls/1`.
    pub alpn_protocols: Vec<String>,
    /// Never resume sessions by ticket.
    pub disable_session_tickets: bool,
    /// Deprecated, without effect in Traefik.
    pub prefer_server_cipher_suites: Option<bool>,
}

/// `clientAuth`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientAuth {
    /// Roots that client certificates are verified against: paths or PEM.
    pub ca_files: Vec<String>,
    /// `NoClientCert`, `RequestClientCert`, `RequireAnyClientCert`, `VerifyClientCertIfGiven`, `RequireAndVerifyClientCert`.
    pub client_auth_type: String,
}

/// One certificate's names.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Domain {
    /// Main name.
    pub main: String,
    /// Further names.
    pub sans: Vec<String>,
}
