//! From what is written to what is demanded. Anything that cannot be enforced is refused.

use rustls::RootCertStore;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::CertifiedKey;

use super::{Identity, PeerName, Trust};
use crate::config::Files;
use crate::config::dynamic::http::{PeerCertSan, ServersTransport};
use crate::config::dynamic::tls::CertificatePair;
use crate::tls::{Pem, Versions, is_tls13_suite, tls12_suite};
use crate::upstream::InvalidTransport;

/// Reads the keys about trust.
pub(crate) fn read(written: &ServersTransport, files: &dyn Files) -> Result<Trust, InvalidTransport> {
    server_name(&written.server_name)?;
    let mut roots = Vec::new();
    for (index, root) in written.root_cas.iter().enumerate() {
        let found = roots_of(root, files);
        roots.extend(found.map_err(|reason| invalid(format!("rootCAs[{index}]"), reason))?);
    }
    let identities = written.certificates.iter().enumerate();
    let identities: Result<_, _> = identities
        .map(|(index, pair)| identity(pair, files, &format!("certificates[{index}]")))
        .collect();
    let suites = suites(&written.cipher_suites)?;
    let versions = Versions::parse(&written.min_version, &written.max_version);
    let versions = versions.map_err(|(key, reason)| invalid(key, reason))?;
    if versions == Versions::Only12 && suites.as_ref().is_some_and(Vec::is_empty) {
        return Err(invalid("cipherSuites", "none of them is for TLS 1.2"));
    }
    Ok(Trust {
        roots,
        identities: identities?,
        versions,
        suites,
        names: names(&written.peer_cert_sans, &written.peer_cert_uri)?,
        any: written.insecure_skip_verify,
    })
}

fn invalid(key: impl Into<String>, reason: impl Into<String>) -> InvalidTransport {
    InvalidTransport::Value {
        key: key.into(),
        reason: reason.into(),
    }
}

fn server_name(name: &str) -> Result<(), InvalidTransport> {
    if name.is_empty() || ServerName::try_from(name).is_ok() {
        return Ok(());
    }
    Err(invalid("serverName", format!("{name:?} is no host name")))
}

fn roots_of(written: &str, files: &dyn Files) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = Pem::read(written, files)?.certificates()?;
    let mut store = RootCertStore::empty();
    for certificate in &found {
        let added = store.add(certificate.clone());
        added.map_err(|error| format!("a certificate cannot be a root: {error}"))?;
    }
    Ok(found)
}

fn identity(pair: &CertificatePair, files: &dyn Files, key: &str) -> Result<Identity, InvalidTransport> {
    let at = |field: &str, reason: String| invalid(format!("{key}.{field}"), reason);
    let chain = Pem::read(&pair.cert_file, files).and_then(|pem| pem.certificates());
    let chain = chain.map_err(|reason| at("certFile", reason))?;
    let private = Pem::read_secret(&pair.key_file, files).and_then(|pem| pem.key());
    let private = private.map_err(|reason| at("keyFile", reason))?;
    let fits = CertifiedKey::from_der(chain.clone(), private.clone_key(), &default_provider());
    fits.map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => at("keyFile", "does not belong to the certificate".to_owned()),
        error => at("keyFile", format!("cannot be used: {error}")),
    })?;
    Ok(Identity { chain, key: private })
}

/// Those for TLS 1.2 among the cipher suites written; `None` when none are written.
fn suites(written: &[String]) -> Result<Option<Vec<&'static str>>, InvalidTransport> {
    let mut suites = Vec::new();
    for (index, name) in written.iter().enumerate() {
        if is_tls13_suite(name) {
            continue;
        }
        match tls12_suite(name) {
            Some(known) => suites.push(known),
            None => {
                let reason = format!("{name:?} is no cipher suite that piton has");
                return Err(invalid(format!("cipherSuites[{index}]"), reason));
            }
        }
    }
    suites.sort_unstable();
    Ok((!written.is_empty()).then_some(suites))
}

fn names(sans: &[PeerCertSan], uri: &str) -> Result<Vec<PeerName>, InvalidTransport> {
    let mut names = Vec::new();
    for (index, san) in sans.iter().enumerate() {
        let key = |field: &str| format!("peerCertSANs[{index}].{field}");
        if san.value.is_empty() {
            return Err(invalid(key("value"), "is missing"));
        }
        names.push(match san.kind.as_str() {
            "DNSName" => PeerName::Dns(san.value.clone()),
            "URI" => PeerName::Uri(san.value.clone()),
            other => {
                let reason = format!("{other:?} is no kind of name; use DNSName or URI");
                return Err(invalid(key("type"), reason));
            }
        });
    }
    if !uri.is_empty() {
        names.push(PeerName::Uri(uri.to_owned()));
    }
    Ok(names)
}
