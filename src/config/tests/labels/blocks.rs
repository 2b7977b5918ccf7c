//! Blocks with values, without keys, switched off, and what only files can say.

use super::{balancer, balancer_said, config, in_spite_of_warnings, router, router_said, said};
use crate::config::AllowEmpty;
use crate::config::dynamic::http::{Router, Service};

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
    assert_eq!(*service(""), Service::default());
    assert_eq!(*service("true"), Service::default());
    let labels = [("traefik.http.services.s", "app")];
    assert_eq!(
        *in_spite_of_warnings(&labels).http.services["s"],
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
                .all(|service| **service == Service::default())
        );
        assert!(meant.http.servers_transports.is_empty() && meant.tcp.servers_transports.is_empty());
        assert!(
            meant
                .http
                .routers
                .values()
                .all(|router| **router == Router::default())
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
