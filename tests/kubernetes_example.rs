//! conf/examples/kubernetes, held against what piton needs and what it makes of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "in tests a panic is the report"
)]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde::Deserialize as _;
use serde_json::{Value as Json, json};
use serde_yaml::Value;

/// Everything piton asks of an API server: group, resource, verb, and the name of the one object.
const EVERYWHERE: &[(&str, &str, &str)] = &[
    ("networking.k8s.io", "ingresses", "list"),
    ("networking.k8s.io", "ingresses", "watch"),
    ("networking.k8s.io", "ingressclasses", "list"),
    ("networking.k8s.io", "ingressclasses", "watch"),
    ("", "services", "list"),
    ("", "services", "watch"),
    ("discovery.k8s.io", "endpointslices", "list"),
    ("discovery.k8s.io", "endpointslices", "watch"),
    ("", "secrets", "list"),
    ("", "secrets", "watch"),
    ("", "nodes", "list"),
    ("", "nodes", "watch"),
    // Statuses.
    ("networking.k8s.io", "ingresses", "get"),
    ("networking.k8s.io", "ingresses/status", "update"),
    // What is wrong with an object.
    ("events.k8s.io", "events", "create"),
];

/// The same in piton's own namespace.
const AT_HOME: &[(&str, &str, &str, &str)] = &[
    ("coordination.k8s.io", "leases", "create", ""),
    ("coordination.k8s.io", "leases", "get", LEASE),
    ("coordination.k8s.io", "leases", "update", LEASE),
    ("coordination.k8s.io", "leases", "get", LEASE_OF_CLASS),
    ("coordination.k8s.io", "leases", "update", LEASE_OF_CLASS),
];

/// Who writes statuses; with `ingressClass: piton`.
const LEASE: &str = "piton-ingress-status";
const LEASE_OF_CLASS: &str = "piton-ingress-status-piton";

/// The Ingress of the article, unchanged.
const ARTICLE: &str = r#"
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: my-ingress
  annotations:
    traefik.ingress.kubernetes.io/service.sticky.cookie: "true"
    traefik.ingress.kubernetes.io/service.sticky.cookie.name: "my_sticky_cookie"
    traefik.ingress.kubernetes.io/service.sticky.cookie.secure: "true"
spec:
  rules:
  - http:
      paths:
      - path: /
        backend:
          service:
            name: my-service
            port:
              number: 80
"#;

/// What a cluster has besides: a Service and one endpoint of it, in a namespace.
fn backend(namespace: &str) -> String {
    format!(
        r#"
---
{{apiVersion: v1, kind: Service, metadata: {{name: my-service, namespace: {namespace}}},
 spec: {{ports: [{{name: http, port: 80, targetPort: 8080}}]}}}}
---
{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4,
 metadata: {{name: my-service-x, namespace: {namespace}, labels: {{kubernetes.io/service-name: my-service}}}},
 ports: [{{name: http, port: 8080}}], endpoints: [{{addresses: [10.0.0.5], conditions: {{ready: true}}}}]}}
"#
    )
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/examples/kubernetes")
}

fn documents(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    let documents = serde_yaml::Deserializer::from_str(&text);
    documents
        .map(|document| Value::deserialize(document).unwrap())
        .collect()
}

/// The files that a kustomization lists, and those of the directories it lists.
fn resources(directory: &Path) -> Vec<PathBuf> {
    let kustomization = documents(&directory.join("kustomization.yaml")).remove(0);
    let listed = kustomization["resources"].as_sequence().unwrap().iter();
    let listed = listed.map(|name| directory.join(name.as_str().unwrap()));
    let files = listed.map(|path| {
        if path.is_dir() {
            resources(&path)
        } else {
            vec![path]
        }
    });
    files.flatten().collect()
}

fn objects() -> Vec<Value> {
    resources(&top())
        .iter()
        .flat_map(|path| documents(path))
        .collect()
}

fn object(kind: &str, name: &str) -> Value {
    let is_it = |object: &Value| object["kind"] == kind && object["metadata"]["name"] == name;
    objects().into_iter().find(is_it).unwrap()
}

