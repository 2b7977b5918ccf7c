//! `/metrics` after real traffic: Traefik's names and labels, and what became of sessions.

use crate::harness::{
    Client, Gate, Piton, Server, Setup, app_of, cookie_of, get, get_as, request, reserve, sticky_app,
    value_of, within,
};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

/// `/metrics` where requests are served, too.
const HERE: &str = "metrics: {prometheus: {entryPoint: web}}";

fn text(piton: &Piton) -> String {
    get(piton.address(), "/metrics").text()
}

/// The value of the one sample that begins so; 0 when there is none.
fn value(text: &str, sample: &str) -> f64 {
    let found = text.lines().find_map(|line| line.strip_prefix(sample));
    found.map_or(0.0, |rest| rest.trim().parse().unwrap())
}

/// Waits until a sample has a value: what a request adds, it adds after its answer.
fn wait_for(piton: &Piton, sample: &str, wanted: f64) {
    within(PATIENCE, &format!("{sample} {wanted}"), || {
        (value(&text(piton), sample) - wanted).abs() < 0.001
    });
}

fn sticky(piton: &Piton, result: &str, wanted: u32) {
    let sample = format!("piton_sticky_requests_total{{service=\"app@file\",result=\"{result}\"}}");
    wait_for(piton, &sample, wanted.into());
}

fn moved(piton: &Piton, reason: &str, wanted: u32) {
    let sample = format!("piton_sessions_moved_total{{service=\"app@file\",reason=\"{reason}\"}}");
    wait_for(piton, &sample, wanted.into());
}

/// Names, kinds and label names of all samples, without values.
fn shape(text: &str) -> Vec<String> {
    let names = |labels: &str| -> String {
        let labels = labels.split("\",");
        let names: Vec<&str> = labels.map(|label| label.split('=').next().unwrap()).collect();
        names.join(",")
    };
    let mut lines: Vec<String> = text
        .lines()
        .filter(|line| !line.starts_with("# HELP") && !line.starts_with("process_"))
        .filter(|line| !line.contains("TYPE process_"))
        .map(|line| match line.split_once('{') {
            Some((name, rest)) if !line.starts_with('#') => {
                format!("{name}{{{}}}", names(rest.rsplit_once('}').unwrap().0))
            }
            _ if line.starts_with('#') => line.to_owned(),
            _ => line.split(' ').next().unwrap().to_owned(),
        })
        .collect();
    lines.dedup();
    lines
}

#[test]
fn names_and_labels_are_those_of_traefik_and_the_golden_list() {
    let server = Server::named("a");
    let dynamic = sticky_app(&[&server], "healthCheck: {path: /, interval: 60s}");
    let piton = Setup::new(&dynamic)
        .top("metrics: {prometheus: {entryPoint: web, addRoutersLabels: true}}")
        .start();
    assert_eq!(get_as(piton.address(), &cookie_of(&server)).status, 200);
    assert_eq!(get_as(piton.address(), "sid=0123456789abcdef").status, 200);
    moved(&piton, "gone", 1);
    let text = text(&piton);
    let golden = include_str!("metrics.golden");
    assert_eq!(shape(&text).join("\n"), golden.trim_end());
    let labels = "code=\"200\",method=\"GET\",protocol=\"http\"";
    for sample in [
        format!("traefik_entrypoint_requests_total{{entrypoint=\"web\",{labels}}}"),
        format!("traefik_service_requests_total{{service=\"app@file\",{labels}}}"),
        format!("traefik_service_request_duration_seconds_count{{service=\"app@file\",{labels}}}"),
        format!("traefik_service_responses_bytes_total{{service=\"app@file\",{labels}}}"),
    ] {
        assert!((value(&text, &sample) - 2.0).abs() < 0.1, "{sample}\n{text}");
    }
    let up = format!(
        "traefik_service_server_up{{service=\"app@file\",url=\"{}\"}}",
        server.url()
    );
    assert!((value(&text, &up) - 1.0).abs() < 0.1);
    let seen = format!(
        "piton_sessions_seen{{service=\"app@file\",url=\"{}\"}}",
        server.url()
    );
    assert!((value(&text, &seen) - 1.0).abs() < 0.1);
}

