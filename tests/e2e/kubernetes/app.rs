//! An application of the cluster: a Service, its pods, and an Ingress.

use std::cell::RefCell;
use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::cluster::Cluster;
use crate::harness::crowd::wait_for_newcomers_at;
use crate::harness::{Browser, Piton, Server, within};

/// How soon a change of the cluster is in use at the latest, also after pauses that grew.
pub const SOON: Duration = Duration::from_secs(20);
/// What annotations of the Service begin with.
pub const SERVICE: &str = "traefik.ingress.kubernetes.io/service";
/// What annotations of the Ingress begin with.
pub const ROUTER: &str = "traefik.ingress.kubernetes.io/router";

/// What a cluster says of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pod {
    /// Not yet ready.
    Starting,
    /// Ready.
    Serving,
    /// Told to stop; it still serves.
    Stopping,
    /// Told to stop; it does not serve any more.
    Stopped,
}

/// A Service `app` with one EndpointSlice of its pods, and an Ingress for every path.
pub struct App<'c> {
    cluster: &'c Cluster,
    name: String,
    port: u16,
    pods: RefCell<Vec<(IpAddr, Pod)>>,
}

impl<'c> App<'c> {
    /// Sticky by the cookie `sid`, with these pods serving.
    pub fn sticky(cluster: &'c Cluster, pods: &[&Server]) -> Self {
        let app = Self::new(cluster, "app", pods);
        app.service(&[("sticky.cookie.name", "sid")]);
        app.ingress("", &[]);
        app
    }

    /// Only the pods, yet.
    pub fn new(cluster: &'c Cluster, name: &str, pods: &[&Server]) -> Self {
        let app = Self {
            cluster,
            name: name.to_owned(),
            port: pods[0].address().port(),
            pods: RefCell::default(),
        };
        let serving: Vec<_> = pods.iter().map(|&pod| (pod, Pod::Serving)).collect();
        app.become_all(&serving);
        app
    }

    /// The Service, with annotations `service.*`.
    pub fn service(&self, annotations: &[(&str, &str)]) {
        self.cluster.apply(json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": self.name, "annotations": prefixed(SERVICE, annotations)},
            "spec": {"ports": [{"name": "http", "port": 80, "targetPort": self.port, "protocol": "TCP"}]}
        }));
    }

    /// An Ingress for a host, or any, with annotations whose names are whole.
    pub fn ingress(&self, host: &str, annotations: &[(&str, &str)]) {
        let backend = json!({"service": {"name": self.name, "port": {"number": 80}}});
        let mut rule = json!({"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}});
        if !host.is_empty() {
            rule["host"] = json!(host);
        }
        let annotations: Map<String, Value> = annotations
            .iter()
            .map(|&(name, value)| (name.to_owned(), json!(value)))
            .collect();
        self.cluster.apply(json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": self.name, "annotations": annotations}, "spec": {"rules": [rule]}
        }));
    }

    /// One pod, new or known, is so now.
    pub fn becomes(&self, server: &Server, pod: Pod) {
        self.become_all(&[(server, pod)]);
    }

    /// The same of several at once.
    pub fn become_all(&self, changes: &[(&Server, Pod)]) {
        {
            let mut pods = self.pods.borrow_mut();
            for (server, pod) in changes {
                let address = server.address().ip();
                match pods.iter_mut().find(|(known, _)| *known == address) {
                    Some((_, known)) => *known = *pod,
                    None => pods.push((address, *pod)),
                }
            }
        }
        self.tell();
    }

    /// A pod is no more.
    pub fn loses(&self, server: &Server) {
        let address = server.address().ip();
        self.pods.borrow_mut().retain(|(known, _)| *known != address);
        self.tell();
    }

    /// Writes the EndpointSlice, as its controller does.
    pub fn tell(&self) {
        let endpoint = |(address, pod): &(IpAddr, Pod)| {
            let serving = matches!(pod, Pod::Serving | Pod::Stopping);
            let conditions = json!({
                "ready": *pod == Pod::Serving, "serving": serving,
                "terminating": matches!(pod, Pod::Stopping | Pod::Stopped)
            });
            json!({"addresses": [address.to_string()], "conditions": conditions})
        };
        let endpoints: Vec<Value> = self.pods.borrow().iter().map(endpoint).collect();
        self.cluster.apply(json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {
                "name": format!("{}-x7k2p", self.name), "labels": {"kubernetes.io/service-name": self.name}
            },
            "endpoints": endpoints, "ports": [{"name": "http", "port": self.port, "protocol": "TCP"}]
        }));
    }
}

fn prefixed(prefix: &str, annotations: &[(&str, &str)]) -> Map<String, Value> {
    annotations
        .iter()
        .map(|(name, value)| (format!("{prefix}.{name}"), json!(value)))
        .collect()
}

/// Returns once piton watches every kind of object over connections of now: what happens from here on comes by them.
pub fn is_followed(cluster: &Cluster) {
    const ALL: [&str; 6] = [
        "nodes",
        "ingresses",
        "ingressclasses",
        "services",
        "secrets",
        "endpointslices",
    ];
    let server = cluster.server();
    within(SOON, "everything is watched", || {
        ALL.iter().all(|resource| server.watching(resource) == 1)
    });
}

/// Returns once new users arrive at exactly these servers; failures count by their status.
pub fn wait_for(piton: &Piton, names: &[&str]) {
    wait_for_newcomers_at(piton.address(), names);
}

/// A user whose session is at this server.
pub fn user_at(piton: &Piton, name: &str) -> Browser {
    let mut found = None;
    within(SOON, &format!("a new user arrives at {name}"), || {
        let mut user = Browser::new();
        let is_there = user.ask(piton.address()).text() == name;
        found = Some(user).filter(|_| is_there);
        found.is_some()
    });
    found.unwrap()
}
