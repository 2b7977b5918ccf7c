//! What is read, what is refused, and what keeps connections apart.

use std::collections::HashMap;
use std::net::SocketAddr;

use pingora::upstreams::peer::Peer;
use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::config::Files;
use crate::config::dynamic::http::{PeerCertSan, ServersTransport};
use crate::config::dynamic::tls::CertificatePair;
use crate::upstream::{Address, ServerUrl, Transport, Upstream};

/// Files that are not on a disk.
#[derive(Debug, Default)]
struct Memory(HashMap<&'static str, String>);

impl Files for Memory {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let found = self.0.get(path).map(|text| text.clone().into_bytes());
        found.ok_or_else(|| format!("{path:?} cannot be read: not there"))
    }
}

/// A certificate and its key as PEM.
fn pair(name: &str) -> (String, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([name.to_owned()]).unwrap();
    (cert.pem(), signing_key.serialize_pem())
}

/// `a.pem` with key `a.key`, `b.pem` with key `b.key`, and nonsense.
fn files() -> Memory {
    let ((a, a_key), (b, b_key)) = (pair("a.test"), pair("b.test"));
    let nonsense = "-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n";
    Memory(HashMap::from([
        ("a.pem", a),
        ("a.key", a_key),
        ("b.pem", b),
        ("b.key", b_key),
        ("text", "just text".to_owned()),
        ("broken", "-----BEGIN CERTIFICATE-----\n!\n".to_owned()),
        ("nonsense", nonsense.to_owned()),
    ]))
}

fn root(written: &str) -> ServersTransport {
    ServersTransport {
        root_cas: vec![written.to_owned()],
        ..ServersTransport::default()
    }
}

fn shown(certificate: &str, key: &str) -> ServersTransport {
    ServersTransport {
        certificates: vec![CertificatePair {
            cert_file: certificate.to_owned(),
            key_file: key.to_owned(),
        }],
        ..ServersTransport::default()
    }
}

fn between(min: &str, max: &str) -> ServersTransport {
    ServersTransport {
        min_version: min.to_owned(),
        max_version: max.to_owned(),
        ..ServersTransport::default()
    }
}

fn suites(names: &[&str]) -> ServersTransport {
    ServersTransport {
        cipher_suites: names.iter().map(|&name| name.to_owned()).collect(),
        ..ServersTransport::default()
    }
}

fn named(kind: &str, value: &str) -> ServersTransport {
    let san = PeerCertSan {
        kind: kind.to_owned(),
        value: value.to_owned(),
    };
    ServersTransport {
        peer_cert_sans: vec![san],
        ..ServersTransport::default()
    }
}

fn group_key(transport: &Transport) -> u64 {
    let url = ServerUrl::parse("https://10.0.0.1").unwrap();
    let address: SocketAddr = "10.0.0.1:443".parse().unwrap();
    let upstream = Upstream::new(&url, transport, Address::Fixed(address), false).unwrap();
    upstream.peer(address).group_key
}

#[test]
fn what_cannot_be_used_is_refused_with_key_and_reason() {
    let files = files();
    let pasted = "MIGHAgEAMBMGByqGSM49\nAgEGCCqGSM49AwEHBG0w";
    let no_name = ServersTransport {
        server_name: "a b".to_owned(),
        ..ServersTransport::default()
    };
    for (written, words) in [
        (root("c.pem"), "rootCAs[0]: \"c.pem\" cannot be read: not there"),
        (root(""), "rootCAs[0]: is missing"),
        (root("text"), "rootCAs[0]: \"text\" holds no certificate"),
        (root("a.key"), "rootCAs[0]: \"a.key\" holds no certificate"),
        (
            root("broken"),
            "rootCAs[0]: \"broken\" has a PEM section that is broken",
        ),
        (
            root("nonsense"),
            "rootCAs[0]: \"nonsense\" holds something that is no X.509",
        ),
        (shown("a.pem", ""), "certificates[0].keyFile: is missing"),
        (
            shown("a.pem", "a.pem"),
            "certificates[0].keyFile: \"a.pem\" holds no private key",
        ),
        (
            shown("a.pem", "b.key"),
            "certificates[0].keyFile: does not belong to the certificate",
        ),
        (
            shown("a.key", "a.key"),
            "certificates[0].certFile: \"a.key\" holds no certificate",
        ),
        (
            shown("a.pem", pasted),
            "certificates[0].keyFile: is neither a path nor PEM text",
        ),
        (between("", "VersionTLS11"), "maxVersion: VersionTLS11 is too old"),
        (
            between("VersionTLS14", ""),
            "minVersion: \"VersionTLS14\" is no version",
        ),
        (
            between("VersionTLS13", "VersionTLS12"),
            "minVersion: VersionTLS13 is above maxVersion",
        ),
        (
            named("dnsName", "a"),
            "peerCertSANs[0].type: \"dnsName\" is no kind of name",
        ),
        (named("URI", ""), "peerCertSANs[0].value: is missing"),
        (
            suites(&["TLS_RSA_WITH_RC4_128_SHA"]),
            "cipherSuites[0]: \"TLS_RSA_WITH_RC4_128_SHA\" is no cipher suite that piton has",
        ),
        (no_name, "serverName: \"a b\" is no host name"),
    ] {
        let refused = Transport::new(&written, &files).unwrap_err().to_string();
        assert!(refused.starts_with(words), "{refused}");
        assert!(!refused.contains("MIGH"), "{refused}");
    }
}

