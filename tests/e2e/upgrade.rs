//! Binary upgrade: `piton -u` and SIGQUIT. Sockets and verdicts go to the next process; nobody notices.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;

use pingora::server::Fds;

use crate::harness::{
    Client, Piton, Server, Setup, Then, app_of, cookie_of, eventually, get, get_as, request, respond,
    run_to_end, sticky_app,
};

/// Hands over from one to the next; returns it once it serves alone.
pub fn upgrade(old: &mut Piton) -> Piton {
    let new = old.successor();
    old.signal("QUIT");
    old.wait_for_line(&["sockets handed over"]);
    new
}

/// Clients that ask without pause; any failure is the test's.
struct Load {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    fn new() -> Self {
        Self {
            stop: Arc::default(),
            asked: Arc::default(),
            clients: Vec::new(),
        }
    }

    fn add(&mut self, mut ask: impl FnMut() + Send + 'static) {
        let (stop, asked) = (Arc::clone(&self.stop), Arc::clone(&self.asked));
        self.clients.push(thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                ask();
                asked.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// Returns once so many more requests are answered.
    fn goes_on(&self) {
        let before = self.asked();
        eventually("there is load", || {
            self.asked() > before + 100 || self.clients.iter().any(JoinHandle::is_finished)
        });
    }

    fn finish(self) {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            if let Err(panic) = client.join() {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

/// A client with a session that keeps its connection as long as it may.
fn keeping(address: SocketAddr, server: &Server, name: &'static str) -> impl FnMut() + Send + 'static {
    let asked = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nCookie: {}\r\n\r\n",
        cookie_of(server)
    );
    let mut connection: Option<Client> = None;
    move || {
        let client = connection.get_or_insert_with(|| Client::connect(address));
        client.send(&asked);
        let answer = client.response(false).expect("no request fails");
        assert_eq!((answer.status, answer.text().as_str()), (200, name), "moved");
        assert!(answer.cookies().is_empty() && answer.complete, "{}", answer.head);
        if answer.header("connection") == Some("close") {
            connection = None;
        }
    }
}

/// A client with a session and a new connection for each request.
fn renewing(address: SocketAddr, server: &Server, name: &'static str) -> impl FnMut() + Send + 'static {
    let cookie = cookie_of(server);
    move || {
        let answer = get_as(address, &cookie);
        assert_eq!((answer.status, answer.text().as_str()), (200, name), "moved");
        assert!(answer.cookies().is_empty() && answer.complete, "{}", answer.head);
    }
}

#[test]
fn two_upgrades_under_load_fail_no_request_and_move_no_session() {
    let (a, b) = (Server::named("a"), Server::named("b"));
    let mut first = Setup::new(&sticky_app(&[&a, &b], "")).upgradable().start();
    let mut load = Load::new();
    for (server, name) in [(&a, "a"), (&b, "b")] {
        load.add(keeping(first.address(), server, name));
        load.add(keeping(first.address(), server, name));
        load.add(renewing(first.address(), server, name));
    }
    load.goes_on();
    let mut second = upgrade(&mut first);
    load.goes_on();
    let (took, success) = first.wait_for_end();
    assert!(success);
    assert!(took < Duration::from_secs(8), "nobody is left there: {took:?}");
    load.goes_on();
    let third = upgrade(&mut second);
    assert!(second.wait_for_end().1);
    load.goes_on();
    println!("{} requests", load.asked());
    load.finish();
    for piton in [&first, &second] {
        assert_eq!(piton.count(&["cut off"]), 0);
    }
    assert_eq!(third.count(&["WARN"]), 0, "{:?}", third.log());
}

#[test]
fn an_idle_connection_is_served_by_the_old_process_and_told_to_move() {
    let server = Server::named("a");
    let mut old = Setup::new(&sticky_app(&[&server], "")).upgradable().start();
    let mut client = Client::connect(old.address());
    client.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let _new = upgrade(&mut old);
    let answer = client.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(answer.header("connection"), Some("close"));
    let (took, success) = old.wait_for_end();
    assert!(success && took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn a_request_in_flight_is_finished_by_the_old_process() {
    let go = Arc::new(AtomicBool::new(false));
    let may = Arc::clone(&go);
    let server = Server::scripted(move |request, stream| {
        while request.target() == "/slow" && !may.load(Ordering::SeqCst) {
            sleep(Duration::from_millis(2));
        }
        respond(stream, 200, request.target());
        Then::Keep
    });
    let mut old = Setup::new(&sticky_app(&[&server], "")).upgradable().start();
    let mut client = Client::connect(old.address());
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    eventually("the server is asked", || !server.received().is_empty());
    let _new = upgrade(&mut old);
    assert_eq!(get(old.address(), "/quick").text(), "/quick");
    assert!(old.is_running());
    go.store(true, Ordering::SeqCst);
    let answer = client.read();
    assert_eq!(
        (answer.text().as_str(), answer.header("connection")),
        ("/slow", Some("close"))
    );
    assert!(old.wait_for_end().1);
}

/// What a [`patient`] answers to its health check.
const ILL: u8 = 0;
const SILENT: u8 = 1;
const WELL: u8 = 2;

/// A server that answers requests whatever its health check says.
fn patient(health: &Arc<AtomicU8>) -> Server {
    let health = Arc::clone(health);
    Server::scripted(move |request, stream| {
        if request.target() == "/health" {
            while health.load(Ordering::SeqCst) == SILENT {
                sleep(Duration::from_millis(2));
            }
            let status = if health.load(Ordering::SeqCst) == ILL {
                500
            } else {
                200
            };
            respond(stream, status, "");
        } else {
            respond(stream, 200, "ill");
        }
        Then::Keep
    })
}

fn requests(server: &Server) -> usize {
    let received = server.received();
    received
        .iter()
        .filter(|request| request.target() != "/health")
        .count()
}

#[test]
fn the_new_process_does_not_learn_again_that_a_server_is_down() {
    let health = Arc::new(AtomicU8::new(ILL));
    let (well, ill) = (Server::named("well"), patient(&health));
    let options = "healthCheck: {path: /health, interval: 30s, timeout: 25s, rise: 1}";
    let mut old = Setup::new(&sticky_app(&[&well, &ill], options))
        .upgradable()
        .start();
    old.wait_for_line(&["server is down"]);
    let before = requests(&ill);
    // The new process's own probe tells it nothing for a long time.
    health.store(SILENT, Ordering::SeqCst);
    let mut new = upgrade(&mut old);
    new.wait_for_line(&["verdicts of the old process adopted", "servers=1"]);
    assert!(old.wait_for_end().1);
    for _ in 0..20 {
        assert_eq!(get(new.address(), "/").text(), "well");
        assert_eq!(get_as(new.address(), &cookie_of(&ill)).text(), "well");
    }
    // Still not learned: the next process is told by one that was told.
    let newer = upgrade(&mut new);
    newer.wait_for_line(&["verdicts of the old process adopted", "servers=1"]);
    for _ in 0..20 {
        assert_eq!(get(newer.address(), "/").text(), "well");
    }
    assert_eq!(requests(&ill), before);
    health.store(WELL, Ordering::SeqCst);
    eventually("a successful probe ends it", || {
        get(newer.address(), "/").text() == "ill"
    });
}

#[test]
fn an_adopted_verdict_ends_after_as_many_successes_as_any() {
    let health = Arc::new(AtomicU8::new(ILL));
    let (well, ill) = (Server::named("well"), patient(&health));
    let options = "healthCheck: {path: /health, interval: 300ms, timeout: 25s, rise: 4}";
    let mut old = Setup::new(&sticky_app(&[&well, &ill], options))
        .upgradable()
        .start();
    old.wait_for_line(&["server is down"]);
    health.store(SILENT, Ordering::SeqCst);
    let new = upgrade(&mut old);
    assert!(old.wait_for_end().1);
    let probes = || ill.received().len() - requests(&ill);
    let before = probes();
    health.store(WELL, Ordering::SeqCst);
    let after_up = || {
        assert_eq!(get(new.address(), "/").status, 200);
        requests(&ill) > 0
    };
    eventually("it is up again", after_up);
    // The silent one was the first of the four.
    assert!(probes() >= before + 3, "{} probes", probes() - before);
    assert_eq!(new.count(&["server is up"]), 1);
}

#[test]
fn the_new_process_goes_on_avoiding_a_server_that_live_traffic_found_dead() {
    let (a, mut b) = (Server::named("a"), Server::named("b"));
    let options = "passiveHealthCheck: {failureWindow: 60s, maxFailedAttempts: 1}";
    let mut old = Setup::new(&sticky_app(&[&a, &b], options)).upgradable().start();
    b.kill();
    assert_eq!(get_as(old.address(), &cookie_of(&b)).text(), "a");
    b.restart();
    let before = b.connections();
    let new = upgrade(&mut old);
    new.wait_for_line(&["verdicts of the old process adopted", "servers=1"]);
    for _ in 0..20 {
        assert_eq!(get(new.address(), "/").text(), "a");
        assert_eq!(get_as(new.address(), &cookie_of(&b)).text(), "a");
    }
    assert_eq!(b.connections(), before);
}

#[test]
fn a_verdict_that_nobody_would_end_is_not_adopted() {
    let health = Arc::new(AtomicU8::new(ILL));
    let ill = patient(&health);
    let mut old = Setup::new(&sticky_app(
        &[&ill],
        "healthCheck: {path: /health, interval: 30s}",
    ))
    .upgradable()
    .start();
    old.wait_for_line(&["server is down"]);
    assert_eq!(get(old.address(), "/").status, 503);
    // The same service without a check.
    old.reload(&sticky_app(&[&ill], ""));
    // Those who probe follow a configuration after it is published.
    eventually("its verdict ended with the check", || {
        get(old.address(), "/").text() == "ill"
    });
    let new = upgrade(&mut old);
    assert!(old.wait_for_end().1);
    assert_eq!(get(new.address(), "/").text(), "ill");
}

#[test]
fn sigquit_without_a_new_process_stops_nothing() {
    let server = Server::named("a");
    let mut old = Setup::new(&sticky_app(&[&server], "")).upgradable().start();
    old.signal("QUIT");
    old.wait_for_line(&["ERROR", "piton -u", "goes on serving"]);
    assert_eq!(get(old.address(), "/").text(), "a");
    let new = upgrade(&mut old);
    assert!(old.wait_for_end().1);
    assert_eq!(get(new.address(), "/").text(), "a");
}

#[test]
fn a_signal_to_stop_is_heard_while_a_new_process_is_waited_for() {
    let server = Server::named("a");
    let mut old = Setup::new(&sticky_app(&[&server], "")).upgradable().start();
    old.signal("QUIT");
    old.wait_for_line(&["SIGQUIT"]);
    old.signal("TERM");
    let (took, success) = old.wait_for_end();
    assert!(success && took < Duration::from_secs(2), "{took:?}");
    old.wait_for_line(&["SIGTERM"]);
}

#[test]
fn the_old_process_goes_on_when_the_new_one_dies_before_it_serves() {
    let server = Server::named("a");
    let mut old = Setup::new(&sticky_app(&[&server], "")).upgradable().start();
    let path = old.dir().join("upgrade.sock");
    let state = UnixListener::bind(old.dir().join("upgrade.sock.state")).unwrap();
    let taker = thread::spawn(move || {
        let mut sockets = Fds::new();
        sockets.get_from_sock(path.as_path().to_str().unwrap()).unwrap();
        let (mut channel, _) = state.accept().unwrap();
        let mut told = String::new();
        channel.read_to_string(&mut told).unwrap();
        (sockets.serialize().0, told)
    });
    old.signal("QUIT");
    let (sockets, told) = taker.join().unwrap();
    assert_eq!(sockets, [old.address().to_string()]);
    assert_eq!(told, r#"{"version":1,"services":{}}"#);
    old.wait_for_line(&["ERROR", "ended before it served", "goes on serving"]);
    for _ in 0..10 {
        assert_eq!(get(old.address(), "/").text(), "a");
    }
    assert!(old.is_running());
}

/// Plays an old process for a new one: hands a socket over, says `told`; returns what it hears.
fn play_old(setup: Setup, told: &[u8]) -> (Piton, String) {
    let listener = TcpListener::bind(setup.address()).unwrap();
    listener.set_nonblocking(true).unwrap();
    let path = setup.dir().join("upgrade.sock");
    let new = setup.take_over();
    let state = path.with_file_name("upgrade.sock.state");
    eventually("it listens", || is_socket(&state) && is_socket(&path));
    let mut channel = UnixStream::connect(state).unwrap();
    let mut sockets = Fds::new();
    sockets.add(new.address().to_string(), listener.as_raw_fd());
    sockets.send_to_sock(path.to_str().unwrap()).unwrap();
    // It need not listen to the end.
    let _ = channel.write_all(told);
    let _ = channel.shutdown(Shutdown::Write);
    let mut heard = [0; 6];
    channel.read_exact(&mut heard).unwrap();
    (new, String::from_utf8_lossy(&heard).into_owned())
}

fn is_socket(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    path.metadata().is_ok_and(|found| found.file_type().is_socket())
}

#[test]
fn what_an_old_process_tells_is_used_as_far_as_it_makes_sense() {
    let (a, b) = (Server::named("a"), Server::named("b"));
    let url = a.url();
    let down = format!(
        r#"{{"version":1,"novelty":[1],"services":{{"app@file":{{"{url}":{{"down":true,"mood":"bad"}},"http://gone":{{"down":true}}}},"gone@file":{{}}}}}}"#
    );
    let huge = [b"{\"version\":1,\"services\":{}}".to_vec(), vec![b' '; 17 << 20]].concat();
    let cases: [(&[u8], &[&str]); 5] = [
        (down.as_bytes(), &["adopted", "servers=1"]),
        (b"", &["WARN", "not known"]),
        (b"\x00\xff nonsense", &["WARN", "not known"]),
        (
            br#"{"version":2,"services":{}}"#,
            &["WARN", "not known", "version 2"],
        ),
        (&huge, &["WARN", "not known", "too long"]),
    ];
    for (told, expected) in cases {
        // Never probed in time: only what is told counts.
        let check = "healthCheck: {path: /, port: 1, interval: 30s, fall: 9}";
        let setup = Setup::new(&app_of(
            &[&format!("url: {url}"), &format!("url: {}", b.url())],
            check,
        ));
        let (new, heard) = play_old(setup.upgradable(), told);
        new.wait_for_line(expected);
        assert_eq!(heard, "ready\n");
        let texts: Vec<String> = (0..4).map(|_| get(new.address(), "/").text()).collect();
        let of_a = texts.iter().filter(|text| *text == "a").count();
        assert_eq!(of_a, if told == down.as_bytes() { 0 } else { 2 }, "{texts:?}");
    }
}

#[test]
fn an_old_process_that_tells_nothing_delays_but_does_not_hinder() {
    let server = Server::named("a");
    let setup = Setup::new(&sticky_app(&[&server], "")).upgradable();
    let listener = TcpListener::bind(setup.address()).unwrap();
    listener.set_nonblocking(true).unwrap();
    let path = setup.dir().join("upgrade.sock");
    let new = setup.take_over();
    eventually("it listens", || is_socket(&path));
    let mut sockets = Fds::new();
    sockets.add(new.address().to_string(), listener.as_raw_fd());
    sockets.send_to_sock(path.to_str().unwrap()).unwrap();
    new.wait_for_line(&["WARN", "nobody told them"]);
    assert_eq!(request(new.address(), "GET /", &[], b"").text(), "a");
    assert!(!path.with_file_name("upgrade.sock.state").exists());
}

/// A piton in the background; killed when dropped.
struct Daemon(String);

impl Daemon {
    fn start(setup: &Setup, flags: &[&str], before: Option<&Self>) -> Self {
        let conf = setup.write().display().to_string();
        let flags = [flags, &["-c", &conf]].concat();
        let ended = before.map_or_else(
            || run_to_end(&flags),
            |old| {
                let flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
                let new =
                    thread::spawn(move || run_to_end(&flags.iter().map(String::as_str).collect::<Vec<_>>()));
                eventually("it listens", || is_socket(&setup.dir().join("upgrade.sock")));
                old.signal("QUIT");
                new.join().unwrap()
            },
        );
        assert!(ended.status.success(), "{ended:?}");
        let path = setup.dir().join("piton.pid");
        let pid = || {
            std::fs::read_to_string(&path)
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        eventually("there is a pid", || {
            !pid().is_empty() && before.is_none_or(|old| old.0 != pid())
        });
        Self(pid())
    }

    fn signal(&self, name: &str) {
        let command = format!("kill -{name} {}", self.0);
        let _ = std::process::Command::new("sh").args(["-c", &command]).status();
    }

    fn is_running(&self) -> bool {
        // One that has ended and that nobody waits for is a zombie.
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0)).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.signal("KILL");
    }
}

#[test]
fn in_the_background_it_is_the_same() {
    let server = Server::named("a");
    let text = app_of(
        &[&format!("url: {}", server.url()), "url: http://127.0.0.1:1"],
        "healthCheck: {path: /, interval: 30s}",
    );
    let setup = Setup::new(&text).upgradable();
    let path = |name: &str| setup.dir().join(name).display().to_string();
    let top = format!(
        "pid_file: {}\nerror_log: {}\n",
        path("piton.pid"),
        path("error.log")
    );
    let setup = setup.top(&top);
    let log = || std::fs::read_to_string(setup.dir().join("error.log")).unwrap_or_default();
    let old = Daemon::start(&setup, &["-d"], None);
    eventually("it serves", || TcpStream::connect(setup.address()).is_ok());
    eventually("a server is down", || log().contains("server is down"));
    let new = Daemon::start(&setup, &["-u", "-d"], Some(&old));
    eventually("the old one ends", || !old.is_running());
    assert!(log().contains("adopted servers=1"), "{}", log());
    assert_eq!(get(setup.address(), "/").text(), "a");
    new.signal("TERM");
    eventually("the new one ends", || !new.is_running());
}
