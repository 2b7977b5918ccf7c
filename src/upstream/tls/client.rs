//! The client side of TLS that piton makes itself: any bounds of version, names instead of the host's, and a choice of
//! client certificates.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    SupportedCipherSuite,
};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::{PeerName, Trust};
use crate::tls::name_of;

/// Where the system's roots come from when they are needed.
pub type RootsOfSystem<'a> = &'a dyn Fn() -> Result<Arc<RootCertStore>, String>;

/// What connections are made with.
pub(super) fn config(trust: &Trust, system: RootsOfSystem<'_>) -> Result<ClientConfig, String> {
    let words = |error: Error| error.to_string();
    let mut provider = ring::default_provider();
    if let Some(suites) = &trust.suites {
        let may = |suite: &SupportedCipherSuite| suite.tls13().is_some() || suites.contains(&name_of(suite));
        provider.cipher_suites.retain(may);
    }
    let verifier = Verifier {
        check: check(trust, system)?,
        algorithms: provider.signature_verification_algorithms,
    };
    let identities = identities(trust, &provider)?;
    let builder = ClientConfig::builder_with_provider(Arc::new(provider));
    let mut config = builder
        .with_protocol_versions(trust.versions.list())
        .map_err(words)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_cert_resolver(Arc::new(identities));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn check(trust: &Trust, system: RootsOfSystem<'_>) -> Result<Check, String> {
    if trust.any && trust.names.is_empty() {
        return Ok(Check::Nothing);
    }
    let roots = if trust.roots.is_empty() {
        system()?
    } else {
        let mut store = RootCertStore::empty();
        for root in &trust.roots {
            store.add(root.clone()).map_err(|error| error.to_string())?;
        }
        Arc::new(store)
    };
    Ok(if trust.names.is_empty() {
        Check::Host(roots)
    } else {
        Check::OneOf(roots, trust.names.clone())
    })
}

/// What of a certificate is looked at.
#[derive(Debug)]
enum Check {
    Nothing,
    Host(Arc<RootCertStore>),
    OneOf(Arc<RootCertStore>, Vec<PeerName>),
}

#[derive(Debug)]
struct Verifier {
    check: Check,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        above: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let roots = match &self.check {
            Check::Nothing => return Ok(ServerCertVerified::assertion()),
            Check::Host(roots) | Check::OneOf(roots, _) => roots,
        };
        let parsed = ParsedCertificate::try_from(certificate)?;
        verify_server_cert_signed_by_trust_anchor(&parsed, roots, above, now, self.algorithms.all)?;
        if let Check::OneOf(_, names) = &self.check {
            carries_one(certificate, names)?;
        } else {
            verify_server_name(&parsed, host)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Does the certificate carry one of the names?
fn carries_one(certificate: &CertificateDer<'_>, names: &[PeerName]) -> Result<(), Error> {
    let broken = || Error::InvalidCertificate(CertificateError::BadEncoding);
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| broken())?;
    let found = parsed.subject_alternative_name().map_err(|_| broken())?;
    let is_wanted = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(dns) => {
            let same =
                |wanted: &PeerName| matches!(wanted, PeerName::Dns(text) if text.eq_ignore_ascii_case(dns));
            names.iter().any(same)
        }
        GeneralName::URI(uri) => {
            let same = |wanted: &PeerName| matches!(wanted, PeerName::Uri(text) if text == uri);
            names.iter().any(same)
        }
        _ => false,
    };
    if found.is_some_and(|found| found.value.general_names.iter().any(is_wanted)) {
        Ok(())
    } else {
        Err(Error::InvalidCertificate(CertificateError::NotValidForName))
    }
}

/// Client certificates to choose from.
#[derive(Debug)]
struct Identities(Vec<Candidate>);

#[derive(Debug)]
struct Candidate {
    certified: Arc<CertifiedKey>,
    /// Who signed it and those above it, as DER.
    issuers: Vec<Vec<u8>>,
}

fn identities(trust: &Trust, provider: &CryptoProvider) -> Result<Identities, String> {
    let candidates = trust.identities.iter().map(|identity| {
        let certified = CertifiedKey::from_der(identity.chain.clone(), identity.key.clone_key(), provider);
        let issuer = |der: &CertificateDer<'_>| {
            let parsed = X509Certificate::from_der(der).ok();
            parsed.map(|(_, parsed)| parsed.issuer().as_raw().to_vec())
        };
        Ok(Candidate {
            certified: Arc::new(certified.map_err(|error| error.to_string())?),
            issuers: identity.chain.iter().filter_map(issuer).collect(),
        })
    });
    candidates.collect::<Result<_, String>>().map(Identities)
}

impl ResolvesClientCert for Identities {
    /// The first that the server says it accepts, as in Go. An only one is shown in any case.
    fn resolve(&self, wanted: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let is_only = self.0.len() == 1;
        let accepted = |candidate: &&Candidate| {
            let is_issued = |issuer: &Vec<u8>| wanted.contains(&issuer.as_slice());
            (is_only || wanted.is_empty() || candidate.issuers.iter().any(is_issued))
                && candidate.certified.key.choose_scheme(schemes).is_some()
        };
        let chosen = self.0.iter().find(accepted)?;
        Some(Arc::clone(&chosen.certified))
    }

    fn has_certs(&self) -> bool {
        !self.0.is_empty()
    }
}
