//! The access log: lines byte for byte, with the times masked.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{
    Client, Gate, Piton, Server, Setup, cookie_of, get, get_as, request, sticky_app, within,
};

const PATIENCE: Duration = Duration::from_secs(10);

/// Piton in front of `server` that logs to `access.log`.
fn logging(server: &Server, options: &str) -> Piton {
    Setup::new(&sticky_app(&[server], ""))
        .top(&format!("accessLog: {{filePath: '{{dir}}/access.log'{options}}}"))
        .start()
}

fn path(piton: &Piton) -> PathBuf {
    piton.dir().join("access.log")
}

/// So many lines, once they are there.
fn lines(piton: &Piton, count: usize) -> Vec<String> {
    let read = || -> Vec<String> {
        let text = fs::read_to_string(path(piton)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    };
    within(PATIENCE, &format!("{count} lines"), || read().len() >= count);
    assert_eq!(read().len(), count);
    read()
}

/// The line with everything that differs between runs replaced by `*`.
fn masked(line: &str, server: &Server) -> String {
    let line = line.replace(&server.address().to_string(), "SERVER");
    match line.split_once(" [") {
        Some((before, rest)) if !line.starts_with('{') => {
            let (time, after) = rest.split_once(']').unwrap();
            assert!(time.len() == 26 && time.ends_with(" +0000"), "{time}");
            let after = match after.rsplit_once("\" ") {
                Some((kept, millis)) if millis.ends_with("ms") => format!("{kept}\" *ms"),
                _ => after.to_owned(),
            };
            format!("{before} [*]{after}")
        }
        _ => {
            let mut value: serde_json::Value = serde_json::from_str(&line).unwrap();
            for key in [
                "ClientAddr",
                "ClientPort",
                "Duration",
                "OriginDuration",
                "Overhead",
                "StartLocal",
                "StartUTC",
                "time",
            ] {
                if let Some(field) = value.get_mut(key) {
                    *field = serde_json::Value::String("*".to_owned());
                }
            }
            // The bytes of the line: the order of keys is part of them.
            let mut masked = String::new();
            for (place, part) in line.trim_matches(['{', '}']).split(",\"").enumerate() {
                let key = part.trim_start_matches('"').split('"').next().unwrap();
                let comma = if place == 0 { "" } else { "," };
                masked.push_str(&format!("{comma}\"{key}\":{}", value[key]));
            }
            format!("{{{masked}}}")
        }
    }
}

#[test]
fn common_lines_are_traefiks() {
    let server = Server::named("a");
    let piton = logging(&server, "");
    get_as(piton.address(), &cookie_of(&server));
    request(
        piton.address(),
        "POST /a%20b?c=d",
        &["X-Forwarded-For: 1.2.3.4", "User-Agent: \"x\"", "Referer: r"],
        b"xyz",
    );
    let lines = lines(&piton, 2);
    assert_eq!(
        masked(&lines[0], &server),
        "127.0.0.1 - - [*] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\" 1 \"app@file\" \"http://SERVER\" *ms"
    );
    assert_eq!(
        masked(&lines[1], &server),
        "127.0.0.1 - - [*] \"POST /a%20b?c=d HTTP/1.1\" 200 1 \"-\" \"-\" 2 \"app@file\" \"http://SERVER\" *ms"
    );
}

#[test]
fn generic_lines_end_after_the_user_agent_and_no_value_ends_its_quotes() {
    let server = Server::named("a");
    let keep = ", format: genericCLF, fields: {headers: {names: {User-Agent: keep, Referer: redact}}}";
    let piton = logging(&server, keep);
    request(
        piton.address(),
        "GET /",
        &["User-Agent: \"x\" \\", "Referer: r"],
        b"",
    );
    assert_eq!(
        masked(&lines(&piton, 1)[0], &server),
        "127.0.0.1 - - [*] \"GET / HTTP/1.1\" 200 1 \"REDACTED\" \"\\\"x\\\" \\\\\""
    );
}

#[test]
fn json_lines_have_traefiks_fields_in_order_and_pitons_result() {
    let server = Server::named("a");
    let piton = logging(
        &server,
        ", format: json, fields: {headers: {defaultMode: drop, names: {Cookie: redact, x-a: keep, X-Server: keep}}}",
    );
    let cookie = format!("Cookie: {}", cookie_of(&server));
    request(
        piton.address(),
        "GET /a",
        &[&cookie, "X-A: 1\tx", "X-A: 2", "Authorization: secret"],
        b"",
    );
    assert_eq!(
        masked(&lines(&piton, 1)[0], &server),
        "{\"ClientAddr\":\"*\",\"ClientHost\":\"127.0.0.1\",\"ClientPort\":\"*\",\"ClientUsername\":\"-\",\
         \"DownstreamContentSize\":1,\"DownstreamStatus\":200,\"Duration\":\"*\",\"OriginContentSize\":1,\
         \"OriginDuration\":\"*\",\"OriginStatus\":200,\"Overhead\":\"*\",\"RequestAddr\":\"piton.test\",\
         \"RequestContentSize\":0,\"RequestCount\":1,\"RequestHost\":\"piton.test\",\"RequestMethod\":\"GET\",\
         \"RequestPath\":\"/a\",\"RequestPort\":\"-\",\"RequestProtocol\":\"HTTP/1.1\",\"RequestScheme\":\"http\",\
         \"RetryAttempts\":0,\"RouterName\":\"app@file\",\"ServiceAddr\":\"SERVER\",\"ServiceName\":\"app@file\",\
         \"ServiceURL\":\"http://SERVER\",\"StartLocal\":\"*\",\"StartUTC\":\"*\",\"StickyResult\":\"hit\",\
         \"downstream_X-Server\":\"a\",\"entryPointName\":\"web\",\"level\":\"info\",\"msg\":\"\",\
         \"origin_X-Server\":\"a\",\"request_Cookie\":\"REDACTED\",\"request_X-A\":\"1\\tx,2\",\"time\":\"*\"}"
    );
}

#[test]
fn rules_drop_and_redact_fields_and_queries() {
    let server = Server::named("a");
    let piton = logging(
        &server,
        ", format: json, fields: {defaultMode: drop, names: {RequestPath: keep, ClientHost: redact}, \
         queryParameters: {defaultMode: redact}}",
    );
    get(piton.address(), "/a?token=secret&b");
    let line = &lines(&piton, 1)[0];
    let (fields, _) = line.split_once(",\"time\"").unwrap();
    assert_eq!(
        fields,
        "{\"ClientHost\":\"REDACTED\",\"RequestPath\":\"/a?token=REDACTED&b\",\"level\":\"info\",\"msg\":\"\""
    );
}

#[test]
fn any_filter_that_says_yes_is_enough() {
    let server = Server::named("a");
    let piton = Setup::new(&format!(
        "http: {{routers: {{r: {{rule: 'Path(`/a`)', service: app}}}}, services: {{app: {{loadBalancer: {{servers: [{{url: '{}'}}]}}}}}}}}",
        server.url()
    ))
    .top("accessLog: {filePath: '{dir}/access.log', filters: {statusCodes: ['404', '500-599'], minDuration: 1h}}")
    .start();
    get(piton.address(), "/a");
    get(piton.address(), "/b");
    get(piton.address(), "/a");
    let lines = lines(&piton, 1);
    assert_eq!(
        masked(&lines[0], &server),
        "127.0.0.1 - - [*] \"GET /b HTTP/1.1\" 404 19 \"-\" \"-\" 2 \"-\" \"-\" *ms"
    );
}

#[test]
fn a_client_that_leaves_is_a_line_with_499() {
    let (server, _gate) = Gate::server("a");
    let piton = logging(&server, "");
    let mut client = Client::connect(piton.address());
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    within(PATIENCE, "the server has it", || _gate.working() == 1);
    drop(client);
    assert!(lines(&piton, 1)[0].contains("\"GET /slow HTTP/1.1\" 499 0 "));
}

/// Lets the clients end also when the test fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn rotation_under_load_loses_no_line() {
    let server = Server::named("a");
    let piton = logging(&server, "");
    let (address, is_over) = (piton.address(), AtomicBool::new(false));
    let sent: usize = thread::scope(|scope| {
        let _over = Over(&is_over);
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = Client::connect(address);
                    let mut sent = 0;
                    while !is_over.load(Ordering::Relaxed) {
                        assert_eq!(client.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
                        sent += 1;
                    }
                    sent
                })
            })
            .collect();
        for round in 0..5 {
            let rotated = piton.dir().join(format!("access.log.{round}"));
            within(PATIENCE, "lines", || {
                fs::metadata(path(&piton)).is_ok_and(|it| it.len() > 1000)
            });
            fs::rename(path(&piton), rotated).unwrap();
            piton.signal("USR1");
            within(PATIENCE, "a new file", || path(&piton).exists());
        }
        is_over.store(true, Ordering::Relaxed);
        clients.into_iter().map(|client| client.join().unwrap()).sum()
    });
    let count = |path: PathBuf| fs::read_to_string(path).unwrap().lines().count();
    let rotated = || -> usize {
        (0..5)
            .map(|round| count(piton.dir().join(format!("access.log.{round}"))))
            .sum()
    };
    within(PATIENCE, "all lines", || rotated() + count(path(&piton)) == sent);
}

