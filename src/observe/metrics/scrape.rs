//! The text of `/metrics`: everything that is counted, summed now.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::names::{self, Five, Name};
use super::text::{Kind, Labels, Text};
use super::{DROPPED_LINES, DROPPED_SPANS, Metrics, Router, process};
use crate::balance::{Micros, ServerState, Signals};
use crate::meter::{Buckets, Key, PlaceMeter, Reading, Row, ServiceMeter, Tls, Values};
use crate::routing::{Reloads, Snapshot};
use crate::sticky::{Moved, Verdict};

/// Everything about one entry point, router or service.
struct Place {
    labels: Labels,
    rows: Vec<Row>,
    by_headers: Vec<(Key, Values, u64)>,
    tls: Vec<(Tls, u64)>,
}

impl Place {
    fn of(labels: Labels, meter: &PlaceMeter, buckets: &Buckets) -> Self {
        let by_headers = meter.by_headers.read().into_iter();
        Self {
            labels,
            rows: meter.traffic.read(buckets),
            by_headers: by_headers
                .map(|((key, values), count)| (key, values, count))
                .collect(),
            tls: meter.tls.read().into_iter().collect(),
        }
    }
}

/// A server with the names it is known by.
struct OfServer {
    labels: Labels,
    state: Arc<ServerState>,
    /// Does anybody judge it?
    is_judged: bool,
}

impl Metrics {
    /// The text as of `now`. What was in the last one and is gone from `snapshot` is shown once more.
    ///
    /// It takes milliseconds where there are thousands of services: not for a thread that serves requests.
    #[must_use]
    pub fn text(&self, snapshot: &Snapshot, reloads: &Reloads, now: Micros) -> String {
        let mut text = Text::default();
        let none = Labels::default();
        text.metric(names::RELOADS, Kind::Counter)
            .sample(&none, reloads.all());
        text.metric(names::LAST_RELOAD, Kind::Gauge)
            .sample(&none, reloads.last_success() as f64 / 1e3);
        text.metric(names::RELOAD_RESULTS, Kind::Counter)
            .sample(&Labels::of(&[("result", "complete")]), reloads.complete())
            .sample(&Labels::of(&[("result", "with_errors")]), reloads.with_errors());
        text.metric(names::CONNECTIONS, Kind::Gauge);
        for entry_point in &self.entry_points {
            let labels = Labels::of(&[("entrypoint", &entry_point.name), ("protocol", "TCP")]);
            text.sample(&labels, entry_point.connections.load(Ordering::Relaxed));
        }
        if self.of_entry_points {
            let places = self.entry_points.iter().map(|entry_point| {
                let labels = Labels::of(&[("entrypoint", &entry_point.name)]);
                Place::of(labels, &entry_point.meter, &self.buckets)
            });
            self.five(&mut text, names::ENTRY_POINT, &places.collect::<Vec<_>>());
        }
        if self.routers.is_some() {
            let routers = self.routers_shown(snapshot);
            let places = routers.iter().map(|(name, router)| {
                let labels = Labels::of(&[("router", name), ("service", &router.service)]);
                Place::of(labels, &router.meter, &self.buckets)
            });
            self.five(&mut text, names::ROUTER, &places.collect::<Vec<_>>());
        }
        if self.of_services {
            self.services(&mut text, snapshot, now);
        }
        text.metric(names::DROPPED_LINES, Kind::Counter)
            .sample(&none, DROPPED_LINES.load(Ordering::Relaxed));
        text.metric(names::DROPPED_SPANS, Kind::Counter)
            .sample(&none, DROPPED_SPANS.load(Ordering::Relaxed));
        process::write(&mut text);
        text.finish()
    }

    fn services(&self, text: &mut Text, snapshot: &Snapshot, now: Micros) {
        let (services, servers) = self.services_shown(snapshot);
        let meters: Vec<(Labels, &ServiceMeter)> = services
            .iter()
            .filter_map(|(name, signals)| Some((Labels::of(&[("service", name)]), signals.used_meter()?)))
            .collect();
        let places: Vec<Place> = meters
            .iter()
            .map(|(labels, meter)| Place::of(labels.clone(), &meter.place, &self.buckets))
            .collect();
        self.five(text, names::SERVICE, &places);
        text.metric(names::SERVER_UP, Kind::Gauge);
        for server in servers.iter().filter(|server| server.is_judged) {
            text.sample(&server.labels, u8::from(server.state.is_up(now)));
        }
        text.metric(names::STICKY, Kind::Counter);
        for (labels, meter) in &meters {
            for verdict in Verdict::ALL {
                let count = meter.verdicts(verdict);
                if count > 0 {
                    text.sample(&labels.clone().and("result", verdict.name()), count);
                }
            }
        }
        text.metric(names::MOVED, Kind::Counter);
        for (labels, meter) in &meters {
            for moved in Moved::ALL {
                let count = meter.moved(moved);
                if count > 0 {
                    text.sample(&labels.clone().and("reason", moved.name()), count);
                }
            }
        }
        text.metric(names::ELSEWHERE, Kind::Counter);
        for (labels, meter) in &meters {
            text.sample(labels, meter.elsewhere());
        }
        of_servers(text, &servers, names::SEEN, Kind::Gauge, |state| {
            state.sessions_seen(now)
        });
        of_servers(text, &servers, names::PICKS, Kind::Counter, ServerState::picks);
        of_servers(text, &servers, names::IN_FLIGHT, Kind::Gauge, |state| {
            u64::from(state.in_flight())
        });
        times(text, &meters, names::CONNECT, ServiceMeter::connects);
        times(text, &meters, names::FIRST_BYTE, ServiceMeter::first_bytes);
    }

