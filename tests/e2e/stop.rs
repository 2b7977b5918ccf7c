//! SIGTERM: accepting ends, requests in flight finish, the process ends as soon as it is idle.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::harness::{
    Client, Piton, Server, Setup, Then, app_of, eventually, get, holds_for, respond, within,
};

/// At once, on a machine that runs all tests at the same time; lingering would make it longer.
const AT_ONCE: Duration = Duration::from_millis(1000);
/// Well under the grace period of ten seconds, and long for a busy machine.
const SOON: Duration = Duration::from_secs(4);
const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Answers when it is let.
struct Slow {
    server: Server,
    go: Arc<AtomicBool>,
}

impl Slow {
    fn new() -> Self {
        let go = Arc::new(AtomicBool::new(false));
        let may = Arc::clone(&go);
        let server = Server::scripted(move |_, stream| {
            while !may.load(Ordering::SeqCst) {
                sleep(Duration::from_millis(2));
            }
            respond(stream, 200, "done");
            Then::Keep
        });
        Self { server, go }
    }

    /// A request that has reached the server.
    fn asked_through(&self, piton: &Piton) -> Client {
        let mut client = Client::connect(piton.address());
        client.send(GET);
        eventually("the server is asked", || !self.server.received().is_empty());
        client
    }

    fn answer(&self) {
        self.go.store(true, Ordering::SeqCst);
    }
}

fn to(server: &Server) -> Setup {
    Setup::new(&app_of(&[&format!("url: {}", server.url())], ""))
}

fn is_refused(address: SocketAddr) -> bool {
    match TcpStream::connect_timeout(&address, Duration::from_secs(2)) {
        Ok(_) => false,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{error}");
            true
        }
    }
}

/// SIGTERM, and nobody is let in any more.
fn terminate(piton: &Piton) {
    piton.signal("TERM");
    within(SOON, "connections are refused", || is_refused(piton.address()));
}

#[test]
fn an_idle_process_ends_at_once() {
    let server = Server::named("a");
    let mut piton = to(&server).start();
    assert_eq!(get(piton.address(), "/").text(), "a");
    piton.signal("TERM");
    let (took, success) = piton.wait_for_end();
    assert!(success);
    assert!(took < AT_ONCE, "{took:?}");
    piton.wait_for_line(&["every request was answered"]);
}

#[test]
fn an_idle_connection_is_closed_after_a_linger() {
    let server = Server::named("a");
    let mut piton = to(&server).start();
    let mut client = Client::connect(piton.address());
    assert_eq!(client.exchange(GET).header("connection"), Some("keep-alive"));
    let begin = Instant::now();
    piton.signal("TERM");
    assert!(client.rest().is_empty());
    assert!(
        begin.elapsed() > Duration::from_millis(800),
        "{:?}",
        begin.elapsed()
    );
    assert!(piton.wait_for_end().1);
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
}

#[test]
fn a_request_on_a_kept_alive_connection_just_after_the_signal_is_served() {
    let server = Server::named("a");
    let mut piton = to(&server).start();
    let mut idle = Client::connect(piton.address());
    idle.exchange(GET);
    let mut fresh = Client::connect(piton.address());
    fresh.send("GET / HTTP/1.1\r\n");
    // Connections are accepted in their order: it is not in the kernel's queue any more.
    get(piton.address(), "/");
    terminate(&piton);
    for answer in [idle.exchange(GET), fresh.exchange("Host: a\r\n\r\n")] {
        assert_eq!((answer.status, answer.text().as_str()), (200, "a"));
        assert_eq!(answer.header("connection"), Some("close"));
    }
    let (took, success) = piton.wait_for_end();
    assert!(success && took < SOON, "{took:?}");
}

#[test]
fn a_request_in_flight_finishes_and_then_the_process_ends() {
    let slow = Slow::new();
    let mut piton = to(&slow.server).start();
    let mut client = slow.asked_through(&piton);
    terminate(&piton);
    holds_for(
        Duration::from_millis(1500),
        "it waits, and lets nobody in",
        || is_refused(piton.address()),
    );
    assert!(piton.is_running());
    slow.answer();
    let answer = client.read();
    assert_eq!((answer.status, answer.text().as_str()), (200, "done"));
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(client.rest().is_empty());
    let (took, success) = piton.wait_for_end();
    assert!(success);
    assert!(took < SOON, "{took:?}");
}

