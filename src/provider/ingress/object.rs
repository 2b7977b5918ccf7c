//! Objects of a cluster, as far as routing cares.

use std::fmt;
use std::sync::Arc;

/// Namespace and name; of what belongs to no namespace the first is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl Id {
    /// That object.
    #[must_use]
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.namespace {
            "" => f.write_str(&self.name),
            namespace => write!(f, "{namespace}/{}", self.name),
        }
    }
}

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `networking.k8s.io/v1` Ingress.
    Ingress,
    /// `networking.k8s.io/v1` IngressClass.
    IngressClass,
    /// `v1` Service.
    Service,
    /// `discovery.k8s.io/v1` EndpointSlice.
    EndpointSlice,
    /// `v1` Secret.
    Secret,
    /// `v1` Node.
    Node,
}

/// One object.
#[derive(Debug, Clone, PartialEq)]
pub enum Object {
    /// Rules that lead to services.
    Ingress(Arc<Ingress>),
    /// Who is responsible for an Ingress.
    IngressClass(Arc<IngressClass>),
    /// Ports under a name.
    Service(Arc<Service>),
    /// Some of the endpoints of a service.
    Slice(Arc<Slice>),
    /// A certificate and its key.
    Secret(Arc<Secret>),
    /// A machine.
    Node(Arc<Node>),
}

/// The annotations that somebody reads, by key: those below `traefik.ingress.kubernetes.io/`,
/// `nginx.ingress.kubernetes.io/`, and `kubernetes.io/ingress.class`.
pub type Annotations = Box<[(Box<str>, Box<str>)]>;

/// An Ingress.
#[derive(Debug, Clone, PartialEq)]
pub struct Ingress {
    /// Its name.
    pub id: Id,
    /// Its `metadata.uid`.
    pub uid: Box<str>,
    /// When it was made, in seconds of Unix time.
    pub created: i64,
    /// Annotations that somebody reads.
    pub annotations: Annotations,
    /// `spec.ingressClassName`.
    pub class_name: Option<Box<str>>,
    /// `spec.rules`.
    pub rules: Box<[IngressRule]>,
    /// `spec.defaultBackend`.
    pub default_backend: Option<Backend>,
    /// `spec.tls[].secretName`, in order.
    pub secrets: Box<[Box<str>]>,
    /// `status.loadBalancer.ingress`.
    pub status: Box<[Address]>,
}

/// One of `spec.rules`.
#[derive(Debug, Clone, PartialEq)]
pub struct IngressRule {
    /// `host`; empty for any.
    pub host: Box<str>,
    /// `http.paths`; `None` when there is no `http`.
    pub paths: Option<Box<[IngressPath]>>,
}

/// One of `http.paths`.
#[derive(Debug, Clone, PartialEq)]
pub struct IngressPath {
    /// `path`; may be empty.
    pub path: Box<str>,
    /// `pathType`.
    pub path_type: PathType,
    /// `backend`.
    pub backend: Backend,
}

/// `pathType`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathType {
    /// `Exact`.
    Exact,
    /// `Prefix`.
    Prefix,
    /// `ImplementationSpecific`, or nothing.
    ImplementationSpecific,
    /// Something Kubernetes does not have.
    Unknown(Box<str>),
}

/// `backend` of a path, or `defaultBackend`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backend {
    /// A port of a service in the namespace of the Ingress.
    Service {
        /// Its name.
        name: Arc<str>,
        /// Which port.
        port: PortRef,
    },
    /// Something that is no service: `resource`, or nothing at all.
    Other,
}

/// A port of a service, as a backend names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortRef {
    /// By its name.
    Name(Box<str>),
    /// By its number; 0 when nothing is given.
    Number(i32),
}

/// A Service.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Its name.
    pub id: Id,
    /// Its `metadata.uid`.
    pub uid: Box<str>,
    /// Annotations that somebody reads.
    pub annotations: Annotations,
    /// `spec.type`.
    pub kind: ServiceType,
    /// `spec.clusterIP`; empty or `None` when it has none.
    pub cluster_ip: Box<str>,
    /// `spec.externalName`.
    pub external_name: Box<str>,
    /// `spec.externalIPs`.
    pub external_ips: Box<[Box<str>]>,
    /// `spec.ports`.
    pub ports: Box<[ServicePort]>,
    /// `status.loadBalancer.ingress`.
    pub status: Box<[Address]>,
}

/// `spec.type` of a Service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ServiceType {
    /// Only inside the cluster.
    #[default]
    ClusterIp,
    /// On every machine.
    NodePort,
    /// Behind a balancer outside.
    LoadBalancer,
    /// A name elsewhere.
    ExternalName,
}

/// One of `spec.ports`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePort {
    /// Its name; may be empty.
    pub name: Box<str>,
    /// Its number.
    pub number: i32,
    /// `nodePort`; 0 for none.
    pub node_port: i32,
}

/// An EndpointSlice.
#[derive(Debug, Clone, PartialEq)]
pub struct Slice {
    /// Its name.
    pub id: Id,
    /// Name of its service, in the same namespace: label `kubernetes.io/service-name`.
    pub service: Arc<str>,
    /// When it was made, in seconds of Unix time.
    pub created: i64,
    /// Its ports.
    pub ports: Box<[SlicePort]>,
    /// Its endpoints.
    pub endpoints: Box<[Endpoint]>,
}

/// One of the ports of an EndpointSlice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlicePort {
    /// Its name; one without never matches.
    pub name: Option<Box<str>>,
    /// Its number.
    pub number: Option<i32>,
}

/// One of the endpoints of an EndpointSlice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its addresses, as written.
    pub addresses: Box<[Box<str>]>,
    /// `conditions.serving`; said by nobody means yes.
    pub serving: bool,
    /// `conditions.terminating`; said by nobody means no.
    pub terminating: bool,
}

/// A Secret with a certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its name.
    pub id: Id,
    /// `tls.crt`; `None` when there is none, or it is no text.
    pub certificate: Option<Box<str>>,
    /// `tls.key`; `None` when there is none, or it is no text.
    pub key: Option<Box<str>>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// An IngressClass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngressClass {
    /// Its name.
    pub id: Id,
    /// `spec.controller`.
    pub controller: Box<str>,
}

/// A Node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub id: Id,
    /// Addresses of type `InternalIP`.
    pub internal: Box<[Box<str>]>,
    /// Addresses of type `ExternalIP`.
    pub external: Box<[Box<str>]>,
}

/// One of `status.loadBalancer.ingress`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// `ip`; may be empty.
    pub ip: Box<str>,
    /// `hostname`; may be empty.
    pub hostname: Box<str>,
}
