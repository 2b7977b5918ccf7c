//! Servers transports on real connections: whom piton trusts, who it is, what it speaks, and what it keeps open.

use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use rustls::version::{TLS12, TLS13};

use crate::harness::{
    Authority, Client, Https, Leaf, Origin, Piton, Server, Setup, app_of, eventually, get, holds_for,
    request, run_to_end,
};

/// A dynamic file with one server and one transport; `inside` is what is written for the transport.
fn app(url: &str, inside: &str) -> String {
    let app = app_of(&[&format!("url: {url}")], "serversTransport: t");
    format!("{app}  serversTransports:\n    t: {{{inside}}}\n")
}

fn roots(authority: &Authority) -> String {
    format!("rootCAs: [{:?}]", authority.pem())
}

fn shows(leaf: &Leaf) -> String {
    format!(
        "certificates: [{{certFile: {:?}, keyFile: {:?}}}]",
        leaf.certificate, leaf.key
    )
}

/// What a request is answered with under a transport.
fn status(origin: &Origin, inside: &str) -> u16 {
    let piton = Piton::with(&app(&origin.url("https"), inside));
    get(piton.address(), "/").status
}

#[test]
fn a_server_is_trusted_whose_authority_is_and_no_other() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let origin = Https::new(&ours.sign(&["127.0.0.1"])).start();
    assert_eq!(status(&origin, &roots(&ours)), 200);
    assert_eq!(status(&origin, &roots(&theirs)), 500);
    assert_eq!(
        status(&origin, "serverName: \"\""),
        500,
        "the system does not know it"
    );
    assert_eq!(
        origin.asked().len(),
        1,
        "no request is sent to one that is not trusted"
    );
}

#[test]
fn the_name_verified_is_the_urls_or_the_one_written() {
    let ours = Authority::new("ours");
    let origin = Https::new(&ours.sign(&["inner.test"])).start();
    assert_eq!(status(&origin, &roots(&ours)), 500, "it is not for this address");
    assert_eq!(
        status(&origin, &format!("{}, serverName: inner.test", roots(&ours))),
        200
    );
    assert_eq!(origin.last().server_name, "inner.test");
    assert_eq!(
        status(&origin, &format!("{}, serverName: outer.test", roots(&ours))),
        500
    );
    let local = Https::new(&ours.sign(&["localhost"])).start();
    let url = format!("https://localhost:{}", local.port());
    let piton = Piton::with(&app(&url, &roots(&ours)));
    assert_eq!(get(piton.address(), "/").status, 200);
    assert_eq!(local.last().server_name, "localhost");
}

#[test]
fn without_verification_any_certificate_will_do() {
    let origin = Https::new(&Authority::new("nobody").sign(&["nowhere.test"])).start();
    assert_eq!(status(&origin, "insecureSkipVerify: true"), 200);
    assert_eq!(
        status(&origin, "insecureSkipVerify: true, maxVersion: VersionTLS12"),
        200
    );
}

#[test]
fn a_client_certificate_is_shown_to_a_server_that_wants_one() {
    let (ours, clients) = (Authority::new("ours"), Authority::new("clients"));
    let origin = Https::new(&ours.sign(&["127.0.0.1"])).only(&clients).start();
    let piton = clients.sign(&["piton.test"]);
    assert_eq!(
        status(&origin, &format!("{}, {}", roots(&ours), shows(&piton))),
        200
    );
    assert_eq!(origin.last().client, "piton.test");
    assert!(status(&origin, &roots(&ours)) >= 500);
    let stranger = ours.sign(&["stranger.test"]);
    assert!(status(&origin, &format!("{}, {}", roots(&ours), shows(&stranger))) >= 500);
    assert_eq!(origin.asked().len(), 1);
}

#[test]
fn of_several_client_certificates_the_one_is_shown_that_the_server_accepts() {
    let (ours, one, two) = (
        Authority::new("ours"),
        Authority::new("one"),
        Authority::new("two"),
    );
    let origin = Https::new(&ours.sign(&["127.0.0.1"])).only(&two).start();
    let pair = |leaf: &Leaf| format!("{{certFile: {:?}, keyFile: {:?}}}", leaf.certificate, leaf.key);
    let (first, second) = (one.sign(&["first.test"]), two.sign(&["second.test"]));
    let inside = format!(
        "{}, certificates: [{}, {}]",
        roots(&ours),
        pair(&first),
        pair(&second)
    );
    assert_eq!(status(&origin, &inside), 200);
    assert_eq!(origin.last().client, "second.test");
}

