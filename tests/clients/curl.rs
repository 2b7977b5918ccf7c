//! curl: its cookies, its HTTP/2, its TLS.

use super::tools::run;
use crate::harness::{Authority, Piton, Server, TempDir, app_of, sticky_app};

/// What curl prints of a request for each of these, with its own cookie jar; the port is the one piton listens on.
fn curl(piton: &Piton, arguments: &[&str], urls: &[&str]) -> Option<String> {
    let jar = TempDir::new();
    let jar = jar.write("jar", "").display().to_string();
    let port = piton.address().port();
    let hosts = ["a.test", "b.test"].map(|host| format!("{host}:{port}:127.0.0.1"));
    let urls: Vec<String> = urls
        .iter()
        .map(|url| url.replace("PORT", &port.to_string()))
        .collect();
    let format = "\n%{http_code} %{http_version} %{num_connects}\n";
    let mut all = vec![
        "--silent",
        "--show-error",
        "--fail",
        "--noproxy",
        "*",
        "--max-time",
        "15",
    ];
    all.extend(["--cookie", &jar, "--cookie-jar", &jar, "--write-out", format]);
    all.extend(hosts.iter().flat_map(|host| ["--resolve", host]));
    all.extend(arguments);
    all.extend(urls.iter().map(String::as_str));
    run("curl", &all)
}

#[test]
fn curl_keeps_its_session_over_http_1_1_and_http_2_with_prior_knowledge() {
    let (one, two) = (Server::named("one"), Server::named("two"));
    let piton = Piton::with(&sticky_app(&[&one, &two], ""));
    for (flag, version) in [("--http1.1", "1.1"), ("--http2-prior-knowledge", "2")] {
        let Some(text) = curl(&piton, &[flag], &["http://a.test:PORT/"; 6]) else {
            return;
        };
        let name = text.lines().next().unwrap();
        let expected: String = (0..6)
            .map(|turn| format!("{name}\n200 {version} {}\n", u8::from(turn == 0)))
            .collect();
        assert_eq!(text, expected, "one server, one connection");
    }
}

#[test]
fn an_http_2_upgrade_from_http_1_1_is_not_needed_to_be_answered() {
    let server = Server::named("one");
    let piton = Piton::with(&sticky_app(&[&server], ""));
    if let Some(text) = curl(&piton, &["--http2"], &["http://a.test:PORT/"]) {
        assert_eq!(text, "one\n200 1.1 1\n");
    }
}

#[test]
fn curl_trusts_the_certificate_of_each_host_and_keeps_a_secure_session() {
    let (one, two) = (Server::named("one"), Server::named("two"));
    let urls = [&one, &two].map(|server| format!("url: {}", server.url()));
    let app = app_of(
        &[&urls[0], &urls[1]],
        "sticky: {cookie: {name: sid, secure: true}}",
    );
    let authorities = [Authority::new("one"), Authority::new("two")];
    let hosts = ["a.test", "b.test"];
    let mut listed = Vec::new();
    for (authority, host) in authorities.iter().zip(hosts) {
        let leaf = authority.sign(&[host]);
        listed.push(format!(
            "{{certFile: {:?}, keyFile: {:?}}}",
            leaf.certificate, leaf.key
        ));
    }
    let piton = Piton::with(&format!(
        "{app}  routers: {{all: {{rule: 'PathPrefix(`/`)', service: app, tls: {{}}}}}}\n\
         tls: {{certificates: [{}]}}\n",
        listed.join(", ")
    ));
    let directory = TempDir::new();
    for (authority, host) in authorities.iter().zip(hosts) {
        let roots = directory.write(host, &authority.pem()).display().to_string();
        for (flag, version) in [("--http1.1", "1.1"), ("--http2", "2")] {
            let url = format!("https://{host}:PORT/");
            let Some(text) = curl(&piton, &[flag, "--cacert", &roots], &[url.as_str(); 4]) else {
                return;
            };
            let name = text.lines().next().unwrap();
            let expected: String = (0..4)
                .map(|turn| format!("{name}\n200 {version} {}\n", u8::from(turn == 0)))
                .collect();
            assert_eq!(text, expected, "{host}");
        }
    }
}