#[test]
fn each_result_of_stickiness_is_counted() {
    let (mut a, b) = (Server::named("a"), Server::named("b"));
    let (url_a, url_b) = (a.url(), b.url());
    let entries = |a_is: &str| {
        app_of(
            &[&format!("url: {url_a}{a_is}"), &format!("url: {url_b}")],
            "sticky: {cookie: {name: sid}}\nhealthCheck: {path: /health, interval: 50ms, timeout: 1s}",
        )
    };
    let piton = Setup::new(&entries("")).top(HERE).start();
    let ask = |cookie: &str| get_as(piton.address(), cookie).text();
    let to_a = cookie_of(&a);
    get(piton.address(), "/");
    sticky(&piton, "new", 1);
    assert_eq!(ask(&to_a), "a");
    sticky(&piton, "hit", 1);
    // Traefik's oldest values are the URL itself.
    assert_eq!(ask(&format!("sid={}", a.url())), "a");
    sticky(&piton, "legacy", 1);
    ask("sid=0123456789abcdef");
    sticky(&piton, "unknown", 1);
    moved(&piton, "gone", 1);
    piton.reload(&entries(", drain: true"));
    assert_eq!(ask(&to_a), "a");
    sticky(&piton, "draining", 1);
    piton.reload(&entries(", drainUntil: 2020-01-01T00:00:00Z"));
    assert_eq!(ask(&to_a), "b");
    sticky(&piton, "draining", 2);
    moved(&piton, "drained", 1);
    piton.reload(&entries(""));
    a.kill();
    piton.wait_for_line(&["server is down"]);
    assert_eq!(ask(&to_a), "b");
    sticky(&piton, "down", 1);
    moved(&piton, "down", 1);
}

#[test]
fn a_server_that_refuses_is_a_session_that_moved_and_a_retry_elsewhere() {
    let (_reserved, nobody) = reserve();
    let b = Server::named("b");
    let dead = format!("http://{nobody}");
    let dynamic = app_of(
        &[&format!("url: {dead}"), &format!("url: {}", b.url())],
        "sticky: {cookie: {name: sid}}",
    );
    let piton = Setup::new(&dynamic).top(HERE).start();
    let cookie = format!("sid={}", ::piton::sticky::CookieValue::of(&dead));
    assert_eq!(get_as(piton.address(), &cookie).text(), "b");
    sticky(&piton, "down", 1);
    moved(&piton, "tried", 1);
    wait_for(
        &piton,
        "piton_service_retries_elsewhere_total{service=\"app@file\"}",
        1.0,
    );
    let picks = |url: &str| format!("piton_server_picks_total{{service=\"app@file\",url=\"{url}\"}}");
    wait_for(&piton, &picks(&dead), 1.0);
    wait_for(&piton, &picks(&b.url()), 1.0);
}

#[test]
fn a_detour_and_cookies_of_strangers_are_counted() {
    let (mut a, mut b) = (Server::named("a"), Server::named("b"));
    let key = "0123456789abcdef0123456789abcdef0123456789abcdef";
    let dynamic = app_of(
        &[&format!("url: {}", a.url()), &format!("url: {}", b.url())],
        &format!(
            "sticky: {{onLoss: detour, cookie: {{name: sid, sign: {{keys: [{{id: k, secret: '{key}'}}], acceptPlain: false}}}}}}\n\
             healthCheck: {{path: /health, interval: 50ms, timeout: 1s}}"
        ),
    );
    let piton = Setup::new(&dynamic).top(HERE).start();
    let first = get(piton.address(), "/");
    let home = first
        .sid()
        .map(str::to_owned)
        .unwrap_or_else(|| panic!("{first:?}"));
    sticky(&piton, "new", 1);
    get_as(piton.address(), &format!("sid={}", value_of(&a)));
    sticky(&piton, "bad_signature", 1);
    let (server, other) = if first.text() == "a" {
        (&mut a, "b")
    } else {
        (&mut b, "a")
    };
    server.kill();
    piton.wait_for_line(&["server is down"]);
    assert_eq!(get_as(piton.address(), &format!("sid={home}")).text(), other);
    sticky(&piton, "detour", 1);
}