#[test]
fn bounds_of_version_are_kept() {
    let ours = Authority::new("ours");
    let leaf = ours.sign(&["127.0.0.1"]);
    let (old, new) = (
        Https::new(&leaf).version(&TLS12).start(),
        Https::new(&leaf).version(&TLS13).start(),
    );
    let least = |version: &str| format!("{}, minVersion: {version}", roots(&ours));
    let most = |version: &str| format!("{}, maxVersion: {version}", roots(&ours));
    assert_eq!(status(&old, &least("VersionTLS13")), 500);
    assert_eq!(status(&new, &least("VersionTLS13")), 200);
    assert_eq!(status(&old, &least("VersionTLS10")), 200);
    assert_eq!(status(&new, &most("VersionTLS12")), 500);
    assert_eq!(status(&old, &most("VersionTLS12")), 200);
    let both = Https::new(&leaf).start();
    assert_eq!(status(&both, &most("VersionTLS12")), 200);
    assert_eq!(both.last().version, "TLSv1_2");
    assert_eq!(status(&both, &roots(&ours)), 200);
    assert_eq!(both.last().version, "TLSv1_3");
}

#[test]
fn only_the_cipher_suites_written_are_offered_below_tls_13() {
    let ours = Authority::new("ours");
    let leaf = ours.sign(&["127.0.0.1"]);
    let (old, new) = (
        Https::new(&leaf).version(&TLS12).start(),
        Https::new(&leaf).version(&TLS13).start(),
    );
    let only = |suite: &str| format!("{}, cipherSuites: [{suite}]", roots(&ours));
    assert_eq!(
        status(&old, &only("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")),
        200
    );
    let rsa = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
    assert_eq!(status(&old, &only(rsa)), 500, "its key is for ECDSA");
    assert_eq!(status(&new, &only(rsa)), 200);
}

#[test]
fn names_wanted_in_the_certificate_stand_for_the_hosts() {
    let ours = Authority::new("ours");
    let origin = Https::new(&ours.sign(&["inner.test", "spiffe://piton.test/app"])).start();
    let wants = |kind: &str, value: &str| {
        format!(
            "{}, peerCertSANs: [{{type: {kind}, value: {value:?}}}]",
            roots(&ours)
        )
    };
    assert_eq!(status(&origin, &wants("DNSName", "inner.test")), 200);
    assert_eq!(status(&origin, &wants("URI", "spiffe://piton.test/app")), 200);
    assert_eq!(status(&origin, &wants("DNSName", "outer.test")), 500);
    assert_eq!(status(&origin, &wants("URI", "spiffe://piton.test/other")), 500);
    assert_eq!(
        status(&origin, &wants("URI", "inner.test")),
        500,
        "a name of another kind"
    );
    let uri = format!("{}, peerCertURI: \"spiffe://piton.test/app\"", roots(&ours));
    assert_eq!(status(&origin, &uri), 200);
    assert_eq!(origin.asked().len(), 3);
}

#[test]
fn names_are_wanted_in_a_trusted_certificate_also_without_verification_of_the_host() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let names = ["spiffe://piton.test/app"];
    let (right, forged) = (
        Https::new(&ours.sign(&names)).start(),
        Https::new(&theirs.sign(&names)).start(),
    );
    let inside = format!(
        "insecureSkipVerify: true, {}, peerCertURI: \"spiffe://piton.test/app\"",
        roots(&ours)
    );
    assert_eq!(status(&right, &inside), 200);
    assert_eq!(status(&forged, &inside), 500);
}

