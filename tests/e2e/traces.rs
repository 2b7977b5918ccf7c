//! Traces: what a collector is told, what servers are told, and that a collector keeps nobody waiting.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{
    BlackHole, Piton, Received, Server, Setup, Then, app_of, get, request, reserve, respond, sticky_app,
    within,
};

const PATIENCE: Duration = Duration::from_secs(10);

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn collector() -> Server {
    Server::scripted(|_, stream| {
        respond(stream, 200, "{}");
        Then::Keep
    })
}

/// `tracing` with this collector and further keys.
fn traced(collector: &str, options: &str) -> String {
    format!(
        "tracing: {{otlp: {{http: {{endpoint: '{collector}/v1/traces', headers: {{X-Key: k}}}}}}{options}}}"
    )
}

/// A span as it came.
#[derive(Debug)]
struct Span(Value);

impl Span {
    fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap_or_default()
    }

    fn is_server(&self) -> bool {
        self.0["kind"] == 2
    }

    fn is_error(&self) -> bool {
        self.0["status"]["code"] == 2
    }

    /// An attribute as text; empty when there is none.
    fn told(&self, name: &str) -> String {
        let all = self.0["attributes"].as_array().unwrap();
        let found = all.iter().find(|attribute| attribute["key"] == name);
        let value = found.map_or(&Value::Null, |attribute| &attribute["value"]);
        let value = match &value["arrayValue"]["values"] {
            Value::Array(values) => &values[0],
            _ => value,
        };
        let text = value["stringValue"].as_str().or(value["intValue"].as_str());
        text.unwrap_or_default().to_owned()
    }
}

/// So many spans, once they are there: those of the server's side first.
fn spans(collector: &Server, count: usize) -> Vec<Span> {
    let read = || -> Vec<Span> {
        let bodies = collector.received().into_iter().map(|received| received.body);
        let mut spans: Vec<Span> = bodies
            .flat_map(|body| {
                let body: Value = serde_json::from_slice(&body).unwrap();
                let spans = &body["resourceSpans"][0]["scopeSpans"][0]["spans"];
                spans.as_array().unwrap().clone()
            })
            .map(Span)
            .collect();
        spans.sort_by_key(|span| (!span.is_server(), span.text("startTimeUnixNano").to_owned()));
        spans
    };
    within(PATIENCE, &format!("{count} spans"), || read().len() >= count);
    assert_eq!(read().len(), count, "{:#?}", read());
    read()
}

/// Trace, span and flags of what a server was told.
fn parent(received: &Received) -> (String, String, String) {
    let field = received.header("traceparent").unwrap();
    let parts: Vec<&str> = field.split('-').collect();
    assert_eq!((parts.len(), parts[0]), (4, "00"), "{field}");
    (parts[1].to_owned(), parts[2].to_owned(), parts[3].to_owned())
}

fn given(flags: &str) -> String {
    format!("traceparent: 00-{TRACE}-{SPAN}-{flags}")
}

#[test]
fn a_request_goes_on_with_the_clients_trace_and_every_step_is_the_child_of_the_one_before() {
    let (server, collector) = (Server::named("a"), collector());
    let options = ", serviceName: shop, resourceAttributes: {team: blue}, safeQueryParams: [page], \
                   capturedRequestHeaders: [X-Tenant], capturedResponseHeaders: [X-Server]";
    let piton = Setup::new(&sticky_app(&[&server], ""))
        .top(&traced(&collector.url(), options))
        .start();
    let fields = [
        &given("01"),
        "tracestate: vendor=1",
        "X-Tenant: t7",
        "User-Agent: test",
    ];
    let answer = request(piton.address(), "GET /shop?page=2&token=geheim", &fields, b"");
    assert_eq!(answer.status, 200);
    let spans = spans(&collector, 2);
    let (of_request, of_attempt) = (&spans[0], &spans[1]);
    assert!(of_request.is_server() && !of_attempt.is_server());
    for span in &spans {
        assert_eq!((span.text("traceId"), span.text("name")), (TRACE, "GET"));
        assert_eq!(span.text("traceState"), "vendor=1");
        assert!(!span.is_error());
    }
    assert_eq!(of_request.text("parentSpanId"), SPAN);
    assert_eq!(of_attempt.text("parentSpanId"), of_request.text("spanId"));
    let told = server.last();
    let child = of_attempt.text("spanId").to_owned();
    assert_eq!(parent(&told), (TRACE.to_owned(), child, "01".to_owned()));
    assert_eq!(told.header("tracestate"), Some("vendor=1"));
    for (name, value) in [
        ("http.request.method", "GET"),
        ("http.response.status_code", "200"),
        ("url.scheme", "http"),
        ("url.path", "/shop"),
        ("url.query", "page=2&token=REDACTED"),
        ("client.address", "127.0.0.1"),
        ("user_agent.original", "test"),
        ("http.request.header.x-tenant", "t7"),
        ("http.response.header.x-server", "a"),
        ("entry_point", "web"),
        ("traefik.service.name", "app@file"),
        ("piton.sticky.result", "new"),
    ] {
        assert_eq!(of_request.told(name), value, "{name}");
    }
    let url = format!("{}/shop?page=2&token=REDACTED", server.url());
    assert_eq!(of_attempt.told("url.full"), url);
    assert_eq!(
        of_attempt.told("server.port"),
        server.address().port().to_string()
    );
    assert_eq!(of_attempt.told("http.response.status_code"), "200");
    let time = |span: &Span, key: &str| span.text(key).parse::<u64>().unwrap();
    assert!(time(of_request, "startTimeUnixNano") <= time(of_attempt, "startTimeUnixNano"));
    assert!(time(of_attempt, "endTimeUnixNano") <= time(of_request, "endTimeUnixNano"));
    let brought = collector.last();
    assert_eq!(brought.line(), "POST /v1/traces HTTP/1.1");
    assert_eq!(brought.header("content-type"), Some("application/json"));
    assert_eq!(brought.header("x-key"), Some("k"));
    let text = String::from_utf8(brought.body).unwrap();
    assert!(
        text.contains("shop") && text.contains("team") && !text.contains("geheim"),
        "{text}"
    );
}

