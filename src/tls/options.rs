//! One set of options: what a handshake is like (traefik-core 5.2).

use std::net::IpAddr;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{ALL_KX_GROUPS, Ticketer, default_provider};
use rustls::server::{NoServerSessionStorage, ResolvesServerCert};
use rustls::{NamedGroup, ServerConfig};

use super::client::Clients;
use super::store::{Always, Chooser, Nobody, Store};
use super::words::{self, Group, Versions, is_tls13_suite, is_weak_suite, name_of, tls12_suite};
use crate::config::dynamic::tls as wire;
use crate::config::{Files, NoFiles};

/// What is written, read: two that are equal make equal handshakes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spec {
    versions: Versions,
    /// Of TLS 1.2; `None` for all.
    suites: Option<Vec<&'static str>>,
    /// In order of preference; `None` for rustls's own.
    groups: Option<Vec<NamedGroup>>,
    clients: Clients,
    is_strict: bool,
    protocols: Vec<&'static str>,
    resumes: bool,
}

/// Something about options: the key within them, and what is to be said about it.
pub(super) type Remark = (String, String);

impl Spec {
    /// Reads `written`; what has no effect is noted in `remarks`.
    ///
    /// # Errors
    /// The key that is wrong, and what is: handshakes under other options than those meant must not happen.
    pub(super) fn read(
        written: &wire::Options,
        files: &dyn Files,
        remarks: &mut Vec<Remark>,
    ) -> Result<Self, Remark> {
        let versions = Versions::parse(&written.min_version, &written.max_version)
            .map_err(|(key, reason)| (key.to_owned(), reason))?;
        if matches!(written.min_version.as_str(), "VersionTLS10" | "VersionTLS11") {
            let text = format!("{} is too old and taken as VersionTLS12", written.min_version);
            remarks.push(("minVersion".to_owned(), text));
        }
        if written.prefer_server_cipher_suites.is_some() {
            let text = "is deprecated and has no effect".to_owned();
            remarks.push(("preferServerCipherSuites".to_owned(), text));
        }
        let suites = suites(&written.cipher_suites, remarks)?;
        if versions == Versions::Only12 && suites.as_ref().is_some_and(Vec::is_empty) {
            let reason = "none of them is for TLS 1.2".to_owned();
            return Err(("cipherSuites".to_owned(), reason));
        }
        Ok(Self {
            versions,
            suites,
            groups: groups(&written.curve_preferences, remarks)?,
            clients: Clients::read(&written.client_auth, files)?,
            is_strict: written.sni_strict,
            protocols: protocols(&written.alpn_protocols, remarks)?,
            resumes: !written.disable_session_tickets,
        })
    }

    fn provider(&self) -> Arc<CryptoProvider> {
        let mut provider = default_provider();
        if let Some(suites) = &self.suites {
            provider
                .cipher_suites
                .retain(|suite| suite.tls13().is_some() || suites.contains(&name_of(suite)));
        }
        if let Some(groups) = &self.groups {
            let known = |group: &NamedGroup| ALL_KX_GROUPS.iter().find(|known| known.name() == *group);
            provider.kx_groups = groups.iter().filter_map(known).copied().collect();
        }
        Arc::new(provider)
    }

