//! Files that change, in all the ways in which files are changed (issue, section 3).

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use crate::harness::{Piton, Server, Setup, app_of, eventually, get, holds_for, swap, within};

/// The dynamic file for one server.
fn to(server: &Server) -> String {
    app_of(&[&format!("url: {}", server.url())], "")
}

/// The answer's body; a status other than 200 as text.
fn answer(address: SocketAddr) -> String {
    let answer = get(address, "/");
    if answer.status == 200 {
        answer.text()
    } else {
        answer.status.to_string()
    }
}

fn arrives(piton: &Piton, name: &str) {
    within(Duration::from_secs(5), name, || answer(piton.address()) == name);
}

fn two() -> (Server, Server) {
    (Server::named("one"), Server::named("two"))
}

#[test]
fn a_file_renamed_over_the_old_one_is_in_use_within_a_second() {
    let (one, two) = two();
    let piton = Piton::with(&to(&one));
    // The watcher of a busy machine may start late; from here on it runs.
    piton.reload(&to(&two));
    piton.reload(&to(&one));
    assert_eq!(answer(piton.address()), "one");
    for _ in 0..2 {
        swap(&piton.file(), &to(&two));
        within(Duration::from_millis(1500), "two", || {
            answer(piton.address()) == "two"
        });
        swap(&piton.file(), &to(&one));
        within(Duration::from_millis(1500), "one", || {
            answer(piton.address()) == "one"
        });
    }
}

#[test]
fn a_file_emptied_and_written_later_never_empties_the_configuration() {
    let (one, two) = two();
    let piton = Piton::with(&to(&one));
    for (server, before, after) in [(&two, "one", "two"), (&one, "two", "one")] {
        fs::write(piton.file(), "").unwrap();
        holds_for(Duration::from_millis(200), "the old one serves", || {
            answer(piton.address()) == before
        });
        let text = to(server);
        let (half, rest) = text.split_at(text.len() / 2);
        fs::write(piton.file(), half).unwrap();
        holds_for(Duration::from_millis(20), "the old one serves", || {
            answer(piton.address()) == before
        });
        fs::write(piton.file(), format!("{half}{rest}")).unwrap();
        let mut answers = Vec::new();
        within(Duration::from_secs(5), after, || {
            answers.push(answer(piton.address()));
            answers.last().unwrap() == after
        });
        assert!(
            answers.iter().all(|answer| answer == before || answer == after),
            "{answers:?}"
        );
    }
}

/// Makes `dir` what the kubelet makes of a ConfigMap: `file` -> `..data/file`, `..data` -> a directory.
fn config_map(dir: &Path, turn: usize, text: &str) {
    let version = dir.join(format!("..2026_{turn}"));
    fs::create_dir_all(&version).unwrap();
    fs::write(version.join("app.yaml"), text).unwrap();
    symlink(version.file_name().unwrap(), dir.join("..data_tmp")).unwrap();
    fs::rename(dir.join("..data_tmp"), dir.join("..data")).unwrap();
    if turn == 0 {
        symlink("..data/app.yaml", dir.join("app.yaml")).unwrap();
    } else {
        fs::remove_dir_all(dir.join(format!("..2026_{}", turn - 1))).unwrap();
    }
}

#[test]
fn config_map_swaps_are_followed_again_and_again_in_both_modes() {
    for provider in ["filename: {dir}/map/app.yaml", "directory: {dir}/map"] {
        let (one, two) = two();
        let setup = Setup::new("").provider(provider);
        let map = setup.dir().join("map");
        config_map(&map, 0, &to(&one));
        let piton = setup.start();
        assert_eq!(answer(piton.address()), "one", "{provider}");
        for turn in 1..6 {
            let (server, name) = if turn % 2 == 1 {
                (&two, "two")
            } else {
                (&one, "one")
            };
            config_map(&map, turn, &to(server));
            arrives(&piton, name);
        }
        assert_eq!(piton.count(&["already configured"]), 0, "each file is read once");
    }
}

