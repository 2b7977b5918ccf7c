//! What golden cases cannot show: states that no engine prints, bounds, and that the order means nothing.

use std::net::{IpAddr, Ipv4Addr};

use super::*;

fn options() -> Options {
    Options {
        provider: Flavour::Docker,
        exposed_by_default: true,
        constraints: Constraints::default(),
        default_rule: DefaultRule::parse("Host(`{{ normalize .Name }}`)").unwrap(),
        network: String::new(),
        use_bind_port_ip: false,
        allow_empty_services: false,
        host: IpAddr::V4(Ipv4Addr::LOCALHOST),
    }
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    let pairs = pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Labels::new(pairs.collect())
}

fn container(number: u16) -> Container {
    let [high, low] = number.to_be_bytes();
    let bridge = Addresses {
        v4: Some(Ipv4Addr::new(10, 0, high, low)),
        v6: None,
    };
    Container {
        id: format!("id{number:05}"),
        name: format!("web-{number}"),
        title: format!("container \"web-{number}\""),
        created: i64::from(number),
        labels: Labels::default(),
        life: Life::Running,
        health: Health::Unchecked,
        network_mode: NetworkMode::Own,
        ports: vec![Port {
            number: 80,
            bindings: Vec::new(),
        }],
        networks: [("bridge".to_owned(), bridge)].into(),
        virtual_address: false,
    }
}

fn urls(conversion: &Conversion, service: &str) -> Vec<(String, bool)> {
    let service = &conversion.configuration.http.services[service];
    let servers = &service.load_balancer.as_ref().unwrap().servers;
    let servers = servers.iter();
    servers.map(|server| (server.url.clone(), server.drain)).collect()
}

fn texts(conversion: &Conversion) -> Vec<&str> {
    let remarks = conversion.remarks.iter();
    remarks.map(|remark| remark.text.as_str()).collect()
}

#[test]
fn a_container_that_is_stopping_finishes_its_sessions() {
    for health in [
        Health::Unchecked,
        Health::Starting,
        Health::Healthy,
        Health::Unhealthy,
    ] {
        let stopping = Container {
            life: Life::Stopping,
            health,
            ..container(1)
        };
        let conversion = convert([&stopping], &options());
        assert_eq!(
            urls(&conversion, "web-1"),
            [("http://10.0.0.1:80".to_owned(), true)]
        );
    }
}

#[test]
fn a_stopped_container_that_may_stay_has_no_server_whatever_its_health() {
    let stopped = Container {
        life: Life::Stopped,
        health: Health::Unhealthy,
        labels: labels(&[("traefik.docker.allowNonRunning", "true")]),
        ..container(1)
    };
    assert!(urls(&convert([&stopped], &options()), "web-1").is_empty());
}

#[test]
fn the_order_of_containers_means_nothing_and_twice_is_the_same() {
    let all: Vec<Container> = (0..60)
        .map(|number| {
            let odd = if number % 2 == 0 { "false" } else { "true" };
            Container {
                // Not the order of the ids.
                created: i64::from(number * 7 % 60),
                labels: labels(&[
                    ("traefik.http.services.s.loadbalancer.passhostheader", odd),
                    ("traefik.http.services.s.loadbalancer.server.id", odd),
                    ("traefik.http.routers.r.priority", "7"),
                ]),
                ..container(number)
            }
        })
        .collect();
    let forwards = convert(&all, &options());
    assert_eq!(forwards, convert(all.iter().rev(), &options()));
    let (early, late) = all.split_at(23);
    assert_eq!(forwards, convert(late.iter().chain(early), &options()));
    assert_eq!(forwards.configuration.http.services.len(), 1);
    assert_eq!(urls(&forwards, "s").len(), 60);
    let ids = &forwards.configuration.http.services["s"]
        .load_balancer
        .as_ref()
        .unwrap()
        .servers;
    assert_eq!(ids.iter().filter(|server| !server.id.is_empty()).count(), 2);
}

