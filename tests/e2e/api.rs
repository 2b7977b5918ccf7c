//! The API: Traefik's shapes, and the drain that only a token or a socket allows.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Piton, Response, Server, Setup, cookie_of, get, get_as, request, sticky_app, within};

const TOKEN: &str = "a-token-that-is-long-enough";

/// Piton with the API on an entry point of its own.
fn with_api(dynamic: &str, options: &str) -> Setup {
    let setup = Setup::new(dynamic);
    setup.dir().write("token", &format!("{TOKEN}\n"));
    setup
        .and_entry_point("traefik")
        .top(&format!("api: {{insecure: true{options}}}"))
}

fn ask(piton: &Piton, path: &str) -> Response {
    get(piton.address_of("traefik"), path)
}

fn json_of(piton: &Piton, path: &str) -> Value {
    let response = ask(piton, path);
    assert_eq!(
        (response.status, response.header("content-type")),
        (200, Some("application/json"))
    );
    assert!(response.text().ends_with('\n'));
    serde_json::from_str(&response.text()).unwrap()
}

/// A URL as one part of a path.
fn encoded(url: &str) -> String {
    url.replace(':', "%3A").replace('/', "%2F")
}

fn drain(piton: &Piton, method: &str, server: &Server, token: Option<&str>) -> Response {
    let path = format!(
        "/api/http/services/app@file/servers/{}/drain",
        encoded(&server.url())
    );
    let field = token.map(|token| format!("Authorization: Bearer {token}"));
    let fields: Vec<&str> = field.iter().map(String::as_str).collect();
    request(
        piton.address_of("traefik"),
        &format!("{method} {path}"),
        &fields,
        b"",
    )
}

#[test]
fn lists_and_items_have_traefiks_shapes() {
    let a = Server::named("a");
    let dynamic = format!(
        "http:
  routers:
    r: {{rule: 'Host(`a`) && Path(`/x`)', service: app}}
    bad: {{rule: 'Host(`a`', service: app}}
  services: {{app: {{loadBalancer: {{sticky: {{cookie: {{name: sid}}}}, servers: [{{url: '{}'}}]}}}}}}
  middlewares: {{auth: {{basicAuth: {{users: ['u:$apr1$x']}}}}}}
",
        a.url()
    );
    let piton = with_api(&dynamic, "").start();
    let service = json_of(&piton, "/api/http/services/app@file");
    assert_eq!(service["status"], "enabled");
    assert_eq!(service["type"], "loadbalancer");
    assert_eq!(service["provider"], "file");
    assert_eq!(service["usedBy"], json!(["r@file"]));
    assert_eq!(service["serverStatus"], json!({(a.url()): "UP"}));
    assert_eq!(service["loadBalancer"]["sticky"]["cookie"]["name"], "sid");
    assert_eq!(service["loadBalancer"]["passHostHeader"], true);
    let state = &service["serverState"][a.url()];
    assert_eq!((&state["weight"], &state["draining"]), (&json!(1), &json!(false)));
    let router = json_of(&piton, "/api/http/routers/r@file");
    assert_eq!(router["rule"], "Host(`a`) && Path(`/x`)");
    assert_eq!(
        (&router["priority"], &router["priorityStr"]),
        (&json!(23), &json!("23"))
    );
    assert_eq!(router["using"], json!(["web"]));
    // As Go writes it.
    assert!(
        ask(&piton, "/api/http/routers/r@file")
            .text()
            .contains("\\u0026\\u0026")
    );
    let bad = json_of(&piton, "/api/http/routers/bad@file");
    assert_eq!(bad["status"], "disabled");
    assert!(bad["error"][0].as_str().unwrap().contains("rule"));
    let auth = ask(&piton, "/api/http/middlewares/auth@file").text();
    assert!(auth.contains("basicauth") && !auth.contains("apr1"), "{auth}");
    let overview = json_of(&piton, "/api/overview");
    assert_eq!(overview["http"]["services"]["errors"], 0);
    assert_eq!(overview["http"]["routers"]["errors"], 1);
    assert_eq!(
        overview["features"],
        json!({"tracing": "", "metrics": "", "accessLog": false})
    );
    assert_eq!(overview["providers"], json!(["File"]));
    let raw = json_of(&piton, "/api/rawdata");
    assert!(raw["routers"]["r@file"].get("name").is_none());
    assert_eq!(
        raw["services"]["app@file"]["serverStatus"],
        json!({(a.url()): "UP"})
    );
    assert_eq!(json_of(&piton, "/api/entrypoints/web")["name"], "web");
    assert_eq!(json_of(&piton, "/api/tcp/routers"), json!([]));
    let version = json_of(&piton, "/api/version");
    assert!(version["startDate"].as_str().unwrap().contains('T') && version["Version"].is_string());
    assert!(ask(&piton, "/dashboard/").text().contains("no dashboard"));
    assert_eq!(
        get(piton.address(), "/api/overview").status,
        404,
        "not where clients are"
    );
}

