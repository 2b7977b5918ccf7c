//! Five thousand Services: what a change costs is told by what is asked.

use serde_json::json;

use super::app::{App, Pod, is_followed, wait_for};
use super::cluster::Cluster;
use crate::apiserver::Asked;

const SERVICES: usize = 5_000;

#[test]
fn one_changed_endpoint_among_five_thousand_services_is_no_new_list() {
    let cluster = Cluster::ours();
    let [a, b] = cluster.pods(["a", "b"]);
    for number in 0..SERVICES {
        let name = format!("other-{number:04}");
        let meta = json!({"name": name});
        cluster.apply(json!({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": [{"port": 80}]}}));
        let meta = json!({"name": name, "labels": {"kubernetes.io/service-name": name}});
        let address = format!("10.{}.{}.1", number / 250, number % 250);
        cluster.apply(json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": meta, "addressType": "IPv4",
            "endpoints": [{"addresses": [address]}], "ports": [{"name": "", "port": 80}]
        }));
        let backend = json!({"service": {"name": name, "port": {"number": 80}}});
        let rule = json!({"host": format!("{name}.example.com"),
                          "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}});
        cluster.apply(json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": name}, "spec": {"rules": [rule]}
        }));
    }
    let app = App::sticky(&cluster, &[&a]);
    let piton = cluster.setup("").start();
    wait_for(&piton, &["a"]);
    let server = cluster.server();
    is_followed(&cluster);
    // Each of six kinds, in pages: once before it listens, once to follow.
    let asked = server.asked();
    let is_first = |asked: &&Asked| asked.verb == "list" && !asked.target.contains("continue=");
    let lists = asked.iter().filter(is_first).count();
    assert!(lists <= 2 * 6, "lists: {lists}");
    server.forget();
    app.becomes(&b, Pod::Serving);
    wait_for(&piton, &["a", "b"]);
    app.loses(&a);
    wait_for(&piton, &["b"]);
    assert_eq!(server.count("*", "*"), 0, "what is needed came by itself");
}
