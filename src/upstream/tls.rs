//! With whom a server may be spoken to over TLS, and as whom.
//!
//! Pingora's own client does most of it and speaks HTTP/2. It knows no bounds of version, no choice of cipher suites, no
//! names but the host's and one client certificate: what needs more is marked in the peer and connected by piton's own client (`dial`), which
//! speaks HTTP/1.1. A marked peer carries a list of no roots besides: Pingora's client would refuse to connect by it.

mod client;
mod read;

pub use client::RootsOfSystem;
pub(super) use read::read;

use std::any::Any;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use once_cell::sync::OnceCell;
use pingora::protocols::tls::{CaType, CustomALPN};
use pingora::upstreams::peer::{ALPN, HttpPeer};
use pingora::utils::tls::{CertKey, WrappedX509, parse_x509};
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::tls::Versions;

/// What is demanded of a server and shown to it.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Trust {
    /// Who may have signed its certificate; empty means the system's roots.
    roots: Vec<CertificateDer<'static>>,
    /// Certificates to show it, in order of preference.
    identities: Vec<Identity>,
    versions: Versions,
    /// Cipher suites of TLS 1.2 that may be used; `None` for all. Those of TLS 1.3 are not chosen, as in Go.
    suites: Option<Vec<&'static str>>,
    /// Names of which its certificate must carry one, instead of the host's.
    names: Vec<PeerName>,
    /// Any certificate will do. Names are demanded nevertheless, by a certificate that is trusted.
    any: bool,
}

/// A certificate, those above it, and its key.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Hash for Identity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.chain.hash(state);
        self.key.secret_der().hash(state);
    }
}

/// A subject alternative name, compared as it stands in the certificate: a wildcard there is no name here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum PeerName {
    Dns(String),
    Uri(String),
}

/// The TLS of one transport.
#[derive(Default)]
pub struct Tls {
    trust: Trust,
    ca: Option<Arc<CaType>>,
    client: Option<Arc<CertKey>>,
    /// For connections that piton makes itself; made when the first is.
    config: OnceCell<Arc<ClientConfig>>,
}

impl Tls {
    pub(super) fn new(trust: Trust) -> Self {
        let wrapped = |der: &CertificateDer<'_>| WrappedX509::new(der.to_vec(), parse_x509);
        let ca: Vec<WrappedX509> = trust.roots.iter().map(wrapped).collect();
        let client = trust.identities.first().map(|identity| {
            let chain = identity.chain.iter().map(|der| der.to_vec()).collect();
            Arc::new(CertKey::new(chain, identity.key.secret_der().to_vec()))
        });
        Self {
            ca: (!ca.is_empty()).then(|| ca.into()),
            client,
            trust,
            config: OnceCell::new(),
        }
    }

    /// Must piton connect itself?
    fn is_own(&self) -> bool {
        let Trust {
            identities,
            versions,
            suites,
            names,
            ..
        } = &self.trust;
        *versions != Versions::All || suites.is_some() || !names.is_empty() || identities.len() > 1
    }

    /// Puts it into a peer that is connected to over TLS.
    pub(super) fn equip(self: &Arc<Self>, peer: &mut HttpPeer) {
        if !self.is_own() {
            peer.options.ca.clone_from(&self.ca);
            peer.client_cert_key.clone_from(&self.client);
            return;
        }
        peer.options.ca = Some(Arc::new([]));
        peer.options.alpn = ALPN::Custom(CustomALPN::new(b"piton".to_vec()));
        // The one place of a peer that can carry anything. Pingora looks there only for peers behind a proxy.
        let carried = Arc::clone(self);
        peer.options.proxy_digest_user_data_hook = Some(Arc::new(move |_, _| {
            Some(Box::new(Arc::clone(&carried)) as Box<dyn Any + Send + Sync>)
        }));
    }

    /// What a connection is made with that piton makes itself; made once, so that sessions are resumed.
    ///
    /// # Errors
    /// When the system's roots are needed and cannot be had.
    pub fn config(&self, system: RootsOfSystem<'_>) -> Result<Arc<ClientConfig>, String> {
        let made = || client::config(&self.trust, system).map(Arc::new);
        self.config.get_or_try_init(made).cloned()
    }
}

impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        self.trust == other.trust
    }
}

impl Eq for Tls {}

impl Hash for Tls {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.trust.hash(state);
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.trust.fmt(f)
    }
}

#[cfg(test)]
mod tests;
