//! The certificate of clients whose name no other fits: made once per process, signed by itself.

use std::sync::Arc;

use rcgen::{CertificateParams, CertifiedKey as Made, DnType, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::CertifiedKey;

use super::startup::StartFailure;

/// Its common name.
const NAME: &str = "PITON DEFAULT CERT";

/// A new one, with a key that nobody else has. No client trusts it.
pub(super) fn self_signed() -> Result<Arc<CertifiedKey>, StartFailure> {
    let failure =
        |error: &dyn ToString| StartFailure::System(format!("default certificate: {}", error.to_string()));
    let Made { cert, signing_key } = made().map_err(|error| failure(&error))?;
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).map_err(|error| failure(&error))?;
    let certified = CertifiedKey::from_der(vec![cert.der().clone()], key, &default_provider());
    certified.map(Arc::new).map_err(|error| failure(&error))
}

fn made() -> Result<Made<KeyPair>, rcgen::Error> {
    let mut params = CertificateParams::new(vec!["piton.default".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, NAME);
    let signing_key = KeyPair::generate()?;
    Ok(Made {
        cert: params.self_signed(&signing_key)?,
        signing_key,
    })
}
