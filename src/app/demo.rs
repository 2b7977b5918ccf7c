//! `piton demo`: the proxy and a few servers in one process, without a file.

mod echo;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use pingora::server::configuration::{Opt, ServerConf};
use pingora::server::{RunArgs, Server as PingoraServer};

use super::conf::server_conf;
use super::serve::machine;
use super::sources::Sources;
use super::startup::{StartFailure, Startup};
use crate::cli::Demo;
use crate::config::AllowEmpty;
use crate::config::dynamic::Configuration;
use crate::config::dynamic::http::{Cookie, LoadBalancer, Router, Server, Service, Sticky};
use crate::config::install::{EntryPoint, Install, Log};
use crate::listener::bind;

/// Seconds for requests in flight at the end of the application: it answers at once.
const APPLICATION_GRACE: u64 = 1;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Binds the demo's servers and plans the proxy in front of them.
pub(super) fn plan(demo: &Demo) -> Result<Startup, StartFailure> {
    let mut urls = Vec::new();
    let mut services = Vec::new();
    for number in 1..=demo.servers {
        let socket = bind("demo server", Some(LOOPBACK), 0, false)?;
        urls.push(format!("http://{}", socket.local));
        let name = format!("server {number} (http://{})", socket.local);
        services.push(echo::service(name, socket));
    }
    let install = Install {
        entry_points: BTreeMap::from([("web".to_owned(), entry_point(demo.port))]),
        log: Log {
            level: "WARN".to_owned(),
            ..Log::default()
        },
        ..Install::default()
    };
    let server = server_conf(&install)?;
    let configuration = configuration(&urls, &demo.strategy);
    let (strategy, port) = (demo.strategy.clone(), demo.port);
    Ok(Startup {
        install,
        server,
        upgrade: false,
        sources: Sources {
            fixed: Some(Box::new(configuration)),
            ..Sources::default()
        },
        services,
        announce: Some(Box::new(move |addresses| {
            announce(addresses, port, &urls, &strategy)
        })),
    })
}

/// Serves as an application behind a proxy until a signal ends it: it says which of them it is.
pub(super) fn application(port: u16) -> Result<(), StartFailure> {
    let socket = bind("demo server", None, port, false)?;
    let conf = ServerConf {
        grace_period_seconds: Some(APPLICATION_GRACE),
        graceful_shutdown_timeout_seconds: Some(1),
        ..ServerConf::default()
    };
    let name = machine();
    super::print(&format!("piton demo: {name} at {}\n", socket.local));
    let mut server = PingoraServer::new_with_opt_and_conf(Opt::default(), conf);
    server.bootstrap();
    server.add_services(vec![echo::service(name, socket)]);
    server.run(RunArgs::default());
    Ok(())
}

/// The port asked for, or one of the kernel's choice when that is taken.
fn entry_point(port: u16) -> EntryPoint {
    let free = bind("web", Some(LOOPBACK), port, false).is_ok();
    EntryPoint {
        address: format!("127.0.0.1:{}", if free { port } else { 0 }),
        ..EntryPoint::default()
    }
}

fn configuration(urls: &[String], strategy: &str) -> Configuration {
    let server = |url: &String| Server {
        url: url.clone(),
        ..Server::default()
    };
    let sticky = Sticky {
        on_loss: Default::default(),
        cookie: AllowEmpty::present(Cookie {
            http_only: true,
            ..Cookie::default()
        }),
    };
    let service = Service {
        load_balancer: Some(LoadBalancer {
            strategy: strategy.to_owned(),
            sticky: AllowEmpty::present(sticky),
            servers: urls.iter().map(server).collect(),
            ..LoadBalancer::default()
        }),
        ..Service::default()
    };
    let router = Router {
        rule: "PathPrefix(`/`)".to_owned(),
        service: "demo".to_owned(),
        ..Router::default()
    };
    let mut configuration = Configuration::default();
    configuration.http.services.insert("demo".to_owned(), service);
    configuration.http.routers.insert("demo".to_owned(), router);
    configuration
}

fn announce(addresses: &[SocketAddr], port: u16, urls: &[String], strategy: &str) {
    let Some(proxy) = addresses.first() else {
        return;
    };
    if proxy.port() != port {
        super::print(&format!("port {port} is taken, another one is used\n\n"));
    }
    let aim = urls.first().map_or("", String::as_str);
    super::print(&format!(
        "\
piton demo: http://{proxy} in front of {count} servers, strategy {strategy}

  curl -i http://{proxy}/                    # the first answer sets a cookie
  curl -c jar -b jar http://{proxy}/         # again and again: always the same server
  for i in 1 2 3 4 5 6; do curl -s http://{proxy}/ | head -1; done   # no cookie: all servers in turn
  piton cookie {aim} --service demo@file   # aim at one server

Ctrl-C ends it.
",
        count = urls.len()
    ));
}
