//! `piton render`: what objects become, before anything serves.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::harness::{TempDir, run_to_end, verdict};

/// What a run printed: the JSON, if it is one, and the lines said besides.
fn outcome(output: &Output) -> (Option<i32>, Value, Vec<String>) {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    let printed = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (
        output.status.code(),
        printed,
        said.lines().map(str::to_owned).collect(),
    )
}

fn rendered(provider: &str, options: Option<&Path>, files: &[&Path]) -> (Option<i32>, Value, Vec<String>) {
    let mut arguments = vec!["render", "--provider", provider];
    if let Some(options) = options {
        arguments.extend(["--options", options.to_str().unwrap()]);
    }
    arguments.extend(files.iter().map(|file| file.to_str().unwrap()));
    outcome(&run_to_end(&arguments))
}

/// Renders what comes from standard input.
fn piped(provider: &str, input: &str) -> (Option<i32>, Value, Vec<String>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_piton"))
        .args(["render", "--provider", provider, "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    outcome(&child.wait_with_output().unwrap())
}

/// `docker inspect` of a container with these labels.
fn container(name: &str, labels: &Value) -> Value {
    json!({
        "Id": name,
        "Name": format!("/{name}"),
        "Created": "2026-01-01T00:00:00Z",
        "State": {"Status": "running"},
        "Config": {"Labels": labels, "Env": ["PASSWORD=hunter2"]},
        "HostConfig": {"NetworkMode": "bridge"},
        "NetworkSettings": {"Ports": {"80/tcp": null}, "Networks": {"bridge": {"IPAddress": "172.17.0.2"}}}
    })
}

fn sticky() -> Value {
    container(
        "web",
        &json!({
            "traefik.http.services.web.loadbalancer.sticky.cookie": "true",
            "traefik.http.services.web.loadbalancer.sticky.cookie.name": "my_sticky_cookie",
        }),
    )
}

/// What `sticky` becomes.
fn sticky_configuration() -> Value {
    json!({"http": {
        "routers": {"web": {"service": "web", "rule": "Host(`web`)"}},
        "services": {"web": {"loadBalancer": {
            "strategy": "wrr",
            "sticky": {"cookie": {"name": "my_sticky_cookie", "path": "/"}},
            "servers": [{"url": "http://172.17.0.2:80"}],
            "passHostHeader": true,
            "responseForwarding": {"flushInterval": "100ms"}
        }}}
    }})
}

#[test]
fn containers_become_json_with_traefiks_names_and_remarks_go_to_standard_error() {
    let dir = TempDir::new();
    let broken = container("broken", &json!({"traefik.enable": "maybe"}));
    let file = dir.write("inspect.json", &json!([sticky(), broken]).to_string());
    assert_eq!(
        rendered("docker", None, &[&file]),
        (
            Some(0),
            sticky_configuration(),
            vec![
                "error: container \"broken\": left out: label traefik.enable: \"maybe\" is not true or false"
                    .to_owned()
            ]
        )
    );
}

#[test]
fn objects_come_in_lists_or_alone_from_files_or_standard_input() {
    let dir = TempDir::new();
    let alone = dir.write("one.json", &sticky().to_string());
    let other = container("other", &json!({})).to_string();
    let (_, printed, said) = rendered("docker", None, &[&alone, &dir.write("other.json", &other)]);
    assert_eq!(
        printed["http"]["routers"].as_object().unwrap().len(),
        2,
        "{said:?}"
    );
    assert_eq!(piped("docker", &sticky().to_string()).1, sticky_configuration());
    let (code, printed, _) = piped("docker", &format!("{}\n[{other}]", sticky()));
    assert_eq!(
        (code, printed["http"]["routers"].as_object().unwrap().len()),
        (Some(0), 2)
    );
    assert_eq!(piped("docker", "[]"), (Some(0), json!({}), vec![]));
}

#[test]
fn options_are_those_of_the_provider() {
    let dir = TempDir::new();
    let file = dir.write("inspect.json", &sticky().to_string());
    let options = dir.write("o.yaml", "defaultRule: Host(`{{ .Name }}.example.com`)\n");
    let (_, printed, _) = rendered("docker", Some(&options), &[&file]);
    assert_eq!(
        printed["http"]["routers"]["web"]["rule"],
        "Host(`web.example.com`)"
    );
    let options = dir.write("o.toml", "exposedByDefault = false\n");
    let (code, printed, _) = rendered("docker", Some(&options), &[&file]);
    assert_eq!((code, printed), (Some(0), json!({})));
    let nothing = dir.write("nothing.yaml", "# all defaults\n");
    assert_eq!(
        rendered("docker", Some(&nothing), &[&file]).1,
        sticky_configuration()
    );
}

#[test]
fn what_cannot_be_read_is_said_with_its_place_and_nothing_is_printed() {
    let dir = TempDir::new();
    let good = dir.write("good.json", &sticky().to_string());
    let misspelt = dir.write("misspelt.yaml", "watch: true\nexposedByDefualt: false\n");
    let wrong = dir.write("wrong.yaml", "watch: true\nconstraints: Label(`a`\n");
    for (options, file, said) in [
        (
            None,
            dir.join("none.json"),
            "none.json: error: cannot be read: No such file",
        ),
        (
            None,
            dir.write("half.json", "[{\"Id\":\n"),
            "half.json:2:1: error: EOF",
        ),
        (None, dir.write("empty.json", "\n"), "empty.json: error: is empty"),
        (
            None,
            dir.write("image.json", r#"[{"Id": "x", "RepoTags": []}]"#),
            "image.json: error: holds something that is no container",
        ),
        (
            Some(&misspelt),
            good.clone(),
            "misspelt.yaml:2:1: error: exposedByDefualt: unknown key",
        ),
        (
            Some(&wrong),
            good.clone(),
            "wrong.yaml:2:14: error: constraints: ",
        ),
        (
            Some(&dir.join("no.yaml")),
            good,
            "no.yaml: error: cannot be read: No such file",
        ),
    ] {
        let (code, printed, lines) = rendered("docker", options.map(|path| &**path), &[&file]);
        assert_eq!(
            (code, printed, lines.len()),
            (Some(1), Value::Null, 1),
            "{lines:?}"
        );
        assert!(lines[0].contains(said), "{lines:?}");
    }
    let (code, _, lines) = piped("docker", "");
    assert_eq!(
        (code, lines),
        (Some(1), vec!["standard input: error: is empty".to_owned()])
    );
    assert_eq!(rendered("consul", None, &[]).0, Some(2));
}

#[test]
fn objects_of_a_swarm_are_told_apart_by_themselves() {
    let dir = TempDir::new();
    let services = dir.write(
        "services.json",
        &json!([{
            "ID": "s1",
            "CreatedAt": "2026-01-01T00:00:00Z",
            "Spec": {"Name": "web", "Labels": {
                "traefik.http.services.web.loadbalancer.server.port": "80",
                "traefik.http.services.web.loadbalancer.sticky.cookie.secure": "true",
            }},
            "Endpoint": {},
        }])
        .to_string(),
    );
    let attachment =
        json!({"Network": {"Spec": {"Name": "app", "Scope": "swarm"}}, "Addresses": ["10.0.1.3/24"]});
    let task = |id: &str, node: &str| {
        json!({
            "ID": id, "ServiceID": "s1", "NodeID": node, "Slot": 1, "Spec": {}, "DesiredState": "running",
            "Status": {"State": "running"}, "NetworksAttachments": [attachment],
        })
    };
    let node = |id: &str, state: &str| json!({"ID": id, "Spec": {"Role": "worker"}, "Description": {}, "Status": {"State": state}});
    let network = json!({"Id": "n1", "Name": "app", "IPAM": {}, "Driver": "overlay"});
    let rest = json!([
        network,
        task("t1", "up"),
        task("t2", "gone"),
        node("up", "ready"),
        node("gone", "down")
    ]);
    let rest = dir.write("rest.json", &rest.to_string());
    let (code, printed, said) = rendered("swarm", None, &[&services, &rest]);
    assert_eq!((code, said), (Some(0), vec![]));
    let balancer = &printed["http"]["services"]["web"]["loadBalancer"];
    assert_eq!(balancer["servers"], json!([{"url": "http://10.0.1.3:80"}]));
    assert_eq!(
        balancer["sticky"],
        json!({"cookie": {"secure": true, "path": "/"}})
    );
}

#[test]
fn what_is_rendered_is_a_dynamic_file_too() {
    let (_, printed, _) = piped("docker", &sticky().to_string());
    let (is_content, said) = verdict(&serde_json::to_string_pretty(&printed).unwrap());
    assert!(is_content && said.contains("0 errors, 0 warnings"), "{said}");
}

/// A Service, one endpoint of it, and an Ingress with annotations.
fn manifests(annotations: &str) -> String {
    format!(
        r#"
{{apiVersion: v1, kind: Service, metadata: {{name: web, namespace: shop}}, spec: {{ports: [{{name: http, port: 80}}]}}}}
---
{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4,
 metadata: {{name: web-x, namespace: shop, labels: {{kubernetes.io/service-name: web}}}},
 ports: [{{name: http, port: 8080}}], endpoints: [{{addresses: [10.0.0.5]}}]}}
---
{{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {{name: web, namespace: shop, annotations: {{{annotations}}}}},
 spec: {{tls: [{{secretName: cert}}], rules: [{{host: shop.example.com, http: {{paths: [{{path: /a, pathType: Prefix,
 backend: {{service: {{name: web, port: {{number: 80}}}}}}}}]}}}}]}}}}
---
{{apiVersion: v1, kind: ConfigMap, metadata: {{name: other}}}}
"#
    )
}

/// A Secret with a certificate.
fn certificate() -> (String, String) {
    let pair = rcgen::generate_simple_self_signed(["shop.example.com".to_owned()]).unwrap();
    let key = pair.signing_key.serialize_pem();
    let data = json!({"tls.crt": pair.cert.pem(), "tls.key": key});
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "cert", "namespace": "shop"}, "stringData": data
    });
    let inside = key.lines().nth(1).unwrap().to_owned();
    (format!("---\n{secret}\n"), inside)
}

