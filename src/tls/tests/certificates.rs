//! Which certificate a client gets, and what becomes of one that cannot be read.

use super::*;

fn list(pairs: &[&Made]) -> String {
    let pairs: Vec<String> = pairs.iter().map(|pair| pair.inline()).collect();
    format!("tls: {{certificates: [{}]}}", pairs.join(", "))
}

#[test]
fn an_exact_name_is_preferred_to_a_wildcard_and_a_wildcard_is_one_label() {
    let (wild, exact, other) = (
        Made::new(&["*.a.test"]),
        Made::new(&["x.a.test", "A.TEST"]),
        Made::new(&["b.test"]),
    );
    let tls = fresh(&list(&[&wild, &exact, &other]));
    assert_eq!(said(&tls), [""; 0]);
    for (name, pair) in [
        ("x.a.test", &exact),
        ("X.A.Test", &exact),
        ("a.test", &exact),
        ("y.a.test", &wild),
        ("b.test", &other),
    ] {
        assert_eq!(greet(&tls, name).unwrap().leaf, pair.der(), "{name}");
    }
    for name in ["x.y.a.test", "c.test", "test"] {
        let failure = greet(&tls, name).unwrap_err();
        assert!(matches!(failure, Error::General(_)), "{name}: {failure}");
    }
}

#[test]
fn who_fits_no_name_gets_the_default_certificate() {
    let (listed, default, own) = (
        Made::new(&["a.test"]),
        Made::new(&["d.test"]),
        Made::new(&["own.test"]),
    );
    let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
    let own_key = Arc::new(CertifiedKey::from_der(vec![own.der()], key, &default_provider()).unwrap());
    let compile = |yaml: &str| {
        let parts = parts(&[("file", yaml)]);
        Tls::compile(&parts, Some(&own_key), &Memory::default(), &Tls::default())
    };
    let tls = compile(&list(&[&listed]));
    assert_eq!(greet(&tls, "b.test").unwrap().leaf, own.der());
    let tls = compile(&format!(
        "tls: {{certificates: [{}], stores: {{default: {{defaultCertificate: {}}}}}}}",
        listed.inline(),
        default.inline()
    ));
    assert_eq!(greet(&tls, "b.test").unwrap().leaf, default.der());
    assert_eq!(greet(&tls, "a.test").unwrap().leaf, listed.der());
}

#[test]
fn of_equal_names_the_first_whose_key_the_client_can_verify_is_served() {
    let edwards = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let (edwards, first, second) = (
        Made::with(&["a.test"], "e", edwards),
        Made::new(&["a.test"]),
        Made::new(&["a.test"]),
    );
    let tls = fresh(&list(&[&edwards, &first, &second]));
    assert_eq!(greet(&tls, "a.test").unwrap().leaf, edwards.der());
    // Without the Edwards curve among its words the client gets the first of the others.
    let config = tls.options(DEFAULT).unwrap().config();
    let mut client = client();
    client
        .dangerous()
        .set_certificate_verifier(Arc::new(WithoutEdwards));
    let shaken = shake(config, &client, "a.test").unwrap();
    assert_eq!(shaken.leaf, first.der());
}

#[derive(Debug)]
struct WithoutEdwards;

impl ServerCertVerifier for WithoutEdwards {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        above: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Trusting.verify_server_cert(certificate, above, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Trusting.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Trusting.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = Trusting.supported_verify_schemes();
        schemes.retain(|scheme| *scheme != SignatureScheme::ED25519);
        schemes
    }
}

#[test]
fn the_common_name_counts_where_there_is_no_other() {
    let (old, new) = (
        Made::with(&[], "old.test", KeyPair::generate().unwrap()),
        Made::with(&["new.test"], "common.test", KeyPair::generate().unwrap()),
    );
    let tls = fresh(&list(&[&old, &new]));
    assert_eq!(greet(&tls, "old.test").unwrap().leaf, old.der());
    assert!(greet(&tls, "common.test").is_err());
}

