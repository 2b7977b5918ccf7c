//! Which engine is asked, and how: environment, passwords, TLS, checks, upgrades.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::engine::{Yard, replica, wait_for};
use crate::fake::Engine;
use crate::harness::{Authority, Browser, Leaf, Server, Setup, TempDir, eventually, run_to_end, says};
use crate::upgrade::upgrade;

#[test]
fn the_environment_chooses_another_engine_than_the_file() {
    let servers = ["file", "environment"].map(Server::named);
    let file = Yard::new([replica("a", &servers[0])]);
    let environment = Yard::new([replica("a", &servers[1])]);
    let endpoint = environment.engine.endpoint("");
    let piton = file.setup("").variable("DOCKER_HOST", &endpoint).start();
    wait_for(&piton, &["environment"]);
    assert!(file.engine.asked().is_empty());
}

#[test]
fn name_and_password_are_sent_with_every_request() {
    let server = Server::named("a");
    let engine = Engine::tcp(None);
    engine.put([replica("a", &server)]);
    let options = format!(
        "endpoint: {}\nusername: piton\npassword: open sesame",
        engine.endpoint("tcp")
    );
    let piton = Setup::engine("docker", &options).start();
    wait_for(&piton, &["a"]);
    eventually("it listens to events", || engine.listeners() == 1);
    for asked in engine.asked() {
        let expected = Some("Basic cGl0b246b3BlbiBzZXNhbWU=");
        assert_eq!(asked.header("authorization"), expected, "{}", asked.head);
    }
}

#[test]
fn a_name_without_a_password_is_not_sent() {
    let server = Server::named("a");
    let engine = Engine::tcp(None);
    engine.put([replica("a", &server)]);
    let options = format!("endpoint: {}\nusername: piton", engine.endpoint("http"));
    let piton = Setup::engine("docker", &options).start();
    wait_for(&piton, &["a"]);
    assert!(
        engine
            .asked()
            .iter()
            .all(|asked| asked.header("authorization").is_none())
    );
}

/// TLS of an engine that lets in who has a certificate of this authority.
fn tls(leaf: &Leaf, clients: &Authority) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(clients.pem().as_bytes()).unwrap())
        .unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(leaf.certificate.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(leaf.key.as_bytes()).unwrap(),
        );
    Arc::new(config.unwrap())
}

#[test]
fn an_engine_with_tls_is_verified_and_gets_a_certificate() {
    let server = Server::named("a");
    let (authority, stranger) = (Authority::new("engines"), Authority::new("stranger"));
    let engine = Engine::tcp(Some(tls(&authority.sign(&["127.0.0.1"]), &authority)));
    engine.put([replica("a", &server)]);
    let client = authority.sign(&["piton"]);
    let setup = |ca: &Authority| {
        let options = format!(
            "endpoint: {}\ntls:\n  ca: {{dir}}/ca.pem\n  cert: {{dir}}/cert.pem\n  key: {{dir}}/key.pem",
            engine.endpoint("tcp")
        );
        let setup = Setup::engine("docker", &options);
        setup.dir().write("ca.pem", &ca.pem());
        setup.dir().write("cert.pem", &client.certificate);
        setup.dir().write("key.pem", &client.key);
        setup
    };
    let piton = setup(&authority).start();
    wait_for(&piton, &["a"]);
    assert!(!engine.asked().is_empty());
    engine.forget();
    drop(piton);
    let piton = setup(&stranger).start();
    piton.wait_for_line(&["docker", "certificate"]);
    assert!(
        engine.asked().is_empty(),
        "who cannot be verified is asked nothing"
    );
}

/// What `piton -t` says of options of `providers.docker`; the first of them is in line 5, column 5.
fn check(options: &str) -> (bool, String) {
    let dir = TempDir::new();
    let mut text =
        "entryPoints: {web: {address: \"127.0.0.1:0\"}}\nproviders:\n  providersThrottleDuration: 0\n  \
                    docker:\n"
            .to_owned();
    for line in options.lines() {
        text.push_str(&format!("    {line}\n"));
    }
    let conf = dir.write("piton.yaml", &text);
    let output = run_to_end(&["-t", "-c", conf.to_str().unwrap()]);
    let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.success(), said)
}

#[test]
fn a_check_names_the_place_of_every_bad_option() {
    for (options, parts) in [
        ("constraints: 'Label(`a`'", ["constraints", "5:18"]),
        ("constraints: 'Lable(`a`, `b`)'", ["constraints", "5:18"]),
        (
            "defaultRule: 'Host(`{{ normalize .Name `)'",
            ["defaultRule", "5:18"],
        ),
        ("defaultRule: 'Host(`{{ .Surname }}`)'", ["defaultRule", "5:18"]),
        ("endpoint: ftp://nowhere", ["endpoint", "5:15"]),
        ("endpoint: unix://", ["endpoint", "5:15"]),
        ("exposedByDefault: perhaps", ["exposedByDefault", "5:23"]),
        ("exposed: true", ["exposed", "5:5"]),
        (
            "endpoint: tcp://127.0.0.1:1\ntls: {cert: only.pem}",
            ["tls.key", "6:"],
        ),
    ] {
        let (good, text) = check(options);
        assert!(!good, "{options}: {text}");
        says(&text, &["error", "piton.yaml", parts[0], parts[1]]);
    }
}

#[test]
fn a_check_asks_no_engine() {
    let yard = Yard::new([]);
    let (good, text) = check(&format!("endpoint: {}", yard.engine.endpoint("")));
    assert!(good, "{text}");
    assert!(yard.engine.asked().is_empty());
}

#[test]
fn an_upgrade_keeps_sessions_and_follows_the_engine() {
    let servers = ["a", "b", "c"].map(Server::named);
    let yard = Yard::new([replica("a", &servers[0]), replica("b", &servers[1])]);
    let mut old = yard.setup("").upgradable().start();
    wait_for(&old, &["a", "b"]);
    let mut users: Vec<(Browser, String)> = (0..6)
        .map(|_| {
            let mut user = Browser::new();
            let home = user.ask(old.address()).text();
            (user, home)
        })
        .collect();
    let new = upgrade(&mut old);
    for (user, home) in &mut users {
        let answer = user.ask(new.address());
        assert_eq!(
            (answer.status, &answer.text(), answer.cookies().len()),
            (200, &*home, 0)
        );
    }
    yard.engine.start(replica("c", &servers[2]));
    wait_for(&new, &["a", "b", "c"]);
    drop(old);
    for (user, home) in &mut users {
        assert_eq!(user.ask(new.address()).text(), *home);
    }
}

#[test]
fn an_upgrade_while_the_engine_is_away_is_refused_and_the_old_one_stays() {
    let servers = ["a", "b"].map(Server::named);
    let mut yard = Yard::new([replica("a", &servers[0]), replica("b", &servers[1])]);
    let mut old = yard.setup("").upgradable().start();
    wait_for(&old, &["a", "b"]);
    yard.engine.leave();
    let conf = old.dir().join("piton.yaml");
    let output = run_to_end(&["-u", "-c", conf.to_str().unwrap()]);
    assert!(!output.status.success());
    says(&String::from_utf8_lossy(&output.stderr), &["docker", "stays"]);
    assert!(old.is_running());
    wait_for(&old, &["a", "b"]);
}
