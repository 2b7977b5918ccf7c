//! The binary under test.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::Socket;

use super::{Setup, TempDir, swap, within};

/// Longer than a start or a run to the end should take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running piton; killed when dropped.
pub struct Piton {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
    pub(super) address: Option<SocketAddr>,
    /// Shared with those who take over.
    dir: Option<Arc<TempDir>>,
    pub(super) reserved: Option<Socket>,
    /// Variables that it was started with.
    pub(super) environment: Vec<(String, String)>,
}

impl Piton {
    /// With one dynamic file; returns once it listens.
    pub fn with(dynamic: &str) -> Self {
        Setup::new(dynamic).start()
    }

    /// Starts a command that logs where it listens; its output is part of the log too.
    pub fn spawn(command: Command, dir: Option<TempDir>) -> Self {
        let mut piton = Self::launch(command, dir);
        let line = match piton.dir {
            Some(_) => piton.wait_for_line(&["listening", "name=\"web\"", "address="]),
            None => piton.wait_for_line(&["http://127.0.0.1:"]),
        };
        piton.address = Some(address_in(&line));
        piton
    }

    /// Another process with the same files that waits to take over from this one.
    pub fn successor(&self) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_piton"));
        command.arg("-u").arg("-c").arg(self.dir().join("piton.yaml"));
        super::setup::without_engines(&mut command);
        let variables = self.environment.iter();
        command.envs(variables.map(|(name, value)| (name, value)));
        let mut piton = Self::launch(command, None);
        piton.environment.clone_from(&self.environment);
        piton.address = self.address;
        piton.dir.clone_from(&self.dir);
        piton.reserved = self.reserved.as_ref().map(|socket| socket.try_clone().unwrap());
        piton.wait_for_line(&["waiting at"]);
        piton
    }

    /// Starts a command; where it listens is known to whoever starts it.
    pub fn launch(mut command: Command, dir: Option<TempDir>) -> Self {
        let command = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("piton starts");
        let log = Arc::new(Mutex::new(Vec::new()));
        let readers = vec![
            follow(child.stderr.take().unwrap(), Arc::clone(&log)),
            follow(child.stdout.take().unwrap(), Arc::clone(&log)),
        ];
        Self {
            child,
            log,
            readers,
            address: None,
            dir: dir.map(Arc::new),
            reserved: None,
            environment: Vec::new(),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address.unwrap()
    }

    /// Where another of its entry points listens.
    pub fn address_of(&self, entry_point: &str) -> SocketAddr {
        address_in(&self.wait_for_line(&["listening", &format!("name={entry_point:?}"), "address="]))
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        self.dir.as_ref().unwrap().path()
    }

    /// Its dynamic file.
    pub fn file(&self) -> PathBuf {
        self.dir().join("dynamic.yaml")
    }

    /// Puts another dynamic file in place and waits until it is in use.
    pub fn reload(&self, dynamic: &str) {
        let before = self.generation();
        swap(&self.file(), dynamic);
        within(PATIENCE, "the new file is in use", || self.generation() > before);
    }

    /// The number of the configuration in use.
    pub fn generation(&self) -> u64 {
        let lines = self.log();
        let last = lines
            .iter()
            .rev()
            .find_map(|line| line.split("generation=").nth(1));
        let digits = last.map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
        digits.map_or(0, |digits| digits.parse().unwrap())
    }

    /// All lines so far.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// How many lines hold all of `parts`.
    pub fn count(&self, parts: &[&str]) -> usize {
        self.log()
            .iter()
            .filter(|line| parts.iter().all(|part| line.contains(part)))
            .count()
    }

    /// The first line that holds all of `parts`, once there is one.
    pub fn wait_for_line(&self, parts: &[&str]) -> String {
        let find = || {
            self.log()
                .into_iter()
                .find(|line| parts.iter().all(|part| line.contains(part)))
        };
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if let Some(line) = find() {
                return line;
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("no line with {parts:?} in the log:\n{}", self.log().join("\n"));
    }

    /// Sends a signal by name, such as `HUP`.
    pub fn signal(&self, name: &str) {
        let command = format!("kill -{name} {}", self.id());
        assert!(
            Command::new("sh")
                .args(["-c", &command])
                .status()
                .unwrap()
                .success()
        );
    }

    /// SIGKILL, now.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for its end; returns how long it took and whether it succeeded.
    pub fn wait_for_end(&mut self) -> (Duration, bool) {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (begin.elapsed(), status.success());
            }
            assert!(begin.elapsed() < PATIENCE, "it does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Is it still there?
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Piton {
    fn drop(&mut self) {
        self.kill();
        for reader in self.readers.drain(..) {
            let ended = reader.join();
            if !thread::panicking() {
                ended.expect("the log reader");
            }
        }
        if thread::panicking() {
            eprintln!("--- log of piton {}\n{}\n---", self.id(), self.log().join("\n"));
        }
    }
}

/// The address that a line of the log, or of the demo, names.
fn address_in(line: &str) -> SocketAddr {
    let mut words = line.split_whitespace().map(|word| word.trim_end_matches('/'));
    let found = words.find_map(|word| {
        let rest = word.strip_prefix("address=").or(word.strip_prefix("http://"))?;
        rest.trim_matches('"').parse().ok()
    });
    found.unwrap_or_else(|| panic!("no address in {line:?}"))
}

fn follow(stream: impl Read + Send + 'static, log: Arc<Mutex<Vec<String>>>) -> JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            log.lock().unwrap().push(line);
        }
    })
}

/// Runs piton to its end, which must come soon; killed otherwise.
pub fn run_to_end(arguments: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_piton"))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("piton starts");
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begin.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("piton {arguments:?} does not end: {:?}", child.wait_with_output());
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}
