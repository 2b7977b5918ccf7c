//! Services of services that cannot work: what is said about each. The large ones take for ever, or all
//! memory, where the work or the words grow with the square of the services.

use super::*;
use crate::config::dynamic::http as wire;
use crate::service::{MAX_DEPTH, MAX_WAYS};

const LEAF: &str = "leaf: {loadBalancer: {servers: [{url: 'http://127.0.0.1:1'}]}}";

fn services(written: &str) -> Snapshot {
    compiled(&format!("http: {{services: {{{written}, {LEAF}}}}}"))
}

/// What the report says, line by line.
fn lines(snapshot: &Snapshot) -> Vec<String> {
    snapshot.report.lines().map(|(_, line)| line).collect()
}

fn said(written: &str) -> Vec<String> {
    lines(&services(written))
}

/// Services by name, in the provider `file`, without the way through YAML.
fn generated(services: impl IntoIterator<Item = (String, wire::Service)>) -> Snapshot {
    let mut configuration = crate::config::dynamic::Configuration::default();
    configuration.http.services = services.into_iter().collect();
    let merged = Merged::of([("file", &configuration)]);
    compile(&merged, &Ground::bare(Vec::new()), 0, &Snapshot::default())
}

fn leaf() -> wire::Service {
    let server = wire::Server {
        url: "http://127.0.0.1:1".to_owned(),
        ..wire::Server::default()
    };
    wire::Service {
        load_balancer: Some(wire::LoadBalancer {
            servers: vec![server],
            ..wire::LoadBalancer::default()
        }),
        ..wire::Service::default()
    }
}

fn weighted(children: impl IntoIterator<Item = String>) -> wire::Service {
    let child = |name| wire::WeightedChild { name, weight: 1 };
    wire::Service {
        weighted: Some(wire::Weighted {
            services: children.into_iter().map(child).collect(),
            ..wire::Weighted::default()
        }),
        ..wire::Service::default()
    }
}

/// Level 1 is a load balancer, level `n` stands on level `n - 1`, `width` times.
fn levels(count: usize, width: usize) -> Snapshot {
    let name = |level: usize| format!("l{level:05}");
    let above = (2..=count).map(|level| (name(level), weighted(vec![name(level - 1); width])));
    generated(above.chain([(name(1), leaf())]))
}

#[test]
fn a_service_that_stands_on_itself_is_refused_with_the_circle() {
    assert_eq!(
        said("a: {weighted: {services: [{name: a}]}}"),
        [
            "service a@file: could not instantiate service a@file: recursion detected in \
          service:a@file->a@file (disabled)"
        ]
    );
}

#[test]
fn every_service_of_a_circle_is_refused_with_the_way_round() {
    let found = said("a: {failover: {service: leaf, fallback: b}}, b: {mirroring: {service: a}}");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("service:a@file->b@file->a@file"), "{found:?}");
    assert!(found[1].starts_with("service b@file: "), "{found:?}");

    let found = said(
        "a: {weighted: {services: [{name: b}]}}, b: {highestRandomWeight: {services: [{name: c}]}}, \
         c: {mirroring: {service: leaf, mirrors: [{name: a}]}}",
    );
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(
        found[0].contains("service:a@file->b@file->c@file->a@file"),
        "{found:?}"
    );
}

#[test]
fn a_service_that_leads_into_a_circle_is_refused_and_its_neighbours_work() {
    let snapshot = services(
        "a: {weighted: {services: [{name: b}]}}, b: {weighted: {services: [{name: a}]}}, \
         before: {weighted: {services: [{name: leaf}, {name: a}]}}, \
         aaa: {weighted: {services: [{name: b}]}}, \
         good: {weighted: {services: [{name: leaf}]}}",
    );
    let names: Vec<&str> = snapshot.services.keys().collect();
    assert_eq!(names, ["good@file", "leaf@file"]);
    let found = lines(&snapshot);
    let of = |name: &str| {
        let start = format!("service {name}@file");
        let line = found.iter().find(|line| line.starts_with(&start));
        line.unwrap_or_else(|| panic!("{name}: {found:?}"))
    };
    assert!(of("before").contains("recursion detected"), "{found:?}");
    assert!(of("aaa").contains("recursion detected"), "{found:?}");
}

#[test]
fn two_circles_through_one_service_disable_all_of_both() {
    let snapshot = services(
        "a: {weighted: {services: [{name: b}, {name: c}]}}, b: {weighted: {services: [{name: a}]}}, \
         c: {weighted: {services: [{name: leaf}, {name: b}]}}",
    );
    assert_eq!(snapshot.services.len(), 1);
    assert_eq!(snapshot.report.services.len(), 4);
}

