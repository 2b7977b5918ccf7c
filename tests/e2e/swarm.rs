//! `providers.swarm` follows a manager: services, tasks, nodes, and what a manager refuses.

use std::time::Duration;

use serde_json::{Value, json};

use crate::engine::{SOON, wait_for};
use crate::fake::{Answer, Engine};
use crate::harness::{Browser, Piton, Server, Setup, TempDir, eventually, get, holds_for, within};

/// A look is taken only when something happens.
const NEVER: &str = "refreshSeconds: 1h";

/// A service of the swarm for every path. All of them are servers of the sticky service `app`, for a port is that of a
/// service, and each of the servers here has its own.
fn service(name: &str, server: &Server) -> Value {
    let balancer = "traefik.http.services.app.loadbalancer";
    json!({
        "ID": format!("s-{name}"), "CreatedAt": "2026-11-22T14:03:41.369755722Z",
        "Spec": {"Name": name, "Labels": {
            "traefik.http.routers.app.rule": "PathPrefix(`/`)",
            format!("{balancer}.sticky.cookie.name"): "sid",
            format!("{balancer}.server.port"): server.address().port().to_string()
        }},
        "Endpoint": {"Spec": {"Mode": "vip"}, "VirtualIPs": [{"NetworkID": "net", "Addr": "127.0.0.1/24"}]}
    })
}

/// The one task of a service, on a node of its own.
fn task(name: &str, state: &str, desired: &str) -> Value {
    json!({
        "ID": format!("t-{name}"), "ServiceID": format!("s-{name}"), "NodeID": format!("n-{name}"), "Slot": 1,
        "Spec": {"ContainerSpec": {"Image": "app"}}, "Status": {"State": state, "Message": "started"},
        "DesiredState": desired,
        "NetworksAttachments": [{
            "Network": {"ID": "net", "Spec": {"Name": "apps", "Scope": "swarm"}, "DriverState": {"Name": "overlay"}},
            "Addresses": ["127.0.0.1/24"]
        }]
    })
}

fn running(name: &str) -> Value {
    task(name, "running", "running")
}

fn node(name: &str, state: &str) -> Value {
    json!({"ID": format!("n-{name}"), "Spec": {"Availability": "active"}, "Status": {"State": state}})
}

/// A manager in a directory that goes with it.
struct Manager {
    engine: Engine,
    dir: TempDir,
}

impl Manager {
    fn new(services: &[Value], tasks: &[Value]) -> Self {
        let dir = TempDir::new();
        let engine = Engine::at(&dir.join("docker.sock"));
        let manager = Self { engine, dir };
        manager.has(services, tasks);
        manager.engine.page("/nodes", json!([]));
        manager
    }

    /// Other services and tasks, without telling anybody.
    fn has(&self, services: &[Value], tasks: &[Value]) {
        self.engine.page("/services", json!(services));
        self.engine.page("/tasks", json!(tasks));
    }

    /// Tells that something happened to a service.
    fn tell(&self) {
        let actor = json!({"ID": "s-any", "Attributes": {"name": "any"}});
        self.engine
            .send(json!({"Type": "service", "Action": "update", "Actor": actor, "scope": "swarm"}));
    }

    /// A piton of it, with more options.
    fn setup(&self, options: &str) -> Setup {
        let endpoint = self.dir.join("docker.sock");
        Setup::engine(
            "swarm",
            &format!("endpoint: unix://{}\n{options}", endpoint.display()),
        )
    }

    /// Returns once piton listens to events and has looked after that.
    fn is_followed(&self) {
        within(SOON, "it is followed", || {
            let asked = self.engine.asked();
            let last = |part: &str| asked.iter().rposition(|asked| asked.target.contains(part));
            self.engine.listeners() == 1 && last("/nodes") > last("/events")
        });
    }
}

/// A user of this server.
fn user_of(piton: &Piton, name: &str) -> Browser {
    loop {
        let mut user = Browser::new();
        if user.ask(piton.address()).text() == name {
            return user;
        }
    }
}

#[test]
fn the_first_request_finds_what_the_manager_told() {
    let (a, b) = (Server::named("a"), Server::named("b"));
    let manager = Manager::new(
        &[service("a", &a), service("b", &b)],
        &[running("a"), running("b")],
    );
    let piton = manager.setup("").start();
    assert_eq!(get(piton.address(), "/").status, 200);
    wait_for(&piton, &["a", "b"]);
    assert_eq!(
        manager.engine.count("/networks"),
        0,
        "networks matter to virtual addresses only"
    );
}

