//! Certificates and keys as they are written in a configuration: the path of a PEM file, or its text.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::config::Files;

/// Does it stand for itself? All else is a path.
pub(crate) fn is_text(written: &str) -> bool {
    written.contains("-----BEGIN")
}

/// No path is longer; something that is was meant as content, and may be a key.
const MAX_PATH: usize = 1024;

/// A source of PEM and its words in a message: the path, never the content.
pub(crate) struct Pem {
    name: String,
    bytes: Vec<u8>,
}

impl Pem {
    /// What `written` stands for.
    pub(crate) fn read(written: &str, files: &dyn Files) -> Result<Self, String> {
        if is_text(written) {
            return Ok(Self {
                name: "the PEM text".to_owned(),
                bytes: written.as_bytes().to_vec(),
            });
        }
        if written.is_empty() {
            return Err("is missing".to_owned());
        }
        if written.len() > MAX_PATH || written.contains(char::is_control) {
            return Err("is neither a path nor PEM text: it has no line with -----BEGIN".to_owned());
        }
        Ok(Self {
            name: format!("{written:?}"),
            bytes: files.read(written)?,
        })
    }

    /// The same for a key: what was written may be the key itself, and is never repeated.
    pub(crate) fn read_secret(written: &str, files: &dyn Files) -> Result<Self, String> {
        // What can be read is a path.
        Self::read(written, files).map_err(|reason| reason.replace(&format!("{written:?}"), "the file"))
    }

    /// What it holds.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// All certificates in it, at least one.
    pub(crate) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, String> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.bytes).collect();
        let found = found.map_err(|_| format!("{} has a PEM section that is broken", self.name))?;
        if found.is_empty() {
            return Err(format!("{} holds no certificate", self.name));
        }
        // Pingora panics on what it cannot parse.
        let is_one = |der: &CertificateDer<'_>| X509Certificate::from_der(der).is_ok();
        if !found.iter().all(is_one) {
            return Err(format!(
                "{} holds something that is no X.509 certificate",
                self.name
            ));
        }
        Ok(found)
    }

    /// The first private key in it.
    pub(crate) fn key(&self) -> Result<PrivateKeyDer<'static>, String> {
        let key = PrivateKeyDer::from_pem_slice(&self.bytes).map_err(|_| {
            format!(
                "{} holds no private key that can be read; PKCS#8, PKCS#1 and SEC1 without a password can",
                self.name
            )
        })?;
        // Pingora tells the kinds apart by the bytes, and panics where it cannot.
        match PrivateKeyDer::try_from(key.secret_der()) {
            Ok(again) if again == key => Ok(key),
            _ => Err(format!(
                "{} holds a private key of an odd kind; use PKCS#8",
                self.name
            )),
        }
    }
}