#[test]
fn the_oldest_definition_is_that_of_the_smaller_id_when_equally_old() {
    let one = |number: u16, priority: &str| Container {
        created: 0,
        labels: labels(&[
            ("traefik.http.routers.r.rule", "Path(`/`)"),
            ("traefik.http.routers.r.priority", priority),
            ("traefik.http.services.s.loadbalancer.server.port", "80"),
        ]),
        ..container(number)
    };
    let conversion = convert([&one(2, "2"), &one(1, "1")], &options());
    assert_eq!(conversion.configuration.http.routers["r"].priority, 1);
    assert_eq!(conversion.remarks[0].about, "container \"web-2\"");
    assert_eq!(conversion.remarks[0].level, Level::Warn);
    assert_eq!(
        texts(&conversion),
        [
            "HTTP router \"r\" defined multiple times with different configurations: that of container \"web-1\", \
          which is older, stays"
        ]
    );
}

#[test]
fn a_server_written_twice_drains_only_when_both_do() {
    let at = |number: u16, extra: &[(&str, &str)]| {
        let url = ("traefik.http.services.s.loadbalancer.server.url", "http://x");
        let rule = ("traefik.http.routers.r.rule", "Path(`/`)");
        Container {
            labels: labels(&[&[url, rule], extra].concat()),
            ..container(number)
        }
    };
    let drain = ("traefik.http.services.s.loadbalancer.server.drain", "true");
    let until = (
        "traefik.http.services.s.loadbalancer.server.drainuntil",
        "2026-01-01T00:00:00Z",
    );
    let drains = |one: &[(&str, &str)], two: &[(&str, &str)]| {
        let conversion = convert([&at(1, one), &at(2, two)], &options());
        let service = &conversion.configuration.http.services["s"];
        let servers = &service.load_balancer.as_ref().unwrap().servers;
        assert_eq!(servers.len(), 1);
        servers[0].drain || servers[0].drain_until.is_some()
    };
    assert!(drains(&[drain], &[drain]));
    assert!(drains(&[drain], &[until]));
    assert!(!drains(&[drain], &[]));
    assert!(!drains(&[until], &[]));
    assert!(!drains(&[], &[drain]));
}

#[test]
fn a_long_chain_of_shared_networks_is_an_error_and_no_overflow() {
    let chain = |length: u16| {
        let all: Vec<Container> = (1..=length)
            .map(|number| Container {
                network_mode: if number == length {
                    NetworkMode::Host
                } else {
                    NetworkMode::Container(format!("id{:05}", number + 1))
                },
                networks: std::collections::BTreeMap::new(),
                labels: labels(&[("traefik.enable", if number == 1 { "true" } else { "false" })]),
                ..container(number)
            })
            .collect();
        convert(&all, &options())
    };
    assert_eq!(
        urls(&chain(17), "web-1"),
        [("http://127.0.0.1:80".to_owned(), false)]
    );
    assert!(
        texts(&chain(5000))[0].contains("more than 16 containers"),
        "{:?}",
        texts(&chain(5000))[0]
    );
}

#[test]
fn a_container_that_shares_its_own_network_goes_in_a_circle() {
    let own = Container {
        network_mode: NetworkMode::Container("web-1".to_owned()),
        networks: std::collections::BTreeMap::new(),
        ..container(1)
    };
    let conversion = convert([&own], &options());
    assert!(texts(&conversion)[0].contains("which uses its own in turn"));
}

#[test]
fn a_remark_about_the_network_of_another_names_that_one() {
    let [mut one, mut other] = [container(1), container(2)];
    one.network_mode = NetworkMode::Container("web-2".to_owned());
    one.networks.clear();
    other.labels = labels(&[("traefik.enable", "false")]);
    let addresses = other.networks["bridge"];
    other.networks.insert("second".to_owned(), addresses);
    let conversion = convert([&one, &other], &options());
    let text = "container \"web-2\" is in several networks and none is named: \"bridge\" is used, not second; write \
                label traefik.docker.network";
    assert!(texts(&conversion).contains(&text), "{:?}", texts(&conversion));
}

#[test]
fn labels_are_equal_when_they_are_written_alike() {
    let one = labels(&[("a", "b")]);
    assert_eq!(one, one.clone());
    assert_eq!(one, labels(&[("a", "b")]));
    assert_ne!(one, labels(&[("a", "c")]));
}

#[test]
fn the_engines_balancer_is_wanted_by_either_label() {
    assert!(labels(&[("traefik.swarm.lbswarm", "true")]).lb_swarm());
    assert!(labels(&[("traefik.docker.lbswarm", "true")]).lb_swarm());
    assert!(!labels(&[("traefik.swarm.network", "a")]).lb_swarm());
    assert!(!Labels::default().lb_swarm());
}