#[test]
fn a_stream_that_is_cut_is_opened_again_and_nothing_changes_by_that() {
    let (a, b) = (Server::named("a"), Server::named("b"));
    let manager = Manager::new(&[service("a", &a)], &[running("a")]);
    let piton = manager.setup(NEVER).start();
    wait_for(&piton, &["a"]);
    manager.is_followed();
    let mut user = user_of(&piton, "a");
    let generation = piton.generation();
    manager.engine.forget();
    manager.engine.cut();
    within(SOON, "it listens again", || {
        let answer = user.ask(piton.address());
        assert_eq!((answer.text().as_str(), answer.cookies().len()), ("a", 0));
        manager.engine.count("/events") > 0
    });
    manager.is_followed();
    assert_eq!(piton.generation(), generation);
    manager.has(
        &[service("a", &a), service("b", &b)],
        &[running("a"), running("b")],
    );
    manager.tell();
    wait_for(&piton, &["a", "b"]);
}

/// Tasks are refused with this status: that is said once, and everything stays as it was until they come again.
fn refused(status: u16, words: &'static str) {
    let (a, b) = (Server::named("a"), Server::named("b"));
    let manager = Manager::new(&[service("a", &a)], &[running("a")]);
    let piton = manager.setup(NEVER).start();
    wait_for(&piton, &["a"]);
    manager.is_followed();
    let generation = piton.generation();
    manager
        .engine
        .misbehave("/tasks", Answer::Status(status, "text/html", words));
    manager.has(
        &[service("a", &a), service("b", &b)],
        &[running("a"), running("b")],
    );
    manager.tell();
    let line = [
        "ERROR",
        "swarm",
        "/tasks",
        &format!("status {status}: {words}"),
        "the last configuration stays in use",
    ];
    piton.wait_for_line(&line);
    manager.engine.forget();
    within(SOON, "it asks again", || manager.engine.count("/tasks") > 1);
    wait_for(&piton, &["a"]);
    assert_eq!((piton.generation(), piton.count(&line)), (generation, 1));
    manager.engine.behave();
    wait_for(&piton, &["a", "b"]);
    piton.wait_for_line(&["swarm", "answers again"]);
}

#[test]
fn tasks_that_a_proxy_refuses_are_said_once_and_change_nothing() {
    refused(403, "Request forbidden by administrative rules.");
}

#[test]
fn a_manager_without_a_leader_is_said_once_and_changes_nothing() {
    refused(
        500,
        "rpc error: code = Unknown desc = The swarm does not have a leader.",
    );
}

#[test]
fn a_task_that_stays_pending_is_asked_for_less_and_less() {
    let (a, b) = (Server::named("a"), Server::named("b"));
    let services = [service("a", &a), service("b", &b)];
    let manager = Manager::new(&services, &[running("a"), task("b", "pending", "running")]);
    let piton = manager.setup(NEVER).start();
    wait_for(&piton, &["a"]);
    manager.is_followed();
    manager.engine.forget();
    // After one second, after two more, and after four more.
    holds_for(
        Duration::from_millis(5500),
        "the swarm is not read every second",
        || manager.engine.count("/tasks") <= 2,
    );
    manager.has(&services, &[running("a"), task("b", "starting", "running")]);
    let looks = manager.engine.count("/tasks");
    within(SOON, "its start is seen", || {
        manager.engine.count("/tasks") > looks
    });
    within(Duration::from_secs(5), "from then on it is watched", || {
        manager.engine.count("/tasks") > looks + 1
    });
    manager.has(&services, &[running("a"), running("b")]);
    wait_for(&piton, &["a", "b"]);
}

#[test]
fn a_task_that_is_told_to_stop_keeps_its_sessions_and_gets_no_new_ones() {
    let (a, b) = (Server::named("a"), Server::named("b"));
    let services = [service("a", &a), service("b", &b)];
    let manager = Manager::new(&services, &[running("a"), running("b")]);
    let piton = manager.setup(NEVER).start();
    wait_for(&piton, &["a", "b"]);
    manager.is_followed();
    let mut user = user_of(&piton, "a");
    manager.has(&services, &[task("a", "running", "shutdown"), running("b")]);
    manager.tell();
    wait_for(&piton, &["b"]);
    let answer = user.ask(piton.address());
    assert_eq!((answer.text().as_str(), answer.cookies().len()), ("a", 0));
    // Nobody tells of a task on another node.
    manager.has(&services, &[task("a", "shutdown", "shutdown"), running("b")]);
    eventually("the session moves", || user.ask(piton.address()).text() == "b");
}

