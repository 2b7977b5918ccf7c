//! Routers, services, middlewares and entry points in Traefik's shapes (traefik-core 8.1). Secrets are not shown.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::clock;
use crate::config::encode::Shown;
use crate::config::install::Install;
use crate::config::{Named, provider_of, qualify};
use crate::routing::{Item, Snapshot, Status};
use crate::rule::default_priority;
use crate::service::Servers;

/// What Traefik's model prints, as an object.
fn shown<T: Serialize>(value: &T) -> Map<String, Value> {
    match serde_json::to_value(Shown(value)) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

/// Adds name, provider, status and errors.
fn with_status(object: &mut Map<String, Value>, name: &str, item: Option<&Item>) {
    let status = item.map(Item::status).unwrap_or_default();
    let errors = item.map_or(&[][..], |item| &item.reasons).iter();
    let errors: Vec<String> = errors
        .map(|reason| match reason.key.as_str() {
            "" => reason.text.clone(),
            key => format!("{key}: {}", reason.text),
        })
        .collect();
    if !errors.is_empty() {
        object.insert("error".to_owned(), json!(errors));
    }
    object.insert("status".to_owned(), json!(status.to_string()));
    object.insert("name".to_owned(), json!(name));
    object.insert(
        "provider".to_owned(),
        json!(provider_of(name).unwrap_or_default()),
    );
}

fn item<'r>(report: &'r Named<Item>, name: &str) -> Option<&'r Item> {
    report.get(name).map(|item| &**item)
}

pub(super) fn routers(snapshot: &Snapshot) -> Vec<Value> {
    let names = snapshot.merged().routers.keys();
    names.filter_map(|name| router(snapshot, name)).collect()
}

pub(super) fn router(snapshot: &Snapshot, name: &str) -> Option<Value> {
    let written = snapshot.merged().routers.get(name)?;
    let provider = provider_of(name).unwrap_or_default();
    let mut object = shown(&**written);
    let priority = match written.priority {
        0 => default_priority(&written.rule),
        written => written,
    };
    object.insert("priority".to_owned(), json!(priority));
    object.insert("priorityStr".to_owned(), json!(priority.to_string()));
    if !written.middlewares.is_empty() {
        let qualified = written.middlewares.iter().map(|name| qualify(name, provider));
        object.insert("middlewares".to_owned(), qualified.collect());
    }
    let entry_points = snapshot.entry_points_of(name);
    if written.entry_points.is_empty() && !entry_points.is_empty() {
        object.insert("entryPoints".to_owned(), json!(entry_points));
    }
    object.insert("using".to_owned(), json!(entry_points));
    let observes = |on: Option<bool>| on.unwrap_or(true);
    let observability = written.observability.clone().into_inner().unwrap_or_default();
    object.insert(
        "observability".to_owned(),
        json!({
            "accessLogs": observes(observability.access_logs),
            "metrics": observes(observability.metrics),
            "tracing": observes(observability.tracing),
            "traceVerbosity": observability.trace_verbosity.unwrap_or_else(|| "minimal".to_owned()),
        }),
    );
    with_status(&mut object, name, item(&snapshot.report.routers, name));
    Some(Value::Object(object))
}

pub(super) fn services(snapshot: &Snapshot) -> Vec<Value> {
    let (names, users) = (snapshot.report.services.keys(), snapshot.users());
    let shape = |name: &str| shape_of(snapshot, name, users.get(name));
    names.filter_map(shape).collect()
}

pub(super) fn service(snapshot: &Snapshot, name: &str) -> Option<Value> {
    shape_of(snapshot, name, snapshot.users().get(name))
}

fn shape_of(snapshot: &Snapshot, name: &str, users: Option<&Vec<&str>>) -> Option<Value> {
    let item = item(&snapshot.report.services, name)?;
    let mut object = match snapshot.merged().services.get(name) {
        Some(written) => shown(&**written),
        None => Map::new(),
    };
    let kind = [
        "loadBalancer",
        "weighted",
        "mirroring",
        "failover",
        "highestRandomWeight",
    ]
    .into_iter()
    .find(|kind| object.contains_key(*kind));
    if let Some(kind) = kind {
        object.insert("type".to_owned(), json!(kind.to_lowercase()));
    }
    if let Some(users) = users {
        object.insert("usedBy".to_owned(), json!(users));
    }
    let servers = snapshot.services.get(name).and_then(|service| service.servers());
    if let Some(servers) = servers.filter(|servers| !servers.pool.servers().is_empty()) {
        object.insert("serverStatus".to_owned(), server_status(servers));
        object.insert("serverState".to_owned(), server_state(servers));
    }
    with_status(&mut object, name, Some(item));
    Some(Value::Object(object))
}

fn server_status(servers: &Servers) -> Value {
    let now = clock::now();
    let status = servers.pool.servers().iter().map(|server| {
        let status = if server.state().is_up(now) { "UP" } else { "DOWN" };
        (server.url().to_owned(), json!(status))
    });
    Value::Object(status.collect())
}

