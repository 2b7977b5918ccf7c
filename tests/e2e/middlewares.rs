//! Middlewares on the way of real requests (traefik-core 7).

mod access;
mod bodies;
mod entry_points;
mod fields;
mod limits;
mod paths;
mod tries;

use crate::harness::{Client, Piton, Response, Server, Setup};

/// One router for everything, through these middlewares in the order of their names.
pub fn through(middlewares: &str, server: &Server) -> String {
    configuration(middlewares, &names(middlewares), &server.url())
}

/// Names at the beginnings of lines.
fn names(middlewares: &str) -> String {
    let lines = middlewares.lines().filter_map(|line| line.split_once(':'));
    let names = lines.map(|(name, _)| name.trim()).filter(|name| !name.is_empty());
    names.collect::<Vec<_>>().join(", ")
}

pub fn configuration(middlewares: &str, names: &str, url: &str) -> String {
    let indented: String = middlewares
        .lines()
        .map(|line| format!("    {}\n", line.trim()))
        .collect();
    format!(
        "http:\n  middlewares:\n{indented}  routers:\n    app: {{rule: PathPrefix(`/`), service: app, middlewares: [{names}]}}\n  \
         services:\n    app: {{loadBalancer: {{servers: [{{url: \"{url}\"}}]}}}}\n"
    )
}

/// A piton with one server behind these middlewares.
pub fn piton(middlewares: &str) -> (Piton, Server) {
    let server = Server::named("app");
    let piton = Piton::with(&through(middlewares, &server));
    (piton, server)
}

/// A request of `line` with these fields, on a connection of its own.
pub fn ask(piton: &Piton, line: &str, fields: &[&str]) -> Response {
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    Client::connect(piton.address()).exchange(format!("{line} HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n"))
}

#[test]
fn what_piton_does_not_have_closes_the_route_and_says_so() {
    let kinds = [
        ("forwardAuth", "{address: 'http://127.0.0.1:1'}"),
        ("errors", "{status: ['500'], service: app, query: /}"),
        ("buffering", "{maxRequestBodyBytes: 1}"),
        ("circuitBreaker", "{expression: 'NetworkErrorRatio() > 0.5'}"),
        ("digestAuth", "{users: ['a:b:c']}"),
        ("contentType", "{}"),
        ("grpcWeb", "{allowOrigins: ['*']}"),
        ("passTLSClientCert", "{pem: true}"),
        ("plugin", "{x: {y: z}}"),
    ];
    let (mut middlewares, mut routers) = (String::new(), String::new());
    for (kind, written) in kinds {
        middlewares += &format!("    {kind}: {{{kind}: {written}}}\n");
        routers += &format!("    {kind}: {{rule: Path(`/{kind}`), service: app, middlewares: [{kind}]}}\n");
    }
    let server = Server::named("app");
    let url = server.url();
    let piton = Piton::with(&format!(
        "http:\n  middlewares:\n{middlewares}  routers:\n{routers}    open: {{rule: Path(`/`), service: app}}\n  \
         services:\n    app: {{loadBalancer: {{servers: [{{url: \"{url}\"}}]}}}}\n"
    ));
    assert_eq!(ask(&piton, "GET /", &[]).status, 200);
    for (kind, _) in kinds {
        assert_eq!(ask(&piton, &format!("GET /{kind}"), &[]).status, 404, "{kind}");
        piton.wait_for_line(&[
            &format!("router {kind}@file middlewares"),
            &format!("middleware \"{kind}@file\" cannot be used: {kind} is not supported by piton"),
        ]);
        piton.wait_for_line(&[&format!("middleware {kind}@file {kind}: {kind} is not supported")]);
    }
    assert_eq!(server.received().len(), 1);
}

#[test]
fn a_broken_middleware_is_told_by_the_check_at_its_place() {
    let server = Server::named("app");
    let dynamic = through("a: {replacePathRegex: {regex: '(', replacement: /x}}", &server);
    let setup = Setup::new(&dynamic);
    let file = setup.write();
    let output = crate::harness::run_to_end(&["-t", "-c", file.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(
        said.contains("http.middlewares.a.replacePathRegex: error compiling regular expression (:"),
        "{said}"
    );
    assert!(said.contains("dynamic.yaml:3:"), "{said}");
}