#[test]
fn every_missing_child_is_named_with_its_key() {
    assert_eq!(
        said(
            "w: {weighted: {services: [{name: gone}, {name: leaf}, {name: lost}, {weight: 2}]}}, \
             h: {highestRandomWeight: {services: [{name: gone}]}}, \
             f: {failover: {service: gone, fallback: lost}}, \
             m: {mirroring: {service: gone, mirrors: [{name: leaf, percent: 1}, {name: lost, percent: 1}]}}"
        ),
        [
            "service f@file failover.service: building HTTP service \"gone\": \
             the service \"gone@file\" does not exist (disabled)",
            "service f@file failover.fallback: building HTTP service \"lost\": \
             the service \"lost@file\" does not exist (disabled)",
            "service h@file highestRandomWeight.services[0].name: building HTTP service \"gone\": \
             the service \"gone@file\" does not exist (disabled)",
            "service m@file mirroring.service: building HTTP service \"gone\": \
             the service \"gone@file\" does not exist (disabled)",
            "service m@file mirroring.mirrors[1].name: building HTTP service \"lost\": \
             the service \"lost@file\" does not exist (disabled)",
            "service w@file weighted.services[0].name: building HTTP service \"gone\": \
             the service \"gone@file\" does not exist (disabled)",
            "service w@file weighted.services[2].name: building HTTP service \"lost\": \
             the service \"lost@file\" does not exist (disabled)",
            "service w@file weighted.services[3].name: names no service (disabled)",
        ]
    );
}

#[test]
fn a_mistake_far_below_is_told_once_and_with_the_service_that_has_it() {
    let found = said(
        "bad: {loadBalancer: {strategy: best, servers: [{url: 'http://a'}]}}, \
         one: {weighted: {services: [{name: bad}]}}, two: {failover: {service: one, fallback: leaf}}",
    );
    assert!(found[0].starts_with("service bad@file loadBalancer.strategy: unsupported"));
    assert!(
        found[1].starts_with(
            "service one@file weighted.services[0].name: building HTTP service \"bad\": \
             service \"bad@file\" cannot be used: unsupported load-balancer strategy \"best\""
        ),
        "{found:?}"
    );
    assert!(
        found[2].starts_with(
            "service two@file failover.service: building HTTP service \"one\": service \"one@file\" \
             cannot be used: service \"bad@file\" cannot be used: unsupported"
        ),
        "{found:?}"
    );
}

#[test]
fn names_lead_to_the_own_provider_unless_they_name_another() {
    let read = |yaml: &str| {
        let (configuration, _) = dynamic::read(yaml.as_bytes(), Notation::Yaml, None).unwrap();
        Arc::new(configuration)
    };
    let file = read(&format!("http: {{services: {{{LEAF}}}}}"));
    let other = read(
        "http: {services: {far: {weighted: {services: [{name: leaf@file}]}}, \
         near: {weighted: {services: [{name: leaf}]}}}}",
    );
    let merged = Merged::of([("file", &*file), ("other", &*other)]);
    let snapshot = compile(&merged, &Ground::bare(Vec::new()), 0, &Snapshot::default());
    let names: Vec<&str> = snapshot.services.keys().collect();
    assert_eq!(names, ["far@other", "leaf@file"]);
    assert_eq!(
        lines(&snapshot),
        [
            "service near@other weighted.services[0].name: building HTTP service \"leaf\": \
          the service \"leaf@other\" does not exist (disabled)"
        ]
    );
}

#[test]
fn a_service_has_exactly_one_kind() {
    let found = said("none: {}, two: {weighted: {services: [{name: leaf}]}, mirroring: {service: leaf}}");
    assert_eq!(
        found,
        [
            "service none@file: the service does not have any type defined (disabled)",
            "service two@file: cannot create service: multi-types service not supported, consider \
             declaring two different pieces of service instead (disabled)",
        ]
    );
}

#[test]
fn percents_statuses_and_weights_out_of_range_are_told_with_their_keys() {
    let found = said(
        "m: {mirroring: {service: leaf, mirrors: [{name: leaf, percent: 100}, {name: leaf, percent: 101}, \
           {name: leaf, percent: -1}]}}, \
         f: {failover: {service: leaf, fallback: leaf, errors: {status: ['500-504', '5xx']}}}, \
         w: {weighted: {services: [{name: leaf, weight: -1}, {name: leaf, weight: 1000001}]}}, \
         e: {highestRandomWeight: {services: []}}",
    );
    assert_eq!(
        found,
        [
            "service e@file highestRandomWeight: it has no services: every request will be answered 503 \
             (warning)",
            "service f@file failover.fallback: it is the service itself: there is no spare (warning)",
            "service f@file failover.errors.status: \"5xx\" is neither a status nor a range of them; \
             write 503 or 500-504 (disabled)",
            "service m@file mirroring.mirrors[1].percent: percent must be between 0 and 100, not 101 \
             (disabled)",
            "service m@file mirroring.mirrors[2].percent: percent must be between 0 and 100, not -1 \
             (disabled)",
            "service w@file weighted.services[0].weight: -1 is below 0 and taken as 0: no new sessions \
             (warning)",
            "service w@file weighted.services[1].weight: 1000001 is above 1000000 and taken as that \
             (warning)",
        ]
    );
}