#[test]
fn a_request_after_a_long_answer_that_promised_to_keep_the_connection_is_served() {
    let go = Arc::new(AtomicBool::new(false));
    let may = Arc::clone(&go);
    let server = Server::scripted(move |request, stream| {
        if request.turn > 1 {
            respond(stream, 200, "second");
            return Then::Keep;
        }
        let mut write = |text: &str| std::io::Write::write_all(stream, text.as_bytes()).unwrap();
        write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
        while !may.load(Ordering::SeqCst) {
            sleep(Duration::from_millis(2));
        }
        write("3\r\ntwo\r\n0\r\n\r\n");
        Then::Keep
    });
    let mut piton = to(&server).start();
    let mut client = Client::connect(piton.address());
    client.send(GET);
    let head = client.read_until(b"one");
    terminate(&piton);
    // Longer than idle connections linger.
    holds_for(Duration::from_millis(1500), "it goes on", || piton.is_running());
    go.store(true, Ordering::SeqCst);
    client.read_until(b"0\r\n\r\n");
    let head = String::from_utf8(head).unwrap();
    assert!(head.contains("Connection: keep-alive"), "{head}");
    sleep(Duration::from_millis(100));
    let next = client.exchange(GET);
    assert_eq!(
        (next.text().as_str(), next.header("connection")),
        ("second", Some("close"))
    );
    let (took, success) = piton.wait_for_end();
    assert!(success && took < SOON, "{took:?}");
}

#[test]
fn a_request_longer_than_the_grace_period_is_cut_at_its_end() {
    let slow = Slow::new();
    let mut piton = to(&slow.server)
        .entry_point("transport: {lifeCycle: {graceTimeOut: 1s}}")
        .start();
    let mut client = slow.asked_through(&piton);
    let begin = Instant::now();
    piton.signal("TERM");
    assert!(client.response(false).is_err(), "it is cut");
    let (_, success) = piton.wait_for_end();
    assert!(success);
    let took = begin.elapsed();
    assert!(took > Duration::from_millis(950) && took < SOON, "{took:?}");
    piton.wait_for_line(&["WARN", "requests were cut off", "cut=1"]);
    slow.answer();
}

#[test]
fn a_second_signal_ends_it_at_once_and_an_echo_of_the_first_does_not() {
    for second in ["TERM", "INT"] {
        let slow = Slow::new();
        let mut piton = to(&slow.server).start();
        let _client = slow.asked_through(&piton);
        terminate(&piton);
        if second == "TERM" {
            let begin = Instant::now();
            piton.signal("TERM");
            // Only worth a look when the machine was quick enough to be within half a second.
            if begin.elapsed() < Duration::from_millis(100) {
                holds_for(Duration::from_millis(600), "once is enough", || {
                    piton.is_running()
                });
            }
            sleep(Duration::from_millis(600).saturating_sub(begin.elapsed()));
        }
        piton.signal(second);
        let (took, success) = piton.wait_for_end();
        assert!(success, "{second}");
        assert!(took < AT_ONCE, "{second}: {took:?}");
        piton.wait_for_line(&["a second signal"]);
        slow.answer();
    }
}

#[test]
fn sigint_alone_ends_it_at_once() {
    let slow = Slow::new();
    let mut piton = to(&slow.server).start();
    let _client = slow.asked_through(&piton);
    piton.signal("INT");
    let (took, success) = piton.wait_for_end();
    assert!(success && took < AT_ONCE, "{took:?}");
    slow.answer();
}

#[test]
fn connections_are_accepted_for_the_request_accept_grace_timeout() {
    let server = Server::named("a");
    let mut piton = to(&server)
        .entry_point("transport: {lifeCycle: {requestAcceptGraceTimeout: 2s}}")
        .start();
    let begin = Instant::now();
    piton.signal("TERM");
    piton.wait_for_line(&["SIGTERM"]);
    assert_eq!(get(piton.address(), "/").text(), "a");
    let (_, success) = piton.wait_for_end();
    assert!(success);
    let took = begin.elapsed();
    assert!(took > Duration::from_millis(1950) && took < SOON * 2, "{took:?}");
}
