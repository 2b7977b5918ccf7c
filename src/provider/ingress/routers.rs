//! What an Ingress wants -> its routers: one for each path whose service can be used (traefik-providers 5.6).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::notes::Notes;
use super::plan::{Key, Plan, Route};
use super::rule::name_with_hash;
use super::servers::NO_ENDPOINTS;
use super::supplies::Supplies;
use crate::config::dynamic::http;

/// Most paths that one remark names.
const SHOWN: usize = 5;

/// The routers of an Ingress: one for each path whose service can be used.
pub(super) fn routers_of(
    plan: &Plan,
    supplies: &Supplies,
    notes: &mut Notes,
) -> BTreeMap<Arc<str>, Arc<http::Router>> {
    let mut by_name: BTreeMap<&str, Vec<(&Route, &str)>> = BTreeMap::new();
    let mut failed: BTreeMap<&Key, Vec<&str>> = BTreeMap::new();
    for route in &plan.routes {
        if supplies.failure(&route.key).is_some() {
            failed.entry(&route.key).or_default().push(&route.title);
        } else if let Some(rule) = &route.rule {
            by_name.entry(&route.name).or_default().push((route, rule));
        }
    }
    for (key, titles) in failed {
        let Some(why) = supplies.failure(key) else {
            continue;
        };
        let what = if **why == *NO_ENDPOINTS {
            "skipping"
        } else {
            "cannot create"
        };
        let shown: Vec<String> = titles
            .iter()
            .take(SHOWN)
            .map(|title| format!("{title:?}"))
            .collect();
        let more = match titles.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        notes.error(format!(
            "{what} {key}: {why}; left out: {}{more}",
            shown.join(", ")
        ));
    }
    let mut routers = BTreeMap::new();
    for (name, routes) in by_name {
        let is_alone = routes.len() == 1;
        for (route, rule) in routes {
            let name = if is_alone {
                name.to_owned()
            } else {
                name_with_hash(name, rule)
            };
            let router = Arc::new(plan.router(route, rule));
            if let Some(other) = routers.insert(Arc::from(name), router) {
                notes.warn(format!(
                    "rule {:?} is written twice; the last one counts",
                    other.rule
                ));
            }
        }
    }
    routers
}
