//! What piton may do in the example, `conf/examples/kubernetes/rbac.yaml`, is enough for everything it does.

use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, PostParams};
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::app::{App, ROUTER, SOON, wait_for};
use super::cluster::{Cluster, block_on};
use crate::harness::within;

const RIGHTS: &str = include_str!("../../../conf/examples/kubernetes/rbac.yaml");

/// All that the rules allow, as our server wants it.
fn rules(objects: &[Value]) -> Vec<[String; 4]> {
    let words = |value: &Value| -> Vec<String> { serde_json::from_value(value.clone()).unwrap_or_default() };
    let mut all = Vec::new();
    for object in objects {
        // The example's namespace is that of the test here.
        let place = match object["kind"].as_str() {
            Some("ClusterRole") => "*",
            Some("Role") => "default",
            _ => continue,
        };
        for rule in object["rules"].as_array().unwrap() {
            let mut names = words(&rule["resourceNames"]);
            if names.is_empty() {
                names.push("*".to_owned());
            }
            for resource in words(&rule["resources"]) {
                for verb in words(&rule["verbs"]) {
                    let rules = names
                        .iter()
                        .map(|name| [verb.clone(), resource.clone(), place.to_owned(), name.clone()]);
                    all.extend(rules);
                }
            }
        }
    }
    all
}

/// The path of a kubeconfig with the rights of the example in this cluster, and with no other.
fn kubeconfig(cluster: &Cluster) -> String {
    let documents = serde_yaml::Deserializer::from_str(RIGHTS);
    let mut objects: Vec<Value> = documents
        .map(|document| Value::deserialize(document).unwrap())
        .collect();
    if !cluster.is_real() {
        cluster.server().permit(rules(&objects));
        return cluster.kubeconfig();
    }
    let namespace = &cluster.namespace;
    for object in &mut objects {
        if let Some(subjects) = object.get_mut("subjects") {
            subjects[0]["namespace"] = json!(namespace);
        }
        if object["metadata"]["namespace"].is_string() {
            object["metadata"]["namespace"] = json!(namespace);
        } else {
            // Of the whole cluster: a name that no other test has.
            object["metadata"]["name"] = json!(namespace);
        }
        if object.pointer("/roleRef/kind") == Some(&json!("ClusterRole")) {
            object["roleRef"]["name"] = json!(namespace);
        }
        cluster.apply_for_real(object.clone());
    }
    let accounts: Api<ServiceAccount> = cluster.api();
    let request = TokenRequest::default();
    let token = block_on(accounts.create_token_request("piton", &PostParams::default(), &request)).unwrap();
    let text = std::fs::read_to_string(cluster.kubeconfig()).unwrap();
    let mut config: Value = serde_yaml::from_str(&text).unwrap();
    for user in config["users"].as_array_mut().unwrap() {
        user["user"] = json!({"token": token.status.as_ref().unwrap().token});
    }
    let path = cluster.dir.write("kubeconfig-of-piton", &config.to_string());
    path.display().to_string()
}

#[test]
fn the_rights_of_the_example_suffice_for_everything() {
    let cluster = Cluster::new();
    let [a] = cluster.pods(["a"]);
    let app = App::sticky(&cluster, &[&a]);
    let bad = App::new(&cluster, "bad", &[&a]);
    bad.service(&[]);
    bad.ingress("bad.example.com", &[(&format!("{ROUTER}.priority"), "high")]);
    let path = kubeconfig(&cluster);
    let setup = cluster.setup("ingressEndpoint: {ip: 203.0.113.7}");
    let piton = setup.variable("KUBECONFIG", &path).start();
    wait_for(&piton, &["a"]);
    within(SOON, "the status is written", || {
        let ingress = cluster.get("Ingress", "app").unwrap();
        ingress["status"]["loadBalancer"]["ingress"][0]["ip"] == "203.0.113.7"
    });
    within(SOON, "there is an Event", || !cluster.all("Event").is_empty());
    assert_eq!(cluster.all("Lease").len(), 1);
    app.ingress("", &[("example.com/note", "1")]);
    wait_for(&piton, &["a"]);
    assert_eq!(piton.count(&["(403)"]), 0);
    if !cluster.is_real() {
        let refused = cluster.server().asked();
        let refused: Vec<_> = refused.iter().filter(|asked| asked.code == 403).collect();
        assert!(refused.is_empty(), "{refused:?}");
    }
}
