//! Starting and stopping: failures to start are one clear line at once; what works in Traefik starts.

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::{Client, Piton, Server, Setup, TempDir, app_of, get, reserve, run_to_end, sticky_app};

/// Starts with a conf; it must fail within two seconds. Returns what it says.
fn fails(conf: &std::path::Path) -> String {
    let begin = Instant::now();
    let output = run_to_end(&["-c", conf.to_str().unwrap()]);
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap() + &String::from_utf8(output.stdout).unwrap();
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[test]
fn a_port_in_use_is_one_clear_line_at_once() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = TempDir::new();
    let conf = dir.write(
        "piton.yaml",
        &format!("entryPoints: {{web: {{address: \"{address}\"}}}}\n"),
    );
    let said = fails(&conf);
    assert_eq!(said.lines().count(), 1, "{said}");
    for part in ["piton: ", "\"web\"", &address, "in use"] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn a_conf_that_cannot_be_read_is_one_clear_line() {
    let dir = TempDir::new();
    let said = fails(&dir.join("missing.yaml"));
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.contains("missing.yaml") && said.contains("No such file"),
        "{said}"
    );
    std::fs::create_dir(dir.join("dir.yaml")).unwrap();
    let said = fails(&dir.join("dir.yaml"));
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.contains("dir.yaml") && said.contains("not a regular file"),
        "{said}"
    );
    let said = fails(&dir.write("conf.txt", ""));
    assert!(said.contains("conf.txt") && said.contains(".yaml"), "{said}");
}

#[test]
fn a_conf_with_errors_is_refused_with_all_of_them() {
    let dir = TempDir::new();
    let said = fails(&dir.write("piton.yaml", "entryPoint: {}\nproviderz: {}\n"));
    assert!(
        said.contains("piton.yaml:1:1: error: ") && said.contains("\"entryPoints\"?"),
        "{said}"
    );
    assert!(
        said.contains("piton.yaml:2:1: error: ") && said.contains("\"providers\"?"),
        "{said}"
    );
}

#[test]
fn a_traefik_yml_with_blocks_that_piton_lacks_serves_after_one_warning_each() {
    let server = Server::named("app");
    let dir = TempDir::new();
    dir.write("dynamic/app.yml", &sticky_app(&[&server], ""));
    let conf = format!(
        "global:
  checkNewVersion: true
  sendAnonymousUsage: false
entryPoints:
  web:
    address: \"127.0.0.1:0\"
    http3: {{}}
providers:
  providersThrottleDuration: 0
  consulCatalog:
    exposedByDefault: false
  file:
    directory: {}/dynamic
    watch: true
api:
  dashboard: true
certificatesResolvers:
  le:
    acme: {{email: a@b.c, storage: acme.json, tlsChallenge: {{}}}}
metrics:
  datadog: {{}}
tracing: {{otlp: {{grpc: {{endpoint: 'localhost:4317'}}}}}}
experimental:
  plugins: {{}}
log:
  level: INFO
",
        dir.path().display()
    );
    let conf = dir.write("traefik.yml", &conf);
    let mut command = Command::new(env!("CARGO_BIN_EXE_piton"));
    command.arg("-c").arg(conf);
    let piton = Piton::spawn(command, Some(dir));
    assert_eq!(get(piton.address(), "/").text(), "app");
    for (place, block) in [
        (":7:5: warning: ", "entryPoints.web.http3"),
        (":10:3: warning: ", "providers.consulCatalog"),
        (":17:1: warning: ", "certificatesResolvers"),
        (":21:3: warning: ", "metrics.datadog"),
        (":22:18: warning: ", "tracing.otlp.grpc"),
        (":23:1: warning: ", "experimental"),
    ] {
        assert_eq!(
            piton.count(&[place, &format!("{block}: "), "not supported"]),
            1,
            "{block}"
        );
    }
}

