//! Labels: their grammar, and what they mean otherwise than a file (traefik-providers 2.1, 2.2).

use super::lines;
use crate::config::dynamic::http::{Cookie, LoadBalancer, Router, Server, Service, Sticky};
use crate::config::dynamic::{Configuration, from_labels};
use crate::config::labels::{MAX_BYTES, MAX_KEY_BYTES, MAX_LABELS, read};
use crate::config::{AllowEmpty, Span, decode};

/// What labels mean that are expected to be right, warnings included.
fn config(labels: &[(&str, &str)]) -> Configuration {
    let (configuration, problems) = from_labels(labels.iter().copied());
    assert_eq!(lines(&problems), [""; 0], "{labels:?}");
    configuration
}

/// What is printed about labels, line by line.
fn said(labels: &[(&str, &str)]) -> Vec<String> {
    lines(&from_labels(labels.iter().copied()).1)
}

/// What labels with warnings alone mean.
fn in_spite_of_warnings(labels: &[(&str, &str)]) -> Configuration {
    let (configuration, problems) = from_labels(labels.iter().copied());
    assert!(
        !problems.is_empty() && !problems.iter().any(|problem| problem.is_error()),
        "{problems:?}"
    );
    configuration
}

/// Labels below `prefix`, as `key=value`.
fn below<'l>(prefix: &str, written: &[&'l str]) -> Vec<(String, &'l str)> {
    let label = |text: &&'l str| {
        let (key, value) = text.split_once('=').unwrap();
        (format!("{prefix}{key}"), value)
    };
    written.iter().map(label).collect()
}

