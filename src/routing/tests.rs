//! Compilation as a whole: what is led where, what is refused and why, what lives on over a reload.

// Services with signed cookies.
mod incremental;
mod signed;
mod through;
// Routers with TLS.
mod tls;

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};

mod tree;
mod tree_live;

use super::*;
use crate::balance::{Draw, PassivePolicy};
use crate::config::{Notation, dynamic};
use crate::request::RequestView;
use crate::service::{Ask, Attempts, Choice, Service};

fn merged(yaml: &str) -> Merged {
    let (configuration, _) = dynamic::read(yaml.as_bytes(), Notation::Yaml, None).unwrap();
    Merged::of([("file", &configuration)])
}

fn entry_points() -> Vec<EntryPointSpec> {
    vec![
        EntryPointSpec::new("web", true),
        EntryPointSpec::new("admin", false),
    ]
}

fn recompile(yaml: &str, previous: &Snapshot) -> Snapshot {
    compile(&merged(yaml), &Ground::bare(entry_points()), 0, previous)
}

fn compiled(yaml: &str) -> Snapshot {
    recompile(yaml, &Snapshot::default())
}

fn routed(snapshot: &Snapshot, entry_point: usize, host: &str, path: &str) -> Option<String> {
    let headers = HeaderMap::new();
    let view = RequestView {
        method: "GET",
        host,
        path,
        query: None,
        headers: &headers,
        client: None,
    };
    let route = snapshot.table(entry_point, false)?.find(&view)?;
    Some(route.name.to_string())
}

fn reasons(snapshot: &Snapshot, router: &str) -> (Status, String) {
    let item = &snapshot.report.routers[router];
    let texts: Vec<&str> = item.reasons.iter().map(|reason| reason.text.as_str()).collect();
    (item.status(), texts.join("; "))
}

const APP: &str = "services: {app: {loadBalancer: {servers: [{url: 'http://127.0.0.1:1'}]}}}";

fn http(routers: &str) -> String {
    format!("http: {{routers: {{{routers}}}, {APP}}}")
}

#[test]
fn the_longer_rule_wins_and_priority_overrides() {
    let snapshot = compiled(&http(
        "short: {rule: 'Host(`a`)', service: app}, \
         long: {rule: 'Host(`a`) && PathPrefix(`/x`)', service: app}, \
         top: {rule: 'Path(`/top`)', service: app, priority: 100}, \
         low: {rule: 'Host(`a`) && PathPrefix(`/x/deeper/path`)', service: app, priority: -1}",
    ));
    assert_eq!(routed(&snapshot, 0, "a", "/").as_deref(), Some("short@file"));
    assert_eq!(
        routed(&snapshot, 0, "a", "/x/deeper/path").as_deref(),
        Some("long@file")
    );
    assert_eq!(routed(&snapshot, 0, "a", "/top").as_deref(), Some("top@file"));
    assert_eq!(routed(&snapshot, 0, "b", "/"), None);
}

#[test]
fn equal_priorities_are_ordered_by_name_so_that_replicas_agree() {
    let snapshot = compiled(&http(
        "b: {rule: 'PathPrefix(`/`)', service: app}, a: {rule: 'PathPrefix(`/`)', service: app}",
    ));
    assert_eq!(routed(&snapshot, 0, "x", "/").as_deref(), Some("a@file"));
}

#[test]
fn exact_wildcard_and_hostless_routes_are_merged_by_precedence() {
    let snapshot = compiled(&http(
        "exact: {rule: 'Host(`a.example.com`)', service: app, priority: 10}, \
         wild: {rule: 'Host(`*.example.com`)', service: app, priority: 20}, \
         path: {rule: 'PathPrefix(`/first`)', service: app, priority: 30}, \
         rest: {rule: 'PathPrefix(`/`)', service: app, priority: 1}",
    ));
    let at = |host, path| routed(&snapshot, 0, host, path).unwrap();
    assert_eq!(at("a.example.com", "/"), "wild@file");
    assert_eq!(at("a.example.com", "/first"), "path@file");
    assert_eq!(at("b.example.com.", "/"), "wild@file");
    assert_eq!(at("a.b.example.com", "/"), "rest@file");
}

