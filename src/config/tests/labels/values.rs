//! Lists, the one server, sticky, single values.

use super::{ROUTER, balancer, balancer_said, borrowed, config, router, router_said, said};
use crate::config::dynamic::http::{Cookie, Server, Sticky};
use crate::config::{AllowEmpty, Span};

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
        middleware
            .rate_limit
            .as_ref()
            .unwrap()
            .redis
            .as_ref()
            .unwrap()
            .endpoints,
        ["127.0.0.1:6379"]
    );
}

#[test]
fn an_item_of_a_list_of_single_values_is_an_error() {
    let refused = |key: &str| {
        let list = key.rsplit('.').next().unwrap();
        format!("error: {key}[0]: this has no effect in a label; write {list}=a,b")
    };
    for (list, further) in [
        ("entrypoints", "service=s"),
        ("middlewares", "service=s"),
        // The list's own text does not make up for it.
        ("middlewares", "middlewares=a,b"),
    ] {
        assert_eq!(
            router_said(&[&format!("{list}[0]=x"), further]),
            [refused(&format!("{ROUTER}{list}"))]
        );
    }
    for list in [
        "traefik.http.middlewares.m.ipallowlist.sourcerange",
        "traefik.http.middlewares.m.errors.status",
        "traefik.tcp.routers.r.entrypoints",
    ] {
        assert_eq!(said(&[(&format!("{list}[0]"), "x")]), [refused(list)]);
    }
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
