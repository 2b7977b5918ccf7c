//! What `providers.kubernetesIngress` says about the meaning of objects, read and checked.

use super::{Address, Id};

/// What objects mean beyond their annotations.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// `ingressClass`; empty for any that is ours.
    pub class: String,
    /// Are IngressClass objects looked up? Without them no `spec.ingressClassName` is ours.
    pub looks_classes_up: bool,
    /// `allowEmptyServices`.
    pub allow_empty_services: bool,
    /// `allowExternalNameServices`.
    pub allow_external_names: bool,
    /// `crossProviderNamespaces`: who may name objects of other providers; `None` for everybody.
    pub cross_provider_namespaces: Option<Vec<String>>,
    /// `nativeLBByDefault`.
    pub native_lb: bool,
    /// `strictPrefixMatching`.
    pub strict_prefixes: bool,
    /// `nginxAnnotations`: read `nginx.ingress.kubernetes.io/`, and take Ingresses of the class `nginx`.
    pub nginx_annotations: bool,
    /// What is written into the status of every Ingress that is used.
    pub status: Status,
}

/// What is written into the status of Ingresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Status {
    /// Nothing.
    #[default]
    None,
    /// `ingressEndpoint.ip` and `.hostname`.
    Fixed(Address),
    /// `ingressEndpoint.publishedService`: where that Service is found.
    Service(Id),
    /// `reportNodeInternalIPs`.
    Nodes,
}