#[test]
fn what_is_no_traceparent_begins_a_new_trace() {
    let (server, collector) = (Server::named("a"), collector());
    let piton = Setup::new(&sticky_app(&[&server], ""))
        .top(&traced(&collector.url(), ""))
        .start();
    request(
        piton.address(),
        "GET /",
        &["traceparent: 00-what-01", "tracestate: vendor=1"],
        b"",
    );
    let spans = spans(&collector, 2);
    assert_eq!(spans[0].0.get("parentSpanId"), None);
    let (trace, _, flags) = parent(&server.last());
    assert_eq!((trace.as_str(), flags.as_str()), (spans[0].text("traceId"), "03"));
    assert_eq!(server.last().header("tracestate"), None);
}

#[test]
fn a_client_that_does_not_want_to_be_traced_is_not_and_neither_is_who_is_not_drawn() {
    let (server, collector) = (Server::named("a"), collector());
    let piton = Setup::new(&sticky_app(&[&server], ""))
        .top(&traced(&collector.url(), ", sampleRate: 0"))
        .start();
    request(piton.address(), "GET /", &[&given("00")], b"");
    let (trace, span, flags) = parent(&server.last());
    assert_eq!((trace.as_str(), flags.as_str()), (TRACE, "00"));
    assert_ne!(span, SPAN);
    get(piton.address(), "/");
    assert_eq!(parent(&server.last()).2, "02");
    // The client has drawn this one.
    request(piton.address(), "GET /last", &[&given("01")], b"");
    assert!(
        spans(&collector, 2)
            .iter()
            .all(|span| span.text("traceId") == TRACE)
    );
}

#[test]
fn without_tracing_the_fields_pass_as_they_came() {
    let server = Server::named("a");
    let piton = Piton::with(&sticky_app(&[&server], ""));
    let fields = ["traceparent: what-ever", "tracestate: a=1", "tracestate: b=2"];
    request(piton.address(), "GET /", &fields, b"");
    assert_eq!(server.last().header("traceparent"), Some("what-ever"));
    assert_eq!(server.last().all("tracestate"), ["a=1", "b=2"]);
}

#[test]
fn a_router_can_switch_it_off() {
    let (server, collector) = (Server::named("a"), collector());
    let file = format!(
        "http:
  routers:
    quiet: {{rule: 'PathPrefix(`/quiet`)', service: app, observability: {{tracing: false}}}}
    loud: {{rule: 'PathPrefix(`/loud`)', service: app}}
  services: {{app: {{loadBalancer: {{servers: [{{url: '{}'}}]}}}}}}
",
        server.url()
    );
    let piton = Setup::new(&file).top(&traced(&collector.url(), "")).start();
    request(piton.address(), "GET /quiet", &[&given("01")], b"");
    let field = format!("00-{TRACE}-{SPAN}-01");
    assert_eq!(server.last().header("traceparent"), Some(field.as_str()));
    request(piton.address(), "GET /loud", &[], b"");
    let spans = spans(&collector, 2);
    assert_eq!(spans[0].told("url.path"), "/loud");
    assert_eq!(spans[0].told("traefik.router.name"), "loud@file");
}

