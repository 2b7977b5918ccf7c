//! Objects as the API sends them -> neutral objects. What nobody asks for later is dropped here.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1 as discovery;
use k8s_openapi::api::networking::v1 as networking;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::object::{
    Address, Annotations, Backend, Endpoint, Id, Ingress, IngressClass, IngressPath, IngressRule, Node,
    PathType, PortRef, Secret, Service, ServicePort, ServiceType, Slice, SlicePort,
};
use super::{CLASS_ANNOTATION, NGINX_PREFIX};
use crate::config::annotations::PREFIX;

/// Label of an EndpointSlice that names its service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

impl From<&ObjectMeta> for Id {
    fn from(meta: &ObjectMeta) -> Self {
        Self::new(
            meta.namespace.as_deref().unwrap_or_default(),
            meta.name.as_deref().unwrap_or_default(),
        )
    }
}

impl From<&networking::Ingress> for Ingress {
    fn from(ingress: &networking::Ingress) -> Self {
        let meta = &ingress.metadata;
        let spec = ingress.spec.as_ref();
        let rules = spec.and_then(|spec| spec.rules.as_deref()).unwrap_or_default();
        let tls = spec.and_then(|spec| spec.tls.as_deref()).unwrap_or_default();
        let balancer = ingress
            .status
            .as_ref()
            .and_then(|status| status.load_balancer.as_ref());
        let status = balancer
            .and_then(|balancer| balancer.ingress.as_deref())
            .unwrap_or_default();
        let default_backend = spec.and_then(|spec| spec.default_backend.as_ref());
        Self {
            id: meta.into(),
            uid: text(&meta.uid),
            created: created(meta),
            annotations: annotations(meta),
            class_name: spec
                .and_then(|spec| spec.ingress_class_name.as_deref())
                .map(Into::into),
            rules: rules.iter().map(Into::into).collect(),
            default_backend: default_backend.map(Into::into),
            secrets: tls.iter().map(|tls| text(&tls.secret_name)).collect(),
            status: status
                .iter()
                .map(|address| self::address(&address.ip, &address.hostname))
                .collect(),
        }
    }
}

impl From<&networking::IngressRule> for IngressRule {
    fn from(rule: &networking::IngressRule) -> Self {
        let path = |path: &networking::HTTPIngressPath| IngressPath {
            path: text(&path.path),
            path_type: match path.path_type.as_str() {
                "Exact" => PathType::Exact,
                "Prefix" => PathType::Prefix,
                "" | "ImplementationSpecific" => PathType::ImplementationSpecific,
                unknown => PathType::Unknown(unknown.into()),
            },
            backend: (&path.backend).into(),
        };
        let http = rule.http.as_ref();
        Self {
            host: text(&rule.host),
            paths: http.map(|http| http.paths.iter().map(path).collect()),
        }
    }
}

impl From<&networking::IngressBackend> for Backend {
    fn from(backend: &networking::IngressBackend) -> Self {
        let Some(service) = &backend.service else {
            return Self::Other;
        };
        let port = service.port.as_ref();
        let number = port.and_then(|port| port.number).unwrap_or_default();
        let named = port
            .and_then(|port| port.name.as_deref())
            .filter(|name| !name.is_empty());
        Self::Service {
            name: service.name.as_str().into(),
            port: named.map_or(PortRef::Number(number), |name| PortRef::Name(name.into())),
        }
    }
}

impl From<&networking::IngressClass> for IngressClass {
    fn from(class: &networking::IngressClass) -> Self {
        let controller = class.spec.as_ref().and_then(|spec| spec.controller.as_deref());
        Self {
            id: (&class.metadata).into(),
            controller: controller.unwrap_or_default().into(),
        }
    }
}

impl From<&core::Service> for Service {
    fn from(service: &core::Service) -> Self {
        let meta = &service.metadata;
        let spec = service.spec.as_ref();
        let ports = spec.and_then(|spec| spec.ports.as_deref()).unwrap_or_default();
        let external = spec
            .and_then(|spec| spec.external_ips.as_deref())
            .unwrap_or_default();
        let balancer = service
            .status
            .as_ref()
            .and_then(|status| status.load_balancer.as_ref());
        let status = balancer
            .and_then(|balancer| balancer.ingress.as_deref())
            .unwrap_or_default();
        Self {
            id: meta.into(),
            uid: text(&meta.uid),
            annotations: annotations(meta),
            kind: match spec.and_then(|spec| spec.type_.as_deref()) {
                Some("NodePort") => ServiceType::NodePort,
                Some("LoadBalancer") => ServiceType::LoadBalancer,
                Some("ExternalName") => ServiceType::ExternalName,
                _ => ServiceType::ClusterIp,
            },
            cluster_ip: spec.map_or_else(Box::default, |spec| text(&spec.cluster_ip)),
            external_name: spec.map_or_else(Box::default, |spec| text(&spec.external_name)),
            external_ips: external.iter().map(|ip| ip.as_str().into()).collect(),
            ports: ports
                .iter()
                .map(|port| ServicePort {
                    name: text(&port.name),
                    number: port.port,
                    node_port: port.node_port.unwrap_or_default(),
                })
                .collect(),
            status: status
                .iter()
                .map(|address| self::address(&address.ip, &address.hostname))
                .collect(),
        }
    }
}