#[test]
fn a_disk_that_takes_nothing_costs_lines_and_no_request_waits() {
    let server = Server::named("a");
    let setup = Setup::new(&sticky_app(&[&server], ""));
    let fifo = setup.dir().join("access.log");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let mut piton = setup
        .top("accessLog: {filePath: '{dir}/access.log', bufferingSize: 10}\nmetrics: {prometheus: {entryPoint: web}}")
        .start();
    let mut client = Client::connect(piton.address());
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(4000));
    let slowest = (0..200).map(|_| {
        let begin = Instant::now();
        assert_eq!(client.exchange(&long).status, 200);
        begin.elapsed()
    });
    assert!(slowest.max().unwrap() < Duration::from_secs(2));
    let dropped = || -> u64 {
        let text = get(piton.address(), "/metrics").text();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("piton_access_log_dropped_total "));
        line.unwrap().parse().unwrap()
    };
    within(PATIENCE, "drops are counted", || dropped() > 100);
    piton.wait_for_line(&["the access log is too slow"]);
    // Nor does the end wait for it.
    piton.signal("TERM");
    let (took, succeeded) = piton.wait_for_end();
    assert!(succeeded && took < Duration::from_secs(6), "{took:?}");
}

#[test]
fn the_last_lines_are_written_before_the_end() {
    let server = Server::named("a");
    let mut piton = logging(&server, "");
    for _ in 0..50 {
        get(piton.address(), "/");
    }
    piton.signal("TERM");
    assert!(piton.wait_for_end().1);
    lines(&piton, 50);
}

#[test]
fn the_log_itself_is_opened_anew_too() {
    let server = Server::named("a");
    let setup = Setup::new(&sticky_app(&[&server], ""));
    let file = setup.dir().join("piton.log");
    let (socket, address) = crate::harness::reserve();
    drop(socket);
    let text = format!(
        "entryPoints: {{web: {{address: '{address}'}}}}\nlog: {{filePath: '{}', level: INFO}}\n",
        file.display()
    );
    let conf = setup.dir().write("own.yaml", &text);
    let mut command = Command::new(env!("CARGO_BIN_EXE_piton"));
    command.arg("-c").arg(conf);
    let piton = Piton::launch(command, None);
    let read = || fs::read_to_string(&file).unwrap_or_default();
    within(PATIENCE, "it listens", || read().contains("listening"));
    fs::rename(&file, setup.dir().join("old.log")).unwrap();
    piton.signal("USR1");
    within(PATIENCE, "the new file", || read().contains("SIGUSR1"));
}