#[test]
fn lists_come_in_pages_and_can_be_searched() {
    let a = Server::named("a");
    let routers: String = (10..35)
        .map(|n| format!("r{n}: {{rule: 'Path(`/{n}`)', service: app}}, "))
        .collect();
    let dynamic = format!(
        "http: {{routers: {{{routers}}}, services: {{app: {{loadBalancer: {{servers: [{{url: '{}'}}]}}}}}}}}",
        a.url()
    );
    let piton = with_api(&dynamic, "").start();
    let first = ask(&piton, "/api/http/routers?per_page=10&search=%40file");
    assert_eq!(first.header("x-next-page"), Some("2"));
    let last = ask(&piton, "/api/http/routers?per_page=10&page=3&search=@file");
    assert_eq!(last.header("x-next-page"), Some("1"));
    let last: Value = serde_json::from_str(&last.text()).unwrap();
    assert_eq!(last.as_array().unwrap().len(), 5);
    let down = json_of(
        &piton,
        "/api/http/routers?direction=desc&sortBy=name&per_page=1&search=@file&status=enabled",
    );
    assert_eq!(down[0]["name"], "r34@file");
    assert_eq!(
        json_of(&piton, "/api/http/routers?serviceName=nobody@file"),
        json!([])
    );
    let bad = ask(&piton, "/api/http/routers?page=0");
    assert_eq!(
        (bad.status, bad.text().as_str(), bad.header("content-type")),
        (
            400,
            "{\"message\":\"invalid request: page: 0, per_page: 100\"}\n",
            Some("text/plain; charset=utf-8")
        )
    );
    let unknown = ask(&piton, "/api/http/routers/x@file");
    assert_eq!(
        (unknown.status, unknown.text().as_str()),
        (404, "{\"message\":\"router not found: x@file\"}\n")
    );
    let posted = request(piton.address_of("traefik"), "POST /api/version", &[], b"");
    assert_eq!(posted.status, 405);
}

#[test]
fn a_token_drains_a_server_that_keeps_its_sessions_over_a_reload() {
    let (a, b) = (Server::named("a"), Server::named("b"));
    let piton = with_api(&sticky_app(&[&a, &b], ""), ", write: {tokenFile: '{dir}/token'}").start();
    let drained = drain(&piton, "PUT", &a, Some(TOKEN));
    assert_eq!(drained.status, 200, "{}", drained.text());
    piton.wait_for_line(&["drained by the API", "127.0.0.1", "app@file"]);
    let newcomers = || {
        (0..10)
            .map(|_| get(piton.address(), "/").text())
            .collect::<String>()
    };
    assert_eq!(newcomers(), "b".repeat(10));
    assert_eq!(get_as(piton.address(), &cookie_of(&a)).text(), "a");
    piton.reload(&sticky_app(&[&a, &b], "strategy: p2c"));
    assert_eq!(newcomers(), "b".repeat(10));
    let service = json_of(&piton, "/api/http/services/app@file");
    assert_eq!(service["serverState"][a.url()]["drainedByApi"], true);
    assert_eq!(drain(&piton, "DELETE", &a, Some(TOKEN)).status, 200);
    within(Duration::from_secs(5), "a has newcomers", || {
        newcomers().contains('a')
    });
}

#[test]
fn nobody_drains_without_the_token() {
    let (a, b) = (Server::named("a"), Server::named("b"));
    let dynamic = sticky_app(&[&a, &b], "");
    let piton = with_api(&dynamic, ", write: {tokenFile: '{dir}/token'}").start();
    assert_eq!(drain(&piton, "PUT", &a, None).status, 401);
    assert_eq!(
        drain(&piton, "PUT", &a, Some("a-token-that-is-long-enougH")).status,
        403
    );
    assert_eq!(drain(&piton, "POST", &a, Some(TOKEN)).status, 405);
    let path = "/api/http/services/app@file/servers/http%3A%2F%2Fnobody/drain";
    let bearer = format!("Authorization: Bearer {TOKEN}");
    let unknown = request(
        piton.address_of("traefik"),
        &format!("PUT {path}"),
        &[&bearer],
        b"",
    );
    assert_eq!(unknown.status, 404);
    piton.wait_for_line(&["a drain was refused"]);
    // Another token in the file counts at once; an empty one lets nobody in.
    std::fs::write(piton.dir().join("token"), "another-token-of-some-length").unwrap();
    assert_eq!(drain(&piton, "PUT", &a, Some(TOKEN)).status, 403);
    std::fs::write(piton.dir().join("token"), "").unwrap();
    assert_eq!(drain(&piton, "PUT", &a, Some("x")).status, 403);
    let readers = with_api(&dynamic, "").start();
    let refused = drain(&readers, "PUT", &a, Some(TOKEN));
    assert_eq!(
        (refused.status, refused.text().contains("api.write")),
        (403, true)
    );
    let service = json_of(&readers, "/api/http/services/app@file");
    assert_eq!(service["serverState"][a.url()]["draining"], false);
}

#[test]
fn a_socket_that_only_its_owner_may_open_drains_without_a_token() {
    let (a, b) = (Server::named("a"), Server::named("b"));
    let piton = Setup::new(&sticky_app(&[&a, &b], ""))
        .top("api: {write: {socket: '{dir}/api.sock'}}")
        .start();
    let socket = piton.dir().join("api.sock");
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut stream = UnixStream::connect(&socket).unwrap();
    let path = format!("/api/http/services/app@file/servers/{}/drain", encoded(&a.url()));
    write!(
        stream,
        "PUT {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    piton.wait_for_line(&["drained by the API", "uid "]);
    assert_eq!(get(piton.address(), "/").text(), "b");
}