impl Slice {
    /// `None` for one that belongs to no Service.
    #[must_use]
    pub fn of(slice: &discovery::EndpointSlice) -> Option<Self> {
        let meta = &slice.metadata;
        let service = meta.labels.as_ref()?.get(SERVICE_NAME)?;
        let ports = slice.ports.as_deref().unwrap_or_default();
        let port = |port: &discovery::EndpointPort| SlicePort {
            name: port.name.as_deref().map(Into::into),
            number: port.port,
        };
        let endpoint = |endpoint: &discovery::Endpoint| {
            let conditions = endpoint.conditions.as_ref();
            Endpoint {
                addresses: endpoint
                    .addresses
                    .iter()
                    .map(|address| address.as_str().into())
                    .collect(),
                serving: conditions
                    .and_then(|conditions| conditions.serving)
                    .unwrap_or(true),
                terminating: conditions
                    .and_then(|conditions| conditions.terminating)
                    .unwrap_or(false),
            }
        };
        Some(Self {
            id: meta.into(),
            service: service.as_str().into(),
            created: created(meta),
            ports: ports.iter().map(port).collect(),
            endpoints: slice.endpoints.iter().map(endpoint).collect(),
        })
    }
}

impl Secret {
    /// `None` for one that holds neither a certificate nor a key.
    #[must_use]
    pub fn of(secret: &core::Secret) -> Option<Self> {
        let data = |key: &str| {
            let data = secret.data.as_ref().and_then(|data| data.get(key));
            let data = data.map(|bytes| bytes.0.as_slice());
            // Only files have this: the API turns it into data.
            let plain = secret.string_data.as_ref().and_then(|data| data.get(key));
            plain.map(String::as_bytes).or(data)
        };
        let (certificate, key) = (data("tls.crt"), data("tls.key"));
        certificate.or(key)?;
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(Into::into);
        Some(Self {
            id: (&secret.metadata).into(),
            certificate: certificate.and_then(text),
            key: key.and_then(text),
        })
    }
}

impl From<&core::Node> for Node {
    fn from(node: &core::Node) -> Self {
        let addresses = node
            .status
            .as_ref()
            .and_then(|status| status.addresses.as_deref());
        let addresses = addresses.unwrap_or_default();
        let of = |kind: &str| {
            let those = addresses.iter().filter(|address| address.type_ == kind);
            those.map(|address| address.address.as_str().into()).collect()
        };
        Self {
            id: (&node.metadata).into(),
            internal: of("InternalIP"),
            external: of("ExternalIP"),
        }
    }
}

/// Those that somebody reads, by key.
fn annotations(meta: &ObjectMeta) -> Annotations {
    let all: Option<&BTreeMap<String, String>> = meta.annotations.as_ref();
    let is_read =
        |key: &str| key.starts_with(PREFIX) || key.starts_with(NGINX_PREFIX) || key == CLASS_ANNOTATION;
    let read = all.into_iter().flatten().filter(|(key, _)| is_read(key));
    read.map(|(key, value)| (key.as_str().into(), value.as_str().into()))
        .collect()
}

fn created(meta: &ObjectMeta) -> i64 {
    meta.creation_timestamp
        .as_ref()
        .map_or(0, |time| time.0.as_second())
}

fn address(ip: &Option<String>, hostname: &Option<String>) -> Address {
    Address {
        ip: text(ip),
        hostname: text(hostname),
    }
}

fn text(text: &Option<String>) -> Box<str> {
    text.as_deref().unwrap_or_default().into()
}

macro_rules! objects {
    ($($wire:ty => $kind:ident),*) => {$(
        impl From<&$wire> for super::Object {
            fn from(object: &$wire) -> Self {
                Self::$kind(Arc::new(object.into()))
            }
        }
    )*};
}

objects! {
    networking::Ingress => Ingress,
    networking::IngressClass => IngressClass,
    core::Service => Service,
    core::Node => Node
}
