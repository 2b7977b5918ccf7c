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