/// What Traefik does not tell: everything that is known about each server.
fn server_state(servers: &Servers) -> Value {
    let now = clock::now();
    let state = servers.pool.servers().iter().map(|server| {
        let state = server.state();
        let state = json!({
            "up": state.is_up(now),
            "downByProbe": state.is_probed_down(),
            "draining": !server.takes_new_sessions(),
            "drainedByApi": state.is_set_aside(),
            "weight": server.weight(),
            "inFlight": state.in_flight(),
            "picks": state.picks(),
            "sessionsSeen": state.sessions_seen(now),
            "firstByteMicros": state.latency().mean().map(f64::round),
        });
        (server.url().to_owned(), state)
    });
    Value::Object(state.collect())
}

pub(super) fn middlewares(snapshot: &Snapshot) -> Vec<Value> {
    let names = snapshot.merged().middlewares.keys();
    names.filter_map(|name| middleware(snapshot, name)).collect()
}

pub(super) fn middleware(snapshot: &Snapshot, name: &str) -> Option<Value> {
    let written = snapshot.merged().middlewares.get(name)?;
    let mut object = shown(&**written);
    if let Some(kind) = object.keys().next().map(|kind| kind.to_lowercase()) {
        object.insert("type".to_owned(), json!(kind));
    }
    let routers = snapshot.merged().routers.iter();
    let users = routers.filter(|(router, written)| {
        let provider = provider_of(router).unwrap_or_default();
        written
            .middlewares
            .iter()
            .any(|middleware| qualify(middleware, provider) == name)
    });
    let users: Vec<&str> = users.map(|(router, _)| &**router).collect();
    if !users.is_empty() {
        object.insert("usedBy".to_owned(), json!(users));
    }
    with_status(&mut object, name, None);
    Some(Value::Object(object))
}

pub(super) fn entry_points(install: &Install) -> Vec<Value> {
    let all = install.entry_points.iter().map(|(name, written)| {
        let transport = &written.transport;
        json!({
            "address": written.address,
            "name": name,
            "asDefault": written.as_default,
            "transport": {
                "lifeCycle": {"graceTimeOut": transport.life_cycle.grace_time_out.to_string()},
                "respondingTimeouts": {
                    "readTimeout": transport.responding_timeouts.read_timeout.to_string(),
                    "idleTimeout": transport.responding_timeouts.idle_timeout.to_string(),
                },
            },
            "forwardedHeaders": {
                "insecure": written.forwarded_headers.insecure,
                "trustedIPs": written.forwarded_headers.trusted_ips,
            },
            "http": {
                "sanitizePath": written.http.sanitize_path,
                "maxHeaderBytes": written.http.max_header_bytes,
            },
        })
    });
    all.collect()
}

/// Every item by name, without what the lists add.
pub(super) fn raw(snapshot: &Snapshot) -> Value {
    let by_name = |items: Vec<Value>| {
        let items = items.into_iter().filter_map(|item| match item {
            Value::Object(mut object) => {
                let name = object.remove("name")?.as_str()?.to_owned();
                object.remove("provider");
                object.remove("type");
                Some((name, Value::Object(object)))
            }
            _ => None,
        });
        Value::Object(items.collect())
    };
    let parts = [
        ("routers", by_name(routers(snapshot))),
        ("middlewares", by_name(middlewares(snapshot))),
        ("services", by_name(services(snapshot))),
    ];
    let parts = parts
        .into_iter()
        .filter(|(_, items)| items.as_object().is_some_and(|items| !items.is_empty()));
    Value::Object(parts.map(|(key, items)| (key.to_owned(), items)).collect())
}

pub(super) fn overview(install: &Install, snapshot: &Snapshot) -> Value {
    let count = |report: &Named<Item>| {
        let of = |status: Status| report.values().filter(|item| item.status() == status).count();
        json!({"total": report.len(), "warnings": of(Status::Warning), "errors": of(Status::Disabled)})
    };
    let none = || json!({"total": 0, "warnings": 0, "errors": 0});
    let middlewares = json!({"total": snapshot.merged().middlewares.len(), "warnings": 0, "errors": 0});
    let has_metrics = install.metrics.as_ref().is_some_and(|it| it.prometheus.is_some());
    let providers = &install.providers;
    let providers = [
        (providers.file.is_some(), "File"),
        (providers.docker.is_some(), "Docker"),
        (providers.swarm.is_some(), "Swarm"),
        (providers.kubernetes_ingress.is_some(), "KubernetesIngress"),
    ];
    let providers = providers.into_iter().filter(|(used, _)| *used);
    json!({
        "http": {
            "routers": count(&snapshot.report.routers),
            "services": count(&snapshot.report.services),
            "middlewares": middlewares,
        },
        "tcp": {"routers": none(), "services": none(), "middlewares": none()},
        "udp": {"routers": none(), "services": none()},
        "features": {
            "tracing": if install.tracing.is_some() { "OpenTelemetry" } else { "" },
            "metrics": if has_metrics { "Prometheus" } else { "" },
            "accessLog": install.access_log.is_some(),
        },
        "providers": providers.map(|(_, name)| name).collect::<Vec<_>>(),
    })
}
