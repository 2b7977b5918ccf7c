//! Users under load: each keeps its connection and its cookie, and everything it sees is counted.

use std::collections::{BTreeSet, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{Browser, Client, Response, get, within};

/// A user, not a load generator.
const PAUSE: Duration = Duration::from_millis(4);
/// Longer than an engine needs for anything here.
pub const LONG: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Watch {
    stop: AtomicBool,
    requests: AtomicUsize,
    /// Where each session that moved was before.
    moved: Mutex<Vec<String>>,
    failures: Mutex<Vec<String>>,
    /// The servers that sessions may leave.
    gone: Mutex<HashSet<String>>,
}

/// What happened during a step.
#[derive(Debug, Clone)]
pub struct Row {
    /// The step.
    pub case: String,
    /// Requests answered or failed.
    pub requests: usize,
    /// Those without a whole answer of status 200.
    pub failures: usize,
    /// Sessions that went to another server.
    pub moved: usize,
    /// Those of them whose server still lived.
    pub astray: usize,
    /// How long it took.
    pub time: Duration,
}

struct User {
    asked: Arc<AtomicUsize>,
    home: Arc<Mutex<String>>,
    thread: Option<JoinHandle<()>>,
}

/// Users that ask until they are dropped.
pub struct Crowd {
    address: SocketAddr,
    watch: Arc<Watch>,
    users: Vec<User>,
}

impl Crowd {
    /// So many users of a piton that can serve already.
    pub fn of(count: usize, address: SocketAddr) -> Self {
        let mut crowd = Self {
            address,
            watch: Arc::default(),
            users: Vec::new(),
        };
        crowd.join(count);
        crowd.all_ask_again();
        crowd
    }

    /// More users.
    pub fn join(&mut self, count: usize) {
        for _ in 0..count {
            let (asked, home) = (Arc::default(), Arc::default());
            let thread = {
                let (address, watch) = (self.address, Arc::clone(&self.watch));
                let (asked, home) = (Arc::clone(&asked), Arc::clone(&home));
                thread::spawn(move || live(address, &watch, &asked, &home))
            };
            self.users.push(User {
                asked,
                home,
                thread: Some(thread),
            });
        }
    }

    /// Sessions may leave this server from now on.
    pub fn may_leave(&self, name: &str) {
        self.watch.gone.lock().unwrap().insert(name.to_owned());
    }

    /// Sessions may not leave this server any more.
    #[allow(dead_code, reason = "of the two that use the harness, tests/docker does")]
    pub fn must_stay(&self, name: &str) {
        self.watch.gone.lock().unwrap().remove(name);
    }

    /// Returns once each user has begun and ended a request from now on.
    pub fn all_ask_again(&self) {
        let asked = || self.users.iter().map(|user| user.asked.load(Ordering::SeqCst));
        let before: Vec<usize> = asked().collect();
        within(LONG, "every user asks again", || {
            asked().zip(&before).all(|(now, before)| now >= before + 2)
        });
    }

    /// How many sessions are at a server.
    pub fn at(&self, name: &str) -> usize {
        let homes = self.users.iter().map(|user| user.home.lock().unwrap());
        homes.filter(|home| home.as_str() == name).count()
    }

    /// Returns once no session is at a server.
    pub fn wait_until_nobody_is_at(&self, name: &str) {
        within(LONG, &format!("nobody is at {name}"), || self.at(name) == 0);
        self.all_ask_again();
    }

    /// Counts what happens while `step` is done and until everybody has asked again. Nobody may fail, and
    /// nobody may leave a server that is not said to be gone by then.
    pub fn during(&self, case: &str, step: impl FnOnce()) -> Row {
        let watch = &self.watch;
        let begin = Instant::now();
        let requests = watch.requests.load(Ordering::SeqCst);
        let failed = watch.failures.lock().unwrap().len();
        let moved = watch.moved.lock().unwrap().len();
        step();
        self.all_ask_again();
        let gone = watch.gone.lock().unwrap().clone();
        let left = watch.moved.lock().unwrap()[moved..].to_vec();
        let failures = watch.failures.lock().unwrap()[failed..].to_vec();
        let row = Row {
            case: case.to_owned(),
            requests: watch.requests.load(Ordering::SeqCst) - requests,
            failures: failures.len(),
            moved: left.len(),
            astray: left.iter().filter(|name| !gone.contains(*name)).count(),
            time: begin.elapsed(),
        };
        println!("{row}");
        assert_eq!(
            (row.failures, row.astray),
            (0, 0),
            "{row}: {failures:#?} {left:?}"
        );
        row
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.watch.stop.store(true, Ordering::SeqCst);
        for user in &mut self.users {
            let ended = user.thread.take().unwrap().join();
            if !thread::panicking() {
                ended.expect("a user");
            }
        }
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "| {:<42} | {:>4.1} s | {:>6} requests | {} failed | {:>3} sessions moved | {} though their server lived |",
            self.case,
            self.time.as_secs_f32(),
            self.requests,
            self.failures,
            self.moved,
            self.astray
        )
    }
}

/// One user, to the end.
fn live(address: SocketAddr, watch: &Watch, asked: &AtomicUsize, home: &Mutex<String>) {
    let mut client = Client::connect(address);
    let mut browser = Browser::new();
    while !watch.stop.load(Ordering::SeqCst) {
        let field = browser.field().map(|field| field + "\r\n").unwrap_or_default();
        client.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{field}\r\n"));
        let answer = client.response(false);
        watch.requests.fetch_add(1, Ordering::SeqCst);
        match answer {
            Ok(answer) if answer.status == 200 && answer.complete => {
                browser.keep(&answer);
                arrive(watch, &mut home.lock().unwrap(), name_in(&answer));
                if answer.header("Connection") == Some("close") {
                    client = Client::connect(address);
                }
            }
            answer => {
                let at = home.lock().unwrap().clone();
                let mut failures = watch.failures.lock().unwrap();
                failures.push(format!("at {at}: {answer:?}"));
                client = Client::connect(address);
            }
        }
        asked.fetch_add(1, Ordering::SeqCst);
        thread::sleep(PAUSE);
    }
}

/// Keeps the books when a user is answered by a server.
fn arrive(watch: &Watch, home: &mut String, now: String) {
    if !home.is_empty() && *home != now {
        watch.moved.lock().unwrap().push(home.clone());
    }
    *home = now;
}

/// The name of the server that answered.
pub fn name_in(answer: &Response) -> String {
    answer.text().trim_end().to_owned()
}

/// Who answers so many users that are new; failures too, by their status.
pub fn newcomers(address: SocketAddr, count: usize) -> BTreeSet<String> {
    let name = |answer: Response| match answer.status {
        200 => name_in(&answer),
        status => status.to_string(),
    };
    (0..count).map(|_| name(get(address, "/"))).collect()
}

/// Returns once new users arrive at exactly these servers.
pub fn wait_for_newcomers_at(address: SocketAddr, names: &[&str]) {
    let expected: BTreeSet<String> = names.iter().map(|&name| name.to_owned()).collect();
    let count = 2 * names.len() + 2;
    let mut seen = BTreeSet::new();
    let begin = Instant::now();
    while seen != expected {
        assert!(
            begin.elapsed() < LONG,
            "new users arrive at {seen:?} instead of {expected:?}"
        );
        seen = newcomers(address, count);
    }
}