#[test]
fn a_piton_without_a_provider_answers_404() {
    let dir = TempDir::new();
    let conf = dir.write(
        "piton.yaml",
        "entryPoints: {web: {address: \"127.0.0.1:0\"}}\nlog: {level: INFO}\n",
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_piton"));
    command.arg("-c").arg(conf);
    let piton = Piton::spawn(command, Some(dir));
    assert_eq!(get(piton.address(), "/").status, 404);
    piton.wait_for_line(&["no provider"]);
}

#[test]
fn the_demo_answers_with_a_cookie_and_ends_within_a_second_of_sigint() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_piton"));
    // Port 0 is always taken over by the kernel's choice.
    command.args(["demo", "--servers", "3", "--port", "0"]);
    let mut demo = Piton::spawn(command, None);
    let mut seen = std::collections::BTreeSet::new();
    let mut cookie = String::new();
    crate::harness::eventually("the demo answers", || {
        let answer = get(demo.address(), "/");
        if answer.status == 200 {
            seen.insert(answer.text().lines().next().unwrap().to_owned());
            cookie = answer.cookies()[0].split(';').next().unwrap().to_owned();
        }
        seen.len() == 3
    });
    let first = crate::harness::get_as(demo.address(), &cookie);
    for _ in 0..4 {
        let next = crate::harness::get_as(demo.address(), &cookie);
        assert_eq!(
            (next.text().lines().next(), next.cookies().len()),
            (first.text().lines().next(), 0)
        );
    }
    // A connection that is open holds nothing up.
    let _idle = Client::connect(demo.address());
    demo.signal("INT");
    let (took, success) = demo.wait_for_end();
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert!(success, "{:?}", demo.log());
}

#[test]
fn the_demo_takes_another_port_when_its_own_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut command = Command::new(env!("CARGO_BIN_EXE_piton"));
    command.args(["demo", "--strategy", "p2c", "--port", &port.to_string()]);
    let demo = Piton::spawn(command, None);
    assert_ne!(demo.address().port(), port);
    assert_eq!(get(demo.address(), "/").status, 200);
}

#[test]
fn the_demos_application_is_a_server_alone() {
    let (_held, address) = reserve();
    let mut command = Command::new(env!("CARGO_BIN_EXE_piton"));
    command.args(["demo", "--app", &address.port().to_string()]);
    let mut application = Piton::launch(command, None);
    application.wait_for_line(&["piton demo: ", &format!(":{}", address.port())]);
    let answer = get(address, "/who");
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let said: Vec<String> = answer.text().lines().take(2).map(str::to_owned).collect();
    assert_eq!(
        (answer.status, said),
        (200, vec![name.trim().to_owned(), "GET /who".to_owned()])
    );
    application.signal("TERM");
    let (took, success) = application.wait_for_end();
    assert!(
        took < Duration::from_secs(5) && success,
        "{took:?} {:?}",
        application.log()
    );
}

#[test]
fn sigterm_lets_requests_in_flight_finish() {
    let server = Server::scripted(|_, stream| {
        std::thread::sleep(Duration::from_millis(800));
        crate::harness::respond(stream, 200, "finished");
        crate::harness::Then::Keep
    });
    let setup = Setup::new(&app_of(&[&format!("url: {}", server.url())], ""));
    let mut piton = setup
        .top("grace_period_seconds: 2\ngraceful_shutdown_timeout_seconds: 1\n")
        .start();
    let mut client = Client::connect(piton.address());
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    crate::harness::eventually("the server has it", || !server.received().is_empty());
    piton.signal("TERM");
    assert_eq!(client.read().text(), "finished");
    let (_, success) = piton.wait_for_end();
    assert!(success);
}

#[test]
fn help_and_version_are_answered() {
    let help = run_to_end(&["--help"]);
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(help.status.success());
    for part in [
        "-c, --conf",
        "-d, --daemon",
        "-u, --upgrade",
        "-t, --test",
        "demo",
        "cookie",
        "render",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(run_to_end(&["--version"]).status.success());
    assert!(!run_to_end(&["--no-such-flag"]).status.success());
}
