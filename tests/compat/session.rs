//! A compiled service, request by request: who answers, and is a cookie set?

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};
use piton::balance::{Draw, Server};
use piton::config::{Notation, dynamic};
use piton::routing::{Ground, Merged, Snapshot, compile};
use piton::service::{Ask, Attempts, Service};
use serde::Deserialize;

use crate::{Differences, expect};

/// A `loadBalancer` as written, or `services` with the one that is asked, and requests to it in a row.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    #[serde(rename = "loadBalancer", default)]
    load_balancer: serde_yaml::Value,
    /// Services of the provider `file`, instead of one load balancer.
    #[serde(default)]
    services: serde_yaml::Mapping,
    /// Which of them is asked.
    #[serde(default)]
    service: String,
    /// Requests, one after the other; round robin goes on between them.
    requests: Vec<Request>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    /// What is special about it.
    when: String,
    /// The `Cookie` line.
    #[serde(default)]
    cookie: Option<String>,
    /// URLs of servers that are down.
    #[serde(default)]
    down: Vec<String>,
    /// URLs of servers already tried in this request.
    #[serde(default)]
    tried: Vec<String>,
    /// URL of the server that answers, `any`, or null for 503.
    server: Option<String>,
    /// `Set-Cookie` lines.
    #[serde(default)]
    sets: Vec<String>,
}

pub fn session(case: Session) -> Differences {
    let (snapshot, name) = if case.services.is_empty() {
        (compiled(alone(&case.load_balancer)), "my-service@file".to_owned())
    } else {
        let name = format!("{}@file", case.service);
        (compiled(case.services), name)
    };
    let service = &snapshot.services[&name];
    let servers: Vec<&Arc<Server>> = snapshot
        .services
        .values()
        .filter_map(|service| service.servers())
        .flat_map(|servers| servers.pool.servers())
        .collect();
    let mut differences = Vec::new();
    for request in case.requests {
        for server in &servers {
            server
                .state()
                .probed(!request.down.iter().any(|url| url == server.url()));
        }
        let mut attempts = Attempts::default();
        let tried = servers
            .iter()
            .filter(|server| request.tried.iter().any(|url| url == server.url()));
        tried.for_each(|&server| attempts.add_tried(Arc::clone(server)));
        let mut headers = HeaderMap::new();
        if let Some(cookie) = &request.cookie {
            headers.insert(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
        }
        let draw = Draw {
            now: 1,
            entropy: 0,
            client: Some([10, 0, 0, 1].into()),
        };
        let ask = Ask {
            headers: &headers,
            draw,
            wall: 0,
            attempts: &attempts,
        };
        let choice = service.choose(&ask).ok();
        let server = choice.as_ref().map(|choice| choice.server().url().to_owned());
        if request.server.as_deref() != Some("any") {
            expect(&mut differences, &request.when, request.server, server);
        }
        let cookies = choice.map(|choice| choice.cookies).unwrap_or_default();
        let sets: Vec<_> = cookies
            .iter()
            .map(|line| line.to_str().unwrap().to_owned())
            .collect();
        expect(&mut differences, &request.when, request.sets, sets);
    }
    differences
}

/// The one service `my-service` that is this `loadBalancer`.
fn alone(load_balancer: &serde_yaml::Value) -> serde_yaml::Mapping {
    let service = mapping("loadBalancer", load_balancer.clone());
    mapping("my-service", service.into())
}

fn mapping(key: &str, value: serde_yaml::Value) -> serde_yaml::Mapping {
    [(key.into(), value)].into_iter().collect()
}

/// These services, through the reader that a file goes through.
fn compiled(services: serde_yaml::Mapping) -> Snapshot {
    let whole = mapping("http", mapping("services", services.into()).into());
    let yaml = serde_yaml::to_string(&whole).unwrap();
    let (configuration, _) = dynamic::read(yaml.as_bytes(), Notation::Yaml, None)
        .unwrap_or_else(|problems| panic!("{yaml}\n{problems:?}"));
    let merged = Merged::of([("file", &configuration)]);
    compile(&merged, &Ground::bare(Vec::new()), 0, &Snapshot::default())
}

/// The service `my-service@file` over server `http://127.0.0.1:8081` alone, with this `sticky`.
pub fn service_with(sticky: &serde_yaml::Value) -> Arc<Service> {
    let mut load_balancer: serde_yaml::Mapping =
        serde_yaml::from_str("servers: [{url: 'http://127.0.0.1:8081'}]").unwrap();
    load_balancer.insert("sticky".into(), sticky.clone());
    let snapshot = compiled(alone(&load_balancer.into()));
    Arc::clone(&snapshot.services["my-service@file"])
}