#[test]
fn manifests_become_what_a_cluster_would_serve_and_no_key_is_shown() {
    let dir = TempDir::new();
    let (secret, inside) = certificate();
    let file = dir.write("shop.yaml", &(manifests("") + &secret));
    let options = dir.write("o.yaml", "strictPrefixMatching: true\n");
    let arguments = ["render", "--provider", "KubernetesIngress", "--options"];
    let files = [options.to_str().unwrap(), file.to_str().unwrap()];
    let output = run_to_end(&[&arguments[..], &files[..]].concat());
    let (code, printed, said) = outcome(&output);
    assert_eq!(code, Some(0), "{said:?}");
    assert_eq!(
        printed["http"]["routers"]["shop-web-shop-example-com-a"]["rule"],
        r#"Host("shop.example.com") && (Path("/a") || PathPrefix("/a/"))"#
    );
    let balancer = &printed["http"]["services"]["shop-web-80"]["loadBalancer"];
    assert_eq!(balancer["servers"], json!([{"url": "http://10.0.0.5:8080"}]));
    let certificate = &printed["tls"]["certificates"][0];
    assert!(
        certificate["certFile"]
            .as_str()
            .unwrap()
            .contains("BEGIN CERTIFICATE")
    );
    assert_eq!(certificate["keyFile"], "(secret)");
    for stream in [&output.stdout, &output.stderr] {
        assert!(!String::from_utf8_lossy(stream).contains(&inside));
    }
    let skipped = said.iter().find(|line| line.contains("ConfigMap other")).unwrap();
    assert!(
        skipped.starts_with("info: ") && skipped.contains("shop.yaml: document 4"),
        "{said:?}"
    );
}