fn texts(value: &Value) -> Vec<String> {
    let items = value.as_sequence().into_iter().flatten();
    items.map(|item| item.as_str().unwrap().to_owned()).collect()
}

/// Group, resource, verb and name (empty for any) of every rule.
fn permissions(role: &Value) -> Vec<(String, String, String, String)> {
    let mut permissions = Vec::new();
    for rule in role["rules"].as_sequence().unwrap() {
        let mut names = texts(&rule["resourceNames"]);
        if names.is_empty() {
            names.push(String::new());
        }
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                for verb in texts(&rule["verbs"]) {
                    let with = |name: &String| (group.clone(), resource.clone(), verb.clone(), name.clone());
                    permissions.extend(names.iter().map(with));
                }
            }
        }
    }
    permissions.sort();
    permissions
}

fn piton(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_piton"))
        .args(arguments)
        .current_dir(top())
        // As in a pod.
        .env("KUBERNETES_SERVICE_HOST", "10.96.0.1")
        .env("KUBERNETES_SERVICE_PORT", "443")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// What objects become, and what is said about them.
fn rendered(manifests: &str) -> (Json, String) {
    let output = piton(&["render", "--provider", "kubernetesIngress", "-"], manifests);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    (serde_json::from_slice(&output.stdout).unwrap(), said)
}

/// What the article's Ingress means for a service with the servers of `backend`.
fn sticky() -> Json {
    json!({
        "loadBalancer": {
            "strategy": "wrr",
            "sticky": {"cookie": {"name": "my_sticky_cookie", "secure": true, "path": "/"}},
            "servers": [{"url": "http://10.0.0.5:8080"}],
            "passHostHeader": true,
            "responseForwarding": {"flushInterval": "100ms"}
        }
    })
}

#[test]
fn piton_may_do_what_it_does_and_nothing_else() {
    let mut everywhere: Vec<_> = EVERYWHERE
        .iter()
        .map(|(group, resource, verb)| {
            (
                (*group).to_owned(),
                (*resource).to_owned(),
                (*verb).to_owned(),
                String::new(),
            )
        })
        .collect();
    everywhere.sort();
    assert_eq!(permissions(&object("ClusterRole", "piton")), everywhere);
    let mut at_home: Vec<_> = AT_HOME
        .iter()
        .map(|(group, resource, verb, name)| {
            (
                (*group).to_owned(),
                (*resource).to_owned(),
                (*verb).to_owned(),
                (*name).to_owned(),
            )
        })
        .collect();
    at_home.sort();
    let role = object("Role", "piton");
    assert_eq!(permissions(&role), at_home);
    for kind in ["Role", "RoleBinding", "ServiceAccount", "Deployment"] {
        assert_eq!(object(kind, "piton")["metadata"]["namespace"], "piton", "{kind}");
    }
    for kind in ["ClusterRoleBinding", "RoleBinding"] {
        let binding = object(kind, "piton");
        assert_eq!(binding["roleRef"]["kind"], kind.trim_end_matches("Binding"));
        assert_eq!(binding["subjects"][0]["name"], "piton");
        assert_eq!(binding["subjects"][0]["namespace"], "piton");
    }
}

#[test]
fn the_articles_ingress_unchanged_gives_its_cookie() {
    let (printed, said) = rendered(&(ARTICLE.to_owned() + &backend("default")));
    assert_eq!(
        printed["http"]["services"],
        json!({"default-my-service-80": sticky()}),
        "{said}"
    );
    let router = json!({"service": "default-my-service-80", "rule": "PathPrefix(\"/\")"});
    assert_eq!(
        printed["http"]["routers"],
        json!({"default-my-ingress": router}),
        "{said}"
    );
    assert_eq!(said, "");
}

#[test]
fn the_demo_becomes_the_same_by_the_class_of_the_example() {
    let class = std::fs::read_to_string(top().join("class.yaml")).unwrap();
    let ingress = std::fs::read_to_string(top().join("demo/ingress.yaml")).unwrap();
    let (printed, said) = rendered(&[&class, "\n---\n", &ingress, &backend("demo")].concat());
    assert_eq!(
        printed["http"]["services"],
        json!({"demo-my-service-80": sticky()}),
        "{said}"
    );
}

#[test]
fn the_configuration_is_one() {
    let output = piton(&["-t", "-c", "piton.yaml"], "");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("piton.yaml: 0 errors, 0 warnings"), "{said}");
    assert!(output.status.success(), "{said}");
}

