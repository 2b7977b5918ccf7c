//! `/ping`: whether this process wants requests.

use crate::harness::{Piton, Server, Setup, get};

/// Piton in front of `server`, answering `/ping` where it serves.
fn pinged(server: &Server, options: &str) -> Setup {
    let dynamic = format!(
        "http: {{services: {{app: {{loadBalancer: {{servers: [{{url: '{}'}}]}}}}}}}}",
        server.url()
    );
    let options = format!("ping: {{entryPoint: web{options}}}");
    Setup::new(&dynamic).top(&options)
}

fn ping(piton: &Piton, path: &str) -> (u16, String) {
    let answer = get(piton.address(), path);
    (answer.status, answer.text())
}

#[test]
fn ping_is_answered_before_any_router_and_other_paths_are_not() {
    let server = Server::named("a");
    let piton = pinged(&server, "").start();
    assert_eq!(ping(&piton, "/ping"), (200, "OK".to_owned()));
    // Traefik's rule is a prefix of characters.
    assert_eq!(ping(&piton, "/pingpong"), (200, "OK".to_owned()));
    assert_eq!(ping(&piton, "/pin"), (200, "a".to_owned()));
}

#[test]
fn without_ping_it_is_a_path_as_any_other() {
    let server = Server::named("a");
    let dynamic = format!(
        "http: {{services: {{app: {{loadBalancer: {{servers: [{{url: '{}'}}]}}}}}}}}",
        server.url()
    );
    let piton = Setup::new(&dynamic).start();
    assert_eq!(ping(&piton, "/ping"), (200, "a".to_owned()));
}

#[test]
fn while_the_process_is_ending_ping_says_so_and_requests_are_still_served() {
    let server = Server::named("a");
    let mut piton = pinged(&server, ", terminatingStatusCode: 418")
        .entry_point("transport: {lifeCycle: {requestAcceptGraceTimeout: 2s}}")
        .start();
    piton.signal("TERM");
    piton.wait_for_line(&["SIGTERM"]);
    assert_eq!(ping(&piton, "/ping"), (418, "I'm a teapot".to_owned()));
    assert_eq!(ping(&piton, "/"), (200, "a".to_owned()));
    assert!(piton.wait_for_end().1);
}

#[test]
fn with_manual_routing_ping_answers_where_a_router_leads_to_it_and_nowhere_else() {
    let server = Server::named("a");
    let dynamic = format!(
        "http: {{routers: {{alive: {{rule: 'Path(`/alive`)', service: ping@internal, priority: 100}}, \
         all: {{rule: 'PathPrefix(`/`)', service: app}}}}, \
         services: {{app: {{loadBalancer: {{servers: [{{url: '{}'}}]}}}}}}}}",
        server.url()
    );
    let piton = Setup::new(&dynamic)
        .top("ping: {entryPoint: web, manualRouting: true}")
        .start();
    assert_eq!(ping(&piton, "/alive"), (200, "OK".to_owned()));
    assert_eq!(ping(&piton, "/ping"), (200, "a".to_owned()));
}

#[test]
fn what_piton_answers_itself_cannot_be_part_of_another_service() {
    let dynamic = "http: {routers: {all: {rule: 'PathPrefix(`/`)', service: both}}, \
                   services: {both: {weighted: {services: [{name: ping@internal}]}}}}";
    let piton = Setup::new(dynamic)
        .top("ping: {entryPoint: web, manualRouting: true}")
        .start();
    assert_eq!(ping(&piton, "/").0, 404);
    piton.wait_for_line(&["ping@internal", "piton answers it itself"]);
}
