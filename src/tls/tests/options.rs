//! What a handshake is like under which options.

use rustls::version::{TLS12, TLS13};

use super::*;

/// Options `o@file` with these lines, and a certificate for `a.test`.
fn under(inside: &str) -> Tls {
    with(inside, &Memory::default(), &Tls::default())
}

fn with(inside: &str, files: &Memory, before: &Tls) -> Tls {
    if files.read("a.crt").is_err() {
        files.put_pair("a", &Made::new(&["a.test"]));
    }
    let yaml =
        format!("tls: {{certificates: [{{certFile: a.crt, keyFile: a.key}}], options: {{o: {{{inside}}}}}}}");
    compiled(&yaml, files, before)
}

fn of(tls: &Tls) -> Arc<ServerConfig> {
    tls.usable("o@file").unwrap().config()
}

fn only(version: &'static rustls::SupportedProtocolVersion) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    builder
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trusting))
        .with_no_client_auth()
}

fn offering(protocols: &[&str]) -> ClientConfig {
    let mut config = client();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

fn protocol(tls: &Tls, offered: &[&str]) -> Result<Option<String>, Error> {
    let shaken = shake(of(tls), &offering(offered), "a.test")?;
    Ok(shaken.protocol.map(|name| String::from_utf8(name).unwrap()))
}

#[test]
fn versions_outside_of_the_bounds_are_refused() {
    let works = |tls: &Tls, version| shake(of(tls), &only(version), "a.test").is_ok();
    for (inside, old, new) in [
        ("sniStrict: false", true, true),
        ("minVersion: VersionTLS13", false, true),
        ("maxVersion: VersionTLS12", true, false),
    ] {
        let tls = under(inside);
        assert_eq!((works(&tls, &TLS12), works(&tls, &TLS13)), (old, new), "{inside}");
    }
    let tls = under("minVersion: VersionTLS10");
    assert_eq!(
        said(&tls),
        ["options.o@file minVersion: VersionTLS10 is too old and taken as VersionTLS12"]
    );
}

#[test]
fn h2_and_http_1_1_are_offered_unless_others_are_written() {
    let usual = under("sniStrict: false");
    assert_eq!(protocol(&usual, &["h2", "http/1.1"]).unwrap().unwrap(), "h2");
    assert_eq!(protocol(&usual, &["http/1.1"]).unwrap().unwrap(), "http/1.1");
    assert_eq!(protocol(&usual, &[]).unwrap(), None);
    assert_eq!(
        protocol(&usual, &["acme-tls/1"]).unwrap_err(),
        Error::NoApplicationProtocol
    );
    let old = under("alpnProtocols: [http/1.1, acme-tls/1]");
    assert_eq!(protocol(&old, &["h2", "http/1.1"]).unwrap().unwrap(), "http/1.1");
    assert_eq!(
        said(&old),
        ["options.o@file alpnProtocols[1]: \"acme-tls/1\" is not offered: piton speaks h2 and http/1.1"]
    );
}

#[test]
fn strict_options_refuse_who_asks_for_no_name_that_a_certificate_has() {
    let made = Made::new(&["d.test"]);
    let yaml = |strict: bool| {
        format!(
            "tls: {{stores: {{default: {{defaultCertificate: {}}}}}, options: {{o: {{sniStrict: {strict}}}}}}}",
            made.inline()
        )
    };
    assert!(shake(of(&fresh(&yaml(false))), &client(), "b.test").is_ok());
    // As in Traefik, the default certificate is no answer to any name then.
    for name in ["b.test", "d.test"] {
        assert!(shake(of(&fresh(&yaml(true))), &client(), name).is_err(), "{name}");
    }
    let listed = format!(
        "tls: {{certificates: [{}], options: {{o: {{sniStrict: true}}}}}}",
        made.inline()
    );
    assert!(shake(of(&fresh(&listed)), &client(), "d.test").is_ok());
}

#[test]
fn cipher_suites_and_groups_are_those_written() {
    let tls = under(
        "maxVersion: VersionTLS12, curvePreferences: [X25519MLKEM768, CurveP384], \
         cipherSuites: [TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305, TLS_RSA_WITH_AES_128_CBC_SHA]",
    );
    assert_eq!(
        said(&tls),
        [
            "options.o@file cipherSuites[1]: TLS_RSA_WITH_AES_128_CBC_SHA is too weak for piton and left out",
            "options.o@file curvePreferences[0]: X25519MLKEM768 is not supported and left out",
        ]
    );
    let config = of(&tls);
    let provider = config.crypto_provider();
    let groups: Vec<_> = provider.kx_groups.iter().map(|group| group.name()).collect();
    assert_eq!(groups, [rustls::NamedGroup::secp384r1]);
    let old = provider
        .cipher_suites
        .iter()
        .filter(|suite| suite.tls13().is_none());
    assert_eq!(old.count(), 1);
    assert!(shake(config, &client(), "a.test").is_ok());
}

#[test]
fn options_that_cannot_be_kept_are_nobodys() {
    for (inside, key, why) in [
        ("minVersion: TLS13", "minVersion", "is no version of TLS"),
        ("maxVersion: VersionTLS11", "maxVersion", "is too old"),
        (
            "cipherSuites: [NO_SUCH]",
            "cipherSuites[0]",
            "invalid CipherSuite: \"NO_SUCH\"; piton has TLS_",
        ),
        (
            "cipherSuites: [TLS_RSA_WITH_AES_128_CBC_SHA]",
            "cipherSuites",
            "piton has none of them",
        ),
        (
            "maxVersion: VersionTLS12, cipherSuites: [TLS_AES_128_GCM_SHA256]",
            "cipherSuites",
            "none of them is for TLS 1.2",
        ),
        (
            "curvePreferences: [Curve25519]",
            "curvePreferences[0]",
            "invalid CurveID",
        ),
        (
            "curvePreferences: [CurveP521]",
            "curvePreferences",
            "piton has none of them",
        ),
        (
            "alpnProtocols: [acme-tls/1]",
            "alpnProtocols",
            "piton speaks none of them",
        ),
        (
            "clientAuth: {clientAuthType: Maybe}",
            "clientAuth.clientAuthType",
            "unknown client auth type \"Maybe\"",
        ),
        (
            "clientAuth: {clientAuthType: RequireAndVerifyClientCert}",
            "clientAuth.clientAuthType",
            "caFiles is required",
        ),
        (
            "clientAuth: {caFiles: [gone.pem]}",
            "clientAuth.caFiles[0]",
            "\"gone.pem\" is gone",
        ),
    ] {
        let tls = under(inside);
        let refusal = tls.usable("o@file").unwrap_err();
        assert!(
            refusal.starts_with(&format!("TLS options o@file: {key}: ")),
            "{refusal}"
        );
        assert!(refusal.contains(why), "{inside}: {refusal}");
        let config = tls.options("o@file").unwrap().config();
        assert!(shake(config, &client(), "a.test").is_err(), "{inside}");
        assert!(tls.usable(DEFAULT).is_ok(), "{inside}");
        let errors = said(&tls)
            .into_iter()
            .filter(|line| line.starts_with("!options.o@file"));
        assert_eq!(errors.count(), 1, "{inside}");
    }
    assert_eq!(
        under("sniStrict: true").usable("p@file").unwrap_err(),
        "unknown TLS options: p@file"
    );
}

#[test]
fn options_called_default_are_everybodys_and_those_of_two_providers_nobodys() {
    let default = |inside: &str| format!("tls: {{options: {{default: {{{inside}}}}}}}");
    let strict = default("minVersion: VersionTLS13");
    let tls = fresh(&strict);
    let config = tls.usable(DEFAULT).unwrap().config();
    assert!(shake(config, &only(&TLS12), "a.test").is_err());
    let parts = parts(&[("docker", &strict), ("file", &default("sniStrict: true"))]);
    let tls = Tls::compile(&parts, None, &Memory::default(), &Tls::default());
    assert_eq!(
        tls.usable(DEFAULT).unwrap_err(),
        "TLS options default: they are defined by several providers"
    );
}

#[test]
fn clients_are_asked_for_certificates_as_written() {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["client.test".to_owned()]).unwrap();
    let known = Made {
        certificate: params.signed_by(&key, &authority).unwrap().pem(),
        key: key.serialize_pem(),
    };
    let stranger = Made::new(&["client.test"]);
    let roots = format!("caFiles: [{:?}]", authority.pem());
    for (inside, none, any, trusted) in [
        ("clientAuthType: NoClientCert".to_owned(), true, true, true),
        ("clientAuthType: RequestClientCert".to_owned(), true, true, true),
        (
            "clientAuthType: RequireAnyClientCert".to_owned(),
            false,
            true,
            true,
        ),
        (
            format!("clientAuthType: VerifyClientCertIfGiven, {roots}"),
            true,
            false,
            true,
        ),
        (
            format!("clientAuthType: RequireAndVerifyClientCert, {roots}"),
            false,
            false,
            true,
        ),
        (roots.clone(), false, false, true),
    ] {
        for version in ["VersionTLS12", "VersionTLS13"] {
            let tls = under(&format!("maxVersion: {version}, clientAuth: {{{inside}}}"));
            let works = |client: &ClientConfig| shake(of(&tls), client, "a.test").is_ok();
            assert_eq!(
                (
                    works(&client()),
                    works(&client_with(&stranger)),
                    works(&client_with(&known))
                ),
                (none, any, trusted),
                "{version} {inside}"
            );
            let demands = tls.usable("o@file").unwrap().demand_certificates();
            assert_eq!(demands, !none, "{inside}");
        }
    }
}

