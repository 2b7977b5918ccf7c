//! `providers.kubernetesIngress`: which API server is asked, and what its objects mean beyond their annotations
//! (traefik-providers 5.1).

use serde::Deserialize;

use crate::config::{Secret, Span};

/// `providers.kubernetesIngress`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KubernetesIngress {
    /// The API server, as a URL; inside a cluster it replaces what the environment says.
    pub endpoint: String,
    /// Token shown to the API server outside of a cluster: a file, or the token itself.
    pub token: Secret,
    /// Roots of the API server's certificate outside of a cluster: a file.
    pub cert_auth_file_path: String,
    /// Namespaces that are read; none for all.
    pub namespaces: Vec<String>,
    /// Which Ingresses are read, by their labels.
    pub label_selector: String,
    /// Which Ingresses are used; empty for all whose class is piton's.
    pub ingress_class: String,
    /// What is written into the status of every Ingress that is used.
    pub ingress_endpoint: Option<IngressEndpoint>,
    /// Write the internal addresses of all nodes into the status instead.
    #[serde(rename = "reportNodeInternalIPs")]
    pub report_node_internal_ips: bool,
    /// Shortest time between two configurations, besides `providersThrottleDuration`.
    pub throttle_duration: Span,
    /// Keep routers of services without endpoints: 503 instead of 404.
    pub allow_empty_services: bool,
    /// Allow services of type `ExternalName`.
    pub allow_external_name_services: bool,
    /// Namespaces whose objects may name those of other providers; absent for all of them.
    pub cross_provider_namespaces: Option<Vec<String>>,
    /// Do not read IngressClass objects. Deprecated by Traefik.
    pub disable_ingress_class_lookup: bool,
    /// Read nothing that belongs to no namespace: IngressClasses and Nodes.
    pub disable_cluster_scope_resources: bool,
    /// Send requests to the address of a service, not to its endpoints.
    #[serde(rename = "nativeLBByDefault")]
    pub native_lb_by_default: bool,
    /// Paths of type `Prefix` match whole segments, as Kubernetes wants it.
    pub strict_prefix_matching: bool,
    /// Read the annotations of ingress-nginx too.
    pub nginx_annotations: bool,
}

/// `providers.kubernetesIngress.ingressEndpoint`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IngressEndpoint {
    /// An address.
    pub ip: String,
    /// A host name.
    pub hostname: String,
    /// `namespace/name` of the Service whose addresses are used; wins over the others.
    pub published_service: String,
}
