//! Which containers are used, and for what (traefik-providers 3, "Container filter").

use super::labels::Extras;
use super::remark::Notes;
use super::{Container, Health, Life, Options};
use crate::config::Level;

/// What a container is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Usage {
    /// Anything.
    Serves,
    /// Finishing the sessions it has.
    Drains,
    /// Nothing, but its routers and services shall be there.
    Empty,
}

/// What `container` is good for; `None`, with the reason noted, when it is left out. In Traefik's order.
pub(super) fn usage(
    container: &Container,
    extras: &Extras<'_>,
    options: &Options,
    notes: &mut Notes<'_>,
) -> Option<Usage> {
    let mut skip = |why: &str| {
        notes.add(Level::Debug, why);
        None
    };
    if !extras.enable.unwrap_or(options.exposed_by_default) {
        return match extras.enable {
            Some(_) => skip("not used: it says traefik.enable=false"),
            None => skip("not used: it does not say traefik.enable=true, and exposedByDefault is off"),
        };
    }
    if !options.constraints.allow(container.labels.raw()) {
        return skip("not used: its labels do not satisfy the constraints");
    }
    match (container.life, container.health) {
        (Life::Stopped, _) if extras.allow_non_running => Some(Usage::Empty),
        (Life::Stopped, _) => skip("not used: it does not run"),
        // Traefik drops these two at once, and their sessions with them.
        (Life::Stopping, _) | (Life::Running, Health::Unhealthy) => Some(Usage::Drains),
        (Life::Running, Health::Starting) if extras.allow_non_running || options.allow_empty_services => {
            Some(Usage::Empty)
        }
        (Life::Running, Health::Starting) => skip("not used yet: its health is not known"),
        (Life::Running, Health::Unchecked | Health::Healthy) => Some(Usage::Serves),
    }
}