#[test]
fn tasks_of_a_node_that_is_down_are_gone_and_not_waited_for() {
    let (a, b) = (Server::named("a"), Server::named("b"));
    let services = [service("a", &a), service("b", &b)];
    let manager = Manager::new(&services, &[running("a"), running("b")]);
    manager
        .engine
        .page("/nodes", json!([node("a", "ready"), node("b", "ready")]));
    let piton = manager.setup(NEVER).start();
    wait_for(&piton, &["a", "b"]);
    manager.is_followed();
    let mut user = user_of(&piton, "a");
    manager.has(&services, &[task("a", "running", "shutdown"), running("b")]);
    manager
        .engine
        .page("/nodes", json!([node("a", "down"), node("b", "ready")]));
    manager.tell();
    wait_for(&piton, &["b"]);
    assert_eq!(user.ask(piton.address()).text(), "b", "it does not drain");
    let looks = manager.engine.count("/tasks");
    holds_for(
        Duration::from_millis(1500),
        "there is nothing to wait for",
        || manager.engine.count("/tasks") == looks,
    );
}

#[test]
fn nodes_that_a_proxy_refuses_are_said_once_and_tasks_are_used_without() {
    let (a, b) = (Server::named("a"), Server::named("b"));
    let services = [service("a", &a), service("b", &b)];
    let manager = Manager::new(&services, &[running("a")]);
    let answer = Answer::Status(403, "text/html", "<html>no</html>");
    manager.engine.misbehave("/nodes", answer);
    let piton = manager.setup(NEVER).start();
    wait_for(&piton, &["a"]);
    let line = ["WARN", "swarm", "/nodes", "status 403", "let GET /nodes through"];
    piton.wait_for_line(&line);
    manager.is_followed();
    manager.has(&services, &[running("a"), running("b")]);
    manager.tell();
    wait_for(&piton, &["a", "b"]);
    assert_eq!(piton.count(&line), 1);
}

#[test]
fn a_service_that_is_sticky_behind_its_virtual_address_is_named() {
    let server = Server::named("a");
    let mut shop = service("shop", &server);
    shop["Spec"]["Labels"]["traefik.swarm.lbswarm"] = json!("true");
    let manager = Manager::new(&[shop], &[running("shop")]);
    let networks = json!([{"Id": "net", "Name": "apps", "Scope": "swarm"}]);
    manager.engine.page("/networks", networks);
    let piton = manager.setup("").start();
    wait_for(&piton, &["a"]);
    piton.wait_for_line(&[
        "WARN",
        "service \"shop\"",
        "a cookie cannot stick",
        "remove label traefik.swarm.lbswarm",
    ]);
}

#[test]
fn a_service_without_the_label_of_its_port_is_named() {
    let server = Server::named("a");
    let mut shop = service("shop", &server);
    shop["Spec"]["Labels"] = json!({"traefik.http.services.cart.loadbalancer.sticky.cookie": "true"});
    let manager = Manager::new(&[service("a", &server), shop], &[running("a"), running("shop")]);
    let piton = manager.setup("").start();
    wait_for(&piton, &["a"]);
    piton.wait_for_line(&[
        "ERROR",
        "task \"shop.1\"",
        "label traefik.http.services.cart.loadbalancer.server.port is missing",
    ]);
}

#[test]
fn an_engine_that_is_no_manager_says_so_and_is_asked_until_it_is_one() {
    let server = Server::named("a");
    let dir = TempDir::new();
    let manager = Manager {
        engine: Engine::at(&dir.join("docker.sock")),
        dir,
    };
    let piton = manager.setup("").start();
    assert_eq!(get(piton.address(), "/").status, 404);
    piton.wait_for_line(&["ERROR", "swarm", "status 503", "This node is not a swarm manager"]);
    manager.engine.forget();
    within(SOON, "it is asked again", || {
        manager.engine.count("/services") > 0
    });
    manager.engine.page("/nodes", json!([]));
    manager.has(&[service("a", &server)], &[running("a")]);
    wait_for(&piton, &["a"]);
}
