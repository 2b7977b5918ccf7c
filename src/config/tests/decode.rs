//! The rules of Traefik's decoder (traefik-providers 1.1, 2.1), one by one.

use super::{config, said};
use crate::config::dynamic::http::{Cookie, LoadBalancer, Router, Service, Sticky};
use crate::config::node::{Entry, Node};
use crate::config::{AllowEmpty, Problem, Span, decode};

/// A service file around a `loadBalancer` written in flow style.
fn balancer(inside: &str) -> LoadBalancer {
    let text = format!("http: {{services: {{app: {{loadBalancer: {inside}}}}}}}");
    config(&text).http.services["app"].load_balancer.clone().unwrap()
}

fn router(inside: &str) -> Router {
    config(&format!("http: {{routers: {{app: {inside}}}}}"))
        .http
        .routers["app"]
        .as_ref()
        .clone()
}

fn balancer_said(inside: &str) -> Vec<String> {
    said(&format!(
        "http: {{services: {{app: {{loadBalancer: {inside}}}}}}}"
    ))
}

// === keys ===

#[test]
fn keys_of_blocks_match_in_any_case_and_names_keep_theirs() {
    let text = "HTTP:\n  ROUTERS:\n    MyApp:\n      Rule: x\n      entrypoints: [a]\n";
    let routers = config(text).http.routers;
    assert_eq!(routers.keys().collect::<Vec<_>>(), ["MyApp"]);
    assert_eq!(routers["MyApp"].rule, "x");
    assert_eq!(routers["MyApp"].entry_points, ["a"]);
}

#[test]
fn names_that_differ_in_case_are_two_names() {
    assert_eq!(
        config("http: {routers: {a: {rule: x}, A: {rule: y}}}")
            .http
            .routers
            .len(),
        2
    );
}