#[test]
fn a_router_listens_where_it_says_or_on_the_default_entry_points() {
    let snapshot = compiled(&http(
        "default: {rule: 'Host(`d`)', service: app}, \
         admin: {rule: 'Host(`x`)', service: app, entryPoints: [admin]}, \
         half: {rule: 'Host(`h`)', service: app, entryPoints: [admin, nowhere]}, \
         none: {rule: 'Host(`n`)', service: app, entryPoints: [nowhere]}",
    ));
    assert_eq!(routed(&snapshot, 0, "d", "/").as_deref(), Some("default@file"));
    assert_eq!(routed(&snapshot, 1, "d", "/"), None);
    assert_eq!(routed(&snapshot, 0, "x", "/"), None);
    assert_eq!(routed(&snapshot, 1, "x", "/").as_deref(), Some("admin@file"));
    assert_eq!(routed(&snapshot, 1, "h", "/").as_deref(), Some("half@file"));
    assert_eq!(
        reasons(&snapshot, "half@file"),
        (Status::Warning, "entryPoint \"nowhere\" doesn't exist".to_owned())
    );
    let (status, why) = reasons(&snapshot, "none@file");
    assert_eq!(status, Status::Disabled);
    assert!(why.ends_with("no valid entryPoint for this router"), "{why}");
}

#[test]
fn one_broken_router_is_disabled_with_the_reason_and_the_others_run() {
    let snapshot = compiled(&http(
        "good: {rule: 'Host(`a`)', service: app}, \
         syntax: {rule: 'Host(`a`', service: app}, \
         empty: {service: app}, \
         regex: {rule: 'PathRegexp(`(`)', service: app}, \
         lost: {rule: 'Host(`b`)', service: nothing}, \
         homeless: {rule: 'Host(`b`)'}, \
         auth: {rule: 'Host(`c`)', service: app, middlewares: [login]}, \
         old: {rule: 'Host(`f`)', service: app, ruleSyntax: v2}, \
         huge: {rule: 'Host(`g`)', service: app, priority: 9223372036854775807}",
    ));
    assert_eq!(routed(&snapshot, 0, "a", "/").as_deref(), Some("good@file"));
    for (router, why) in [
        ("syntax", "error while parsing rule"),
        ("empty", "error while parsing rule"),
        ("regex", "error while parsing rule"),
        ("lost", "the service \"nothing@file\" does not exist"),
        ("homeless", "names no service"),
        ("auth", "middleware \"login@file\" does not exist"),
        ("old", "ruleSyntax \"v2\" is not supported"),
        ("huge", "exceeds the max user-defined priority"),
    ] {
        let (status, text) = reasons(&snapshot, &format!("{router}@file"));
        assert_eq!(status, Status::Disabled, "{router}");
        assert!(text.contains(why), "{router}: {text}");
    }
}

#[test]
fn a_service_that_cannot_work_disables_its_routers_and_nothing_else() {
    let snapshot = compiled(
        "http: {routers: {\
           a: {rule: 'Host(`a`)', service: good}, s: {rule: 'Host(`b`)', service: strategy}, \
           m: {rule: 'Host(`b`)', service: multi}, w: {rule: 'Host(`b`)', service: weighted}, \
           t: {rule: 'Host(`b`)', service: transport}, u: {rule: 'Host(`b`)', service: urls}}, \
         services: {good: {loadBalancer: {servers: [{url: 'http://127.0.0.1:1'}, {url: 'ftp://x'}]}}, \
           strategy: {loadBalancer: {strategy: best, servers: [{url: 'http://127.0.0.1:1'}]}}, \
           multi: {loadBalancer: {servers: [{url: 'http://a'}]}, failover: {service: good}}, \
           weighted: {weighted: {services: [{name: good}, {name: gone}]}}, \
           transport: {loadBalancer: {serversTransport: t, servers: [{url: 'http://127.0.0.1:1'}]}}, \
           urls: {loadBalancer: {servers: [{url: '127.0.0.1:1'}]}}}}",
    );
    assert_eq!(routed(&snapshot, 0, "a", "/").as_deref(), Some("a@file"));
    assert_eq!(routed(&snapshot, 0, "b", "/"), None);
    for (router, why) in [
        ("s", "unsupported load-balancer strategy \"best\""),
        ("m", "multi-types service not supported"),
        (
            "w",
            "building HTTP service \"gone\": the service \"gone@file\" does not exist",
        ),
        ("t", "servers transport not found \"t@file\""),
        ("u", "none of its servers can be used"),
    ] {
        let (_, text) = reasons(&snapshot, &format!("{router}@file"));
        assert!(text.contains(why), "{router}: {text}");
    }
    let good = &snapshot.report.services["good@file"];
    assert_eq!(good.status(), Status::Warning);
    assert_eq!(good.reasons[0].key, "loadBalancer.servers[1].url");
    assert_eq!(
        snapshot.services["good@file"]
            .servers()
            .unwrap()
            .pool
            .servers()
            .len(),
        1
    );
}

