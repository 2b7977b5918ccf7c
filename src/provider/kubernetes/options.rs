//! What was written about objects: checked, and as the converter takes it (traefik-providers 5.1).

use std::collections::BTreeSet;

use crate::config::install::{IngressEndpoint, KubernetesIngress};
use crate::provider::InvalidProvider;
use crate::provider::ingress::{Address, Id, Options, Status};

/// What objects mean by the options that were written.
///
/// # Errors
/// When one cannot be used.
pub fn options(written: &KubernetesIngress) -> Result<Options, InvalidProvider> {
    Ok(Options {
        class: written.ingress_class.clone(),
        looks_classes_up: looks_classes_up(written),
        allow_empty_services: written.allow_empty_services,
        allow_external_names: written.allow_external_name_services,
        cross_provider_namespaces: written.cross_provider_namespaces.clone(),
        native_lb: written.native_lb_by_default,
        strict_prefixes: written.strict_prefix_matching,
        nginx_annotations: written.nginx_annotations,
        status: status(written)?,
    })
}

/// Are IngressClass objects read?
pub(super) fn looks_classes_up(written: &KubernetesIngress) -> bool {
    !written.disable_ingress_class_lookup && !written.disable_cluster_scope_resources
}

/// The namespaces that are read, each once; `None` for all. An empty name means all of them, as in the API.
pub(super) fn namespaces(written: &KubernetesIngress) -> Option<BTreeSet<&str>> {
    let names: BTreeSet<&str> = written.namespaces.iter().map(String::as_str).collect();
    (!names.is_empty() && !names.contains("")).then_some(names)
}

fn status(written: &KubernetesIngress) -> Result<Status, InvalidProvider> {
    let key = "reportNodeInternalIPs";
    match (&written.ingress_endpoint, written.report_node_internal_ips) {
        (Some(_), true) => Err(invalid(
            key,
            "does not go with ingressEndpoint: write one of them",
        )),
        (None, true) if written.disable_cluster_scope_resources => Err(invalid(
            key,
            "does not go with disableClusterScopeResources: it needs the nodes of the cluster",
        )),
        (None, true) => Ok(Status::Nodes),
        (None, false) => Ok(Status::None),
        (Some(endpoint), false) => endpoint_status(endpoint, written),
    }
}

fn endpoint_status(
    endpoint: &IngressEndpoint,
    written: &KubernetesIngress,
) -> Result<Status, InvalidProvider> {
    if endpoint.published_service.is_empty() {
        if endpoint.ip.is_empty() && endpoint.hostname.is_empty() {
            return Err(invalid(
                "ingressEndpoint",
                "says nothing: write ip, hostname or publishedService below it",
            ));
        }
        return Ok(Status::Fixed(Address {
            ip: endpoint.ip.as_str().into(),
            hostname: endpoint.hostname.as_str().into(),
        }));
    }
    let key = "ingressEndpoint.publishedService";
    let service = endpoint.published_service.as_str();
    let named = service
        .split_once('/')
        .filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty() && !name.contains('/'));
    let Some((namespace, name)) = named else {
        let reason = format!("{service:?} is not namespace/name");
        return Err(invalid(key, &reason));
    };
    if namespaces(written).is_some_and(|watched| !watched.contains(namespace)) {
        let reason = format!("namespace {namespace:?} is not read: add it to namespaces");
        return Err(invalid(key, &reason));
    }
    Ok(Status::Service(Id::new(namespace, name)))
}

fn invalid(key: &str, reason: &str) -> InvalidProvider {
    InvalidProvider {
        key: key.to_owned(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(ip: &str, service: &str) -> KubernetesIngress {
        KubernetesIngress {
            ingress_endpoint: Some(IngressEndpoint {
                ip: ip.to_owned(),
                published_service: service.to_owned(),
                ..IngressEndpoint::default()
            }),
            ..KubernetesIngress::default()
        }
    }

    #[test]
    fn a_published_service_wins_over_an_address() {
        let service = Status::Service(Id::new("edge", "piton"));
        assert_eq!(status(&endpoint("1.2.3.4", "edge/piton")), Ok(service));
        let Ok(Status::Fixed(address)) = status(&endpoint("1.2.3.4", "")) else {
            panic!("no fixed address");
        };
        assert_eq!(&*address.ip, "1.2.3.4");
    }

    #[test]
    fn options_that_contradict_each_other_are_refused_by_name() {
        let refused = |written: &KubernetesIngress| options(written).unwrap_err().to_string();
        let mut both = endpoint("1.2.3.4", "");
        both.report_node_internal_ips = true;
        assert!(refused(&both).starts_with("reportNodeInternalIPs: "));
        let no_nodes = KubernetesIngress {
            report_node_internal_ips: true,
            disable_cluster_scope_resources: true,
            ..KubernetesIngress::default()
        };
        assert!(refused(&no_nodes).contains("disableClusterScopeResources"));
        assert!(refused(&endpoint("", "")).starts_with("ingressEndpoint: "));
        assert!(refused(&endpoint("", "piton")).contains("is not namespace/name"));
        let mut elsewhere = endpoint("", "edge/piton");
        elsewhere.namespaces = vec!["shop".to_owned()];
        assert!(refused(&elsewhere).contains("is not read"));
        elsewhere.namespaces.push(String::new());
        assert!(options(&elsewhere).is_ok(), "all namespaces");
    }

    #[test]
    fn classes_are_looked_up_unless_something_forbids_it() {
        assert!(looks_classes_up(&KubernetesIngress::default()));
        for off in [(true, false), (false, true)] {
            assert!(!looks_classes_up(&KubernetesIngress {
                disable_ingress_class_lookup: off.0,
                disable_cluster_scope_resources: off.1,
                ..KubernetesIngress::default()
            }));
        }
    }
}
