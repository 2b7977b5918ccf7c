//! `piton -t`: everything wrong at once, with file, line, column, key path, and what would be right.

use crate::harness::{TempDir, run_to_end};

/// Runs `-t`; returns whether it is content, and its lines with the directory taken out.
fn check(dir: &TempDir) -> (bool, Vec<String>) {
    let conf = dir.join("piton.yaml");
    let output = run_to_end(&["-t", "-c", conf.to_str().unwrap()]);
    let text = String::from_utf8(output.stderr).unwrap() + &String::from_utf8(output.stdout).unwrap();
    let text = text.replace(&format!("{}/", dir.path().display()), "");
    (output.status.success(), text.lines().map(str::to_owned).collect())
}

fn directory(statics: &str, dynamics: &str) -> TempDir {
    let dir = TempDir::new();
    let path = dir.path().display().to_string();
    dir.write("piton.yaml", &statics.replace("{dir}", &path));
    dir.write("dynamic.yaml", dynamics);
    dir
}

/// Some line has all the parts.
fn says(lines: &[String], parts: &[&str]) {
    let found = lines
        .iter()
        .any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(found, "no line with {parts:?} in\n{}", lines.join("\n"));
}

const STATIC: &str = "entryPoints:
  web:
    address: \"127.0.0.1:0\"
providers:
  file:
    filename: {dir}/dynamic.yaml
";

const GOOD: &str = "http:
  services:
    app:
      loadBalancer:
        sticky: {cookie: {}}
        servers:
          - url: http://127.0.0.1:8081
";

#[test]
fn a_good_file_is_good() {
    let (good, lines) = check(&directory(STATIC, GOOD));
    assert!(good, "{lines:?}");
    assert_eq!(lines, ["piton.yaml: 0 errors, 0 warnings"]);
}

#[test]
fn every_problem_of_the_dynamic_file_is_told_at_its_place() {
    let dynamic = "http:
  routers:
    badrule:
      rule: Hostt(`a`)
      service: app
    lost:
      rule: Host(`b`)
      service: nobody
  services:
    app:
      loadBalancer:
        strategy: best
        servers:
          - url: http://127.0.0.1:1
    cookie:
      loadBalancer:
        sticky: {cookie: {name: __Host-c, sameSite: none, domain: a.b}}
        servers:
          - url: http://127.0.0.1:1
            weight: -1
          - url: ftp://a
";
    let (good, lines) = check(&directory(STATIC, dynamic));
    assert!(!good);
    for parts in [
        ["dynamic.yaml:4:13: error: ", "http.routers.badrule.rule", "Hostt"],
        [
            "dynamic.yaml:8:16: error: ",
            "http.routers.lost.service",
            "nobody@file",
        ],
        [
            "dynamic.yaml:12:19: error: ",
            "http.services.app.loadBalancer.strategy",
            "wrr, p2c, leasttime, hrw",
        ],
        [
            "dynamic.yaml:17:26: warning: ",
            "http.services.cookie.loadBalancer.sticky.cookie",
            "sameSite: none",
        ],
        [
            "dynamic.yaml:17:26: warning: ",
            "http.services.cookie.loadBalancer.sticky.cookie",
            "__Host-",
        ],
        ["dynamic.yaml:20:21: warning: ", "servers[0].weight", "-1"],
        [
            "dynamic.yaml:21:18: warning: ",
            "servers[1].url",
            "http, https or h2c",
        ],
    ] {
        says(&lines, &parts);
    }
    assert_eq!(lines.last().unwrap(), "piton.yaml: 4 errors, 5 warnings");
}