    fn five(&self, text: &mut Text, five: Five, places: &[Place]) {
        text.metric(five.requests, Kind::Counter);
        for place in places {
            if self.headers.is_empty() {
                for row in &place.rows {
                    text.sample(&of_key(&place.labels, row.key), row.durations.count());
                }
            }
            for (key, values, count) in &place.by_headers {
                let labels = self.headers.iter().zip(values);
                let labels = labels.fold(of_key(&place.labels, *key), |all, ((label, _), value)| {
                    all.and(label, value)
                });
                text.sample(&labels, count);
            }
        }
        text.metric(five.tls, Kind::Counter);
        for place in places {
            for ((version, cipher), count) in &place.tls {
                let labels = place.labels.clone().and("tls_version", version);
                text.sample(&labels.and("tls_cipher", cipher), count);
            }
        }
        text.metric(five.durations, Kind::Histogram);
        for place in places {
            for row in &place.rows {
                text.histogram(&of_key(&place.labels, row.key), &self.buckets, &row.durations);
            }
        }
        text.metric(five.request_bytes, Kind::Counter);
        for place in places {
            for row in &place.rows {
                text.sample(&of_key(&place.labels, row.key), row.request_bytes);
            }
        }
        text.metric(five.response_bytes, Kind::Counter);
        for place in places {
            for row in &place.rows {
                text.sample(&of_key(&place.labels, row.key), row.response_bytes);
            }
        }
    }

    /// Routers of now, and once more those that are gone.
    fn routers_shown(&self, snapshot: &Snapshot) -> Vec<(Arc<str>, Arc<Router>)> {
        let Some(routers) = &self.routers else {
            return Vec::new();
        };
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let is_gone = |name: &Arc<str>| !snapshot.report.routers.contains_key(name);
        let forgotten = std::mem::take(&mut shown.gone_routers);
        let forgotten: Vec<_> = forgotten.into_iter().filter(is_gone).collect();
        if !forgotten.is_empty() {
            routers.forget(&forgotten);
        }
        let known = routers.known.load();
        let mut all: Vec<_> = known
            .iter()
            .map(|(name, router)| (Arc::clone(name), Arc::clone(router)))
            .collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        shown.gone_routers = all
            .iter()
            .filter(|(name, _)| is_gone(name))
            .map(|(name, _)| Arc::clone(name))
            .collect();
        all
    }

    /// Services and servers of now, and once more those that are gone.
    fn services_shown(&self, snapshot: &Snapshot) -> (Vec<(String, Arc<Signals>)>, Vec<OfServer>) {
        let (mut services, mut servers) = (HashMap::new(), HashMap::new());
        let (mut all_services, mut all_servers) = (Vec::new(), Vec::new());
        for service in snapshot.services.values() {
            let Some(of) = service.servers() else { continue };
            let name = service.name().to_owned();
            services.insert(name.clone(), Arc::clone(of.pool.signals()));
            all_services.push((name.clone(), Arc::clone(of.pool.signals())));
            for server in of.pool.servers() {
                let key = (name.clone(), server.url().to_owned());
                let is_new = servers.insert(key.clone(), Arc::clone(server.state())).is_none();
                if is_new {
                    all_servers.push(OfServer {
                        labels: of_server(&key),
                        state: Arc::clone(server.state()),
                        is_judged: of.health_check().is_some() || server.terms().passive.is_some(),
                    });
                }
            }
        }
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut shown.services, services);
        let gone = before
            .into_iter()
            .filter(|(name, _)| !shown.services.contains_key(name));
        all_services.extend(gone);
        let before = std::mem::replace(&mut shown.servers, servers);
        let gone = before
            .into_iter()
            .filter(|(key, _)| !shown.servers.contains_key(key));
        all_servers.extend(gone.map(|(key, state)| OfServer {
            labels: of_server(&key),
            state,
            is_judged: false,
        }));
        (all_services, all_servers)
    }
}

fn of_key(labels: &Labels, key: Key) -> Labels {
    let status = key.code().to_string();
    labels
        .clone()
        .and("code", &status)
        .and("method", key.method())
        .and("protocol", key.protocol())
}

fn of_server((service, url): &(String, String)) -> Labels {
    Labels::of(&[("service", service), ("url", url)])
}

fn of_servers(
    text: &mut Text,
    servers: &[OfServer],
    name: Name,
    kind: Kind,
    value: impl Fn(&ServerState) -> u64,
) {
    text.metric(name, kind);
    for server in servers {
        text.sample(&server.labels, value(&server.state));
    }
}

fn times(
    text: &mut Text,
    meters: &[(Labels, &ServiceMeter)],
    name: Name,
    of: impl Fn(&ServiceMeter) -> Reading,
) {
    text.metric(name, Kind::Histogram);
    for (labels, meter) in meters {
        let reading = of(meter);
        if reading.count() > 0 {
            text.histogram(labels, ServiceMeter::times(), &reading);
        }
    }
}
