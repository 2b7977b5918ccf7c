//! A compiled service, request by request: who answers, and is a cookie set?

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};
use piton::balance::Draw;
use piton::config::{Notation, dynamic};
use piton::routing::{Ground, Snapshot, compile, merge};
use piton::service::{Ask, Attempts, Service};
use serde::Deserialize;

use crate::{Differences, expect};

/// A `loadBalancer` as written, and requests to it in a row.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    #[serde(rename = "loadBalancer")]
    load_balancer: serde_yaml::Value,
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
    let service = service(&case.load_balancer);
    let mut differences = Vec::new();
    for request in case.requests {
        let servers = service.servers().unwrap().pool.servers();
        for server in servers {
            server
                .state()
                .probed(!request.down.iter().any(|url| url == server.url()));
        }
        let mut attempts = Attempts::default();
        let tried = servers
            .iter()
            .filter(|server| request.tried.iter().any(|url| url == server.url()));
        tried.for_each(|server| attempts.add_tried(Arc::clone(server)));
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

/// The service `my-service@file` that is this `loadBalancer`.
fn service(load_balancer: &serde_yaml::Value) -> Arc<Service> {
    let tree = |key: &str, value| serde_yaml::Value::Mapping([(key.into(), value)].into_iter().collect());
    let services = tree("my-service", tree("loadBalancer", load_balancer.clone()));
    let yaml = serde_yaml::to_string(&tree("http", tree("services", services))).unwrap();
    let (configuration, _) = dynamic::read(yaml.as_bytes(), Notation::Yaml, None)
        .unwrap_or_else(|problems| panic!("{yaml}\n{problems:?}"));
    let merged = merge(
        &BTreeMap::from([("file".to_owned(), Arc::new(configuration))]),
        &[],
    );
    let snapshot = compile(&merged, &Ground::bare(Vec::new()), 0, &Snapshot::default());
    Arc::clone(&snapshot.services["my-service@file"])
}

/// The same over server `http://127.0.0.1:8081` alone, with this `sticky`.
pub fn service_with(sticky: &serde_yaml::Value) -> Arc<Service> {
    let mut load_balancer: serde_yaml::Mapping =
        serde_yaml::from_str("servers: [{url: 'http://127.0.0.1:8081'}]").unwrap();
    load_balancer.insert("sticky".into(), sticky.clone());
    service(&load_balancer.into())
}