#[test]
fn a_websocket_is_led_by_the_same_trust() {
    let ours = Authority::new("ours");
    let origin = Https::new(&ours.sign(&["127.0.0.1"])).start();
    let upgrade = ["Connection: upgrade", "Upgrade: websocket"];
    let asks = |inside: &str| {
        let piton = Piton::with(&app(&origin.url("https"), inside));
        request(piton.address(), "GET /", &upgrade, b"").status
    };
    let names = |name: &str| {
        format!(
            "{}, peerCertSANs: [{{type: DNSName, value: {name}}}]",
            roots(&ours)
        )
    };
    assert_eq!(asks(&names("outer.test")), 500);
    assert_eq!(origin.asked(), []);
    for more in ["", ", minVersion: VersionTLS13"] {
        assert_eq!(asks(&format!("{}{more}", roots(&ours))), 200, "{more}");
        assert_eq!(origin.last().protocol, "http/1.1");
    }
}

#[test]
fn http2_is_spoken_where_both_sides_do_and_it_is_not_disabled() {
    let ours = Authority::new("ours");
    let leaf = ours.sign(&["127.0.0.1"]);
    let (both, old) = (Https::new(&leaf).start(), Https::new(&leaf).http1().start());
    assert_eq!(status(&both, &roots(&ours)), 200);
    assert_eq!(both.last().protocol, "h2");
    assert_eq!(
        status(&both, &format!("{}, disableHTTP2: true", roots(&ours))),
        200
    );
    assert_eq!(both.last().protocol, "http/1.1");
    assert_eq!(
        status(&both, &format!("{}, minVersion: VersionTLS13", roots(&ours))),
        200
    );
    assert_eq!(both.last().protocol, "http/1.1", "piton's own connections");
    assert_eq!(status(&old, &roots(&ours)), 200);
    assert_eq!(old.last().protocol, "http/1.1");
}

#[test]
fn http2_in_the_clear_is_spoken_to_h2c_and_one_connection_is_enough() {
    let origin = Origin::h2c();
    let piton = Piton::with(&app(
        &origin.url("h2c"),
        "forwardingTimeouts: {readIdleTimeout: 100ms}",
    ));
    for _ in 0..20 {
        assert_eq!(get(piton.address(), "/path").status, 200);
    }
    let last = origin.last();
    assert_eq!((last.protocol, last.path.as_str()), ("h2", "/path"));
    // Pingora may miss one that is just being put back.
    assert!(origin.connections() <= 3, "{}", origin.connections());
    let open = origin.open();
    holds_for(Duration::from_millis(500), "pings are answered", || {
        origin.open() == open
    });
}

/// Services `known` and `unknown` of one server, by host name; only the first shows a certificate.
fn two_identities(origin: &Origin, ours: &Authority, leaf: &Leaf, more: &str) -> String {
    let url = origin.url("https");
    let service = |transport: &str| {
        format!("{{loadBalancer: {{serversTransport: {transport}, servers: [{{url: \"{url}\"}}]}}}}")
    };
    let (roots, shows) = (roots(ours), shows(leaf));
    format!(
        "http:
  routers:
    known: {{rule: Host(`known.test`), service: known}}
    unknown: {{rule: Host(`unknown.test`), service: unknown}}
  services:
    known: {}
    unknown: {}
  serversTransports:
    k: {{{roots}, {shows}{more}}}
    u: {{{roots}{more}}}
",
        service("k"),
        service("u"),
    )
}

