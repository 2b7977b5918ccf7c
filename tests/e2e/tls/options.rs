//! What handshakes are like, and which host has which.

use super::*;

/// Two hosts, `a.test` under the default options and `o.test` under `o`, whose inside this is.
fn two_hosts(server: &Server, authority: &Authority, inside: &str) -> String {
    let routers = format!("{TO_A}, o: {{rule: 'Host(`o.test`)', service: app, tls: {{options: o}}}}");
    let leaf = listed(&authority.sign(&["a.test", "o.test"]));
    site(
        server,
        &routers,
        &format!("certificates: [{leaf}], options: {{o: {{{inside}}}}}"),
    )
}

#[test]
fn a_host_has_the_versions_and_protocols_of_its_options() {
    let (server, authority) = (Server::named("app"), Authority::new("test"));
    let inside = "minVersion: VersionTLS13, alpnProtocols: [http/1.1]";
    let piton = Piton::with(&two_hosts(&server, &authority, inside));
    for (host, flag, line) in [
        ("a.test", "-tls1_2", "Protocol  : TLSv1.2"),
        ("a.test", "-tls1_3", "New, TLSv1.3"),
        ("o.test", "-tls1_3", "New, TLSv1.3"),
        ("o.test", "-tls1_2", "alert protocol version"),
        ("a.test", "-tls1_1", "alert"),
    ] {
        let said = s_client(piton.address(), host, &[flag, "-cipher", "ALL@SECLEVEL=0"]);
        assert!(said.contains(line), "{host} {flag}: {said}");
    }
    for (host, offered, line) in [
        ("a.test", "h2,http/1.1", "ALPN protocol: h2"),
        ("a.test", "http/1.1", "ALPN protocol: http/1.1"),
        ("a.test", "acme-tls/1", "alert no application protocol"),
        ("o.test", "h2,http/1.1", "ALPN protocol: http/1.1"),
    ] {
        let said = s_client(piton.address(), host, &["-alpn", offered]);
        assert!(said.contains(line), "{host} {offered}: {said}");
    }
}

#[test]
fn a_request_for_a_host_of_other_options_than_the_handshake_is_answered_421() {
    let (server, authority) = (Server::named("app"), Authority::new("test"));
    let piton = Piton::with(&two_hosts(&server, &authority, "minVersion: VersionTLS13"));
    for flag in ["--http1.1", "--http2"] {
        let asked = |url: &str, host: &str| {
            let header = format!("Host: {host}");
            let curl = Curl::to(piton.address(), &authority).with(&[flag, "--header", &header]);
            curl.get(url)
        };
        for (url, host, status) in [
            ("https://a.test/", "a.test", 200),
            ("https://o.test/", "O.Test:443", 200),
            ("https://a.test/", "o.test", 421),
            ("https://o.test/", "a.test", 421),
            // Both under the default options: no matter for TLS.
            ("https://a.test/", "else.test", 404),
        ] {
            let fetched = asked(url, host);
            assert_eq!(fetched.status, status, "{flag} {url} {host}: {fetched:?}");
            assert_eq!(
                fetched.text.contains("\r\n\r\nMisdirected Request\n"),
                status == 421
            );
        }
    }
}

#[test]
fn clients_without_the_certificate_that_is_demanded_get_nothing() {
    let (server, authority) = (Server::named("app"), Authority::new("test"));
    let clients = Authority::new("clients");
    let inside = format!("clientAuth: {{caFiles: [{:?}]}}", clients.pem());
    let piton = Piton::with(&two_hosts(&server, &authority, &inside));
    let curl = || Curl::to(piton.address(), &authority);
    assert_eq!(curl().get("https://a.test/").status, 200);
    assert_ne!(curl().get("https://o.test/").exit, 0);
    let stranger = Authority::new("stranger").sign(&["client"]);
    assert_ne!(curl().showing(&stranger).get("https://o.test/").exit, 0);
    let known = clients.sign(&["client"]);
    assert_eq!(curl().showing(&known).get("https://o.test/").status, 200);
    // The way round by another host's handshake is closed.
    let fronted = curl().with(&["--header", "Host: o.test"]);
    assert_eq!(fronted.get("https://a.test/").status, 421);
    assert_eq!(server.received().len(), 2);
}

#[test]
fn strict_hosts_refuse_names_without_a_certificate() {
    let (server, authority) = (Server::named("app"), Authority::new("test"));
    let tls = format!(
        "certificates: [{}], options: {{default: {{sniStrict: true}}}}",
        listed(&authority.sign(&["a.test"]))
    );
    let piton = Piton::with(&site(&server, TO_A, &tls));
    assert_eq!(
        Curl::to(piton.address(), &authority)
            .get("https://a.test/")
            .status,
        200
    );
    let said = s_client(piton.address(), "b.test", &[]);
    assert!(
        said.contains("alert") && said.contains("no peer certificate"),
        "{said}"
    );
}

