//! TLS on entry points, with the clients people have: curl, openssl.

// Versions, protocols, clients' certificates, sessions; options by host.
mod options;
// Certificates that are replaced while everybody asks.
mod rotation;

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use crate::harness::{
    Authority, Client, Curl, Inside, Leaf, Piton, Server, Setup, app_of, cookie_of, get, request, roots_of,
    s_client, says, verdict,
};

/// A dynamic file: routers to one sticky service `app` with secure cookies, and what is written under `tls`.
fn site(server: &Server, routers: &str, tls: &str) -> String {
    let sticky = "sticky: {cookie: {name: sid, secure: true}}";
    let app = app_of(&[&format!("url: {}", server.url())], sticky);
    format!("{app}  routers: {{{routers}}}\ntls: {{{tls}}}\n")
}

/// An entry of `tls.certificates`.
fn listed(leaf: &Leaf) -> String {
    format!("{{certFile: {:?}, keyFile: {:?}}}", leaf.certificate, leaf.key)
}

const TO_A: &str = "a: {rule: 'Host(`a.test`)', service: app, tls: {}}";

#[test]
fn hosts_are_served_with_their_certificates_over_http_1_1_and_http_2() {
    let server = Server::named("app");
    let (one, two) = (Authority::new("one"), Authority::new("two"));
    let certificates = [one.sign(&["a.test"]), two.sign(&["*.b.test"])];
    let certificates = certificates.each_ref().map(listed).join(", ");
    let routers = "all: {rule: 'Host(`a.test`) || Host(`x.b.test`)', service: app, tls: {}}";
    let piton = Piton::with(&site(
        &server,
        routers,
        &format!("certificates: [{certificates}]"),
    ));
    for (authority, other, url) in [
        (&one, &two, "https://a.test/path"),
        (&two, &one, "https://x.b.test/path"),
    ] {
        for (flag, version) in [("--http1.1", "1.1"), ("--http2", "2")] {
            let fetched = Curl::to(piton.address(), authority).with(&[flag]).get(url);
            assert_eq!(
                (fetched.exit, fetched.status, fetched.version.as_str()),
                (0, 200, version),
                "{fetched:?}"
            );
            let cookie = fetched
                .text
                .lines()
                .find(|line| line.to_ascii_lowercase().starts_with("set-cookie: "));
            assert!(
                cookie.is_some_and(|cookie| cookie.contains("sid=") && cookie.contains("Secure")),
                "{fetched:?}"
            );
            let seen = server.last();
            let host = url.split('/').nth(2).unwrap();
            for (name, value) in [
                ("X-Forwarded-Proto", "https"),
                ("X-Forwarded-Port", "443"),
                ("X-Forwarded-Host", host),
            ] {
                assert_eq!(seen.header(name), Some(value), "{name}");
            }
        }
        // 60: the certificate is none that this client trusts.
        assert_eq!(Curl::to(piton.address(), other).get(url).exit, 60);
    }
    assert_eq!(piton.count(&["ERROR"]), 0);
}

#[test]
fn a_session_stays_at_its_server_over_tls() {
    let (one, two) = (Server::named("one"), Server::named("two"));
    let authority = Authority::new("test");
    let urls = [&one, &two].map(|server| format!("url: {}", server.url()));
    let app = app_of(
        &[&urls[0], &urls[1]],
        "sticky: {cookie: {name: sid, secure: true}}",
    );
    let leaf = listed(&authority.sign(&["a.test"]));
    let piton = Piton::with(&format!(
        "{app}  routers: {{{TO_A}}}\ntls: {{certificates: [{leaf}]}}\n"
    ));
    for (server, name) in [(&two, "two"), (&one, "one")] {
        for flag in ["--http1.1", "--http2"] {
            let cookie = cookie_of(server);
            let curl = Curl::to(piton.address(), &authority).with(&[flag, "--cookie", &cookie]);
            for _ in 0..3 {
                let fetched = curl.get("https://a.test/");
                assert!(fetched.text.contains(&format!("\r\n\r\n{name}\n")), "{fetched:?}");
            }
        }
    }
}

