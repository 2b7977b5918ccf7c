//! From what is written to what is demanded. Anything that cannot be enforced is refused.

use rustls::RootCertStore;
use rustls::crypto::ring::{ALL_CIPHER_SUITES, default_provider};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::CertifiedKey;

use super::client::name_of;
use super::{Identity, PeerName, Trust, Versions};
use crate::config::Files;
use crate::config::dynamic::http::{PeerCertSan, ServersTransport};
use crate::config::dynamic::tls::CertificatePair;
use crate::upstream::InvalidTransport;
use crate::upstream::pem::Pem;

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
    let versions = versions(&written.min_version, &written.max_version)?;
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

fn versions(min: &str, max: &str) -> Result<Versions, InvalidTransport> {
    let version = |key: &str, text: &str, default: u8| match text {
        "" => Ok(default),
        "VersionTLS10" => Ok(10),
        "VersionTLS11" => Ok(11),
        "VersionTLS12" => Ok(12),
        "VersionTLS13" => Ok(13),
        other => Err(invalid(
            key,
            format!("{other:?} is no version of TLS; use VersionTLS12 or VersionTLS13"),
        )),
    };
    let (least, most) = (version("minVersion", min, 10)?, version("maxVersion", max, 13)?);
    if most < 12 {
        return Err(invalid(
            "maxVersion",
            format!("{max} is too old: piton speaks TLS 1.2 and 1.3"),
        ));
    }
    match (least.max(12), most) {
        (12, 13) => Ok(Versions::All),
        (12, 12) => Ok(Versions::Only12),
        (13, 13) => Ok(Versions::Only13),
        _ => Err(invalid("minVersion", format!("{min} is above maxVersion {max}"))),
    }
}

/// Those for TLS 1.2 among the cipher suites written; `None` when none are written.
fn suites(written: &[String]) -> Result<Option<Vec<&'static str>>, InvalidTransport> {
    let mut suites = Vec::new();
    for (index, name) in written.iter().enumerate() {
        if matches!(
            name.as_str(),
            "TLS_AES_128_GCM_SHA256" | "TLS_AES_256_GCM_SHA384" | "TLS_CHACHA20_POLY1305_SHA256"
        ) {
            continue;
        }
        let old = ALL_CIPHER_SUITES.iter().filter(|suite| suite.tls13().is_none());
        let mut names = old.map(name_of);
        // Go has a shorter name for some.
        let is_meant = |known: &&str| *known == name || known.strip_suffix("_SHA256") == Some(name);
        match names.find(is_meant) {
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
