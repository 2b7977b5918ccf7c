//! A swarm of one node: services grow, shrink, are updated and drained, and sessions leave only what is gone.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use piton::sticky::CookieValue;

use super::world::{self, Engine};
use crate::app::IMAGE;
use crate::crowd::{Crowd, LONG, newcomers};
use crate::engine::{Docker, STICKY_APP};
use crate::harness::{Piton, Setup, get, within};

/// The overlay network of all services.
const NETWORK: &str = "lab";
/// Of the service `app`.
const PORT: &str = "traefik.http.services.app.loadbalancer.server.port=80";
/// What the article that started it all says, word for word.
const ARTICLE: [&str; 6] = [
    "--label",
    "traefik.http.services.myservice.loadbalancer.sticky.cookie=true",
    "--label",
    "traefik.http.services.myservice.loadbalancer.sticky.cookie.name=my_sticky_cookie",
    "--label",
    "traefik.http.services.myservice.loadbalancer.sticky.cookie.secure=true",
];

/// A swarm with a piton in its network, and a client in front of it.
struct Swarm {
    docker: Docker,
    piton: Piton,
}

impl Swarm {
    /// `Err`: this kernel cannot do it.
    fn begin(engine: &Engine) -> Result<Self, String> {
        let docker = engine.docker();
        let loopback = ["--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1"];
        docker.attempt(&[["swarm", "init"].as_slice(), &loopback].concat())?;
        docker.attempt(&[
            "network",
            "create",
            "--driver",
            "overlay",
            "--attachable",
            NETWORK,
        ])?;
        // Addresses of tasks are known inside the network only. So piton runs there; the bridge by which every
        // task reaches the machine is where its clients come from.
        let gateway = docker.attempt(&["run", "--detach", "--network", NETWORK, IMAGE])?;
        let template = format!("{{{{(index .Containers {gateway:?}).IPv4Address}}}}");
        let address = docker.attempt(&["network", "inspect", "--format", &template, "docker_gwbridge"])?;
        let address = address.split('/').next().unwrap_or_default();
        let address: SocketAddr = format!("{address}:0")
            .parse()
            .map_err(|_| format!("the gateway is at {address:?}"))?;
        let process = docker.run(&["inspect", "--format", "{{.State.Pid}}", &gateway]);
        let options = format!("endpoint: {}\nrefreshSeconds: 1", engine.endpoint());
        let net = format!("--net=/proc/{process}/ns/net");
        let setup = Setup::engine("swarm", &options)
            .throttle("2s")
            .through(&["nsenter", &net], address);
        Ok(Self {
            docker,
            piton: setup.start(),
        })
    }

    fn address(&self) -> SocketAddr {
        self.piton.address()
    }

    /// `docker service create`; its tasks answer with the names of their containers.
    fn create(&self, name: &str, options: &[&str]) {
        let common = [
            "service",
            "create",
            "--detach",
            "--no-resolve-image",
            "--name",
            name,
        ];
        let task = ["--env", "NAME={{.Task.Name}}", "--stop-grace-period", "3s"];
        self.docker.run(&[&common, options, &task, &[IMAGE]].concat());
    }

    /// The sticky service `app`, for every path.
    fn create_app(&self, options: &[&str]) {
        let own = ["--label", PORT, "--network", NETWORK];
        self.create("app", &[&STICKY_APP, own.as_slice(), options].concat());
    }

    /// The running tasks of a service. It is asked for in loops, and the command line costs more than the answer.
    fn tasks(&self, service: &str) -> BTreeSet<String> {
        std::thread::sleep(Duration::from_millis(60));
        let filter = format!("label=com.docker.swarm.service.name={service}");
        let all = self
            .docker
            .run(&["ps", "--filter", &filter, "--format", "{{.Names}}"]);
        all.split_whitespace().map(str::to_owned).collect()
    }

    /// Returns once so many tasks run and new users arrive at exactly these.
    fn wait_for_tasks(&self, service: &str, count: usize) -> BTreeSet<String> {
        let mut tasks = BTreeSet::new();
        within(2 * LONG, &format!("{count} tasks of {service} serve"), || {
            tasks = self.tasks(service);
            tasks.len() == count && newcomers(self.address(), 2 * count + 2) == tasks
        });
        tasks
    }

    fn remove(&self, service: &str) {
        self.docker.run(&["service", "rm", service]);
        within(LONG, "its tasks are gone", || self.tasks(service).is_empty());
    }

    /// The address of the one task of a service in a network.
    fn address_of_task(&self, service: &str, network: &str) -> String {
        let task = self.tasks(service).pop_first().unwrap();
        let template = format!("{{{{(index .NetworkSettings.Networks {network:?}).IPAddress}}}}");
        self.docker.run(&["inspect", "--format", &template, &task])
    }
}

/// Says that everything which is not there any more may be left, and was there before.
fn the_others_are_gone(crowd: &Crowd, before: &BTreeSet<String>, after: &BTreeSet<String>) {
    for name in before.difference(after) {
        crowd.may_leave(name);
    }
}

#[test]
fn tasks_come_and_go_and_sessions_leave_only_those_that_are_gone() {
    let name = "apart::swarm::tasks_come_and_go_and_sessions_leave_only_those_that_are_gone";
    world::of_its_own(name, &[], |engine| {
        println!();
        let swarm = match Swarm::begin(engine) {
            Ok(swarm) => swarm,
            Err(why) => return world::skip(&format!("{name}: no swarm here: {why}")),
        };
        under_load(&swarm);
        swarm.remove("app");
        the_command_of_the_article(&swarm);
        without_a_port_the_log_names_the_service(&swarm);
        a_virtual_address_cannot_be_sticky(&swarm);
        the_ingress_network_is_not_chosen(&swarm);
    });
}