#[test]
fn a_mistake_in_an_annotation_is_said_with_its_ingress_and_the_rest_is_rendered() {
    let wrong = manifests("traefik.ingress.kubernetes.io/router.priorty: '1'");
    let (code, printed, said) = piped("kubernetesIngress", &wrong);
    assert_eq!((code, printed), (Some(0), json!({})));
    let of_ingress = said
        .iter()
        .find(|line| line.starts_with("error: ingress shop/web: "));
    assert!(of_ingress.unwrap().contains("\"priority\""), "{said:?}");
    let (code, printed, said) = piped(
        "kubernetesIngress",
        "{apiVersion: v1, kind: Service, metadata: [}",
    );
    assert_eq!((code, printed), (Some(1), Value::Null));
    assert!(
        said[0].starts_with("standard input: error: document 1: "),
        "{said:?}"
    );
    let dir = TempDir::new();
    let options = dir.write("o.yaml", "ingressEndpoint: {publishedService: piton}\n");
    let file = dir.write("shop.yaml", &manifests(""));
    let (code, _, said) = rendered("kubernetesIngress", Some(&options), &[&file]);
    assert_eq!(code, Some(1));
    let place = "o.yaml:1:37: error: ingressEndpoint.publishedService: ";
    assert!(said[0].contains(place), "{said:?}");
}