#[test]
fn series_of_what_is_gone_are_shown_once_more() {
    let (a, b) = (Server::named("a"), Server::named("b"));
    let piton = Setup::new(&sticky_app(&[&a, &b], "")).top(HERE).start();
    get_as(piton.address(), &cookie_of(&a));
    sticky(&piton, "hit", 1);
    let url = format!("url=\"{}\"", a.url());
    assert!(text(&piton).contains(&url));
    piton.reload(&sticky_app(&[&b], ""));
    assert!(text(&piton).contains(&url), "the last values");
    assert!(!text(&piton).contains(&url));
    let other = sticky_app(&[&b], "").replace("    app:", "    other:");
    piton.reload(&other);
    assert!(text(&piton).contains("service=\"app@file\""));
    assert!(!text(&piton).contains("service=\"app@file\""));
}

#[test]
fn own_answers_are_counted_only_when_asked_for_and_404_always() {
    let server = Server::named("a");
    let dynamic = format!(
        "http: {{routers: {{r: {{rule: 'Path(`/a`)', service: app}}, quiet: {{rule: 'Path(`/q`)', service: app, \
         observability: {{metrics: false}}}}}}, services: {{app: {{loadBalancer: {{servers: [{{url: '{}'}}]}}}}}}}}",
        server.url()
    );
    let piton = Setup::new(&dynamic).top(HERE).start();
    let of = |code: u16, method: &str| {
        format!(
            "traefik_entrypoint_requests_total{{entrypoint=\"web\",code=\"{code}\",method=\"{method}\",protocol=\"http\"}}"
        )
    };
    get(piton.address(), "/a");
    get(piton.address(), "/q");
    get(piton.address(), "/nowhere");
    request(piton.address(), "BREW /a", &[], b"");
    wait_for(&piton, &of(404, "GET"), 1.0);
    wait_for(&piton, &of(200, "EXTENSION_METHOD"), 1.0);
    wait_for(&piton, &of(200, "GET"), 1.0);
    let all = "metrics: {addInternals: true, prometheus: {entryPoint: web}}";
    let piton = Setup::new(&dynamic).top(all).start();
    within(PATIENCE, "its own answers are counted", || {
        value(&text(&piton), &of(200, "GET")) > 0.5
    });
}

#[test]
fn a_client_that_leaves_is_499_and_open_connections_are_those_that_are_open() {
    let (server, _gate) = Gate::server("a");
    let piton = Setup::new(&sticky_app(&[&server], "")).top(HERE).start();
    let open = "traefik_open_connections{entrypoint=\"web\",protocol=\"TCP\"}";
    let mut client = Client::connect(piton.address());
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    // This one and the one that asks.
    wait_for(&piton, open, 2.0);
    let in_flight = format!(
        "piton_server_in_flight{{service=\"app@file\",url=\"{}\"}}",
        server.url()
    );
    wait_for(&piton, &in_flight, 1.0);
    drop(client);
    wait_for(
        &piton,
        "traefik_service_requests_total{service=\"app@file\",code=\"499\",method=\"GET\",protocol=\"http\"}",
        1.0,
    );
    wait_for(&piton, open, 1.0);
    wait_for(&piton, &in_flight, 0.0);
}

#[test]
fn header_labels_tell_requests_apart_and_their_values_cannot_break_a_line() {
    let server = Server::named("a");
    let piton = Setup::new(&sticky_app(&[&server], ""))
        .top("metrics: {prometheus: {entryPoint: web, headerLabels: {agent: User-Agent}}}")
        .start();
    request(piton.address(), "GET /", &["User-Agent: a\"b\\c"], b"");
    let sample = "traefik_service_requests_total{service=\"app@file\",code=\"200\",method=\"GET\",protocol=\"http\",agent=\"a\\\"b\\\\c\"}";
    wait_for(&piton, sample, 1.0);
}

#[test]
fn without_metrics_it_is_a_path_as_any_other_and_with_defaults_it_is_on_its_own_entry_point() {
    let server = Server::named("a");
    let piton = Piton::with(&sticky_app(&[&server], ""));
    assert_eq!(text(&piton), "a");
    let piton = Setup::new(&sticky_app(&[&server], ""))
        .and_entry_point("traefik")
        .top("metrics: {prometheus: {}}")
        .start();
    assert_eq!(text(&piton), "a");
    let own = get(piton.address_of("traefik"), "/metrics");
    assert_eq!(
        own.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8; escaping=underscores")
    );
    assert!(own.text().starts_with("# HELP traefik_config_reloads_total"));
}
