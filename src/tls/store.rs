//! Which certificate a client gets: found by the name it asks for, however many there are.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::RandomState;
use rustls::SignatureScheme;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::certificate::{Certificate, Name};

/// All certificates.
///
/// An exact name is preferred to a wildcard. Of several certificates with the same name it is the one written first
/// whose key the client can verify; providers come in the order of their names.
#[derive(Default)]
pub(super) struct Store {
    exact: ByName,
    wildcard: ByName,
    /// For all other names, and for none.
    fallback: Option<Arc<CertifiedKey>>,
    /// Those it was made of.
    certificates: Vec<Arc<Certificate>>,
}

type ByName = HashMap<Box<str>, Vec<Arc<CertifiedKey>>, RandomState>;

impl Store {
    /// These certificates, in order of preference.
    pub(super) fn new(certificates: Vec<Arc<Certificate>>, fallback: Option<Arc<CertifiedKey>>) -> Self {
        let (mut exact, mut wildcard) = (ByName::default(), ByName::default());
        for certificate in &certificates {
            for name in &certificate.names {
                let same = match name {
                    Name::Exact(name) => exact.entry(name.clone()).or_default(),
                    Name::Wildcard(suffix) => wildcard.entry(suffix.clone()).or_default(),
                };
                same.push(Arc::clone(&certificate.certified));
            }
        }
        Self {
            exact,
            wildcard,
            fallback,
            certificates,
        }
    }

    /// Is it made of the same?
    pub(super) fn is(&self, other: &Self) -> bool {
        let same = |a: &Arc<Certificate>, b: &Arc<Certificate>| Arc::ptr_eq(a, b);
        let fallbacks = (self.fallback.as_ref(), other.fallback.as_ref());
        self.certificates.len() == other.certificates.len()
            && self
                .certificates
                .iter()
                .zip(&other.certificates)
                .all(|(a, b)| same(a, b))
            && fallbacks.0.map(Arc::as_ptr) == fallbacks.1.map(Arc::as_ptr)
    }

    /// The certificate with this name, lower case, for a client that verifies these signatures.
    fn named(&self, name: &str, schemes: &[SignatureScheme]) -> Option<&Arc<CertifiedKey>> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let exact = self.exact.get(name);
        let wildcard = || self.wildcard.get(name.split_once('.')?.1);
        let same = exact.or_else(wildcard)?;
        let is_verified = |certified: &&Arc<CertifiedKey>| certified.key.choose_scheme(schemes).is_some();
        same.iter().find(is_verified).or_else(|| same.first())
    }

    /// The certificate for this address, which clients that connect to one have no way to ask for.
    pub(super) fn for_address(&self, address: IpAddr) -> Option<&Arc<CertifiedKey>> {
        self.exact.get(&*address.to_canonical().to_string())?.first()
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} certificates", self.certificates.len())
    }
}

/// Chooses for one set of options.
#[derive(Debug)]
pub(super) struct Chooser {
    pub(super) store: Arc<Store>,
    /// Who asks for no name that a certificate has gets none.
    pub(super) is_strict: bool,
}

impl ResolvesServerCert for Chooser {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let schemes = hello.signature_schemes();
        let named = hello
            .server_name()
            .and_then(|name| self.store.named(&name.to_ascii_lowercase(), schemes));
        let fallback = self.store.fallback.as_ref().filter(|_| !self.is_strict);
        named.or(fallback).cloned()
    }
}

/// The same for everybody.
#[derive(Debug)]
pub(super) struct Always(pub(super) Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// None for anybody: the handshake ends with an alert.
#[derive(Debug)]
pub(super) struct Nobody;

impl ResolvesServerCert for Nobody {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        None
    }
}