#[test]
fn text_is_taken_as_well_as_a_path() {
    let files = files();
    let by_text = shown(&files.0["a.pem"], &files.0["a.key"]);
    let by_path = shown("a.pem", "a.key");
    assert_eq!(
        Transport::new(&by_text, &files).unwrap(),
        Transport::new(&by_path, &files).unwrap()
    );
}

#[test]
fn a_key_is_never_shown() {
    let files = files();
    let transport = Transport::new(&shown("a.pem", "a.key"), &files).unwrap();
    let debug = format!("{transport:?}");
    let secret = transport.tls.trust.identities[0].key.secret_der();
    assert!(!debug.contains(&format!("{secret:?}")), "{debug}");
    assert!(!debug.contains(&format!("{:?}", &secret[40..60])), "{debug}");
}

#[test]
fn everything_that_changes_the_trust_keeps_connections_apart() {
    let mut files = files();
    let plain = ServersTransport::default();
    let insecure = ServersTransport {
        insecure_skip_verify: true,
        ..ServersTransport::default()
    };
    let named_server = ServersTransport {
        server_name: "a.test".to_owned(),
        ..ServersTransport::default()
    };
    let uri = ServersTransport {
        peer_cert_uri: "a".to_owned(),
        ..ServersTransport::default()
    };
    let written = [
        plain,
        insecure,
        named_server,
        root("a.pem"),
        root("b.pem"),
        shown("a.pem", "a.key"),
        shown("b.pem", "b.key"),
        between("VersionTLS13", ""),
        between("", "VersionTLS12"),
        named("DNSName", "a"),
        named("DNSName", "b"),
        uri,
        suites(&["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]),
        suites(&["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305"]),
        suites(&["TLS_AES_128_GCM_SHA256"]),
    ];
    let keys = |files: &Memory| -> Vec<u64> {
        let transports = written
            .iter()
            .map(|written| Transport::new(written, files).unwrap());
        transports.map(|transport| group_key(&transport)).collect()
    };
    let mut before = keys(&files);
    assert_eq!(before, keys(&files), "the same files, the same connections");
    before.sort_unstable();
    before.dedup();
    assert_eq!(before.len(), written.len());
    let old = Transport::new(&root("a.pem"), &files).unwrap();
    files.0.insert("a.pem", pair("a.test").0);
    let new = Transport::new(&root("a.pem"), &files).unwrap();
    assert_ne!(old, new, "the file holds something else");
    assert_ne!(group_key(&old), group_key(&new));
}

#[test]
fn pingora_cannot_connect_to_a_peer_that_piton_connects_to_itself() {
    let url = ServerUrl::parse("https://10.0.0.1").unwrap();
    let address: SocketAddr = "10.0.0.1:443".parse().unwrap();
    let peer = |written: &ServersTransport| {
        let transport = Transport::new(written, &files()).unwrap();
        let upstream = Upstream::new(&url, &transport, Address::Fixed(address), false);
        upstream.unwrap().peer(address)
    };
    for own in [
        between("VersionTLS13", ""),
        between("", "VersionTLS12"),
        named("URI", "a"),
    ] {
        assert!(peer(&own).get_ca().is_some_and(|ca| ca.is_empty()), "{own:?}");
    }
    for versions in [
        between("VersionTLS12", ""),
        between("VersionTLS10", "VersionTLS13"),
    ] {
        assert!(peer(&versions).get_ca().is_none(), "{versions:?}");
    }
    assert!(peer(&root("a.pem")).get_ca().is_some_and(|ca| ca.len() == 1));
    assert!(peer(&shown("a.pem", "a.key")).get_client_cert_key().is_some());
}