#[test]
fn sessions_are_resumed_across_reloads_as_long_as_the_options_stay() {
    for version in [&TLS12, &TLS13] {
        let files = Memory::default();
        let before = with("sniStrict: false", &files, &Tls::default());
        let client = only(version);
        let kind = |tls: &Tls| shake(of(tls), &client, "a.test").unwrap().kind;
        assert_eq!(kind(&before), HandshakeKind::Full);
        assert_eq!(kind(&before), HandshakeKind::Resumed);
        files.put_pair("b", &Made::new(&["b.test"]));
        let yaml = "tls: {certificates: [{certFile: a.crt, keyFile: a.key}, {certFile: b.crt, keyFile: b.key}], \
                    options: {o: {sniStrict: false}}}";
        let grown = compiled(yaml, &files, &before);
        assert_eq!(kind(&grown), HandshakeKind::Resumed);
        let other = with("sniStrict: true", &files, &grown);
        assert_eq!(kind(&other), HandshakeKind::Full);
    }
}

#[test]
fn without_session_tickets_nothing_is_resumed() {
    let tls = under("disableSessionTickets: true");
    for version in [&TLS12, &TLS13] {
        let client = only(version);
        for _ in 0..2 {
            let shaken = shake(of(&tls), &client, "a.test").unwrap();
            assert_eq!(shaken.kind, HandshakeKind::Full);
            assert_eq!(shaken.version, version.version);
        }
    }
}
