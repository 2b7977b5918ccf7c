//! Where a container is reached: its networks, those of others, the machine's ports.

use std::net::SocketAddr;

use piton::sticky::CookieValue;

use crate::crowd::{Crowd, wait_for_newcomers_at};
use crate::engine::Lab;
use crate::harness::{eventually, get, reserve};

/// The cookie value of the one server, as a new user gets it.
fn cookie(address: SocketAddr) -> String {
    get(address, "/").sid().expect("a cookie").to_owned()
}

fn value_of(url: &str) -> String {
    CookieValue::of(url).to_string()
}

fn port_label(port: u16) -> String {
    format!("traefik.http.services.app.loadbalancer.server.port={port}")
}

#[test]
fn a_container_in_the_network_of_another_is_reached_at_its_address() {
    let Some(lab) = Lab::here() else { return };
    lab.start("owner", &["--label", "traefik.enable=false"]);
    let (owner, label) = (format!("container:{}", lab.name("owner")), port_label(81));
    lab.replica(
        "guest",
        &["--network", &owner, "--env", "PORT=81", "--label", &label],
    );
    let piton = lab.piton("");
    wait_for_newcomers_at(piton.address(), &["guest"]);
    let url = format!("http://{}:81", lab.address("owner", "bridge"));
    assert_eq!(cookie(piton.address()), value_of(&url));
    let crowd = Crowd::of(4, piton.address());
    let row = crowd.during("another one in the same network", || {
        let label = port_label(82);
        lab.replica(
            "second",
            &["--network", &owner, "--env", "PORT=82", "--label", &label],
        );
        wait_for_newcomers_at(piton.address(), &["guest", "second"]);
    });
    assert_eq!(row.moved, 0);
}

#[test]
fn a_container_in_the_network_of_the_machine_is_reached_at_loopback() {
    let Some(lab) = Lab::here() else { return };
    let (kept, address) = reserve();
    let port = address.port();
    let (label, variable) = (port_label(port), format!("PORT={port}"));
    // The kernel gives the port to nobody else: it was just in use.
    drop(kept);
    lab.replica(
        "app",
        &["--network", "host", "--env", &variable, "--label", &label],
    );
    let piton = lab.piton("");
    wait_for_newcomers_at(piton.address(), &["app"]);
    assert_eq!(
        cookie(piton.address()),
        value_of(&format!("http://127.0.0.1:{port}"))
    );
}

#[test]
fn published_ports_are_used_when_they_are_asked_for() {
    let Some(lab) = Lab::here() else { return };
    for name in ["a", "b"] {
        lab.replica(name, &["--publish", "127.0.0.1::80"]);
    }
    let piton = lab.piton("useBindPortIP: true");
    wait_for_newcomers_at(piton.address(), &["a", "b"]);
    let template = "{{(index (index .NetworkSettings.Ports \"80/tcp\") 0).HostPort}}";
    let urls = ["a", "b"].map(|name| format!("http://127.0.0.1:{}", lab.inspect(name, template)));
    let values = urls.each_ref().map(|url| value_of(url));
    for _ in 0..4 {
        assert!(values.contains(&cookie(piton.address())));
    }
    let crowd = Crowd::of(6, piton.address());
    crowd.may_leave("a");
    let row = crowd.during("stop of a published one", || {
        lab.act("stop", "a");
        crowd.wait_until_nobody_is_at("a");
    });
    assert_eq!(row.moved, 3);
}

#[test]
fn of_several_networks_the_one_that_the_label_names_is_used() {
    let Some(lab) = Lab::here() else { return };
    let (front, back) = (lab.network("front"), lab.network("back"));
    for (chosen, other) in [(&front, &back), (&back, &front)] {
        let label = format!("traefik.docker.network={chosen}");
        let name = if chosen == &front { "front" } else { "back" };
        let service = format!("traefik.http.services.{name}.loadbalancer.sticky.cookie.name=sid");
        let rule = format!("traefik.http.routers.{name}.rule=PathPrefix(`/{name}`)");
        let options = [
            "--label",
            &label,
            "--label",
            &service,
            "--label",
            &rule,
            "--network",
            other,
        ];
        lab.start(name, &options);
        lab.docker.run(&["network", "connect", chosen, &lab.name(name)]);
    }
    let piton = lab.piton("");
    for (name, network) in [("front", &front), ("back", &back)] {
        let path = format!("/{name}");
        eventually("it is reached", || get(piton.address(), &path).status == 200);
        let url = format!("http://{}:80", lab.address(name, network));
        assert_eq!(get(piton.address(), &path).sid(), Some(value_of(&url).as_str()));
    }
}

#[test]
fn a_network_that_is_connected_later_is_used_from_then_on() {
    let Some(lab) = Lab::here() else { return };
    let network = lab.network("late");
    let label = format!("traefik.docker.network={network}");
    lab.replica("app", &["--label", &label]);
    let piton = lab.piton("");
    wait_for_newcomers_at(piton.address(), &["app"]);
    let bridge = format!("http://{}:80", lab.address("app", "bridge"));
    assert_eq!(cookie(piton.address()), value_of(&bridge));
    lab.docker
        .run(&["network", "connect", &network, &lab.name("app")]);
    let late = format!("http://{}:80", lab.address("app", &network));
    eventually("the new network is used", || {
        cookie(piton.address()) == value_of(&late)
    });
}

#[test]
fn a_container_without_a_network_is_named_and_harms_nobody() {
    let Some(lab) = Lab::here() else { return };
    lab.replica("app", &[]);
    lab.replica("alone", &["--network", "none"]);
    let piton = lab.piton("");
    wait_for_newcomers_at(piton.address(), &["app"]);
    piton.wait_for_line(&[&lab.name("alone"), "address"]);
}
