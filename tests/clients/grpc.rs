//! gRPC: calls, streams and trailers, bound to a server.

use super::tools::Script;
use crate::harness::{Piton, app_of};

/// A dynamic file with these servers; ports are those of loopback.
fn app(ports: &[&str]) -> String {
    let entries: Vec<String> = ports
        .iter()
        .map(|port| format!("url: 'h2c://127.0.0.1:{port}'"))
        .collect();
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    app_of(&entries, "sticky: {cookie: {name: sid}}")
}

#[test]
fn grpc_calls_and_streams_stay_at_their_server_over_a_reload() {
    let server = |name| Script::start("grpc", "grpc_server.py", &[name]);
    let (Some(a), Some(b)) = (server("a"), server("b")) else {
        return;
    };
    let (port_of_a, port_of_b) = (a.line(), b.line());
    let piton = Piton::with(&app(&[&port_of_a, &port_of_b]));
    let address = piton.address().to_string();
    let mut client = Script::start("grpc", "grpc_client.py", &[&address]).unwrap();
    let first = client.line();
    let name = first
        .strip_prefix("unary ")
        .and_then(|rest| rest.get(..1))
        .unwrap()
        .to_owned();
    assert_eq!(first, format!("unary {name}:hello sid OK"));
    assert_eq!(client.line(), format!("stream 1000 {name}:0 {name}:999 OK"));
    assert_eq!(
        client.line(),
        "refused NOT_FOUND nothing here told-to",
        "the status and the trailers of the server"
    );
    assert_eq!(client.line(), format!("chat {name}:before"));
    let c = server("c").unwrap();
    piton.reload(&app(&[&c.line(), &port_of_b, &port_of_a]));
    client.go_on();
    assert_eq!(client.line(), format!("chat {name}:after"), "the same stream");
    assert_eq!(client.line(), "chat 0 OK");
    assert_eq!(client.line(), format!("unary {name}:again"));
    assert_eq!(client.line(), format!("unary {name}:anew"));
}

#[test]
fn without_a_server_a_grpc_client_is_told_that_it_is_unavailable() {
    let piton = Piton::with(&app(&[]));
    let address = piton.address().to_string();
    let Some(mut client) = Script::start("grpc", "grpc_refused.py", &[&address]) else {
        return;
    };
    assert_eq!(client.line(), "UNAVAILABLE");
    client.go_on();
}
