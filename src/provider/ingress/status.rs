//! What stands in the status of Ingresses: where they are found (traefik-providers 5.8).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::object::{Address, Id, Ingress, ServiceType};
use super::options::Status;
use super::world::World;

/// An Ingress, and what shall stand in its status.
pub type Stale = (Id, Box<[Address]>);

/// Ingresses whose status is another than the wanted one, by name.
pub(super) fn stale<'w>(
    used: impl Iterator<Item = &'w Arc<Ingress>>,
    world: &World,
    wanted: &Status,
) -> Result<Vec<Stale>, String> {
    let Some(wanted) = self::wanted(world, wanted)? else {
        return Ok(Vec::new());
    };
    let wanted: BTreeSet<&Address> = wanted.iter().collect();
    let is_stale = |ingress: &&Arc<Ingress>| {
        ingress.status.len() != wanted.len() || ingress.status.iter().any(|address| !wanted.contains(address))
    };
    let addresses: Box<[Address]> = wanted.iter().copied().cloned().collect();
    let stale = used.filter(is_stale);
    let mut stale: Vec<Stale> = stale
        .map(|ingress| (ingress.id.clone(), addresses.clone()))
        .collect();
    stale.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(stale)
}

/// What shall stand there; `None` when nothing is to be written.
fn wanted(world: &World, status: &Status) -> Result<Option<Vec<Address>>, String> {
    match status {
        Status::None => Ok(None),
        Status::Fixed(address) => Ok(Some(vec![address.clone()])),
        Status::Nodes => {
            let addresses = world.nodes.values().flat_map(|node| &node.internal);
            let addresses: Vec<Address> = addresses.map(|address| ip(address)).collect();
            if addresses.is_empty() {
                return Err("reportNodeInternalIPs: no node with an InternalIP is found".to_owned());
            }
            Ok(Some(addresses))
        }
        Status::Service(id) => of_service(world, id),
    }
}

fn of_service(world: &World, id: &Id) -> Result<Option<Vec<Address>>, String> {
    let service = world
        .services
        .get(id)
        .ok_or_else(|| format!("missing service: {id}; publishedService names it as namespace/name"))?;
    let (addresses, hint): (Vec<Address>, &str) = match service.kind {
        ServiceType::LoadBalancer => {
            // It has none yet, and will have one: nothing to say.
            let addresses = service.status.to_vec();
            return Ok(Some(addresses).filter(|addresses| !addresses.is_empty()));
        }
        ServiceType::ClusterIp => (
            service.external_ips.iter().map(|address| ip(address)).collect(),
            "it is of type ClusterIP and has no externalIPs",
        ),
        ServiceType::NodePort => {
            let addresses = world.nodes.values().flat_map(|node| &node.external);
            (
                addresses.map(|address| ip(address)).collect(),
                "it is of type NodePort, and no node with an ExternalIP is found",
            )
        }
        ServiceType::ExternalName => (
            Some(&service.external_name)
                .filter(|name| !name.is_empty())
                .map(|name| Address {
                    hostname: name.clone(),
                    ..Address::default()
                })
                .into_iter()
                .collect(),
            "it is of type ExternalName and has no externalName",
        ),
    };
    if addresses.is_empty() {
        return Err(format!("publishedService {id} has nothing to publish: {hint}"));
    }
    Ok(Some(addresses))
}

fn ip(ip: &str) -> Address {
    Address {
        ip: ip.into(),
        ..Address::default()
    }
}