#[test]
fn a_new_sub_directory_is_read_and_so_is_what_comes_into_it_later() {
    let (one, two) = two();
    let setup = Setup::new("").provider("directory: {dir}/conf");
    let dir = setup.dir().join("conf");
    setup.dir().write("conf/empty.yaml", "# nothing yet\n");
    let piton = setup.start();
    assert_eq!(answer(piton.address()), "404");
    fs::create_dir_all(dir.join("deep/deeper")).unwrap();
    fs::write(dir.join("deep/deeper/app.yml"), to(&one)).unwrap();
    arrives(&piton, "one");
    swap(&dir.join("deep/deeper/app.yml"), &to(&two));
    arrives(&piton, "two");
    fs::remove_file(dir.join("deep/deeper/app.yml")).unwrap();
    arrives(&piton, "404");
}

#[test]
fn a_directory_deleted_and_made_again_is_followed() {
    let (one, two) = two();
    let setup = Setup::new("").provider("directory: {dir}/conf");
    let dir = setup.dir().join("conf");
    setup.dir().write("conf/app.yaml", &to(&one));
    let piton = setup.start();
    for (server, name) in [(&two, "two"), (&one, "one")] {
        let before = answer(piton.address());
        fs::remove_dir_all(&dir).unwrap();
        holds_for(Duration::from_millis(700), "the last good one stays", || {
            answer(piton.address()) == before
        });
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("app.yaml"), to(server)).unwrap();
        arrives(&piton, name);
    }
}

#[test]
fn a_deleted_file_keeps_the_last_good_and_is_followed_when_it_returns() {
    let (one, two) = two();
    let piton = Piton::with(&to(&one));
    fs::remove_file(piton.file()).unwrap();
    piton.wait_for_line(&["cannot be read"]);
    assert_eq!(answer(piton.address()), "one");
    fs::write(piton.file(), to(&two)).unwrap();
    arrives(&piton, "two");
}

#[test]
fn a_bad_file_keeps_the_last_good_says_where_and_a_fix_applies_within_a_second() {
    let (one, two) = two();
    let piton = Piton::with(&to(&one));
    let file = piton.file().display().to_string();
    let bad = to(&two).replace("servers:", "serverz:");
    swap(&piton.file(), &bad);
    let line = piton.wait_for_line(&[&format!("{file}:5:9"), "serverz"]);
    assert!(line.contains("http.services.app.loadBalancer.serverz"), "{line}");
    assert!(line.contains("servers"), "did you mean: {line}");
    holds_for(Duration::from_millis(300), "the last good one stays", || {
        answer(piton.address()) == "one"
    });
    swap(&piton.file(), "http: [unclosed\n");
    piton.wait_for_line(&[&format!("{file}:2:1")]);
    assert_eq!(answer(piton.address()), "one");
    swap(&piton.file(), &to(&two));
    within(Duration::from_millis(1500), "the fix", || {
        answer(piton.address()) == "two"
    });
}

#[test]
fn a_bad_file_at_the_start_is_no_reason_to_stay_down() {
    let one = Server::named("one");
    let piton = Piton::with("http: {servicez: {}}\n");
    assert_eq!(answer(piton.address()), "404");
    swap(&piton.file(), &to(&one));
    arrives(&piton, "one");
}

#[test]
fn without_watch_only_sighup_reads_again() {
    let (one, two) = two();
    let setup = Setup::new(&to(&one)).provider("filename: {dir}/dynamic.yaml, watch: false");
    let mut piton = setup.start();
    swap(&piton.file(), &to(&two));
    holds_for(Duration::from_millis(1200), "not read", || {
        answer(piton.address()) == "one"
    });
    piton.signal("HUP");
    arrives(&piton, "two");
    assert!(piton.is_running());
}

