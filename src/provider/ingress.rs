//! What an Ingress means: objects of Kubernetes as neutral data, and the pure way from all of them to a configuration
//! (traefik-providers 5, 6.3).
//!
//! ```text
//! k8s-openapi object -> Object (what routing needs of it, nothing else) -> Converter -> Configuration + remarks
//! ```
//!
//! The [`Converter`] keeps what it made of each object and makes again only what a change touches: its configurations
//! share everything else (see [`Named`](crate::config::Named)).

mod certificates;
mod class;
mod conversion;
mod converter;
pub mod manifest;
mod names;
mod nginx;
mod notes;
mod object;
mod options;
mod plan;
mod remark;
mod rule;
mod servers;
mod settings;
mod status;
mod supplies;
#[cfg(test)]
mod tests;
mod wire;
mod world;

pub use conversion::Conversion;
pub use converter::Converter;
pub use object::{
    Address, Annotations, Backend, Endpoint, Id, Ingress, IngressClass, IngressPath, IngressRule, Kind, Node,
    Object, PathType, PortRef, Secret, Service, ServicePort, ServiceType, Slice, SlicePort,
};
pub use options::{Options, Status};
pub use remark::{About, Remark};
pub use status::Stale;

/// What the annotations of ingress-nginx begin with.
const NGINX_PREFIX: &str = "nginx.ingress.kubernetes.io/";
/// The annotation that named a class before `spec.ingressClassName`.
const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";