/// Asks as both in turn, on connections that are kept.
fn ask_in_turn(address: SocketAddr, rounds: usize) {
    let mut client = Client::connect(address);
    for _ in 0..rounds {
        for (host, identity) in [("known.test", "piton.test"), ("unknown.test", "")] {
            let answer = client.exchange(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
            assert_eq!((answer.status, answer.text().as_str()), (200, identity), "{host}");
        }
    }
}

#[test]
fn a_connection_of_one_identity_never_carries_a_request_of_another() {
    let (ours, clients) = (Authority::new("ours"), Authority::new("clients"));
    let leaf = clients.sign(&["piton.test"]);
    for more in [
        "",
        ", disableHTTP2: true",
        ", maxVersion: VersionTLS12",
        ", minVersion: VersionTLS13",
    ] {
        let origin = Https::new(&ours.sign(&["127.0.0.1"])).ask(&clients).start();
        let piton = Piton::with(&two_identities(&origin, &ours, &leaf, more));
        let address = piton.address();
        let askers: Vec<_> = (0..4)
            .map(|_| thread::spawn(move || ask_in_turn(address, 50)))
            .collect();
        for asker in askers {
            asker.join().unwrap();
        }
        assert_eq!(origin.asked().len(), 400);
        assert!(
            origin.connections() <= 40,
            "{more}: {} connections",
            origin.connections()
        );
    }
}

/// Sends so many requests at once; all are in flight at the same time.
fn burst(address: SocketAddr, count: usize) {
    let askers: Vec<_> = (0..count)
        .map(|_| thread::spawn(move || get(address, "/together").status))
        .collect();
    for asker in askers {
        assert_eq!(asker.join().unwrap(), 200);
    }
}

#[test]
fn no_more_idle_connections_are_kept_than_allowed() {
    let ours = Authority::new("ours");
    let leaf = ours.sign(&["127.0.0.1"]);
    for (more, kept) in [
        (", disableHTTP2: true, maxIdleConnsPerHost: 3", 3),
        (", minVersion: VersionTLS13, maxIdleConnsPerHost: 3", 3),
        (", disableHTTP2: true, maxIdleConnsPerHost: 0", 12),
        (", disableHTTP2: true, maxIdleConnsPerHost: -1", 0),
    ] {
        let origin = Https::new(&leaf).together(12).start();
        let piton = Piton::with(&app(&origin.url("https"), &format!("{}{more}", roots(&ours))));
        for round in 1..=3 {
            burst(piton.address(), 12);
            eventually("the others are closed", || origin.open() <= kept);
            // Fewer may be kept: two that begin at once count each other.
            let again = (round - 1) * (12 - kept);
            assert!(
                origin.connections() >= 12 + again,
                "{more}: {}",
                origin.connections()
            );
        }
        let stay = || origin.open() <= kept;
        holds_for(Duration::from_millis(200), "no more come back", stay);
        if kept == 12 {
            assert!(origin.open() > 6, "{more}: {} are kept", origin.open());
        }
    }
}

#[test]
fn a_negative_bound_keeps_no_connection() {
    let ours = Authority::new("ours");
    let origin = Https::new(&ours.sign(&["127.0.0.1"])).start();
    let piton = Piton::with(&app(
        &origin.url("https"),
        &format!("{}, maxIdleConnsPerHost: -1", roots(&ours)),
    ));
    let mut client = Client::connect(piton.address());
    for _ in 0..10 {
        assert_eq!(client.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
    }
    assert_eq!(origin.connections(), 10);
    eventually("all are closed", || origin.open() == 0);
}

#[test]
fn connections_that_piton_makes_itself_are_kept_too() {
    let ours = Authority::new("ours");
    let origin = Https::new(&ours.sign(&["127.0.0.1"])).start();
    let inside = format!("{}, minVersion: VersionTLS13", roots(&ours));
    let piton = Piton::with(&app(&origin.url("https"), &inside));
    for _ in 0..20 {
        assert_eq!(get(piton.address(), "/").status, 200);
    }
    assert!(origin.connections() <= 3, "{}", origin.connections());
}

#[test]
fn servers_that_do_not_answer_are_told_apart_whoever_connects() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let [silent_at, gone_at] = [&silent, &gone].map(|listener| listener.local_addr().unwrap());
    drop(gone);
    for more in ["", ", minVersion: VersionTLS13"] {
        let asks = |address: SocketAddr| {
            let inside = format!("forwardingTimeouts: {{dialTimeout: 300ms}}{more}");
            let piton = Piton::with(&app(&format!("https://{address}"), &inside));
            get(piton.address(), "/").status
        };
        assert_eq!(asks(silent_at), 504, "the handshake takes too long");
        assert_eq!(asks(gone_at), 502);
    }
}

#[test]
fn the_static_transport_is_for_services_that_name_none() {
    let ours = Authority::new("ours");
    let origin = Https::new(&ours.sign(&["127.0.0.1"])).start();
    let url = format!("url: {}", origin.url("https"));
    let piton = Setup::new(&app_of(&[&url], ""));
    let ca = piton.dir().write("ca.pem", &ours.pem());
    let piton = piton
        .top(&format!("serversTransport:\n  rootCAs: [{}]\n", ca.display()))
        .start();
    assert_eq!(get(piton.address(), "/").status, 200);
    piton.reload(&app(&origin.url("https"), "serverName: \"\""));
    assert_eq!(
        get(piton.address(), "/").status,
        500,
        "a named one has its own roots"
    );
}

#[test]
fn a_static_transport_that_cannot_be_used_is_told_at_start_and_by_the_check() {
    let setup = Setup::new(&app_of(&["url: https://127.0.0.1:1"], ""));
    let text =
        "entryPoints: {web: {address: \"127.0.0.1:0\"}}\nserversTransport: {rootCAs: [/nowhere/ca.pem]}\n";
    let conf = setup.dir().write("bad.yaml", text);
    for arguments in [
        &["-c", conf.to_str().unwrap()][..],
        &["-t", "-c", conf.to_str().unwrap()],
    ] {
        let output = run_to_end(arguments);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success());
        let expected = "serversTransport: rootCAs[0]: \"/nowhere/ca.pem\" cannot be read: No such file";
        assert!(words.contains(expected), "{words}");
    }
}

