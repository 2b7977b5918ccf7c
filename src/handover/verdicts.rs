//! What one process tells the next about servers: who is down, and for how long live traffic avoids whom.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::balance::{Micros, Server, Verdict};
use crate::routing::Snapshot;
use crate::service::Servers;

/// Raised when an older piton could misunderstand; fields that it does not know it ignores.
const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct State {
    version: u32,
    /// By service and by server URL; only servers of which there is something to say.
    services: BTreeMap<String, BTreeMap<String, Written>>,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default)]
struct Written {
    down: bool,
    rest_ms: u64,
    set_aside: bool,
}

/// Everything that is known now.
pub(super) fn write(snapshot: &Snapshot, now: Micros) -> Result<Vec<u8>, serde_json::Error> {
    let mut services: BTreeMap<String, BTreeMap<String, Written>> = BTreeMap::new();
    for (service, _, server) in servers(snapshot) {
        let verdict = server.state().verdict(now);
        if verdict != Verdict::default() {
            let written = Written {
                down: verdict.down,
                rest_ms: verdict.rest.div_ceil(1000),
                set_aside: verdict.set_aside,
            };
            let of_service = services.entry(service.to_owned()).or_default();
            of_service.insert(server.url().to_owned(), written);
        }
    }
    let version = VERSION;
    serde_json::to_vec(&State { version, services })
}

/// Lets the servers of this process have it. Returns how many verdicts were adopted.
pub(super) fn adopt(written: &[u8], snapshot: &Snapshot, now: Micros) -> Result<usize, String> {
    let state: State = serde_json::from_slice(written).map_err(|error| error.to_string())?;
    if state.version != VERSION {
        return Err(format!("it is version {}, not {VERSION}", state.version));
    }
    let mut adopted = 0;
    for (service, judges, server) in servers(snapshot) {
        let written = state
            .services
            .get(service)
            .and_then(|servers| servers.get(server.url()));
        let verdict = written.map(|written| applicable(*written, judges, server));
        if let Some(verdict) = verdict.filter(|verdict| *verdict != Verdict::default()) {
            server.state().adopt(verdict, now);
            adopted += 1;
        }
    }
    Ok(adopted)
}

/// As much of a verdict as somebody here would take back: the configuration may be another one.
fn applicable(written: Written, judges: &Servers, server: &Server) -> Verdict {
    let longest = server.terms().passive.as_ref().map_or(0, |policy| policy.window);
    Verdict {
        down: written.down && judges.health_check().is_some(),
        rest: written.rest_ms.saturating_mul(1000).min(longest),
        set_aside: written.set_aside,
    }
}

/// Every server, with its service's name and what judges it there.
fn servers(snapshot: &Snapshot) -> impl Iterator<Item = (&str, &Servers, &Arc<Server>)> {
    let leaves = snapshot.services.values();
    let leaves = leaves.filter_map(|service| Some((service, service.servers()?)));
    leaves.flat_map(|(service, servers)| {
        let all = servers.pool.servers().iter();
        all.map(move |server| (service.name(), servers, server))
    })
}
