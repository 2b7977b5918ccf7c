//! The binary under test.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::Socket;

use super::{TempDir, reserve, swap, within};

/// Longer than a start or a run to the end should take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What to start with.
pub struct Setup {
    dir: TempDir,
    /// Where to listen; port 0 unless another process shall take over.
    address: SocketAddr,
    reserved: Option<Socket>,
    /// Further lines below `entryPoints.web`, without indentation.
    entry_point: String,
    /// Further lines at the top.
    top: String,
    /// The inside of `providers.file`; `{dir}` stands for the directory.
    provider: String,
}

impl Setup {
    /// A watched file `dynamic.yaml` with this text.
    pub fn new(dynamic: &str) -> Self {
        let dir = TempDir::new();
        dir.write("dynamic.yaml", dynamic);
        Self {
            dir,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            reserved: None,
            entry_point: String::new(),
            top: String::new(),
            provider: "filename: {dir}/dynamic.yaml".to_owned(),
        }
    }

    /// The directory everything is in.
    pub fn dir(&self) -> &TempDir {
        &self.dir
    }

    /// More lines below `entryPoints.web`.
    pub fn entry_point(mut self, lines: &str) -> Self {
        self.entry_point = lines.to_owned();
        self
    }

    /// So that another process can take over: the same port in both, and an `upgrade_sock` of its own.
    pub fn upgradable(mut self) -> Self {
        let (socket, address) = reserve();
        self.address = address;
        self.reserved = Some(socket);
        let path = self.dir.join("upgrade.sock");
        writeln!(self.top, "upgrade_sock: {}", path.display()).unwrap();
        self
    }

    /// More lines at the top.
    pub fn top(mut self, lines: &str) -> Self {
        self.top.push_str(lines);
        self.top.push('\n');
        self
    }

    /// What is inside `providers.file`, on one line.
    pub fn provider(mut self, inside: &str) -> Self {
        self.provider = inside.to_owned();
        self
    }

    /// Starts piton.
    pub fn start(self) -> Piton {
        let command = self.command(&[]);
        let mut piton = Piton::spawn(command, Some(self.dir));
        piton.reserved = self.reserved;
        piton
    }

    /// Starts piton with `-u`: it waits for the sockets of another process, and so does nobody here.
    pub fn take_over(self) -> Piton {
        let command = self.command(&["-u"]);
        let mut piton = Piton::launch(command, Some(self.dir));
        piton.address = Some(self.address);
        piton.reserved = self.reserved;
        piton.wait_for_line(&["waiting at"]);
        piton
    }

    /// Where it will listen, if that is known.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Writes the static file.
    pub fn write(&self) -> PathBuf {
        let mut text = format!("entryPoints:\n  web:\n    address: \"{}\"\n", self.address);
        for line in self.entry_point.lines() {
            writeln!(text, "    {line}").unwrap();
        }
        let provider = self
            .provider
            .replace("{dir}", &self.dir.path().display().to_string());
        writeln!(
            text,
            "providers:\n  providersThrottleDuration: 0\n  file: {{{provider}}}"
        )
        .unwrap();
        writeln!(text, "log:\n  level: INFO\n{}", self.top).unwrap();
        self.dir.write("piton.yaml", &text)
    }

    fn command(&self, flags: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_piton"));
        command.args(flags).arg("-c").arg(self.write());
        command
    }
}

/// A running piton; killed when dropped.
pub struct Piton {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
    address: Option<SocketAddr>,
    /// Shared with those who take over.
    dir: Option<Arc<TempDir>>,
    reserved: Option<Socket>,
}

impl Piton {
    /// With one dynamic file; returns once it listens.
    pub fn with(dynamic: &str) -> Self {
        Setup::new(dynamic).start()
    }

    /// Starts a command that logs where it listens; its output is part of the log too.
    pub fn spawn(command: Command, dir: Option<TempDir>) -> Self {
        let mut piton = Self::launch(command, dir);
        let line = piton.wait_for_line(&["127.0.0.1:", if piton.dir.is_some() { "listening" } else { "" }]);
        let after = line.split("127.0.0.1:").nth(1).unwrap();
        let port: String = after.chars().take_while(char::is_ascii_digit).collect();
        piton.address = Some(SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap())));
        piton
    }

    /// Another process with the same files that waits to take over from this one.
    pub fn successor(&self) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_piton"));
        command.arg("-u").arg("-c").arg(self.dir().join("piton.yaml"));
        let mut piton = Self::launch(command, None);
        piton.address = self.address;
        piton.dir.clone_from(&self.dir);
        piton.reserved = self.reserved.as_ref().map(|socket| socket.try_clone().unwrap());
        piton.wait_for_line(&["waiting at"]);
        piton
    }

    fn launch(mut command: Command, dir: Option<TempDir>) -> Self {
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
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address.unwrap()
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
