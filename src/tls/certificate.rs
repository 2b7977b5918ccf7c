//! One certificate with its key: read from what is written, and the names that it is found by.

use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::pem::{Pem, is_text};
use crate::config::Files;

/// A name in a certificate: lower case, without a dot at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    /// This host or address.
    Exact(Box<str>),
    /// `*.` and this suffix: hosts with exactly one label more.
    Wildcard(Box<str>),
}

/// A certificate that can be served.
#[derive(Debug)]
pub(super) struct Certificate {
    /// What clients ask for when they mean it.
    pub(super) names: Box<[Name]>,
    /// Chain and key.
    pub(super) certified: Arc<CertifiedKey>,
}

/// What is known of a certificate and key as written.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// Of the content of both, when it may change behind what is written.
    digest: Option<[u8; 32]>,
    /// `None` when it cannot be used.
    pub(super) certificate: Option<Arc<Certificate>>,
}

/// What is wrong with a certificate: the key of the pair, and the reason.
pub(super) type Flaw = (&'static str, String);

/// What came of reading a pair.
pub(super) struct Reading {
    pub(super) known: Known,
    /// Why it could not be read; the certificate, if there is one, is the one before.
    pub(super) flaw: Option<Flaw>,
    /// The file with the key, when it is open to everybody.
    pub(super) is_exposed: bool,
}

impl Known {
    /// Reads the pair that `before` was read from. What cannot be read or does not fit is probably being replaced: the
    /// one before stays.
    pub(super) fn read(cert: &str, key: &str, files: &dyn Files, before: Option<&Self>) -> Reading {
        let is_exposed = !is_text(key) && !key.is_empty() && files.is_exposed(key);
        let (known, flaw) = match Self::try_read(cert, key, files, before) {
            Ok(known) => (known, None),
            Err(flaw) => (before.cloned().unwrap_or_default(), Some(flaw)),
        };
        Reading {
            known,
            flaw,
            is_exposed,
        }
    }

    fn try_read(cert: &str, key: &str, files: &dyn Files, before: Option<&Self>) -> Result<Self, Flaw> {
        let before = before.filter(|before| before.certificate.is_some());
        let is_all_text = is_text(cert) && is_text(key);
        if let Some(before) = before.filter(|_| is_all_text) {
            return Ok(before.clone());
        }
        let chain = Pem::read(cert, files).map_err(|reason| ("certFile", reason))?;
        let private = Pem::read_secret(key, files).map_err(|reason| ("keyFile", reason))?;
        let digest = (!is_all_text).then(|| {
            let both = Sha256::new().chain_update(Sha256::digest(chain.bytes()));
            both.chain_update(private.bytes()).finalize().into()
        });
        match before.filter(|before| before.digest == digest) {
            Some(before) => Ok(before.clone()),
            None => Ok(Self {
                digest,
                certificate: Some(Arc::new(Certificate::new(&chain, &private, cert)?)),
            }),
        }
    }
}

impl Certificate {
    /// The certificate that is written as `cert`.
    fn new(chain: &Pem, private: &Pem, cert: &str) -> Result<Self, Flaw> {
        let chain = chain.certificates().map_err(|reason| ("certFile", reason))?;
        let private = private.key().map_err(|reason| ("keyFile", reason))?;
        let names = chain.first().map(names_of).unwrap_or_default();
        let certified = CertifiedKey::from_der(chain, private, &default_provider());
        let certified = certified.map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                let which = if is_text(cert) {
                    String::new()
                } else {
                    format!(" {cert:?}")
                };
                ("keyFile", format!("does not belong to the certificate{which}"))
            }
            error => ("keyFile", format!("cannot be used: {error}")),
        })?;
        Ok(Self {
            names,
            certified: Arc::new(certified),
        })
    }
}

/// Its alternative names that are hosts or addresses; its common name when it has none.
fn names_of(certificate: &CertificateDer<'static>) -> Box<[Name]> {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
        return Box::default();
    };
    let alternative = parsed.subject_alternative_name().ok().flatten();
    let names = alternative.iter().flat_map(|names| &names.value.general_names);
    let names: Vec<Name> = names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Name::new(name),
            GeneralName::IPAddress(bytes) => address(bytes),
            _ => None,
        })
        .collect();
    if !names.is_empty() {
        return names.into();
    }
    let common = parsed.subject().iter_common_name();
    common.filter_map(|name| Name::new(name.as_str().ok()?)).collect()
}

fn address(bytes: &[u8]) -> Option<Name> {
    let address = match bytes.len() {
        4 => std::net::IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
        _ => std::net::IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?),
    };
    Some(Name::Exact(address.to_string().into()))
}

impl Name {
    /// `None` for a star anywhere else than as the whole first label.
    fn new(written: &str) -> Option<Self> {
        let lower = written.to_ascii_lowercase();
        let name = lower.strip_suffix('.').unwrap_or(&lower);
        match name.strip_prefix("*.") {
            Some(suffix) if !suffix.is_empty() && !suffix.contains('*') => {
                Some(Self::Wildcard(suffix.into()))
            }
            None if !name.is_empty() && !name.contains('*') => Some(Self::Exact(name.into())),
            _ => None,
        }
    }
}
