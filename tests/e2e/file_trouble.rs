//! Files that are no configuration. None of them may hang piton, end it or take the last good one away.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;
use std::time::Duration;

use crate::harness::{Piton, Server, Setup, app_of, eventually, get, swap, within};

fn to(server: &Server) -> String {
    app_of(&[&format!("url: {}", server.url())], "")
}

/// A piton that reads `conf/` with one good file in it.
fn directory(server: &Server) -> Piton {
    let setup = Setup::new("").provider("directory: {dir}/conf");
    setup.dir().write("conf/app.yaml", &to(server));
    setup.start()
}

/// It serves, refuses the directory with a line that has all of `parts`, and recovers once `path` is gone.
fn refused(piton: &Piton, path: &str, parts: &[&str]) {
    piton.wait_for_line(parts);
    assert_eq!(get(piton.address(), "/").text(), "app", "the last good one stays");
    let path = piton.dir().join(path);
    fs::remove_file(&path)
        .or_else(|_| fs::remove_dir_all(&path))
        .unwrap();
    let other = Server::named("other");
    fs::write(piton.dir().join("conf/app.yaml"), to(&other)).unwrap();
    within(Duration::from_secs(5), "a fix applies", || {
        get(piton.address(), "/").text() == "other"
    });
}

#[test]
fn a_fifo_is_not_opened() {
    let server = Server::named("app");
    let piton = directory(&server);
    let fifo = piton.dir().join("conf/fifo.yaml");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    refused(&piton, "conf/fifo.yaml", &["fifo.yaml", "not a regular file"]);
}

#[test]
fn nine_megabytes_are_too_much() {
    let server = Server::named("app");
    let piton = directory(&server);
    swap(
        &piton.dir().join("conf/large.yaml"),
        &"# nothing\n".repeat(950_000),
    );
    refused(&piton, "conf/large.yaml", &["large.yaml", "8 MiB"]);
}

#[test]
fn a_binary_file_is_refused_with_its_place() {
    let server = Server::named("app");
    let piton = directory(&server);
    fs::write(piton.dir().join("conf/binary.yaml"), [0xff, 0xfe, 0, 1, 2, 0x80]).unwrap();
    refused(&piton, "conf/binary.yaml", &["binary.yaml", "error"]);
}

#[test]
fn an_alias_bomb_is_refused_at_once() {
    let server = Server::named("app");
    let piton = directory(&server);
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let above = format!("*a{}, ", level - 1).repeat(9);
        bomb.push_str(&format!("a{level}: &a{level} [{above}]\n"));
    }
    swap(&piton.dir().join("conf/bomb.yaml"), &(bomb + "http: *a11\n"));
    refused(&piton, "conf/bomb.yaml", &["bomb.yaml:", "error"]);
}

#[test]
fn nesting_without_end_is_refused() {
    let server = Server::named("app");
    let piton = directory(&server);
    swap(
        &piton.dir().join("conf/deep.yaml"),
        &format!("http: {}", "[".repeat(100_000)),
    );
    refused(&piton, "conf/deep.yaml", &["deep.yaml", "error"]);
}

#[test]
fn links_that_lead_in_circles_are_not_followed() {
    let server = Server::named("app");
    let piton = directory(&server);
    symlink(piton.dir().join("conf"), piton.dir().join("conf/loop")).unwrap();
    symlink("self.yaml", piton.dir().join("conf/self.yaml")).unwrap();
    refused(&piton, "conf/self.yaml", &["self.yaml", "cannot be read"]);
    assert_eq!(
        piton.count(&["already configured"]),
        0,
        "the directory is read once"
    );
}

#[test]
fn a_link_to_nowhere_and_a_directory_with_a_files_name_are_survived() {
    let server = Server::named("app");
    let piton = directory(&server);
    fs::create_dir(piton.dir().join("conf/dir.yaml")).unwrap();
    symlink("/nonexistent/file.yaml", piton.dir().join("conf/nowhere.yaml")).unwrap();
    refused(&piton, "conf/nowhere.yaml", &["nowhere.yaml", "cannot be read"]);
}

#[test]
fn an_unreadable_file_is_named() {
    let server = Server::named("app");
    let piton = directory(&server);
    let secret = piton.dir().join("conf/secret.yaml");
    fs::write(&secret, "http: {}\n").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o0)).unwrap();
    if fs::read(&secret).is_ok() {
        // Root reads everything; nothing to see then.
        return;
    }
    refused(&piton, "conf/secret.yaml", &["secret.yaml", "cannot be read"]);
}

#[test]
fn what_is_no_configuration_by_its_name_is_not_read() {
    let server = Server::named("app");
    let piton = directory(&server);
    for name in [
        "notes.txt",
        "app.yaml~",
        "app.yaml.swp",
        ".app.yaml.tmp",
        "Makefile",
    ] {
        fs::write(piton.dir().join("conf").join(name), "{{ rubbish").unwrap();
    }
    let other = Server::named("other");
    swap(&piton.dir().join("conf/app.yaml"), &to(&other));
    eventually("the good one is read", || {
        get(piton.address(), "/").text() == "other"
    });
    assert_eq!(piton.count(&["refused"]), 0);
}

#[test]
fn broken_items_are_disabled_with_a_reason_and_the_rest_runs() {
    let server = Server::named("app");
    let text = format!(
        "http:
  routers:
    good: {{rule: PathPrefix(`/`), service: app}}
    badrule: {{rule: Pathh(`/bad`), service: app}}
    badregex: {{rule: \"PathRegexp(`/bad(`)\", service: app}}
    noservice: {{rule: Path(`/bad`), service: missing}}
    middleware: {{rule: PathPrefix(`/bad`), service: app, middlewares: [auth]}}
    tls: {{rule: PathPrefix(`/bad`), service: app, tls: {{options: nowhere}}}}
    entry: {{rule: PathPrefix(`/bad`), service: app, entryPoints: [other]}}
    kind: {{rule: PathPrefix(`/bad`), service: weighted}}
  middlewares:
    auth: {{basicAuth: {{users: [\"a:b\"]}}}}
  services:
    app: {{loadBalancer: {{servers: [{{url: {}}}, {{url: \"ftp://a\"}}, {{url: \"not a url\"}}]}}}}
    strategy: {{loadBalancer: {{strategy: best, servers: [{{url: \"http://127.0.0.1:1\"}}]}}}}
    none: {{loadBalancer: {{servers: [{{url: \"ftp://a\"}}]}}}}
    weighted: {{weighted: {{services: [{{name: app}}, {{name: gone}}]}}}}
",
        server.url()
    );
    let piton = Piton::with(&text);
    assert_eq!(get(piton.address(), "/").text(), "app");
    assert_eq!(
        get(piton.address(), "/bad").text(),
        "app",
        "the next router matches"
    );
    for parts in [
        ["badrule@file", "Pathh"],
        ["badregex@file", "disabled"],
        ["noservice@file", "missing@file"],
        ["middleware@file", "auth@file"],
        ["tls@file", "nowhere"],
        ["entry@file", "other"],
        ["kind@file", "gone@file"],
        ["strategy@file", "best"],
        ["none@file", "none of its servers"],
        ["app@file", "servers[1].url"],
        ["app@file", "servers[2].url"],
    ] {
        piton.wait_for_line(&parts);
    }
}
