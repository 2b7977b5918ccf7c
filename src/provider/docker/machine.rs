//! The address of the machine, for containers that use its network (traefik-providers 3, "host mode").

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::timeout;

/// Names by which engines let their containers reach the machine.
const NAMES: &[&str] = &["host.docker.internal", "host.containers.internal"];
/// Longest look-up of one.
const LONGEST: Duration = Duration::from_secs(2);

/// The first address of the first name that has one; loopback where none has, since piton then runs on the machine itself.
pub(super) async fn address() -> IpAddr {
    for name in NAMES {
        if let Ok(Ok(mut found)) = timeout(LONGEST, lookup_host((*name, 0))).await
            && let Some(first) = found.next()
        {
            return first.ip();
        }
    }
    Ipv4Addr::LOCALHOST.into()
}