#[test]
fn a_router_with_tls_serves_tls_only_and_one_without_plain_text_only() {
    let server = Server::named("app");
    let authority = Authority::new("test");
    let routers = "s: {rule: 'Host(`a.test`) && Path(`/secret`)', service: app, tls: {}}, \
                   p: {rule: 'Path(`/plain`)', service: app}, \
                   n: {rule: 'Path(`/nothing`)', service: app, tls: }";
    let leaf = listed(&authority.sign(&["a.test"]));
    let piton = Piton::with(&site(&server, routers, &format!("certificates: [{leaf}]")));
    let curl = Curl::to(piton.address(), &authority);
    let plain = |path: &str| {
        let mut client = Client::connect(piton.address());
        client
            .exchange(format!("GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n"))
            .status
    };
    for (path, over_tls, over_none) in [
        ("/secret", 200, 404),
        ("/plain", 404, 200),
        ("/nothing", 404, 200),
    ] {
        assert_eq!(
            curl.get(&format!("https://a.test{path}")).status,
            over_tls,
            "{path}"
        );
        assert_eq!(plain(path), over_none, "{path}");
    }
}

#[test]
fn tls_of_an_entry_point_is_that_of_its_routers() {
    let server = Server::named("app");
    let authority = Authority::new("test");
    let leaf = listed(&authority.sign(&["a.test"]));
    let tls = format!("certificates: [{leaf}], options: {{modern: {{minVersion: VersionTLS13}}}}");
    let setup = Setup::new(&site(&server, "a: {rule: 'Host(`a.test`)', service: app}", &tls));
    let piton = setup
        .entry_point("http: {tls: {options: modern@file, certResolver: le}}")
        .start();
    let curl = || Curl::to(piton.address(), &authority);
    assert_eq!(curl().get("https://a.test/").status, 200);
    assert_ne!(curl().with(&["--tls-max", "1.2"]).get("https://a.test/").exit, 0);
    assert_eq!(request(piton.address(), "GET /", &[], b"").status, 404);
    piton.wait_for_line(&[
        "warning",
        "entryPoints.web.http.tls.certResolver",
        "not supported yet",
    ]);
}

#[test]
fn who_fits_no_certificate_gets_one_that_piton_made_and_without_routers_a_404() {
    let piton = Piton::with("");
    let said = s_client(piton.address(), "a.test", &[]);
    assert!(said.contains("PITON DEFAULT CERT"), "{said}");
    let nobody = Authority::new("nobody");
    let fetched = Curl::to(piton.address(), &nobody)
        .with(&["--insecure", "--http2"])
        .get("https://a.test/");
    assert_eq!((fetched.status, fetched.version.as_str()), (404, "2"));
    assert!(fetched.text.contains("404 page not found\n"), "{fetched:?}");
}

#[test]
fn a_websocket_over_tls_is_wss_and_rules_see_it() {
    let server = Server::named("app");
    let authority = Authority::new("test");
    let routers = "a: {rule: 'Host(`a.test`) && Header(`X-Forwarded-Proto`, `wss`)', service: app, tls: {}}";
    let leaf = listed(&authority.sign(&["a.test"]));
    let piton = Piton::with(&site(&server, routers, &format!("certificates: [{leaf}]")));
    let curl = || Curl::to(piton.address(), &authority).with(&["--http1.1"]);
    assert_eq!(curl().get("https://a.test/").status, 404);
    let upgrade = [
        "--header",
        "Connection: Upgrade",
        "--header",
        "Upgrade: websocket",
        "--header",
        "X-Forwarded-Proto: http",
    ];
    assert_eq!(curl().with(&upgrade).get("https://a.test/").status, 200);
    assert_eq!(server.last().header("X-Forwarded-Proto"), Some("wss"));
    assert_eq!(server.last().header("X-Forwarded-Port"), Some("443"));
}

#[test]
fn a_proxy_header_stands_before_the_handshake() {
    let server = Server::named("app");
    let authority = Authority::new("test");
    let leaf = listed(&authority.sign(&["a.test"]));
    let setup = Setup::new(&site(&server, TO_A, &format!("certificates: [{leaf}]")));
    let piton = setup
        .entry_point("proxyProtocol: {trustedIPs: [127.0.0.1]}")
        .start();
    let header = b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n";
    let connected = Inside::connect_after(header, piton.address(), "a.test", &roots_of(&authority));
    let answer = connected.unwrap().get("a.test").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(server.last().header("X-Forwarded-For"), Some("192.0.2.7"));
    assert_eq!(server.last().header("X-Forwarded-Proto"), Some("https"));
}