#[test]
fn unknown_keys_of_the_dynamic_file_are_told_all_at_once_with_a_guess() {
    let dynamic = "http:
  routers:
    app: {rulee: Host(`a`), service: app}
  services:
    app:
      loadBalancr:
        servers: []
    other:
      loadBalancer:
        sticky: {cookie: {nam: c, maxAge: soon}}
        servers: [{url: http://a, weight: heavy}]
";
    let (good, lines) = check(&directory(STATIC, dynamic));
    assert!(!good);
    for parts in [
        [
            "dynamic.yaml:3:11: error: ",
            "http.routers.app.rulee",
            "did you mean \"rule\"?",
        ],
        [
            "dynamic.yaml:6:7: error: ",
            "http.services.app.loadBalancr",
            "did you mean \"loadBalancer\"?",
        ],
        [
            "dynamic.yaml:10:27: error: ",
            "http.services.other.loadBalancer.sticky.cookie.nam",
            "did you mean \"name\"?",
        ],
        [
            "dynamic.yaml:10:",
            "http.services.other.loadBalancer.sticky.cookie.maxAge",
            "soon",
        ],
        [
            "dynamic.yaml:11:",
            "http.services.other.loadBalancer.servers[0].weight",
            "heavy",
        ],
    ] {
        says(&lines, &parts);
    }
}

#[test]
fn problems_of_the_static_file_and_of_the_dynamic_one_come_together() {
    let statics = "entryPoints:
  web:
    adress: \":0\"
    address: \"127.0.0.1:0\"
provider: {}
serversTransport:
  insecureSkipVerifi: true
threds: 4
providers:
  file:
    filename: {dir}/dynamic.yaml
";
    let (good, lines) = check(&directory(statics, &GOOD.replace("servers:", "serverz:")));
    assert!(!good);
    for parts in [
        [
            "piton.yaml:3:5: error: ",
            "entryPoints.web.adress",
            "did you mean \"address\"?",
        ],
        [
            "piton.yaml:5:1: error: ",
            "provider",
            "did you mean \"providers\"?",
        ],
        [
            "piton.yaml:7:3: error: ",
            "serversTransport.insecureSkipVerifi",
            "\"insecureSkipVerify\"?",
        ],
        ["piton.yaml:8:1: error: ", "threds", "did you mean \"threads\"?"],
        [
            "dynamic.yaml:6:9: error: ",
            "http.services.app.loadBalancer.serverz",
            "did you mean \"servers\"?",
        ],
    ] {
        says(&lines, &parts);
    }
}

#[test]
fn values_of_the_static_file_that_cannot_be_used_are_told() {
    let more = "log: {level: LOUD}\nthreads: many\n";
    let (good, lines) = check(&directory(&format!("{STATIC}{more}"), GOOD));
    assert!(!good, "{lines:?}");
    says(&lines, &["threads", "many"]);
    let (good, lines) = check(&directory(&format!("{STATIC}log: {{level: LOUD}}\n"), GOOD));
    assert!(!good, "a level that a start would refuse: {lines:?}");
    says(&lines, &["log.level", "LOUD"]);
    let bad = STATIC.replace("127.0.0.1:0", "127.0.0.1:http");
    let (good, lines) = check(&directory(&bad, GOOD));
    assert!(!good, "{lines:?}");
    says(&lines, &["piton.yaml:3:14: error: ", "entryPoints.web.address"]);
    let trust = STATIC.replace(
        "providers:",
        "    forwardedHeaders: {trustedIPs: [everyone]}\nproviders:",
    );
    let (good, lines) = check(&directory(&trust, GOOD));
    assert!(!good, "{lines:?}");
    says(&lines, &["piton.yaml", "entryPoints.web", "everyone"]);
}

#[test]
fn warnings_alone_are_good() {
    let dynamic = GOOD.replace("cookie: {}", "cookie: {sameSite: none}");
    let (good, lines) = check(&directory(
        &format!("{STATIC}hostResolver: {{resolvDepth: 5}}\n"),
        &dynamic,
    ));
    assert!(good, "{lines:?}");
    says(
        &lines,
        &["piton.yaml:7:1: warning: ", "hostResolver", "not supported"],
    );
    says(
        &lines,
        &[
            "dynamic.yaml:5:26: warning: ",
            "http.services.app.loadBalancer.sticky.cookie",
        ],
    );
}

#[test]
fn files_that_cannot_be_read_are_told() {
    let dir = directory(STATIC, GOOD);
    std::fs::remove_file(dir.join("dynamic.yaml")).unwrap();
    let (good, lines) = check(&dir);
    assert!(!good);
    says(&lines, &["dynamic.yaml: error: ", "cannot be read"]);
    let (good, lines) = check(&TempDir::new());
    assert!(!good);
    says(&lines, &["piton.yaml: error: ", "cannot be read"]);
}

#[test]
fn syntax_errors_have_a_line_in_yaml_and_in_toml() {
    let (good, lines) = check(&directory(STATIC, "http:\n  services: [\n"));
    assert!(!good);
    says(&lines, &["dynamic.yaml:3:1: error: "]);
    let toml = STATIC.replace("dynamic.yaml", "dynamic.toml");
    let dir = directory(&toml, "");
    dir.write("dynamic.toml", "[http]\nservices = = 1\n");
    let (good, lines) = check(&dir);
    assert!(!good);
    says(&lines, &["dynamic.toml:2:12: error: "]);
    let dir = directory("entryPoints:\n  web: [\n", GOOD);
    let (good, lines) = check(&dir);
    assert!(!good);
    says(&lines, &["piton.yaml:3:1: error: "]);
}