#[test]
fn a_request_that_reaches_no_router_is_told_as_well_and_what_piton_answers_itself_is_not() {
    let collector = collector();
    let piton = Setup::new("http: {}")
        .top(&traced(&collector.url(), ""))
        .top("ping: {entryPoint: web}")
        .start();
    assert_eq!(get(piton.address(), "/ping").status, 200);
    assert_eq!(request(piton.address(), "BREW /x", &[], b"").status, 404);
    let spans = spans(&collector, 1);
    assert_eq!(
        (spans[0].text("name"), spans[0].told("url.path")),
        ("HTTP", "/x".to_owned())
    );
    assert_eq!(spans[0].told("http.request.method_original"), "BREW");
    assert_eq!(spans[0].told("http.response.status_code"), "404");
}

#[test]
fn each_attempt_is_a_span_of_its_own() {
    let (_reserved, nobody) = reserve();
    let (server, collector) = (Server::named("a"), collector());
    let dead = format!("http://{nobody}");
    let file = app_of(
        &[&format!("url: {dead}"), &format!("url: {}", server.url())],
        "sticky: {cookie: {name: sid}}",
    );
    let piton = Setup::new(&file).top(&traced(&collector.url(), "")).start();
    let cookie = format!("Cookie: sid={}", ::piton::sticky::CookieValue::of(&dead));
    assert_eq!(request(piton.address(), "GET /", &[&cookie], b"").text(), "a");
    let spans = spans(&collector, 3);
    let (first, second) = (&spans[1], &spans[2]);
    assert!(first.is_error() && !second.is_error() && !spans[0].is_error());
    assert_eq!(first.told("error.type"), "connection");
    assert_eq!(first.told("server.port"), nobody.port().to_string());
    assert_eq!(second.told("http.request.resend_count"), "1");
    assert_eq!(parent(&server.last()).1, second.text("spanId"));
    assert!(
        spans[1..]
            .iter()
            .all(|span| span.text("parentSpanId") == spans[0].text("spanId"))
    );
}

#[test]
fn an_answer_that_is_discarded_ends_its_span_whoever_sends_the_next() {
    let main = Server::scripted(|_, stream| {
        respond(stream, 503, "no");
        Then::Keep
    });
    let (spare, collector) = (Server::named("spare"), collector());
    let file = format!(
        "http:
  routers: {{all: {{rule: 'PathPrefix(`/`)', service: app}}}}
  services:
    app: {{failover: {{service: main, fallback: spare, errors: {{status: ['503']}}}}}}
    main: {{loadBalancer: {{servers: [{{url: '{}'}}]}}}}
    spare: {{loadBalancer: {{servers: [{{url: '{}'}}]}}}}
",
        main.url(),
        spare.url()
    );
    let piton = Setup::new(&file).top(&traced(&collector.url(), "")).start();
    // Pingora sends the first again, piton's own client the second.
    for (size, so_far) in [(20, 3), (200_000, 6)] {
        let answer = request(piton.address(), "POST /", &[], &vec![b'x'; size]);
        assert_eq!(answer.text(), "spare", "{size}");
        let spans = spans(&collector, so_far);
        for (told, failed) in [(main.last(), true), (spare.last(), false)] {
            let (trace, span, _) = parent(&told);
            let own = spans.iter().find(|known| known.text("spanId") == span).unwrap();
            assert_eq!(
                (own.text("traceId"), own.is_error()),
                (trace.as_str(), failed),
                "{size}"
            );
        }
    }
}

#[test]
fn a_collector_that_is_dead_or_silent_keeps_nobody_waiting() {
    let (_reserved, nobody) = reserve();
    let silent = BlackHole::new();
    for (address, lost) in [(nobody, true), (silent.address(), false)] {
        let server = Server::named("a");
        let mut piton = Setup::new(&sticky_app(&[&server], ""))
            .top(&traced(&format!("http://{address}"), ""))
            .top("metrics: {prometheus: {entryPoint: web}}")
            .start();
        let begin = Instant::now();
        for _ in 0..50 {
            assert_eq!(get(piton.address(), "/").status, 200);
        }
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
        if lost {
            piton.wait_for_line(&["spans could not be sent"]);
            within(PATIENCE, "lost spans are counted", || {
                let text = get(piton.address(), "/metrics").text();
                let line = text
                    .lines()
                    .find(|line| line.starts_with("piton_spans_dropped_total "));
                line.is_some_and(|line| line != "piton_spans_dropped_total 0")
            });
        }
        piton.signal("TERM");
        let (time, success) = piton.wait_for_end();
        assert!(success && time < Duration::from_secs(5), "{time:?}");
    }
}

#[test]
fn the_last_spans_are_sent_before_the_end() {
    let (server, collector) = (Server::named("a"), collector());
    let mut piton = Setup::new(&sticky_app(&[&server], ""))
        .top(&traced(&collector.url(), ""))
        .start();
    get(piton.address(), "/");
    piton.signal("TERM");
    assert!(piton.wait_for_end().1);
    assert_eq!(spans(&collector, 2).len(), 2);
}