#[test]
fn ids_are_unique_and_no_other_servers_url() {
    let found = said(
        "same: {loadBalancer: {servers: [{url: 'http://a', id: x}, {url: 'http://b', id: x}]}}, \
         url: {loadBalancer: {servers: [{url: 'http://a'}, {url: 'http://b', id: 'http://a'}]}}, \
         turned: {loadBalancer: {servers: [{url: 'http://b', id: 'http://a'}, {url: 'http://a'}]}}, \
         fine: {loadBalancer: {servers: [{url: 'http://a', id: x}, {url: 'http://a', id: y}, \
           {url: 'http://b'}, {url: 'http://b'}]}}",
    );
    assert_eq!(
        found,
        [
            "service same@file loadBalancer.servers[1].id: \"x\" is what servers[0] is known by; ids are \
             unique within a service (disabled)",
            "service turned@file loadBalancer.servers[0].id: \"http://a\" is what servers[1] is known by; \
             ids are unique within a service (disabled)",
            "service url@file loadBalancer.servers[1].id: \"http://a\" is what servers[0] is known by; \
             ids are unique within a service (disabled)",
        ]
    );
}

#[test]
fn a_hundred_levels_work_and_one_more_is_refused() {
    let snapshot = levels(MAX_DEPTH + 1, 1);
    assert_eq!(snapshot.services.len(), MAX_DEPTH);
    assert_eq!(
        lines(&snapshot),
        ["service l00101@file: services are nested deeper than 100 levels (disabled)"]
    );
    let top = &snapshot.services["l00100@file"];
    assert_eq!(top.depth(), MAX_DEPTH);
    assert!(choose_from(top, &HeaderMap::new(), draw(0)).is_some());
}

#[test]
fn ten_thousand_levels_are_refused_with_short_reasons_and_no_overflow() {
    let snapshot = levels(10_000, 1);
    assert_eq!(snapshot.services.len(), MAX_DEPTH);
    assert_eq!(snapshot.report.services.len(), 10_000);
    let longest = lines(&snapshot).iter().map(String::len).max();
    assert!(longest < Some(300), "{longest:?}");
}

#[test]
fn a_circle_of_ten_thousand_is_told_in_short() {
    let name = |n: usize| format!("c{:05}", n % 10_000);
    // Each also stands on the first: as many circles as services.
    let snapshot = generated((0..10_000).map(|n| (name(n), weighted([name(0), name(n + 1)]))));
    assert!(snapshot.services.is_empty());
    let found = lines(&snapshot);
    assert_eq!(found.len(), 10_000);
    assert!(found[0].contains("->...->"), "{}", found[0]);
    let longest = found.iter().map(String::len).max();
    assert!(longest < Some(500), "{longest:?}");
}

#[test]
fn ten_thousand_services_are_one_weighted() {
    let name = |n: usize| format!("s{n:05}");
    let children = (0..10_000).map(name);
    let all = children.clone().map(|name| (name, leaf()));
    let snapshot = generated(all.chain([("app".to_owned(), weighted(children))]));
    assert!(lines(&snapshot).is_empty());
    let service = &snapshot.services["app@file"];
    let servers: std::collections::BTreeSet<usize> = (0..10_000)
        .map(|_| {
            let choice = choose_from(service, &HeaderMap::new(), draw(0)).unwrap();
            Arc::as_ptr(choice.server().state()) as usize
        })
        .collect();
    assert_eq!(servers.len(), 10_000, "each has had its turn");
}

#[test]
fn shared_children_may_not_make_more_ways_than_a_request_can_go() {
    // Level n has 2^(n - 1) ways down.
    let snapshot = levels(40, 2);
    let limit = usize::try_from(MAX_WAYS.ilog2()).unwrap() + 1;
    assert_eq!(snapshot.services.len(), limit);
    let found = lines(&snapshot);
    assert_eq!(
        found[0],
        "service l00018@file: more than 100000 ways lead from it down to servers (disabled)"
    );
    assert_eq!(
        found.len(),
        (40 - limit - 1) * 2 + 1,
        "each child of the others is named"
    );
    let top = &snapshot.services["l00017@file"];
    let down = &snapshot.services["l00001@file"].servers().unwrap().pool;
    down.servers()[0].state().probed(false);
    assert!(choose_from(top, &HeaderMap::new(), draw(0)).is_none());
}