#[test]
fn an_unknown_key_is_an_error_with_place_path_and_guess() {
    assert_eq!(
        said("http:\n  routers:\n    app:\n      rulee: x\n"),
        [r#"4:7: error: http.routers.app.rulee: unknown key "rulee"; did you mean "rule"?"#]
    );
}

#[test]
fn an_unknown_key_without_a_guess_names_the_known_ones() {
    assert_eq!(
        said("udp: {banana: 1}"),
        [r#"1:7: error: udp.banana: unknown key "banana"; known here: routers, services"#]
    );
}

#[test]
fn a_key_given_twice_in_different_case_is_an_error() {
    assert_eq!(
        said("http:\n  routers:\n    app:\n      rule: x\n      Rule: y\n"),
        [
            r#"5:7: error: http.routers.app.Rule: "Rule" is given twice (first at 4:7); keys match in any case"#
        ]
    );
}

#[test]
fn port_and_scheme_of_a_server_have_no_effect_in_a_file() {
    let text =
        "http: {services: {a: {loadBalancer: {servers: [{url: 'http://a', port: 80, scheme: https}]}}}}";
    let said = said(text);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains(
        r#"warning: http.services.a.loadBalancer.servers[0].port: "port" has no effect in a file"#
    ));
}

// === null and empty ===

#[test]
fn null_drops_its_key() {
    let balancer = balancer("{sticky: {cookie: }, servers: [{url: x, weight: null}], strategy: ~}");
    assert_eq!(balancer.sticky.as_ref().unwrap().cookie, AllowEmpty::absent());
    assert_eq!(balancer.strategy, "wrr");
    assert_eq!(balancer.servers[0].weight, None);
    assert!(config("http: {routers: {app: }}").is_empty());
    assert!(config("http:\n").is_empty());
}

#[test]
fn an_unknown_key_without_a_value_is_only_a_warning() {
    assert_eq!(
        said("udp: {banana: , routers: {a: {service: x}}}"),
        [
            r#"1:7: warning: udp.banana: unknown key "banana" is ignored: it has no value; known here: routers, services"#
        ]
    );
}

#[test]
fn an_empty_block_is_an_error_where_traefik_says_so() {
    for (text, key) in [
        ("http: {}", "http"),
        ("tls: {}", "tls"),
        ("http: {routers: {}}", "routers"),
        ("http: {services: {}}", "services"),
        ("http: {middlewares: {}}", "middlewares"),
        ("http: {serversTransports: {}}", "serversTransports"),
        ("http: {services: {a: {loadBalancer: {}}}}", "loadBalancer"),
        (
            "http: {services: {a: {loadBalancer: {healthCheck: {}}}}}",
            "healthCheck",
        ),
        (
            "http: {services: {a: {loadBalancer: {passiveHealthCheck: {}}}}}",
            "passiveHealthCheck",
        ),
        ("http: {services: {a: {weighted: {sticky: {}}}}}", "sticky"),
        ("http: {middlewares: {a: {headers: {}}}}", "headers"),
        (
            "http: {middlewares: {a: {headers: {customRequestHeaders: {}}}}}",
            "customRequestHeaders",
        ),
        (
            "http: {serversTransports: {a: {forwardingTimeouts: {}}}}",
            "forwardingTimeouts",
        ),
    ] {
        let said = said(text);
        assert_eq!(said.len(), 1, "{text}: {said:?}");
        assert!(
            said[0].contains(&format!("{key:?} cannot be a standalone element; write ")),
            "{said:?}"
        );
    }
}

#[test]
fn a_single_value_in_place_of_a_block_is_the_same_error() {
    assert_eq!(
        said("http: {services: {a: {weighted: true}}}"),
        [
            r#"1:33: error: http.services.a.weighted: "weighted" cannot be a standalone element, found "true"; write services, sticky, healthCheck below it, or remove it"#
        ]
    );
}

#[test]
fn an_empty_entry_or_item_is_not_an_empty_block() {
    assert_eq!(
        *config("http: {services: {app: {}}}").http.services["app"],
        Service::default()
    );
    assert_eq!(balancer("{servers: [{}]}").servers.len(), 1);
}

#[test]
fn these_blocks_may_be_empty() {
    let tls = router("{rule: x, tls: {}}").tls;
    assert!(tls.is_some());
    assert_eq!(balancer("{sticky: {}}").sticky.as_ref(), Some(&Sticky::default()));
    let sticky = balancer("{sticky: {cookie: {}}}").sticky;
    assert_eq!(sticky.as_ref().unwrap().cookie.as_ref(), Some(&Cookie::default()));
    assert_eq!(Cookie::default().path, "/");
    let text = "http: {services: {w: {weighted: {healthCheck: {}}}, h: {highestRandomWeight: {healthCheck: {}}}, \
        m: {mirroring: {healthCheck: {}}}, f: {failover: {healthCheck: {}}}}, \
        serversTransports: {t: {spiffe: {}}}, middlewares: {c: {compress: {}}, d: {contentType: {}}}}";
    let http = config(text).http;
    assert!(
        http.services["w"]
            .weighted
            .as_ref()
            .unwrap()
            .health_check
            .is_some()
    );
    assert!(
        http.services["h"]
            .highest_random_weight
            .as_ref()
            .unwrap()
            .health_check
            .is_some()
    );
    assert!(
        http.services["m"]
            .mirroring
            .as_ref()
            .unwrap()
            .health_check
            .is_some()
    );
    assert!(
        http.services["f"]
            .failover
            .as_ref()
            .unwrap()
            .health_check
            .is_some()
    );
    assert!(http.servers_transports["t"].spiffe.is_some());
    assert_eq!(http.middlewares["c"].kinds(), ["compress"]);
    assert_eq!(http.middlewares["d"].kinds(), ["contentType"]);
}

#[test]
fn true_and_the_empty_text_stand_for_an_empty_block() {
    for written in ["true", "'true'", "TRUE", "True", "''"] {
        assert!(router(&format!("{{tls: {written}}}")).tls.is_some(), "{written}");
        let cookie = balancer(&format!("{{sticky: {{cookie: {written}}}}}"))
            .sticky
            .into_inner()
            .unwrap()
            .cookie;
        assert_eq!(cookie, AllowEmpty::present(Cookie::default()), "{written}");
    }
}

#[test]
fn any_other_text_disables_the_block_in_silence() {
    for written in ["false", "1", "'yes'", "no", "' true'", "banana"] {
        assert_eq!(
            router(&format!("{{tls: {written}}}")).tls,
            AllowEmpty::absent(),
            "{written}"
        );
    }
    assert_eq!(
        balancer("{sticky: {cookie: false}}")
            .sticky
            .as_ref()
            .unwrap()
            .cookie,
        AllowEmpty::absent()
    );
    assert_eq!(balancer("{sticky: false}").sticky, AllowEmpty::absent());
}

#[test]
fn a_block_that_may_be_empty_is_checked_when_it_is_not() {
    assert_eq!(
        balancer_said("{sticky: {cookie: {nam: x}}}"),
        [
            r#"1:58: error: http.services.app.loadBalancer.sticky.cookie.nam: unknown key "nam"; did you mean "name"?"#
        ]
    );
    assert_eq!(
        balancer_said("{sticky: [a]}"),
        [
            "1:48: error: http.services.app.loadBalancer.sticky: expected keys and values, {} or true, found a list"
        ]
    );
}

#[test]
fn an_empty_file_is_an_empty_configuration() {
    for text in ["", "# nothing\n", "---\n", "null\n"] {
        assert!(config(text).is_empty(), "{text:?}");
    }
}

// === values ===

#[test]
fn text_where_a_list_is_wanted_is_split_at_commas() {
    assert_eq!(
        router("{entryPoints: 'web, websecure'}").entry_points,
        ["web", "websecure"]
    );
    assert_eq!(router("{entryPoints: web}").entry_points, ["web"]);
    assert!(router("{entryPoints: ''}").entry_points.is_empty());
    assert_eq!(router("{entryPoints: [a, 'b,c']}").entry_points, ["a", "b,c"]);
}

#[test]
fn an_empty_list_is_a_list() {
    assert!(balancer("{servers: []}").servers.is_empty());
}

#[test]
fn any_single_value_is_a_text() {
    let router = router("{rule: 1.50, service: true, ruleSyntax: 007}");
    assert_eq!(
        (
            router.rule.as_str(),
            router.service.as_str(),
            router.rule_syntax.as_str()
        ),
        ("1.50", "true", "007")
    );
}

#[test]
fn booleans_are_gos() {
    assert!(!balancer("{passHostHeader: f}").pass_host_header);
    assert!(!balancer("{passHostHeader: '0'}").pass_host_header);
    for written in ["yes", "''", "2"] {
        let said = balancer_said(&format!("{{passHostHeader: {written}}}"));
        assert!(said[0].ends_with("is not true or false"), "{said:?}");
    }
}

#[test]
fn numbers_are_decimal_and_name_their_range() {
    assert_eq!(router("{priority: -5}").priority, -5);
    assert_eq!(router("{priority: '+5'}").priority, 5);
    let path = "http.services.app.loadBalancer.healthCheck.status";
    for (written, expected) in [
        (
            "70000",
            format!("1:62: error: {path}: 70000 is out of range; 0 to 65535 is allowed"),
        ),
        (
            "-1",
            format!("1:62: error: {path}: -1 is out of range; 0 to 65535 is allowed"),
        ),
        (
            "0x10",
            format!(r#"1:62: error: {path}: "0x10" is not a whole number"#),
        ),
        (
            "1.5",
            format!(r#"1:62: error: {path}: "1.5" is not a whole number"#),
        ),
        ("''", format!(r#"1:62: error: {path}: "" is not a whole number"#)),
        (
            "ok",
            format!(r#"1:62: error: {path}: "ok" is not a whole number"#),
        ),
    ] {
        assert_eq!(
            balancer_said(&format!("{{healthCheck: {{status: {written}}}}}")),
            [expected]
        );
    }
}

#[test]
fn a_duration_is_seconds_or_gos() {
    for (written, expected) in [
        ("10", Span::seconds(10)),
        ("'10'", Span::seconds(10)),
        ("1m30s", Span::seconds(90)),
        ("500ms", Span::milliseconds(500)),
    ] {
        let check = balancer(&format!(
            "{{healthCheck: {{interval: {written}, unhealthyInterval: {written}}}}}"
        ));
        let check = check.health_check.unwrap();
        assert_eq!(
            (check.interval, check.unhealthy_interval),
            (expected, Some(expected))
        );
    }
    let said = balancer_said("{healthCheck: {interval: 1d}}");
    assert!(
        said[0].contains(r#""d" is not a unit; write it like 30s, 1m30s or 500ms"#),
        "{said:?}"
    );
}

#[test]
fn a_value_of_the_wrong_kind_is_named_in_words() {
    for (inside, expected) in [
        ("{servers: {url: x}}", "expected a list, found keys and values"),
        (
            "{servers: [x]}",
            "expected url, weight, preservePath, id, drain, drainUntil, maxInFlight, found a single value",
        ),
        (
            "{servers: x}",
            "expected url, weight, preservePath, id, drain, drainUntil, maxInFlight, found a single value",
        ),
        (
            "{servers: [[x]]}",
            "expected url, weight, preservePath, id, drain, drainUntil, maxInFlight, found a list",
        ),
        ("{strategy: [x]}", "expected a single value, found a list"),
        (
            "{strategy: {a: b}}",
            "expected a single value, found keys and values",
        ),
        ("{passHostHeader: [x]}", "expected true or false, found a list"),
        ("{healthCheck: [x]}", "found a list"),
        (
            "{healthCheck: {status: {a: b}}}",
            "expected a whole number, found keys and values",
        ),
        (
            "{healthCheck: {interval: [5]}}",
            "expected a duration, found a list",
        ),
        ("{servers: [~]}", "this item of the list is empty"),
    ] {
        let said = balancer_said(inside);
        assert_eq!(said.len(), 1, "{inside}: {said:?}");
        assert!(said[0].contains(expected), "{inside}: {said:?}");
    }
}

#[test]
fn defaults_are_those_of_a_block_that_is_present() {
    let balancer = balancer("{healthCheck: {path: /x}, passiveHealthCheck: {maxFailedAttempts: 2}}");
    assert!(balancer.pass_host_header);
    assert_eq!(balancer.strategy, "wrr");
    assert_eq!(
        balancer.response_forwarding.flush_interval,
        Span::milliseconds(100)
    );
    let check = balancer.health_check.unwrap();
    assert_eq!(
        (check.interval, check.timeout, check.follow_redirects),
        (Span::seconds(30), Span::seconds(5), true)
    );
    assert_eq!(
        balancer.passive_health_check.unwrap().failure_window,
        Span::seconds(10)
    );
    let text = "http: {services: {w: {weighted: {services: [{name: a}]}}}}";
    assert_eq!(
        config(text).http.services["w"]
            .weighted
            .as_ref()
            .unwrap()
            .services[0]
            .weight,
        1
    );
}

// === all problems at once ===

const BAD: &str = "\
http:
  routers:
    app:
      rulee: x
      priority: high
      middlewares: a, b
  services:
    app:
      loadBalancer:
        servers:
          - url: [http://a]
          - urll: http://b
          - url: http://c
            weight: many
        healthCheck: {}
        passHostHeader: maybe
udp:
  router: {}
";

#[test]
fn one_run_reports_every_problem_in_file_order() {
    let said = said(BAD);
    let places: Vec<_> = said
        .iter()
        .map(|line| line.split(": ").take(3).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        places,
        [
            "4:7 error http.routers.app.rulee",
            "5:17 error http.routers.app.priority",
            "11:18 error http.services.app.loadBalancer.servers[0].url",
            "12:13 error http.services.app.loadBalancer.servers[1].urll",
            "14:21 error http.services.app.loadBalancer.servers[2].weight",
            "15:22 error http.services.app.loadBalancer.healthCheck",
            "16:25 error http.services.app.loadBalancer.passHostHeader",
            "18:3 error udp.router",
        ]
    );
}

#[test]
fn what_was_reported_counts_as_absent() {
    let node = crate::config::yaml::parse(BAD.as_bytes()).unwrap();
    let mut problems = Vec::new();
    let got: crate::config::dynamic::Configuration = decode::decode(&node, "", &mut problems);
    assert_eq!(problems.len(), 8);
    let router = &got.http.routers["app"];
    assert_eq!((router.priority, router.middlewares.len()), (0, 2));
    let balancer = got.http.services["app"].load_balancer.as_ref().unwrap();
    assert_eq!(
        balancer
            .servers
            .iter()
            .map(|server| server.url.as_str())
            .collect::<Vec<_>>(),
        ["", "", "http://c"]
    );
    assert_eq!(balancer.servers[2].weight, None);
    assert_eq!(balancer.health_check, None);
    assert!(balancer.pass_host_header);
}

#[test]
fn a_file_full_of_problems_is_cut() {
    let keys: String = (0..5000)
        .map(|number| format!("    r{number}: {{priority: x}}\n"))
        .collect();
    let said = said(&format!("http:\n  routers:\n{keys}"));
    assert_eq!(said.len(), decode::MAX_PROBLEMS + 1);
    assert_eq!(
        said.last().unwrap(),
        "error: more than 100 problems; the others are not shown"
    );
}

#[test]
fn what_a_type_says_itself_is_reported_at_its_place() {
    #[derive(Debug, Default, serde::Deserialize)]
    #[serde(default)]
    struct Odd {
        addresses: Vec<std::net::IpAddr>,
        letter: Letter,
    }
    #[derive(Debug, Default, PartialEq, serde::Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Letter {
        #[default]
        Alpha,
        Beta,
    }
    let node = crate::config::yaml::parse(b"addresses: [::1, x, y]\nletter: BETA\n").unwrap();
    let mut problems = Vec::new();
    let odd: Odd = decode::decode(&node, "base", &mut problems);
    assert_eq!(
        super::lines(&problems),
        [
            "1:18: error: base.addresses[1]: invalid IP address syntax",
            "1:21: error: base.addresses[2]: invalid IP address syntax"
        ]
    );
    assert_eq!((odd.addresses.len(), odd.letter), (1, Letter::Beta));
    let node = crate::config::yaml::parse(b"letter: bta\n").unwrap();
    problems.clear();
    let _: Odd = decode::decode(&node, "", &mut problems);
    assert_eq!(
        super::lines(&problems),
        [r#"1:9: error: letter: "bta" is not one of alpha, beta; did you mean "beta"?"#]
    );
}

#[test]
fn a_tree_from_labels_has_paths_without_places() {
    let node = Node::map(vec![
        Entry::new("entrypoints", Node::scalar("web, websecure")),
        Entry::new("Priority", Node::scalar("x")),
    ]);
    let mut problems: Vec<Problem> = Vec::new();
    let router: Router = decode::decode(&node, "http.routers.app", &mut problems);
    assert_eq!(router.entry_points, ["web", "websecure"]);
    assert_eq!(
        super::lines(&problems),
        [r#"error: http.routers.app.Priority: "x" is not a whole number"#]
    );
}