#[test]
fn a_client_that_connects_to_an_address_gets_the_certificate_for_it() {
    let made = Made::new(&["192.0.2.7", "2001:db8::7"]);
    let tls = fresh(&list(&[&made]));
    let options = tls.options(DEFAULT).unwrap();
    for address in ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::7"] {
        let config = options.config_at(address.parse().unwrap());
        assert_eq!(shake(config, &client(), "192.0.2.7").unwrap().leaf, made.der());
    }
    let config = options.config_at("192.0.2.8".parse().unwrap());
    assert!(shake(config, &client(), "192.0.2.8").is_err());
}

#[test]
fn a_certificate_that_cannot_be_used_takes_down_itself_alone() {
    let (good, other) = (Made::new(&["a.test"]), Made::new(&["b.test"]));
    let files = Memory::default();
    files.put_pair("good", &good);
    files.put("text", "no certificate");
    let yaml = format!(
        "tls: {{certificates: [{{certFile: gone.crt, keyFile: good.key}}, {{certFile: text, keyFile: good.key}}, \
         {{certFile: {:?}, keyFile: good.key}}, {{certFile: good.crt}}, {{certFile: good.crt, keyFile: good.key}}]}}",
        other.certificate
    );
    let tls = compiled(&yaml, &files, &Tls::default());
    assert_eq!(
        said(&tls),
        [
            "!certificates[0]@file certFile: \"gone.crt\" is gone",
            "!certificates[1]@file certFile: \"text\" holds no certificate",
            "!certificates[2]@file keyFile: does not belong to the certificate",
            "!certificates[3]@file keyFile: is missing",
        ]
    );
    assert_eq!(greet(&tls, "a.test").unwrap().leaf, good.der());
}

#[test]
fn no_word_about_a_key_repeats_it() {
    let made = Made::new(&["a.test"]);
    let key = made.key.replace("-----BEGIN", "-----BEGUN");
    let tls = fresh(&format!(
        "tls: {{certificates: [{{certFile: {:?}, keyFile: {key:?}}}]}}",
        made.certificate
    ));
    let said = said(&tls);
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("!certificates[0]@file keyFile: "), "{said:?}");
    let secret = made.key.lines().nth(1).unwrap();
    assert!(!said[0].contains(&secret[..8]), "{said:?}");
}

#[test]
fn while_a_pair_is_being_replaced_the_one_before_stays() {
    let (old, new) = (Made::new(&["a.test"]), Made::new(&["a.test"]));
    let files = Memory::default();
    files.put_pair("a", &old);
    let yaml = "tls: {certificates: [{certFile: a.crt, keyFile: a.key}]}";
    let first = compiled(yaml, &files, &Tls::default());
    files.put("a.crt", &new.certificate);
    let half = compiled(yaml, &files, &first);
    files.remove("a.crt");
    let gone = compiled(yaml, &files, &half);
    for (tls, why) in [
        (&half, "keyFile: does not belong to the certificate \"a.crt\""),
        (&gone, "certFile: \"a.crt\" is gone"),
    ] {
        assert_eq!(greet(tls, "a.test").unwrap().leaf, old.der());
        let text = format!("certificates[0]@file {why}; the one read before stays in use");
        assert_eq!(said(tls), [text]);
    }
    files.put_pair("a", &new);
    let whole = compiled(yaml, &files, &gone);
    assert_eq!(greet(&whole, "a.test").unwrap().leaf, new.der());
    assert_eq!(said(&whole), [""; 0]);
}

