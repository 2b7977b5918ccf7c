//! Facts about TLS towards clients, by handshakes in memory: nobody needs a socket for them.

// Which certificate, and what becomes of one that cannot be read.
mod certificates;
// What a handshake is like.
mod options;

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};

use rcgen::{CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PKCS_ED25519};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, HandshakeKind, ProtocolVersion,
    ServerConfig, ServerConnection, SignatureScheme,
};

use super::*;
use crate::config::{Notation, dynamic};

/// Files in memory.
#[derive(Debug, Default)]
struct Memory {
    files: Mutex<HashMap<String, Vec<u8>>>,
    exposed: Vec<&'static str>,
}

impl Memory {
    fn put(&self, path: &str, content: &str) {
        let mut files = self.files.lock().unwrap();
        files.insert(path.to_owned(), content.as_bytes().to_vec());
    }

    fn put_pair(&self, name: &str, pair: &Made) {
        self.put(&format!("{name}.crt"), &pair.certificate);
        self.put(&format!("{name}.key"), &pair.key);
    }

    fn remove(&self, path: &str) {
        self.files.lock().unwrap().remove(path);
    }
}

impl Files for Memory {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let files = self.files.lock().unwrap();
        files
            .get(path)
            .cloned()
            .ok_or_else(|| format!("{path:?} is gone"))
    }

    fn is_exposed(&self, path: &str) -> bool {
        self.exposed.contains(&path)
    }
}

/// A certificate and its key, as PEM.
struct Made {
    certificate: String,
    key: String,
}

impl Made {
    fn new(names: &[&str]) -> Self {
        Self::with(names, "unused", KeyPair::generate().unwrap())
    }

    fn with(names: &[&str], common: &str, key: KeyPair) -> Self {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, common);
        Self {
            certificate: params.self_signed(&key).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap()
    }

    /// As it stands in a list of certificates.
    fn inline(&self) -> String {
        format!("{{certFile: {:?}, keyFile: {:?}}}", self.certificate, self.key)
    }
}

fn parts(of: &[(&str, &str)]) -> Parts {
    let part = |&(provider, yaml): &(&str, &str)| {
        let (configuration, _) = dynamic::read(yaml.as_bytes(), Notation::Yaml, None).unwrap();
        (provider.to_owned(), configuration.tls)
    };
    of.iter().map(part).collect()
}

fn compiled(yaml: &str, files: &Memory, before: &Tls) -> Tls {
    Tls::compile(&parts(&[("file", yaml)]), None, files, before)
}

fn fresh(yaml: &str) -> Tls {
    compiled(yaml, &Memory::default(), &Tls::default())
}

/// `item key: text` of every finding; errors begin with `!`.
fn said(tls: &Tls) -> Vec<String> {
    let line = |finding: &Finding| {
        let mark = if finding.is_error { "!" } else { "" };
        format!("{mark}{} {}: {}", finding.item, finding.key, finding.text)
    };
    tls.findings().iter().map(line).collect()
}

/// What came of a handshake.
#[derive(Debug)]
struct Shaken {
    leaf: CertificateDer<'static>,
    version: ProtocolVersion,
    protocol: Option<Vec<u8>>,
    kind: HandshakeKind,
}

/// A client that trusts everybody.
fn client() -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    builder
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trusting))
        .with_no_client_auth()
}

/// The same, with a certificate.
fn client_with(pair: &Made) -> ClientConfig {
    let mut config = client();
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let certified = CertifiedKey::from_der(vec![pair.der()], key, &default_provider()).unwrap();
    config.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(certified));
    config
}

/// A handshake; of both sides' errors the server's.
fn shake(server: Arc<ServerConfig>, client: &ClientConfig, name: &str) -> Result<Shaken, Error> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::new(client.clone()), name).unwrap();
    let mut server = ServerConnection::new(server).unwrap();
    for _ in 0..8 {
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        let mut bytes = &bytes[..];
        while !bytes.is_empty() {
            server.read_tls(&mut bytes).unwrap();
            server.process_new_packets()?;
        }
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes as &mut dyn io::Write).unwrap();
        }
        let mut bytes = &bytes[..];
        while !bytes.is_empty() {
            client.read_tls(&mut bytes).unwrap();
            client.process_new_packets()?;
        }
    }
    assert!(!server.is_handshaking());
    Ok(Shaken {
        leaf: client.peer_certificates().unwrap()[0].clone().into_owned(),
        version: client.protocol_version().unwrap(),
        protocol: client.alpn_protocol().map(<[u8]>::to_vec),
        kind: server.handshake_kind().unwrap(),
    })
}

/// A handshake under the default options.
fn greet(tls: &Tls, name: &str) -> Result<Shaken, Error> {
    shake(tls.options(DEFAULT).unwrap().config(), &client(), name)
}

#[derive(Debug)]
struct Trusting;

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
