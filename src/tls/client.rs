//! Certificates of clients: what is asked for, and what of it is verified.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

use super::pem::Pem;
use crate::config::Files;
use crate::config::dynamic::tls::ClientAuth;

/// What is asked of clients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Demand {
    /// Nothing.
    #[default]
    None,
    /// Any certificate, or none.
    Request,
    /// Any certificate.
    RequireAny,
    /// One that is trusted, or none.
    VerifyIfGiven,
    /// One that is trusted.
    RequireAndVerify,
}

/// `clientAuth`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Clients {
    demand: Demand,
    roots: Vec<CertificateDer<'static>>,
}

impl Clients {
    /// What is written; roots alone mean that a certificate of theirs is required, as in Traefik.
    ///
    /// # Errors
    /// The key that is wrong, and what is.
    pub(super) fn read(written: &ClientAuth, files: &dyn Files) -> Result<Self, (String, String)> {
        let mut roots = Vec::new();
        let mut store = RootCertStore::empty();
        for (index, file) in written.ca_files.iter().enumerate() {
            let at = |reason| (format!("clientAuth.caFiles[{index}]"), reason);
            for root in Pem::read(file, files)
                .and_then(|pem| pem.certificates())
                .map_err(at)?
            {
                let added = store.add(root.clone());
                added.map_err(|error| at(format!("a certificate cannot be a root: {error}")))?;
                roots.push(root);
            }
        }
        let key = || "clientAuth.clientAuthType".to_owned();
        let demand = match written.client_auth_type.as_str() {
            "" if roots.is_empty() => Demand::None,
            "" | "RequireAndVerifyClientCert" => Demand::RequireAndVerify,
            "NoClientCert" => Demand::None,
            "RequestClientCert" => Demand::Request,
            "RequireAnyClientCert" => Demand::RequireAny,
            "VerifyClientCertIfGiven" => Demand::VerifyIfGiven,
            other => {
                let known = "NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven or \
                             RequireAndVerifyClientCert";
                return Err((key(), format!("unknown client auth type {other:?}; use {known}")));
            }
        };
        let verifies = matches!(demand, Demand::VerifyIfGiven | Demand::RequireAndVerify);
        if verifies && roots.is_empty() {
            let text = format!(
                "invalid clientAuthType: {}, caFiles is required",
                written.client_auth_type
            );
            return Err((key(), text));
        }
        Ok(Self { demand, roots })
    }

    /// Does it keep out clients without a certificate?
    pub(super) const fn is_demanding(&self) -> bool {
        matches!(self.demand, Demand::RequireAny | Demand::RequireAndVerify)
    }

    /// What does it; `None` when nothing is asked for.
    ///
    /// # Errors
    /// What rustls has against the roots.
    pub(super) fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Option<Arc<dyn ClientCertVerifier>>, String> {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(self.roots.iter().cloned());
        let verified = |store: RootCertStore| {
            WebPkiClientVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider))
        };
        let built = match self.demand {
            Demand::None => return Ok(None),
            Demand::Request | Demand::RequireAny => {
                return Ok(Some(Arc::new(Anyone {
                    is_mandatory: self.demand == Demand::RequireAny,
                    hints: store.subjects(),
                    algorithms: provider.signature_verification_algorithms,
                })));
            }
            Demand::VerifyIfGiven => verified(store).allow_unauthenticated().build(),
            Demand::RequireAndVerify => verified(store).build(),
        };
        built.map(Some).map_err(|error| error.to_string())
    }
}

/// Takes any certificate whose key the client has.
#[derive(Debug)]
struct Anyone {
    is_mandatory: bool,
    hints: Vec<DistinguishedName>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for Anyone {
    fn client_auth_mandatory(&self) -> bool {
        self.is_mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _above: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
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