#[test]
fn files_that_changed_are_used_after_a_reload() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let origin = Https::new(&new.sign(&["127.0.0.1"])).start();
    let setup = Setup::new("");
    let ca = setup.dir().write("ca.pem", &old.pem());
    let inside = format!("rootCAs: [{}]", ca.display());
    setup
        .dir()
        .write("dynamic.yaml", &app(&origin.url("https"), &inside));
    let piton = setup.start();
    assert_eq!(get(piton.address(), "/").status, 500);
    std::fs::write(&ca, new.pem()).unwrap();
    eventually("the new authority is trusted", || {
        // One that comes before the watcher runs is for nobody.
        piton.signal("HUP");
        get(piton.address(), "/").status == 200
    });
    std::fs::write(&ca, "nothing").unwrap();
    piton.signal("HUP");
    eventually("nothing is trusted", || get(piton.address(), "/").status == 404);
    piton.wait_for_line(&["rootCAs[0]", "holds no certificate"]);
}

#[test]
fn copies_for_mirrors_are_led_by_the_same_trust() {
    let ours = Authority::new("ours");
    let main = Server::named("main");
    for more in ["", ", minVersion: VersionTLS13"] {
        let origin = Https::new(&ours.sign(&["127.0.0.1"])).start();
        let service =
            |url: String, more: &str| format!("{{loadBalancer: {{servers: [{{url: \"{url}\"}}]{more}}}}}");
        let piton = Piton::with(&format!(
            "http:
  routers: {{r: {{rule: PathPrefix(`/`), service: both}}}}
  services:
    both: {{mirroring: {{service: main, mirrors: [{{name: copy, percent: 100}}]}}}}
    main: {}
    copy: {}
  serversTransports: {{t: {{{}{more}}}}}
",
            service(main.url(), ""),
            service(origin.url("https"), ", serversTransport: t"),
            roots(&ours),
        ));
        assert_eq!(get(piton.address(), "/copied").text(), "main");
        eventually("the copy comes", || {
            origin.asked().iter().any(|asked| asked.path == "/copied")
        });
    }
}

#[test]
fn probes_are_led_by_the_same_trust() {
    let (ours, clients) = (Authority::new("ours"), Authority::new("clients"));
    let shown = shows(&clients.sign(&["piton.test"]));
    let check = "serversTransport: t\nhealthCheck: {path: /health, interval: 100ms}";
    for (more, is_up) in [
        (shown.clone(), true),
        (
            format!("{shown}, peerCertSANs: [{{type: DNSName, value: app.test}}]"),
            true,
        ),
        (
            format!("{shown}, peerCertSANs: [{{type: DNSName, value: other.test}}]"),
            false,
        ),
        ("disableHTTP2: true".to_owned(), false),
    ] {
        let origin = Https::new(&ours.sign(&["127.0.0.1", "app.test"]))
            .only(&clients)
            .start();
        let app = app_of(&[&format!("url: {}", origin.url("https"))], check);
        let inside = format!("{}, {more}", roots(&ours));
        let piton = Piton::with(&format!("{app}  serversTransports:\n    t: {{{inside}}}\n"));
        if is_up {
            eventually("three probes", || origin.asked().len() >= 3);
            assert!(origin.asked().iter().all(|asked| asked.client == "piton.test"));
            assert_eq!(get(piton.address(), "/").status, 200);
        } else {
            eventually("it is down", || get(piton.address(), "/").status == 503);
            assert_eq!(origin.asked(), []);
        }
    }
}