#[test]
fn sessions_are_resumed_also_across_a_reload() {
    let (server, authority) = (Server::named("app"), Authority::new("test"));
    let yaml = |tickets: &str| two_hosts(&server, &authority, tickets);
    let piton = Piton::with(&yaml("sniStrict: false"));
    let session = piton.dir().join("session").display().to_string();
    for flag in ["-tls1_2", "-tls1_3"] {
        // TLS 1.3 sends tickets with the first answer: the client has to wait for one.
        let first = s_client_asking(piton.address(), "o.test", &[flag, "-sess_out", &session]);
        assert!(first.contains("New, TLS"), "{first}");
        piton.reload(&yaml("sniStrict: false"));
        let second = s_client_asking(piton.address(), "o.test", &[flag, "-sess_in", &session]);
        assert!(second.contains("Reused, TLS"), "{flag}: {second}");
        piton.reload(&yaml("disableSessionTickets: true"));
        let third = s_client_asking(piton.address(), "o.test", &[flag, "-sess_in", &session]);
        assert!(third.contains("New, TLS"), "{flag}: {third}");
        piton.reload(&yaml("sniStrict: false"));
    }
}

#[test]
fn routers_that_disagree_about_a_host_get_the_default_options_unless_one_demands_certificates() {
    let (server, authority) = (Server::named("app"), Authority::new("test"));
    let clients = Authority::new("clients");
    let routers = "a: {rule: 'Host(`a.test`)', service: app, tls: {}}, \
                   n: {rule: 'Host(`a.test`) && Path(`/new`)', service: app, tls: {options: modern}}, \
                   s: {rule: 'Host(`a.test`) && Path(`/safe`)', service: app, tls: {options: safe}}, \
                   h: {rule: 'PathPrefix(`/hidden`)', service: app, tls: {options: safe}}";
    let tls = format!(
        "certificates: [{}], options: {{modern: {{minVersion: VersionTLS13}}, \
         safe: {{clientAuth: {{caFiles: [{:?}]}}}}}}",
        listed(&authority.sign(&["a.test"])),
        clients.pem()
    );
    let piton = Piton::with(&site(&server, routers, &tls));
    let old = Curl::to(piton.address(), &authority).with(&["--tls-max", "1.2"]);
    assert_eq!(old.get("https://a.test/").status, 200);
    assert_eq!(old.get("https://a.test/new").status, 200);
    piton.wait_for_line(&[
        "WARN",
        "tls host a.test (web)",
        "different TLS options (default, modern@file, safe@file): the default ones are used",
    ]);
    piton.wait_for_line(&["ERROR", "router s@file tls.options", "would not be asked for"]);
    piton.wait_for_line(&["ERROR", "router h@file tls.options", "the rule names no host"]);
    // Nobody comes to what is kept for known clients: the broader routers answer, and those only.
    let all = server.received().len();
    assert_eq!(old.get("https://a.test/hidden").status, 200);
    assert_eq!(server.received().len(), all + 1);
}

#[test]
fn no_other_host_and_no_wildcard_leads_around_the_certificates_that_a_router_demands() {
    let (server, authority) = (Server::named("app"), Authority::new("test"));
    let clients = Authority::new("clients");
    let demand = format!("clientAuth: {{caFiles: [{:?}]}}", clients.pem());
    let leaf = listed(&authority.sign(&["a.w.test", "b.w.test", "open.test"]));
    let routers = "w: {rule: 'Host(`*.w.test`)', service: app, tls: {options: safe}}, \
                   p: {rule: 'Host(`a.w.test`) && Path(`/public`)', service: app, tls: {}}";
    let tls = format!("certificates: [{leaf}], options: {{safe: {{{demand}}}}}");
    let piton = Piton::with(&site(&server, routers, &tls));
    let known = clients.sign(&["client"]);
    let curl = || Curl::to(piton.address(), &authority);
    assert_eq!(curl().get("https://a.w.test/public").status, 200);
    assert_eq!(curl().get("https://a.w.test/secret").status, 421);
    assert_ne!(curl().get("https://b.w.test/secret").exit, 0);
    assert_eq!(curl().showing(&known).get("https://b.w.test/secret").status, 200);
    // The default options demand, and another host's do not.
    let routers = "admin: {rule: 'PathPrefix(`/admin`)', service: app, tls: {}}, \
                   open: {rule: 'Host(`open.test`) && Path(`/pub`)', service: app, tls: {options: open}}";
    let tls = format!("certificates: [{leaf}], options: {{default: {{{demand}}}, open: {{}}}}");
    let piton = Piton::with(&site(&server, routers, &tls));
    let curl = || Curl::to(piton.address(), &authority);
    assert_eq!(curl().get("https://open.test/pub").status, 200);
    assert_eq!(curl().get("https://open.test/admin").status, 421);
    assert_eq!(curl().showing(&known).get("https://b.w.test/admin").status, 200);
}

/// Like [`s_client`], and waits for the answer to a request.
fn s_client_asking(address: std::net::SocketAddr, name: &str, arguments: &[&str]) -> String {
    let mut child = std::process::Command::new("openssl")
        .args([
            "s_client",
            "-ign_eof",
            "-connect",
            &address.to_string(),
            "-servername",
            name,
        ])
        .args(arguments)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("openssl is installed");
    let request = format!("GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
    child.stdin.take().unwrap().write_all(request.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}