fn sticky_services(servers: &[(u16, &str)]) -> String {
    let servers: Vec<String> = servers
        .iter()
        .map(|(port, more)| format!("{{url: 'http://127.0.0.1:{port}'{more}}}"))
        .collect();
    format!(
        "http: {{services: {{app: {{loadBalancer: {{sticky: {{cookie: {{name: s}}}}, servers: [{}]}}}}}}}}",
        servers.join(", ")
    )
}

fn draw(entropy: u64) -> Draw {
    Draw {
        now: 1,
        entropy,
        client: None::<IpAddr>,
    }
}

fn choose_from(service: &Service, headers: &HeaderMap, draw: Draw) -> Option<Choice> {
    let attempts = Attempts::default();
    let ask = Ask {
        headers,
        draw,
        wall: 0,
        attempts: &attempts,
    };
    service.choose(&ask).ok()
}

fn choose(snapshot: &Snapshot, cookie: Option<&str>) -> Option<(String, usize)> {
    let mut headers = HeaderMap::new();
    if let Some(cookie) = cookie {
        headers.insert(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
    }
    let service = &snapshot.services["app@file"];
    let choice = choose_from(service, &headers, draw(0))?;
    Some((choice.server().url().to_owned(), choice.cookies.len()))
}

const FIRST: &str = "s=08d5f409490f61fc";

#[test]
fn verdicts_in_flight_counts_and_turns_live_on_over_a_reload() {
    let before = compiled(&sticky_services(&[(8081, ""), (8082, ""), (8083, "")]));
    let servers = before.services["app@file"].servers().unwrap().pool.servers();
    servers[0].state().probed(false);
    let service = &before.services["app@file"];
    let held = choose_from(service, &HeaderMap::new(), draw(0)).unwrap();
    assert_eq!(held.server().url(), "http://127.0.0.1:8082");

    let after = recompile(
        &sticky_services(&[(8084, ""), (8082, ", weight: 2"), (8081, "")]),
        &before,
    );
    let servers = after.services["app@file"].servers().unwrap().pool.servers();
    let state = |port: u16| {
        let url = format!("http://127.0.0.1:{port}");
        servers.iter().find(|server| server.url() == url).unwrap().state()
    };
    assert!(!state(8081).is_up(1), "known to be down");
    assert_eq!(state(8082).in_flight(), 1);
    drop(held);
    assert_eq!(
        state(8082).in_flight(),
        0,
        "a lease of the old snapshot counts in the new one"
    );
    // A flip seen through the old snapshot is seen in the new one.
    before.services["app@file"].servers().unwrap().pool.servers()[0]
        .state()
        .probed(true);
    assert_eq!(choose(&after, Some(FIRST)).unwrap().0, "http://127.0.0.1:8081");
}

#[test]
fn an_unchanged_service_is_the_same_object_after_a_reload() {
    let yaml = sticky_services(&[(8081, ""), (8082, "")]);
    let before = compiled(&yaml);
    let after = recompile(&yaml, &before);
    assert!(Arc::ptr_eq(
        &before.services["app@file"],
        &after.services["app@file"]
    ));
    assert_eq!(after.generation, before.generation + 1);
}

#[test]
fn a_sticky_client_stays_unless_its_server_is_down_or_gone() {
    let two = compiled(&sticky_services(&[(8081, ""), (8082, "")]));
    assert_eq!(
        choose(&two, Some(FIRST)),
        Some(("http://127.0.0.1:8081".to_owned(), 0))
    );
    let raw = "s=http://127.0.0.1:8081";
    assert_eq!(
        choose(&two, Some(raw)),
        Some(("http://127.0.0.1:8081".to_owned(), 1)),
        "rewritten"
    );

    let draining = compiled(&sticky_services(&[(8081, ", drain: true"), (8082, "")]));
    assert_eq!(choose(&draining, Some(FIRST)).unwrap().0, "http://127.0.0.1:8081");
    assert_eq!(choose(&draining, None).unwrap().0, "http://127.0.0.1:8082");
    assert_eq!(choose(&draining, None).unwrap().0, "http://127.0.0.1:8082");

    let weightless = compiled(&sticky_services(&[(8081, ", weight: 0"), (8082, "")]));
    assert_eq!(
        choose(&weightless, Some(FIRST)).unwrap().0,
        "http://127.0.0.1:8081"
    );
    assert_eq!(choose(&weightless, None).unwrap().0, "http://127.0.0.1:8082");

    let gone = compiled(&sticky_services(&[(8082, "")]));
    assert_eq!(
        choose(&gone, Some(FIRST)),
        Some(("http://127.0.0.1:8082".to_owned(), 1))
    );

    two.services["app@file"].servers().unwrap().pool.servers()[0]
        .state()
        .probed(false);
    assert_eq!(
        choose(&two, Some(FIRST)),
        Some(("http://127.0.0.1:8082".to_owned(), 1))
    );
}

#[test]
fn no_server_is_chosen_when_all_are_down_or_closed_and_the_pick_returns_at_once() {
    let fenced = compiled(&sticky_services(&[(8081, ", drain: true"), (8082, "")]));
    let servers = fenced.services["app@file"].servers().unwrap().pool.servers();
    servers[1].state().probed(false);
    assert_eq!(
        choose(&fenced, None),
        None,
        "the only server that is up is draining"
    );
    assert_eq!(choose(&fenced, Some(FIRST)).unwrap().0, "http://127.0.0.1:8081");
    assert_eq!(choose(&compiled(&sticky_services(&[])), None), None);
}

#[test]
fn a_server_that_passive_checks_took_down_is_a_candidate_again_when_time_has_passed() {
    let snapshot = compiled(&sticky_services(&[(8081, ""), (8082, "")]));
    let pool = &snapshot.services["app@file"].servers().unwrap().pool;
    let policy = PassivePolicy {
        window: 10,
        max_failures: 1,
    };
    pool.servers()[0].state().failed(&policy, 100);
    let members = |now| pool.candidates(now, &[]).unwrap().members().to_vec();
    assert_eq!(members(101), [1]);
    assert_eq!(members(109), [1]);
    assert_eq!(members(110), [0, 1]);
}

#[test]
fn sticky_settings_that_have_no_effect_are_warned_about() {
    let yaml = "http: {services: {app: {loadBalancer: {strategy: hrw, \
        sticky: {cookie: {name: '__Host-s', domain: a.b}}, servers: [{url: 'http://a'}]}}}}";
    let snapshot = compiled(yaml);
    let item = &snapshot.report.services["app@file"];
    assert_eq!(item.status(), Status::Warning);
    assert_eq!(item.reasons.len(), 3, "{:?}", item.reasons);
    assert!(snapshot.services["app@file"].servers().unwrap().level.is_none());
}

#[test]
fn a_check_that_no_server_can_pass_is_warned_about() {
    let yaml = "http: {services: {app: {loadBalancer: {healthCheck: {path: 'ok no slash?', method: 'G ET', \
        status: 99, interval: -5s, timeout: 0}, servers: [{url: 'http://a'}]}}}}";
    let snapshot = compiled(yaml);
    let keys: Vec<&str> = snapshot.report.services["app@file"]
        .reasons
        .iter()
        .map(|reason| &*reason.key)
        .collect();
    let field = |name: &str| format!("loadBalancer.healthCheck.{name}");
    assert_eq!(
        keys,
        ["path", "method", "status", "interval", "timeout"].map(field)
    );
}

#[test]
fn a_mistake_in_a_service_does_not_cost_what_is_known_of_its_servers() {
    let good = sticky_services(&[(8081, ""), (8082, "")]);
    let before = compiled(&good);
    before.services["app@file"].servers().unwrap().pool.servers()[0]
        .state()
        .probed(false);
    let broken = recompile(&good.replace("sticky:", "strategy: bets, sticky:"), &before);
    assert!(!broken.services.contains_key("app@file"));
    let mended = recompile(&good, &broken);
    assert!(
        !mended.services["app@file"].servers().unwrap().pool.servers()[0]
            .state()
            .is_up(1)
    );
}

#[test]
fn an_id_given_to_a_running_server_or_taken_from_it_costs_nothing_of_what_is_known() {
    let urls = sticky_services(&[(8081, ""), (8082, "")]);
    let ids = sticky_services(&[(8081, ", id: one"), (8082, ", id: two")]);
    let swapped = sticky_services(&[(8082, ", id: one"), (8081, ", id: two")]);
    let is_up = |snapshot: &Snapshot, index: usize| {
        let servers = snapshot.services["app@file"].servers().unwrap();
        servers.pool.servers()[index].state().is_up(1)
    };
    let before = compiled(&urls);
    let servers = before.services["app@file"].servers().unwrap();
    servers.pool.servers()[0].state().probed(false);
    let named = recompile(&ids, &before);
    assert_eq!((is_up(&named, 0), is_up(&named, 1)), (false, true));
    let unnamed = recompile(&urls, &named);
    assert_eq!((is_up(&unnamed, 0), is_up(&unnamed, 1)), (false, true));
    // What is down stays where it is, whoever's sessions it has now.
    let swapped = recompile(&swapped, &named);
    assert_eq!((is_up(&swapped, 0), is_up(&swapped, 1)), (true, false));
}