#[test]
fn every_manifest_is_listed_and_every_name_leads_somewhere() {
    let mut found = BTreeSet::new();
    for directory in [top(), top().join("demo")] {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let is_manifest = name.ends_with(".yaml") && name != "kustomization.yaml" && name != "piton.yaml";
            found.extend(is_manifest.then_some(path));
        }
    }
    assert_eq!(found, resources(&top()).into_iter().collect());
    for object in objects() {
        let pod = &object["spec"]["template"];
        let labels = match object["kind"].as_str().unwrap() {
            "Deployment" => &object["spec"]["selector"]["matchLabels"],
            _ => continue,
        };
        assert_eq!(labels, &pod["metadata"]["labels"], "{object:?}");
    }
    for (name, pods) in [("piton", "piton"), ("my-service", "my-app")] {
        let service = object("Service", name);
        let deployment = object("Deployment", pods);
        let pod = &deployment["spec"]["template"];
        assert_eq!(service["spec"]["selector"], pod["metadata"]["labels"], "{name}");
        let ports = pod["spec"]["containers"][0]["ports"].as_sequence().unwrap();
        let target = &service["spec"]["ports"][0]["targetPort"];
        assert!(ports.iter().any(|port| port["name"] == *target), "{name}");
    }
    let budget = object("PodDisruptionBudget", "piton");
    assert_eq!(budget["spec"]["selector"]["matchLabels"]["app"], "piton");
    let class = object("IngressClass", "piton");
    assert_eq!(class["spec"]["controller"], "traefik.io/ingress-controller");
    assert_eq!(
        object("Ingress", "my-ingress")["spec"]["ingressClassName"],
        "piton"
    );
}

#[test]
fn ports_and_times_of_the_pod_are_those_of_the_configuration() {
    let conf = documents(&top().join("piton.yaml")).remove(0);
    let deployment = object("Deployment", "piton");
    let pod = &deployment["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let port = |name: &str| {
        let mut ports = container["ports"].as_sequence().unwrap().iter();
        let port = ports.find(|port| port["name"] == name).unwrap();
        format!(":{}", port["containerPort"].as_u64().unwrap())
    };
    assert_eq!(conf["entryPoints"]["web"]["address"], port("web").as_str());
    assert_eq!(conf["entryPoints"]["traefik"]["address"], port("ping").as_str());
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        assert_eq!(container[probe]["httpGet"]["path"], "/ping", "{probe}");
        assert_eq!(container[probe]["httpGet"]["port"], "ping", "{probe}");
    }
    let grace = conf["entryPoints"]["web"]["transport"]["lifeCycle"]["graceTimeOut"]
        .as_str()
        .unwrap();
    let grace: u64 = grace.trim_end_matches('s').parse().unwrap();
    let before = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        .as_u64()
        .unwrap();
    // Five seconds later piton is ended by Pingora, whatever is stuck.
    let at_most = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
    assert!(before + grace + 5 < at_most, "{before} + {grace} + 5 < {at_most}");
}

#[test]
fn pods_are_nobody_and_write_nothing() {
    for name in ["piton", "my-app"] {
        let deployment = object("Deployment", name);
        let pod = &deployment["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{name}");
        assert_eq!(
            pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault",
            "{name}"
        );
        assert_eq!(
            container["securityContext"]["readOnlyRootFilesystem"], true,
            "{name}"
        );
        assert_eq!(
            container["securityContext"]["allowPrivilegeEscalation"], false,
            "{name}"
        );
        assert_eq!(
            texts(&container["securityContext"]["capabilities"]["drop"]),
            ["ALL"],
            "{name}"
        );
        assert_eq!(
            deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"], 0,
            "{name}"
        );
        assert_eq!(container["image"], "piton", "{name}");
    }
}
