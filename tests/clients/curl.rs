//! curl: its cookies, its HTTP/2, its TLS.

use super::tools::run;
use crate::harness::{Authority, Piton, Server, TempDir, app_of, sticky_app};

/// What curl prints of requests for these, one after the other; `PORT` stands for the one piton listens on.
fn curl(piton: &Piton, arguments: &[&str], urls: &[&str]) -> Option<String> {
    let port = piton.address().port();
    let hosts = ["a.test", "b.test"].map(|host| format!("{host}:{port}:127.0.0.1"));
    let urls: Vec<String> = urls
        .iter()
        .map(|url| url.replace("PORT", &port.to_string()))
        .collect();
    let format = "\n%{http_code} %{http_version} %{num_connects}\n";
    let mut all = vec!["--silent", "--show-error", "--fail", "--noproxy", "*"];
    all.extend(["--max-time", "15", "--write-out", format]);
    all.extend(hosts.iter().flat_map(|host| ["--resolve", host]));
    all.extend(arguments);
    all.extend(urls.iter().map(String::as_str));
    run("curl", &all)
}

/// A file for cookies.
fn jar(directory: &TempDir) -> String {
    directory.write("jar", "").display().to_string()
}

#[test]
fn curl_keeps_its_session_and_its_connection() {
    let (one, two) = (Server::named("one"), Server::named("two"));
    let piton = Piton::with(&sticky_app(&[&one, &two], ""));
    let directory = TempDir::new();
    let jar = jar(&directory);
    let urls = ["http://a.test:PORT/"; 6];
    let Some(text) = curl(
        &piton,
        &["--http1.1", "--cookie", &jar, "--cookie-jar", &jar],
        &urls,
    ) else {
        return;
    };
    let name = text.lines().next().unwrap();
    let expected: String = (0..6)
        .map(|turn| format!("{name}\n200 1.1 {}\n", u8::from(turn == 0)))
        .collect();
    assert_eq!(text, expected);
}

#[test]
fn curl_keeps_its_session_over_http_2_with_prior_knowledge() {
    let (one, two) = (Server::named("one"), Server::named("two"));
    let piton = Piton::with(&sticky_app(&[&one, &two], ""));
    let directory = TempDir::new();
    let jar = jar(&directory);
    let flags = ["--http2-prior-knowledge", "--cookie", &jar, "--cookie-jar", &jar];
    // One at a time: curl 7.88 cannot use such a connection twice, with no server.
    let mut texts = (0..4).map_while(|_| curl(&piton, &flags, &["http://a.test:PORT/"]));
    let Some(first) = texts.next() else {
        return;
    };
    assert!(first.ends_with("\n200 2 1\n"), "{first}");
    assert!(texts.all(|text| text == first), "another server than {first}");
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
        let jar = jar(&directory);
        for (flag, version) in [("--http1.1", "1.1"), ("--http2", "2")] {
            let url = format!("https://{host}:PORT/");
            let Some(text) = curl(
                &piton,
                &[flag, "--cacert", &roots, "--cookie", &jar, "--cookie-jar", &jar],
                &[url.as_str(); 4],
            ) else {
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