fn borrowed<'l>(labels: &'l [(String, &'l str)]) -> Vec<(&'l str, &'l str)> {
    labels.iter().map(|(key, value)| (key.as_str(), *value)).collect()
}

const ROUTER: &str = "traefik.http.routers.app.";
const BALANCER: &str = "traefik.http.services.app.loadbalancer.";

fn router(written: &[&str]) -> Router {
    config(&borrowed(&below(ROUTER, written))).http.routers["app"].clone()
}

fn router_said(written: &[&str]) -> Vec<String> {
    said(&borrowed(&below(ROUTER, written)))
}

fn balancer(written: &[&str]) -> LoadBalancer {
    let configuration = config(&borrowed(&below(BALANCER, written)));
    configuration.http.services["app"].load_balancer.clone().unwrap()
}

fn balancer_said(written: &[&str]) -> Vec<String> {
    said(&borrowed(&below(BALANCER, written)))
}

// === which labels ===

#[test]
fn other_labels_are_skipped() {
    for key in [
        "traefik.wrong.label",
        "traefik.enable",
        "com.example",
        "",
        "traefik",
        "traefik.",
    ] {
        assert!(config(&[(key, "x")]).is_empty(), "{key}");
    }
}

#[test]
fn a_prefix_is_text_in_any_case_and_needs_no_dot() {
    assert_eq!(
        said(&[("traefik.https.routers.a.rule", "x")]),
        [r#"error: traefik.https: unknown key "https"; did you mean "http"?"#]
    );
    #[derive(Debug, Default, PartialEq, serde::Deserialize)]
    #[serde(default)]
    struct Extras {
        enable: Option<bool>,
    }
    let extras = |key| read::<Extras>([(key, "true")], &["traefik.enable"]);
    assert_eq!(extras("traefik.ENABLE").0.enable, Some(true));
    assert_eq!(
        lines(&extras("traefik.enabled").1),
        [r#"error: traefik.enabled: unknown key "enabled"; did you mean "enable"?"#]
    );
}

#[test]
fn the_root_matches_in_its_own_case_only() {
    for (key, root) in [
        ("Traefik.http.routers.a.rule", "Traefik"),
        ("TRAEFIK.HTTP.routers.a.rule", "TRAEFIK"),
    ] {
        assert_eq!(
            said(&[(key, "x")]),
            [format!(
                "error: {key}: invalid label root {root}; write traefik: the root matches in this case only"
            )]
        );
    }
}

#[test]
fn the_store_of_certificates_is_the_default_one_alone() {
    let generated = "traefik.tls.stores.default.defaultgeneratedcert.resolver";
    let stores = config(&[
        (generated, "le"),
        ("traefik.tls.stores.other.x", "y"),
        ("traefik.tls.options.a.x", "y"),
    ])
    .tls
    .stores;
    assert_eq!(stores.len(), 1);
    assert_eq!(
        stores["default"]
            .default_generated_cert
            .as_ref()
            .unwrap()
            .resolver,
        "le"
    );
}

// === grammar ===

#[test]
fn keys_match_in_any_case_and_names_keep_the_letters_of_the_first_label() {
    let routers = config(&[
        ("traefik.http.routers.foo.Rule", "x"),
        ("traefik.HTTP.ROUTERS.Foo.entryPOINTS", "a"),
        ("traefik.http.routers.FOO.service", "s"),
        ("traefik.http.routers.bar.rule", "y"),
    ])
    .http
    .routers;
    // By bytes, `traefik.HTTP` comes before `traefik.http`.
    assert_eq!(routers.keys().collect::<Vec<_>>(), ["Foo", "bar"]);
    let foo = &routers["Foo"];
    assert_eq!(
        (foo.rule.as_str(), foo.service.as_str(), foo.entry_points.len()),
        ("x", "s", 1)
    );
}

#[test]
fn names_fold_as_in_go() {
    let names = |a: &str, b: &str| {
        let labels = [
            (format!("traefik.http.routers.{a}.rule"), "x"),
            (format!("traefik.http.routers.{b}.service"), "y"),
        ];
        config(&borrowed(&labels)).http.routers.len()
    };
    for (a, b) in [
        ("größe", "GRÖßE"),
        ("ΣΑΣ", "σας"),
        ("\u{17f}", "S"),
        ("\u{212a}", "k"),
        ("ß", "ẞ"),
    ] {
        assert_eq!(names(a, b), 1, "{a} {b}");
    }
    for (a, b) in [("ß", "ss"), ("ı", "i"), ("İ", "i"), ("é", "e")] {
        assert_eq!(names(a, b), 2, "{a} {b}");
    }
}

#[test]
fn of_one_label_in_two_spellings_the_last_by_bytes_counts() {
    let labels = [
        ("traefik.http.routers.app.rule", "last"),
        ("traefik.http.routers.app.Rule", "first"),
    ];
    assert_eq!(in_spite_of_warnings(&labels).http.routers["app"].rule, "last");
    assert_eq!(
        said(&labels),
        [
            "warning: traefik.http.routers.app.Rule: the label has no effect: it is given again in other letters; \
             traefik.http.routers.app.rule counts"
        ]
    );
}

#[test]
fn a_problem_names_the_label_as_it_is_written() {
    let labels = [
        ("traefik.HTTP.routers.App.rule", "x"),
        ("traefik.http.routers.app.Priority", "high"),
        ("traefik.http.Routers.app.tls.Option", "x"),
    ];
    assert_eq!(
        said(&labels),
        [
            r#"error: traefik.http.Routers.app.tls.Option: unknown key "Option"; did you mean "options"?"#,
            r#"error: traefik.http.routers.app.Priority: "high" is not a whole number"#,
        ]
    );
}

#[test]
fn a_segment_is_never_empty() {
    for key in [
        "traefik.http.routers.app.",
        "traefik.http..app.rule",
        "traefik.http.routers.app.rule..",
        "traefik.http.",
    ] {
        assert_eq!(
            said(&[(key, "x")]),
            [format!(
                "error: {key}: invalid element: {key}; a dot is missing its name: before it, or behind it"
            )]
        );
    }
}

#[test]
fn a_bracket_stands_behind_the_name_of_a_list() {
    assert_eq!(
        router_said(&["tls.domains.[0].main=a"]),
        [
            "error: traefik.http.routers.app.tls.domains.[0].main: invalid leading character '[' in field name \
             (bracket is a slice delimiter): [0]; write the bracket right behind the name of the list"
        ]
    );
    assert_eq!(
        router_said(&["tls.domains0].main=a"]),
        [
            "error: traefik.http.routers.app.tls.domains0].main: invalid closing character ']' in field name \
             (no '[' before it): domains0]"
        ]
    );
    for key in ["]", "[", "[]", "a]b]", "[a"] {
        assert_eq!(said(&[(&format!("traefik.http.{key}"), "x")]).len(), 1, "{key}");
    }
}

#[test]
fn every_label_that_is_wrong_is_told_at_once() {
    let said = said(&[
        ("traefik.http.routers.a.", "x"),
        ("traefik.http.routers.a.priority", "x"),
        ("traefik.http.routers.b.rulee", "x"),
        ("traefik.tcp..x", "x"),
    ]);
    assert_eq!(said.len(), 4, "{said:?}");
}

// === lists ===

#[test]
fn a_list_of_single_values_is_one_text_with_commas() {
    let router = router(&["entrypoints=web, websecure", "middlewares=a", "service=s"]);
    assert_eq!(router.entry_points, ["web", "websecure"]);
    assert_eq!(router.middlewares, ["a"]);
}

#[test]
fn an_empty_text_leaves_a_list_unset() {
    assert!(router(&["entrypoints=", "service=s"]).entry_points.is_empty());
    let key = "traefik.http.middlewares.a.ratelimit.redis.endpoints";
    let middleware = config(&[(key, "")]).http.middlewares["a"].clone();
    assert_eq!(
        middleware.rate_limit.unwrap().redis.unwrap().endpoints,
        ["127.0.0.1:6379"]
    );
}

#[test]
fn an_item_of_a_list_of_single_values_has_no_effect() {
    let labels = below(ROUTER, &["entrypoints[0]=web", "service=s"]);
    assert_eq!(
        said(&borrowed(&labels)),
        [
            "warning: traefik.http.routers.app.entrypoints[0]: this has no effect in a label; write entrypoints=a,b"
        ]
    );
    let router = in_spite_of_warnings(&borrowed(&labels)).http.routers["app"].clone();
    assert!(router.entry_points.is_empty() && router.service == "s");
    let labels = below(ROUTER, &["entrypoints[0]=web", "entrypoints=a,b"]);
    assert_eq!(
        in_spite_of_warnings(&borrowed(&labels)).http.routers["app"].entry_points,
        ["a", "b"]
    );
    assert_eq!(
        router_said(&["entrypoints[0].x=web"]),
        ["error: traefik.http.routers.app.entrypoints[0]: expected a single value, found keys and values"]
    );
}

#[test]
fn items_of_blocks_come_in_the_order_of_their_labels_and_not_of_their_numbers() {
    let domains = router(&[
        "tls.domains[2].main=two",
        "tls.domains[10].main=ten",
        "tls.domains[10].sans=a, b",
        "tls.domains[1].main=one",
        "tls.domains[x].main=x",
    ])
    .tls
    .into_inner()
    .unwrap()
    .domains;
    let names: Vec<_> = domains.iter().map(|domain| domain.main.as_str()).collect();
    assert_eq!(names, ["ten", "one", "two", "x"]);
    assert_eq!(domains[0].sans, ["a", "b"]);
}

#[test]
fn a_problem_in_an_item_names_its_bracket() {
    assert_eq!(
        router_said(&["tls.domains[7].mian=a", "tls.domains[8].main=a"]),
        [r#"error: traefik.http.routers.app.tls.domains[7].mian: unknown key "mian"; did you mean "main"?"#]
    );
}

#[test]
fn a_text_where_a_list_of_blocks_is_wanted_has_no_effect() {
    assert_eq!(
        router_said(&["tls.domains=a,b"]),
        [
            "warning: traefik.http.routers.app.tls.domains: this has no effect in a label; write domains[0].main=..."
        ]
    );
    assert_eq!(
        router_said(&["tls.domains=a", "tls.domains[0].main=b", "tls.domains[1]=c"]),
        [
            "warning: traefik.http.routers.app.tls.domains: the value has no effect: this is a block; what stands \
             below it counts",
            "warning: traefik.http.routers.app.tls.domains[1]: the value has no effect: this is a block; write main, \
             sans below domains[0]"
        ]
    );
}

// === the server ===

#[test]
fn a_container_is_one_server() {
    let key = |key: &str| balancer(&[key]).servers;
    let server = |change: fn(&mut Server)| {
        let mut server = Server::default();
        change(&mut server);
        vec![server]
    };
    assert_eq!(
        key("server.port=8080"),
        server(|server| server.port = "8080".into())
    );
    assert_eq!(
        key("Server.Scheme=h2c"),
        server(|server| server.scheme = "h2c".into())
    );
    assert_eq!(
        key("server.url=http://a"),
        server(|server| server.url = "http://a".into())
    );
    assert_eq!(key("server.weight=0"), server(|server| server.weight = Some(0)));
    assert_eq!(
        key("server.preservepath=t"),
        server(|server| server.preserve_path = true)
    );
    assert_eq!(key("server.id=a"), server(|server| server.id = "a".into()));
    assert_eq!(key("server.drain=true"), server(|server| server.drain = true));
    assert_eq!(key("server.maxinflight=3")[0].max_in_flight.unwrap().get(), 3);
    assert!(
        key("server.drainUntil=2026-11-22T12:00:00Z")[0]
            .drain_until
            .is_some()
    );
    let both = balancer(&["server.port=80", "server.scheme=https", "passhostheader=false"]);
    assert_eq!((both.servers.len(), both.pass_host_header), (1, false));
}

#[test]
fn servers_of_tcp_and_udp_have_a_port() {
    let configuration = config(&[
        ("traefik.tcp.services.a.loadbalancer.server.port", "1"),
        ("traefik.tcp.services.a.loadbalancer.server.tls", "true"),
        ("traefik.udp.services.a.loadbalancer.server.port", "2"),
    ]);
    let tcp = &configuration.tcp.services["a"]
        .load_balancer
        .as_ref()
        .unwrap()
        .servers;
    assert_eq!((tcp.len(), tcp[0].port.as_str(), tcp[0].tls), (1, "1", true));
    let udp = &configuration.udp.services["a"]
        .load_balancer
        .as_ref()
        .unwrap()
        .servers;
    assert_eq!((udp.len(), udp[0].port.as_str()), (1, "2"));
    assert_eq!(
        said(&[("traefik.udp.services.a.loadbalancer.server.address", "a:1")]),
        [
            "warning: traefik.udp.services.a.loadbalancer.server.address: \"address\" has no effect in a label; \
             write port"
        ]
    );
}

#[test]
fn there_is_no_list_of_servers() {
    assert_eq!(
        balancer_said(&["servers[0].url=http://a"]),
        [
            r#"error: traefik.http.services.app.loadbalancer.servers: unknown key "servers"; did you mean "server"?"#
        ]
    );
    assert_eq!(
        balancer_said(&["server[0].port=80"]),
        [
            r#"error: traefik.http.services.app.loadbalancer.server[0]: "server" is not a list in labels; write server without [0]"#
        ]
    );
    assert_eq!(
        balancer_said(&["server=http://a"]),
        [
            "error: traefik.http.services.app.loadbalancer.server: \"server\" cannot be a standalone element; write \
             url, port, scheme, weight, preservePath, id, drain, drainUntil, maxInFlight below it, or remove it"
        ]
    );
    assert_eq!(
        balancer_said(&["server.prot=80"]),
        [
            r#"error: traefik.http.services.app.loadbalancer.server.prot: unknown key "prot"; did you mean "port"?"#
        ]
    );
}

#[test]
fn a_server_without_anything_said_of_it_is_no_server() {
    assert!(balancer(&["strategy=p2c"]).servers.is_empty());
}

// === blocks ===

#[test]
fn a_block_wants_something_below_it() {
    assert_eq!(
        balancer_said(&["healthcheck=true"])[0].split(';').next().unwrap(),
        r#"error: traefik.http.services.app.loadbalancer.healthcheck: "healthcheck" cannot be a standalone element"#
    );
    for (key, shown) in [
        ("traefik.http", "routers, services, middlewares"),
        ("traefik.http.services", "names and values"),
        (
            "traefik.http.services.s.loadbalancer",
            "strategy, sticky, server, healthCheck, passiveHealthCheck, passHostHeader, responseForwarding, \
             serversTransport, slowStart, maxInFlight, maxWait",
        ),
    ] {
        let last = key.rsplit('.').next().unwrap();
        assert_eq!(
            said(&[(key, "admin:hash")]),
            [format!(
                "error: {key}: {last:?} cannot be a standalone element; write {shown} below it, or remove it"
            )]
        );
    }
}

#[test]
fn a_name_may_stand_alone() {
    let service = |value| config(&[("traefik.http.services.s", value)]).http.services["s"].clone();
    assert_eq!(service(""), Service::default());
    assert_eq!(service("true"), Service::default());
    let labels = [("traefik.http.services.s", "app")];
    assert_eq!(
        in_spite_of_warnings(&labels).http.services["s"],
        Service::default()
    );
    assert_eq!(
        said(&labels),
        [
            "warning: traefik.http.services.s: the value has no effect: this is a block; write loadBalancer, \
             middlewares below it"
        ]
    );
}

#[test]
fn what_stands_below_a_block_wins_over_its_value() {
    let labels = [
        ("traefik.http.services.s", "app"),
        ("traefik.http.services.s.loadbalancer", "true"),
        ("traefik.http.services.s.loadbalancer.server", "http://a"),
        ("traefik.http.services.s.loadbalancer.server.port", "80"),
    ];
    let balancer = in_spite_of_warnings(&labels).http.services["s"]
        .load_balancer
        .clone();
    assert_eq!(balancer.unwrap().servers[0].port, "80");
    let note = "the value has no effect: this is a block; what stands below it counts";
    assert_eq!(
        said(&labels),
        [
            format!("warning: traefik.http.services.s: {note}"),
            format!("warning: traefik.http.services.s.loadbalancer.server: {note}"),
        ]
    );
    assert_eq!(
        router_said(&["rule=a", "rule.b=c"]),
        ["error: traefik.http.routers.app.rule: expected a single value, found keys and values"]
    );
}

#[test]
fn these_blocks_may_stand_alone() {
    for value in ["", "true", "TRUE", "True"] {
        assert!(router(&[&format!("tls={value}")]).tls.is_some(), "{value}");
        assert!(
            router(&[&format!("observability={value}")])
                .observability
                .is_some()
        );
    }
    for value in ["false", "1", "yes", " true", "x"] {
        assert!(router(&[&format!("tls={value}")]).tls.is_none(), "{value}");
    }
}

#[test]
fn a_block_that_may_stand_alone_is_switched_off_with_all_below_it() {
    let off = router(&["rule=x", "tls=false", "tls.options=o", "tls.domains[0].main=a"]);
    assert_eq!((off.tls, off.rule.as_str()), (AllowEmpty::absent(), "x"));
    let on = router(&["tls=TRUE", "tls.options=o"]);
    assert_eq!(on.tls.as_ref().unwrap().options, "o");
}

#[test]
fn keys_below_a_block_switched_off_are_checked_and_values_are_not() {
    assert_eq!(
        balancer(&["sticky=no", "sticky.cookie.maxage=ten", "sticky.onloss=nonsense"]).sticky,
        None.into()
    );
    assert_eq!(router(&["tls=0", "tls.domains=x"]).tls, None.into());
    assert_eq!(
        router_said(&["tls=false", "tls.optoins=x"]),
        [r#"error: traefik.http.routers.app.tls.optoins: unknown key "optoins"; did you mean "options"?"#]
    );
}

// === sticky ===

#[test]
fn every_form_of_sticky() {
    let cookie = |change: fn(&mut Cookie)| {
        let mut cookie = Cookie::default();
        change(&mut cookie);
        AllowEmpty::present(Sticky {
            cookie: AllowEmpty::present(cookie),
            ..Sticky::default()
        })
    };
    let named = |cookie: &mut Cookie| cookie.name = "x".to_owned();
    let without_cookie = AllowEmpty::present(Sticky::default());
    let sticky = |written: &[&str]| balancer(written).sticky;
    assert_eq!(sticky(&["sticky=true"]), without_cookie);
    assert_eq!(sticky(&["sticky.cookie=true"]), cookie(|_| {}));
    assert_eq!(sticky(&["sticky.cookie="]), cookie(|_| {}));
    assert_eq!(sticky(&["sticky=true", "sticky.cookie=true"]), cookie(|_| {}));
    assert_eq!(sticky(&["sticky.cookie.name=x"]), cookie(named));
    assert_eq!(sticky(&["sticky=true", "sticky.cookie.name=x"]), cookie(named));
    assert_eq!(
        sticky(&["sticky.cookie=true", "sticky.cookie.name=x"]),
        cookie(named)
    );
    assert_eq!(
        sticky(&["sticky.cookie=false", "sticky.cookie.name=x"]),
        without_cookie
    );
    assert_eq!(
        sticky(&["sticky=false", "sticky.cookie.name=x"]),
        AllowEmpty::absent()
    );
    assert_eq!(sticky(&["sticky=false"]), AllowEmpty::absent());
    assert_eq!(
        sticky(&["sticky.cookie.path="]),
        cookie(|cookie| cookie.path.clear())
    );
    let all = [
        "sticky.cookie.name=x",
        "sticky.cookie.secure=1",
        "sticky.cookie.httponly=T",
        "sticky.cookie.samesite=banana",
        "sticky.cookie.maxage=-1",
        "sticky.cookie.path=/a",
        "sticky.cookie.domain=example.com",
    ];
    let expected = Cookie {
        name: "x".to_owned(),
        secure: true,
        http_only: true,
        same_site: "banana".to_owned(),
        max_age: -1,
        path: "/a".to_owned(),
        domain: "example.com".to_owned(),
        ..Cookie::default()
    };
    assert_eq!(sticky(&all).as_ref().unwrap().cookie.as_ref(), Some(&expected));
    assert_eq!(
        balancer_said(&["sticky.cookie.expires=1"])[0]
            .split(';')
            .next()
            .unwrap(),
        r#"error: traefik.http.services.app.loadbalancer.sticky.cookie.expires: unknown key "expires""#
    );
}

#[test]
fn keys_that_sign_a_cookie_are_read() {
    let sticky = balancer(&[
        "sticky.cookie.sign.keys[0].id=a",
        "sticky.cookie.sign.keys[0].secret=s",
        "sticky.cookie.sign.keys[1].file=/f",
        "sticky.cookie.sign.maxidle=30m",
    ])
    .sticky;
    let sign = sticky
        .as_ref()
        .unwrap()
        .cookie
        .as_ref()
        .unwrap()
        .sign
        .clone()
        .unwrap();
    assert_eq!(
        (sign.keys[0].id.as_str(), sign.keys[0].secret.expose()),
        ("a", "s")
    );
    assert_eq!(
        (sign.keys[1].file.as_str(), sign.max_idle),
        ("/f", Some(Span::seconds(1800)))
    );
}

// === values ===

#[test]
fn booleans_are_gos_and_never_empty() {
    for (written, expected) in [
        ("1", true),
        ("t", true),
        ("TRUE", true),
        ("0", false),
        ("F", false),
        ("False", false),
    ] {
        let balancer = balancer(&[&format!("passhostheader={written}")]);
        assert_eq!(balancer.pass_host_header, expected, "{written}");
    }
    for written in ["yes", "", "tRUE", " true"] {
        assert_eq!(
            balancer_said(&[&format!("passhostheader={written}")]),
            [format!(
                "error: traefik.http.services.app.loadbalancer.passhostheader: {written:?} is not true or false"
            )]
        );
    }
}

#[test]
fn numbers_and_durations_are_those_of_files_and_never_empty() {
    let check = balancer(&[
        "healthcheck.interval=10",
        "healthcheck.timeout=1m30s",
        "healthcheck.port=80",
    ])
    .health_check
    .unwrap();
    assert_eq!(
        (check.interval, check.timeout, check.port),
        (Span::seconds(10), Span::seconds(90), 80)
    );
    assert_eq!(
        balancer_said(&["healthcheck.interval=", "healthcheck.port="]),
        [
            "error: traefik.http.services.app.loadbalancer.healthcheck.interval: \"\" is not a duration; write it \
             like 30s, 1m30s or 500ms; a bare number counts seconds",
            r#"error: traefik.http.services.app.loadbalancer.healthcheck.port: "" is not a whole number"#,
        ]
    );
}

#[test]
fn maps_keep_their_names() {
    let check = balancer(&["healthcheck.headers.X-Foo=bar", "HEALTHCHECK.Headers.Y=z"]);
    let headers = check.health_check.unwrap().headers;
    assert_eq!((headers["X-Foo"].as_str(), headers["Y"].as_str()), ("bar", "z"));
}

#[test]
fn values_of_a_plugin_keep_their_shape() {
    let plugin = |name: &str| format!("traefik.http.middlewares.m.plugin.p.{name}");
    let labels = [
        (plugin("Enabled"), "true"),
        (plugin("list[0].a"), "x"),
        (plugin("list[1].a"), "y"),
        (plugin("texts[0]"), "z"),
    ];
    let plugins = config(&borrowed(&labels)).http.middlewares["m"]
        .plugin
        .clone()
        .unwrap();
    let expected = "{Enabled: 'true', list: [{a: x}, {a: y}], texts: [z]}";
    assert_eq!(
        plugins["p"],
        serde_yaml::from_str::<serde_yaml::Value>(expected).unwrap()
    );
}

// === what only files can say ===

#[test]
fn what_only_files_can_say_has_no_effect_in_a_label() {
    for (key, value, block) in [
        (
            "traefik.http.services.s.weighted.services[0].name",
            "a",
            "traefik.http.services.s.weighted",
        ),
        (
            "traefik.http.services.s.mirroring.service",
            "a",
            "traefik.http.services.s.mirroring",
        ),
        (
            "traefik.http.services.s.failover.fallback",
            "a",
            "traefik.http.services.s.failover",
        ),
        (
            "traefik.http.services.s.highestrandomweight.healthcheck",
            "",
            "traefik.http.services.s.highestrandomweight",
        ),
        (
            "traefik.http.serverstransports.t.servername",
            "a",
            "traefik.http.serverstransports",
        ),
        (
            "traefik.http.routers.r.parentrefs",
            "a",
            "traefik.http.routers.r.parentrefs",
        ),
        (
            "traefik.tcp.services.s.weighted.services[0].name",
            "a",
            "traefik.tcp.services.s.weighted",
        ),
        (
            "traefik.tcp.serverstransports.t.dialtimeout",
            "1s",
            "traefik.tcp.serverstransports",
        ),
        (
            "traefik.udp.services.s.weighted.services[0].weight",
            "1",
            "traefik.udp.services.s.weighted",
        ),
        (
            "traefik.tls.stores.default.defaultcertificate.certfile",
            "a",
            "traefik.tls.stores.default.defaultcertificate",
        ),
    ] {
        let last = block.rsplit('.').next().unwrap();
        assert_eq!(
            said(&[(key, value)]),
            [format!(
                "warning: {block}: {last:?} has no effect in a label; write it in a file"
            )]
        );
        let meant = in_spite_of_warnings(&[(key, value)]);
        assert!(
            meant
                .http
                .services
                .values()
                .all(|service| *service == Service::default())
        );
        assert!(meant.http.servers_transports.is_empty() && meant.tcp.servers_transports.is_empty());
        assert!(
            meant
                .http
                .routers
                .values()
                .all(|router| *router == Router::default())
        );
    }
    assert_eq!(
        balancer_said(&["server.fenced=true"]),
        [
            "warning: traefik.http.services.app.loadbalancer.server.fenced: \"fenced\" has no effect in a label; \
             drain keeps sessions and takes no new ones"
        ]
    );
}

#[test]
fn keys_of_what_has_no_effect_are_checked_and_values_are_not() {
    let labels =
        |key: &str, value: &str| said(&[(&format!("traefik.http.services.s.weighted.{key}"), value)]);
    assert_eq!(
        labels("servces[0].name", "a"),
        [
            r#"error: traefik.http.services.s.weighted.servces: unknown key "servces"; did you mean "services"?"#,
            r#"warning: traefik.http.services.s.weighted: "weighted" has no effect in a label; write it in a file"#,
        ]
    );
    assert_eq!(labels("services[0].weight", "many").len(), 1);
    assert_eq!(labels("services", "x").len(), 1);
    assert_eq!(
        labels("sticky.cookie.sign.keys[0].secret.x", "a")[0],
        "error: traefik.http.services.s.weighted.sticky.cookie.sign.keys[0].secret: expected a single value, found \
         keys and values"
    );
}

// === bounds and secrets ===

#[test]
fn ten_thousand_labels_are_read_and_one_more_is_not() {
    let labels: Vec<(String, &str)> = (0..=MAX_LABELS)
        .map(|number| (format!("traefik.http.routers.r{number}.rule"), "x"))
        .collect();
    let mut labels = borrowed(&labels);
    assert_eq!(said(&labels), ["error: more than 10000 labels"]);
    labels.pop();
    assert_eq!(config(&labels).http.routers.len(), 10_000);
}

#[test]
fn labels_are_bounded_in_length_and_depth() {
    let rule = "x".repeat(MAX_BYTES);
    let said_of = |key: &str| said(&[(key, "x")]);
    assert_eq!(
        said(&[("traefik.http.routers.a.rule", &rule)]),
        ["error: the labels have 1048603 bytes; 1048576 are allowed"]
    );
    assert!(said_of(&format!("other.{}", "x".repeat(2 * MAX_BYTES))).is_empty());
    let long = format!("traefik.http.routers.{}.rule", "r".repeat(MAX_KEY_BYTES));
    assert_eq!(
        said_of(&long),
        [format!(
            "error: traefik.http.routers.{}...: the label is 4122 bytes long; 4096 are allowed",
            "r".repeat(59)
        )]
    );
    let deep = |levels| format!("traefik.http.middlewares.m.plugin{}", ".p".repeat(levels));
    assert!(said_of(&deep(60)).is_empty());
    assert_eq!(
        said_of(&deep(61)),
        [format!("error: {}: a label of more than 64 levels", deep(61))]
    );
}

#[test]
fn a_control_character_in_a_label_is_refused_and_not_printed() {
    assert_eq!(
        said(&[("traefik.http.routers.a\nb\0.rule", "x")]),
        [r"error: traefik.http.routers.a\nb\0.rule: a control character in a label"]
    );
}

#[test]
fn letters_beyond_ascii_are_names_like_others() {
    assert_eq!(
        config(&[("traefik.http.routers.日本.rule", "x")]).http.routers["日本"].rule,
        "x"
    );
    assert_eq!(said(&[("traefik.http.routers.日本.règle", "x")]).len(), 1);
    assert!(config(&[("traefik.htt日", "x"), ("日", "x")]).is_empty());
}

#[test]
fn labels_full_of_problems_are_cut() {
    for key in [".", ".rulee", ".priority"] {
        let labels: Vec<(String, &str)> = (0..500)
            .map(|number| (format!("traefik.http.routers.r{number}{key}"), "x"))
            .collect();
        let said = said(&borrowed(&labels));
        assert_eq!(said.len(), decode::MAX_PROBLEMS + 1, "{key}");
        assert_eq!(
            said.last().unwrap(),
            "error: more than 100 problems; the others are not shown"
        );
    }
}

#[test]
fn no_mistake_in_a_label_shows_a_secret() {
    let secret = "correct-horse-battery-staple-0123456789";
    let cookie = "traefik.http.services.app.loadbalancer.sticky.cookie";
    for key in [
        "sign",
        "sign.secret",
        "sign.keys",
        "sign.keys[0]",
        "sign.keys.secret",
        "sign.keys[0].secrt",
        "sign.keys[0].password",
        "sign.keys[0].secret.x",
        "sign.keys[0].secret[0]",
    ] {
        let key = format!("{cookie}.{key}");
        for labels in [
            vec![(key.clone(), secret)],
            vec![(key.clone(), secret), (format!("{key}.x"), "y")],
        ] {
            let said = said(&borrowed(&labels));
            assert!(!said.is_empty(), "{labels:?}");
            assert!(!said.iter().any(|line| line.contains("horse")), "{said:?}");
        }
    }
    for key in ["sign", "sign.keys[0]"] {
        let said = said(&[(&format!("{cookie}.{key}.{secret}"), "x")]);
        assert!(said.len() == 1 && !said[0].contains("horse"), "{said:?}");
    }
    let users = said(&[("traefik.http.middlewares.a.basicauth", "admin:$apr1$H6uskkkW$IgX")]);
    assert!(users.len() == 1 && !users[0].contains("admin"), "{users:?}");
}