#[test]
fn what_has_stayed_the_same_is_not_parsed_again() {
    let (a, b, c) = (
        Made::new(&["a.test"]),
        Made::new(&["b.test"]),
        Made::new(&["c.test"]),
    );
    let files = Memory::default();
    files.put_pair("a", &a);
    files.put_pair("b", &b);
    let two = |third: &str| {
        format!(
            "tls: {{certificates: [{}, {{certFile: a.crt, keyFile: a.key}}, {{certFile: b.crt, keyFile: b.key}}{third}]}}",
            c.inline()
        )
    };
    let first = compiled(&two(""), &files, &Tls::default());
    let same = compiled(&two(""), &files, &first);
    assert!(Arc::ptr_eq(&first.store, &same.store));
    files.put_pair("b", &Made::new(&["b.test"]));
    let changed = compiled(
        &two(&format!(", {}", Made::new(&["d.test"]).inline())),
        &files,
        &same,
    );
    let kept = |index: usize| {
        let of = |tls: &Tls| tls.known[index].certificate.clone().unwrap();
        Arc::ptr_eq(&of(&same), &of(&changed))
    };
    assert_eq!([kept(0), kept(1), kept(2)], [true, true, false]);
}

#[test]
fn what_stands_need_not_be_compiled_again_unless_it_names_files() {
    let inline = list(&[&Made::new(&["a.test"])]);
    let named = "tls: {certificates: [{certFile: a.crt, keyFile: a.key}]}";
    let stands = |written: &str, now: &str| fresh(written).stands(&parts(&[("file", now)]), None);
    assert!(stands(&inline, &inline));
    assert!(!stands(&inline, &list(&[&Made::new(&["a.test"])])));
    assert!(!stands(named, named));
    assert!(stands("", ""));
    assert!(!Tls::default().stands(&Parts::default(), None));
}

#[test]
fn a_key_that_everybody_may_read_is_warned_about_by_the_name_of_its_file() {
    let made = Made::new(&["a.test"]);
    let files = Memory {
        exposed: vec!["a.key", "a.crt"],
        ..Memory::default()
    };
    files.put_pair("a", &made);
    let tls = compiled(
        "tls: {certificates: [{certFile: a.crt, keyFile: a.key}]}",
        &files,
        &Tls::default(),
    );
    assert_eq!(
        said(&tls),
        ["certificates[0]@file keyFile: the private key \"a.key\" is readable by everybody; chmod o-rwx it"]
    );
    assert!(greet(&tls, "a.test").is_ok());
}

#[test]
fn only_the_default_store_is_used() {
    let (made, both) = (Made::new(&["a.test"]), Made::new(&["b.test"]));
    let store = |pair: &Made, stores: &str| {
        format!(
            "{{certFile: {:?}, keyFile: {:?}, stores: [{stores}]}}",
            pair.certificate, pair.key
        )
    };
    let tls = fresh(&format!(
        "tls: {{certificates: [{}, {}], stores: {{other: {{defaultCertificate: {}}}, \
         default: {{defaultGeneratedCert: {{resolver: le}}}}}}}}",
        store(&made, "other"),
        store(&both, "other, default"),
        made.inline()
    ));
    assert_eq!(
        said(&tls),
        [
            "!certificates[0]@file stores[0]: there is no store \"other\", only \"default\"",
            "certificates[1]@file stores[0]: there is no store \"other\", only \"default\"",
            "stores.default@file defaultGeneratedCert: certificate resolvers are not supported; name a \
             defaultCertificate",
            "!stores.other@file : only the store \"default\" is used",
        ]
    );
    assert!(greet(&tls, "a.test").is_err());
    assert!(greet(&tls, "b.test").is_ok());
}

#[test]
fn a_default_store_of_two_providers_is_used_of_none() {
    let (one, two) = (Made::new(&["a.test"]), Made::new(&["a.test"]));
    let store = |pair: &Made| {
        format!(
            "tls: {{stores: {{default: {{defaultCertificate: {}}}}}}}",
            pair.inline()
        )
    };
    let parts = parts(&[("docker", &store(&one)), ("file", &store(&two))]);
    let tls = Tls::compile(&parts, None, &Memory::default(), &Tls::default());
    assert_eq!(said(&tls).len(), 2);
    assert!(greet(&tls, "a.test").is_err());
}