fn under_load(swarm: &Swarm) {
    swarm.create_app(&["--update-monitor", "500ms", "--update-delay", "300ms"]);
    let one = swarm.wait_for_tasks("app", 1);
    let mut crowd = Crowd::of(5, swarm.address());
    let row = crowd.during("swarm: scale 1 -> 5", || {
        swarm.docker.run(&["service", "scale", "--detach", "app=5"]);
        let five = swarm.wait_for_tasks("app", 5);
        assert!(five.is_superset(&one));
    });
    assert_eq!(row.moved, 0);

    crowd.join(10);
    crowd.all_ask_again();
    let five = swarm.tasks("app");
    let row = crowd.during("swarm: scale 5 -> 2", || {
        swarm.docker.run(&["service", "scale", "--detach", "app=2"]);
        let two = swarm.wait_for_tasks("app", 2);
        the_others_are_gone(&crowd, &five, &two);
    });
    assert!(row.moved > 0);

    for order in ["stop-first", "start-first"] {
        let before = swarm.tasks("app");
        let row = crowd.during(&format!("swarm: rolling update, {order}"), || {
            let update = [
                "service",
                "update",
                "--detach",
                "--force",
                "--update-order",
                order,
            ];
            swarm.docker.run(&[update.as_slice(), &["app"]].concat());
            let state = ["service", "inspect", "--format", "{{.UpdateStatus.State}}", "app"];
            within(2 * LONG, "the update is complete", || {
                swarm.tasks("app").is_disjoint(&before) && swarm.docker.run(&state) == "completed"
            });
            let new = swarm.wait_for_tasks("app", 2);
            // Those that came and went within the update are gone too.
            the_others_are_gone(&crowd, &before, &new);
        });
        assert!(row.moved > 0);
    }
    drop(crowd);

    // With one node nothing is left to serve; what matters is that it ends, and comes back.
    let node = swarm.docker.run(&["node", "ls", "--quiet"]);
    let availability = |to: &str| swarm.docker.run(&["node", "update", "--availability", to, &node]);
    availability("drain");
    within(LONG, "a drained node serves nobody", || {
        swarm.tasks("app").is_empty() && get(swarm.address(), "/").status != 200
    });
    availability("active");
    swarm.wait_for_tasks("app", 2);
    println!(
        "| {:<42} | no node left: answered at once; back when it is active |",
        "swarm: drain node"
    );
}

fn the_command_of_the_article(swarm: &Swarm) {
    let port = "traefik.http.services.myservice.loadbalancer.server.port=80";
    let options = [&ARTICLE, ["--label", port, "--network", NETWORK].as_slice()].concat();
    swarm.create("article", &options);
    within(LONG, "the article's service is served", || {
        ask_host(swarm, "article", "").0 == 200
    });
    let (_, head) = ask_host(swarm, "article", "");
    let url = format!("http://{}:80", swarm.address_of_task("article", NETWORK));
    let value = CookieValue::of(&url);
    let expected = format!("Set-Cookie: my_sticky_cookie={value}; Path=/; Secure");
    assert!(head.lines().any(|line| line == expected), "{expected}: {head}");
    let (status, head) = ask_host(swarm, "article", &format!("Cookie: my_sticky_cookie={value}\r\n"));
    assert_eq!(status, 200);
    assert!(!head.contains("Set-Cookie"), "{head}");
    swarm.remove("article");
}

/// Status and head for a host.
fn ask_host(swarm: &Swarm, host: &str, fields: &str) -> (u16, String) {
    let mut client = crate::harness::Client::connect(swarm.address());
    let answer = client.exchange(format!(
        "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{fields}\r\n"
    ));
    (answer.status, answer.head)
}

fn without_a_port_the_log_names_the_service(swarm: &Swarm) {
    swarm.create(
        "portless",
        &[&ARTICLE, ["--network", NETWORK].as_slice()].concat(),
    );
    let line = swarm.piton.wait_for_line(&["portless", "port"]);
    println!("| {line}");
    assert_ne!(ask_host(swarm, "portless", "").0, 200);
    swarm.remove("portless");
}

fn a_virtual_address_cannot_be_sticky(swarm: &Swarm) {
    let options = [
        "--label",
        "traefik.swarm.lbswarm=true",
        "--label",
        PORT,
        "--network",
        NETWORK,
    ];
    swarm.create("virtual", &[&STICKY_APP, options.as_slice()].concat());
    let line = swarm.piton.wait_for_line(&["WARN", "virtual", "sticky"]);
    println!("| {line}");
    swarm.remove("virtual");
}

fn the_ingress_network_is_not_chosen(swarm: &Swarm) {
    swarm.create_app(&["--publish", "8080:80"]);
    swarm.wait_for_tasks("app", 1);
    let template = "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}";
    let task = swarm.tasks("app").pop_first().unwrap();
    let networks = swarm.docker.run(&["inspect", "--format", template, &task]);
    assert!(networks.contains("ingress"), "{networks}");
    let url = format!("http://{}:80", swarm.address_of_task("app", NETWORK));
    assert_eq!(
        get(swarm.address(), "/").sid(),
        Some(CookieValue::of(&url).to_string().as_str())
    );
    swarm.remove("app");
}