    /// What handshakes are made with, by certificates of `resolver`.
    fn config(&self, resolver: Arc<dyn ResolvesServerCert>) -> Result<ServerConfig, String> {
        let words = |error: rustls::Error| error.to_string();
        let provider = self.provider();
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(self.versions.list())
            .map_err(words)?;
        let builder = match self.clients.verifier(&provider)? {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(resolver);
        let protocols = self.protocols.iter().map(|name| name.as_bytes().to_vec());
        config.alpn_protocols = protocols.collect();
        if self.resumes {
            config.ticketer = Ticketer::new().map_err(words)?;
        } else {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(config)
    }
}

/// A set of options, ready for handshakes.
#[derive(Debug)]
pub struct Options {
    name: Arc<str>,
    spec: Option<Spec>,
    store: Arc<Store>,
    config: Arc<ServerConfig>,
}

impl Options {
    /// Options called `name`. What sessions are resumed by is that of `before` where both make equal handshakes.
    ///
    /// # Errors
    /// What rustls has against them.
    pub(super) fn new(
        name: &Arc<str>,
        spec: Spec,
        store: &Arc<Store>,
        before: Option<&Self>,
    ) -> Result<Self, String> {
        let resolver = Arc::new(Chooser {
            store: Arc::clone(store),
            is_strict: spec.is_strict,
        });
        let config = match before.filter(|before| before.spec.as_ref() == Some(&spec)) {
            Some(before) => {
                let mut config = (*before.config).clone();
                config.cert_resolver = resolver;
                config
            }
            None => spec.config(resolver)?,
        };
        Ok(Self {
            name: Arc::clone(name),
            spec: Some(spec),
            store: Arc::clone(store),
            config: Arc::new(config),
        })
    }

    /// Options under which every handshake ends with an alert.
    ///
    /// # Errors
    /// None in practice.
    pub(super) fn refusing(name: &Arc<str>, store: &Arc<Store>) -> Result<Self, String> {
        let spec = Spec::read(&wire::Options::default(), &NoFiles, &mut Vec::new());
        let config = spec.map_err(|(_, reason)| reason)?.config(Arc::new(Nobody))?;
        Ok(Self {
            name: Arc::clone(name),
            spec: None,
            store: Arc::clone(store),
            config: Arc::new(config),
        })
    }

    /// Their qualified name, or `default`.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Do they keep out clients without a certificate?
    #[must_use]
    pub fn demand_certificates(&self) -> bool {
        self.spec.as_ref().is_some_and(|spec| spec.clients.is_demanding())
    }

    /// Has a client that shook hands under `agreed` shown what these demand? The same demand of other authorities is another.
    #[must_use]
    pub fn admit(&self, agreed: &Self) -> bool {
        let clients = |options: &Self| options.spec.as_ref().map(|spec| spec.clients.clone());
        !self.demand_certificates() || clients(self) == clients(agreed)
    }

    /// What a handshake is made with.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// The same for a client that names no host and has connected to this address: there may be a certificate for it.
    #[must_use]
    pub fn config_at(&self, address: IpAddr) -> Arc<ServerConfig> {
        match self.store.for_address(address).filter(|_| self.spec.is_some()) {
            Some(certified) => {
                let mut config = (*self.config).clone();
                config.cert_resolver = Arc::new(Always(Arc::clone(certified)));
                Arc::new(config)
            }
            None => self.config(),
        }
    }
}

/// Those of TLS 1.2; `None` when none are written.
fn suites(written: &[String], remarks: &mut Vec<Remark>) -> Result<Option<Vec<&'static str>>, Remark> {
    let mut suites = Vec::new();
    let mut is_13_named = false;
    for (index, name) in written.iter().enumerate() {
        let key = format!("cipherSuites[{index}]");
        if is_tls13_suite(name) {
            is_13_named = true;
        } else if let Some(known) = tls12_suite(name) {
            suites.push(known);
        } else if is_weak_suite(name) {
            remarks.push((key, format!("{name} is too weak for piton and left out")));
        } else {
            let known: Vec<&str> = words::tls12_suites().collect();
            let text = format!("invalid CipherSuite: {name:?}; piton has {}", known.join(", "));
            return Err((key, text));
        }
    }
    if !written.is_empty() && suites.is_empty() && !is_13_named {
        let text = "piton has none of them".to_owned();
        return Err(("cipherSuites".to_owned(), text));
    }
    suites.sort_unstable();
    Ok((!written.is_empty()).then_some(suites))
}

fn groups(written: &[String], remarks: &mut Vec<Remark>) -> Result<Option<Vec<NamedGroup>>, Remark> {
    let mut groups = Vec::new();
    for (index, name) in written.iter().enumerate() {
        let key = format!("curvePreferences[{index}]");
        match words::group(name) {
            Some(Group::Known(group)) => groups.push(group),
            Some(Group::Missing) => {
                let text = format!("{name} is not supported and left out");
                remarks.push((key, text));
            }
            None => {
                let text = format!("invalid CurveID: {name:?}; piton has X25519, CurveP256, CurveP384");
                return Err((key, text));
            }
        }
    }
    if !written.is_empty() && groups.is_empty() {
        let text = "piton has none of them".to_owned();
        return Err(("curvePreferences".to_owned(), text));
    }
    Ok((!written.is_empty()).then_some(groups))
}

/// What piton speaks on TLS, as clients are offered it.
const PROTOCOLS: [&str; 2] = ["h2", "http/1.1"];

fn protocols(written: &[String], remarks: &mut Vec<Remark>) -> Result<Vec<&'static str>, Remark> {
    if written.is_empty() {
        return Ok(PROTOCOLS.to_vec());
    }
    let mut protocols = Vec::new();
    for (index, name) in written.iter().enumerate() {
        match PROTOCOLS.iter().find(|known| *known == name) {
            Some(known) => protocols.push(*known),
            None => {
                let text = format!("{name:?} is not offered: piton speaks h2 and http/1.1");
                remarks.push((format!("alpnProtocols[{index}]"), text));
            }
        }
    }
    if protocols.is_empty() {
        let text = "piton speaks none of them, but h2 and http/1.1".to_owned();
        return Err(("alpnProtocols".to_owned(), text));
    }
    Ok(protocols)
}