#[test]
fn sighup_reads_again_while_watching_and_never_ends_the_process() {
    let one = Server::named("one");
    let mut piton = Piton::with(&to(&one));
    let reads = piton.count(&["configuration read"]);
    eventually("read again", || {
        // One that comes before the watcher runs is for nobody.
        piton.signal("HUP");
        piton.count(&["configuration read"]) > reads
    });
    assert!(piton.is_running());
    assert_eq!(piton.generation(), 1, "nothing changed");
}

#[test]
fn toml_is_read_too() {
    let one = Server::named("one");
    let setup = Setup::new("").provider("filename: {dir}/app.toml");
    let text = format!(
        "[[http.services.app.loadBalancer.servers]]\nurl = \"{}\"\n",
        one.url()
    );
    let path = setup.dir().write("app.toml", &text);
    let piton = setup.start();
    assert_eq!(answer(piton.address()), "one");
    swap(&path, "[http.services.app.loadBalancer]\nstrategi = \"wrr\"\n");
    piton.wait_for_line(&["app.toml:2:1", "http.services.app.loadBalancer.strategi"]);
    assert_eq!(answer(piton.address()), "one");
}

#[test]
fn a_go_template_is_refused_with_the_reason() {
    let (one, two) = two();
    let piton = Piton::with(&to(&one));
    let template = to(&two).replace("app:", "{{ env \"NAME\" }}:");
    swap(&piton.file(), &template);
    let line = piton.wait_for_line(&["dynamic.yaml:3:", "templat"]);
    assert!(line.contains("{{") || line.contains("not supported"), "{line}");
    assert_eq!(answer(piton.address()), "one");
}

#[test]
fn of_two_definitions_the_first_wins_with_a_warning() {
    let (one, two) = two();
    let setup = Setup::new("").provider("directory: {dir}/conf");
    setup.dir().write("conf/b.yaml", &to(&two));
    setup.dir().write("conf/a.yaml", &to(&one));
    let piton = setup.start();
    let line = piton.wait_for_line(&["http.services.app", "already configured"]);
    assert!(line.contains("b.yaml"), "{line}");
    assert_eq!(answer(piton.address()), "one");
    fs::remove_file(piton.dir().join("conf/a.yaml")).unwrap();
    arrives(&piton, "two");
}

#[test]
fn the_same_content_written_again_is_no_reload() {
    let (one, two) = two();
    let piton = Piton::with(&to(&one));
    let reads = || piton.count(&["configuration read"]);
    for _ in 0..3 {
        let before = reads();
        swap(&piton.file(), &to(&one));
        eventually("read again", || reads() > before);
    }
    // A comment changes the file, not what it says.
    let before = reads();
    swap(&piton.file(), &format!("# moved\n{}", to(&one)));
    eventually("read again", || reads() > before);
    assert_eq!(piton.generation(), 1);
    piton.reload(&to(&two));
    assert_eq!(piton.generation(), 2);
}

#[test]
fn reloads_come_no_faster_than_the_throttle_and_the_last_one_counts() {
    let (one, two) = two();
    let dir = crate::harness::TempDir::new();
    let file = dir.write("dynamic.yaml", &to(&one));
    let conf = format!(
        "entryPoints: {{web: {{address: \"127.0.0.1:0\"}}}}\nlog: {{level: INFO}}\nproviders:\n  \
         providersThrottleDuration: 1500ms\n  file: {{filename: \"{}\"}}\n",
        file.display()
    );
    let conf = dir.write("piton.yaml", &conf);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_piton"));
    command.arg("-c").arg(conf);
    let piton = Piton::spawn(command, Some(dir));
    for turn in 0..10 {
        swap(&file, &to(if turn % 2 == 0 { &one } else { &two }));
        sleep(Duration::from_millis(150));
    }
    arrives(&piton, "two");
    // One at the start; then at most one per period, of about two that have passed.
    assert!(piton.generation() <= 4, "{} reloads", piton.generation());
}