#[test]
fn half_a_handshake_and_none_at_all_are_closed_at_the_read_timeout() {
    let server = Server::named("app");
    let leaf = listed(&Authority::new("test").sign(&["a.test"]));
    let setup = Setup::new(&site(&server, TO_A, &format!("certificates: [{leaf}]")));
    let piton = setup
        .entry_point("transport: {respondingTimeouts: {readTimeout: 1s}}")
        .start();
    // A record of 512 bytes that does not come.
    for bytes in [&b""[..], &[0x16, 3, 1, 2, 0, 1, 0, 1, 252]] {
        let mut client = Client::connect(piton.address());
        client.send(bytes);
        assert!(!client.is_closed_within(Duration::from_millis(300)));
        assert!(client.is_closed_within(Duration::from_secs(3)), "{bytes:?}");
    }
    // What is no handshake although it begins like one.
    let mut stream = TcpStream::connect(piton.address()).unwrap();
    stream.write_all(&[0x16; 600]).unwrap();
    assert_eq!(get(piton.address(), "/").status, 404, "piton lives");
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_takes_down_itself_alone() {
    let server = Server::named("app");
    let authority = Authority::new("test");
    let good = listed(&authority.sign(&["a.test"]));
    let routers = format!(
        "{TO_A}, b: {{rule: 'Host(`b.test`)', service: app, tls: {{options: bad}}}}, \
         c: {{rule: 'Host(`c.test`)', service: app, tls: {{options: none}}}}"
    );
    let tls = format!(
        "certificates: [{{certFile: /nowhere/x.crt, keyFile: /nowhere/x.key}}, {good}], \
         options: {{bad: {{minVersion: TLS1}}}}"
    );
    let dynamic = site(&server, &routers, &tls);
    let (is_content, checked) = verdict(&dynamic);
    assert!(!is_content);
    for line in [
        "error: tls.certificates[0].certFile: \"/nowhere/x.crt\" cannot be read",
        "error: tls.options.bad.minVersion: \"TLS1\" is no version of TLS",
        "error: http.routers.b.tls.options: TLS options bad@file: minVersion",
        "error: http.routers.c.tls.options: unknown TLS options: none@file",
    ] {
        says(&checked, &["dynamic.yaml:", line]);
    }
    let piton = Piton::with(&dynamic);
    piton.wait_for_line(&["ERROR", "tls certificates[0]@file certFile", "/nowhere/x.crt"]);
    let curl = Curl::to(piton.address(), &authority);
    assert_eq!(curl.get("https://a.test/").status, 200);
    let insecure = Curl::to(piton.address(), &authority).with(&["--insecure"]);
    assert_eq!(insecure.get("https://b.test/").status, 404);
    assert_eq!(insecure.get("https://c.test/").status, 404);
}

#[test]
fn requests_over_tls_are_counted_by_version_and_cipher_in_the_words_of_traefik() {
    let (server, authority) = (Server::named("app"), Authority::new("test"));
    let leaf = listed(&authority.sign(&["a.test"]));
    let piton = Setup::new(&site(&server, TO_A, &format!("certificates: [{leaf}]")))
        .top("metrics: {prometheus: {entryPoint: web}}")
        .start();
    for arguments in [
        &["--tlsv1.3", "--tls13-ciphers", "TLS_AES_128_GCM_SHA256"][..],
        &["--tls-max", "1.2", "--ciphers", "ECDHE-ECDSA-CHACHA20-POLY1305"],
    ] {
        let curl = Curl::to(piton.address(), &authority).with(arguments);
        assert_eq!(curl.get("https://a.test/").status, 200);
    }
    let text = get(piton.address(), "/metrics").text();
    for place in ["entrypoint", "service"] {
        for words in [
            "tls_version=\"1.3\",tls_cipher=\"TLS_AES_128_GCM_SHA256\"} 1",
            "tls_version=\"1.2\",tls_cipher=\"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256\"} 1",
        ] {
            says(&text, &[&format!("traefik_{place}_requests_tls_total"), words]);
        }
    }
}
