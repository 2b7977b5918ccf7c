//! What a piton is started with.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use socket2::Socket;

use super::piton::Piton;
use super::{TempDir, reserve};

/// Variables that would choose another engine or cluster than the test's.
const OF_ENGINES: [&str; 7] = [
    "DOCKER_HOST",
    "DOCKER_API_VERSION",
    "DOCKER_CERT_PATH",
    "DOCKER_TLS_VERIFY",
    "KUBECONFIG",
    "KUBERNETES_SERVICE_HOST",
    "KUBERNETES_SERVICE_PORT",
];

/// What to start with.
pub struct Setup {
    dir: TempDir,
    /// Where to listen; port 0 unless another process shall take over.
    address: SocketAddr,
    reserved: Option<Socket>,
    /// Further lines below `entryPoints.web`, without indentation.
    entry_point: String,
    /// Further entry points, by name, with an address of the kernel's choice.
    entry_points: Vec<String>,
    /// Further lines at the top.
    top: String,
    /// The inside of `providers.file`; `{dir}` stands for the directory.
    file: Option<String>,
    /// Further providers, with the lines below each.
    engines: Vec<(String, String)>,
    throttle: String,
    level: String,
    environment: Vec<(String, String)>,
    /// A command that starts the one behind it, somewhere else.
    through: Vec<String>,
}

impl Setup {
    /// A watched file `dynamic.yaml` with this text.
    pub fn new(dynamic: &str) -> Self {
        let setup = Self::without_file().provider("filename: {dir}/dynamic.yaml");
        setup.dir.write("dynamic.yaml", dynamic);
        setup
    }

    /// No provider at all, yet.
    pub fn without_file() -> Self {
        Self {
            dir: TempDir::new(),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            reserved: None,
            entry_point: String::new(),
            entry_points: Vec::new(),
            top: String::new(),
            file: None,
            engines: Vec::new(),
            throttle: "0".to_owned(),
            level: "INFO".to_owned(),
            environment: Vec::new(),
            through: Vec::new(),
        }
    }

    /// Only `providers.<kind>`, with these lines below it.
    pub fn engine(kind: &str, options: &str) -> Self {
        Self::without_file().and_engine(kind, options)
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

    /// Another entry point.
    pub fn and_entry_point(mut self, name: &str) -> Self {
        self.entry_points.push(name.to_owned());
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
        self.file = Some(inside.to_owned());
        self
    }

    /// `providers.<kind>` too, with these lines below it; `{dir}` stands for the directory.
    pub fn and_engine(mut self, kind: &str, options: &str) -> Self {
        self.engines.push((kind.to_owned(), options.to_owned()));
        self
    }

    /// `providersThrottleDuration`; 0 otherwise.
    pub fn throttle(mut self, duration: &str) -> Self {
        self.throttle = duration.to_owned();
        self
    }

    /// `log.level`; INFO otherwise.
    pub fn level(mut self, level: &str) -> Self {
        self.level = level.to_owned();
        self
    }

    /// With a variable of the environment.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Started by another command (`nsenter ...`), to listen at a port of this address there.
    #[allow(dead_code, reason = "of the two that use the harness, tests/docker does")]
    pub fn through(mut self, command: &[&str], address: SocketAddr) -> Self {
        self.through = command.iter().map(|&part| part.to_owned()).collect();
        self.address = address;
        self
    }

    /// Starts piton.
    pub fn start(self) -> Piton {
        let command = self.command(&[]);
        let mut piton = Piton::spawn(command, Some(self.dir));
        piton.reserved = self.reserved;
        piton.environment = self.environment;
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
        for name in &self.entry_points {
            writeln!(text, "  {name}:\n    address: \"127.0.0.1:0\"").unwrap();
        }
        writeln!(text, "providers:\n  providersThrottleDuration: {}", self.throttle).unwrap();
        if let Some(inside) = &self.file {
            writeln!(text, "  file: {{{inside}}}").unwrap();
        }
        for (kind, options) in &self.engines {
            writeln!(text, "  {kind}:").unwrap();
            for line in options.lines() {
                writeln!(text, "    {line}").unwrap();
            }
        }
        writeln!(text, "log:\n  level: {}\n{}", self.level, self.top).unwrap();
        let text = text.replace("{dir}", &self.dir.path().display().to_string());
        self.dir.write("piton.yaml", &text)
    }

    fn command(&self, flags: &[&str]) -> Command {
        let mut command = match self.through.split_first() {
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(env!("CARGO_BIN_EXE_piton"));
                command
            }
            None => Command::new(env!("CARGO_BIN_EXE_piton")),
        };
        command.args(flags).arg("-c").arg(self.write());
        without_engines(&mut command);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// Takes the variables away that choose an engine.
pub fn without_engines(command: &mut Command) {
    for name in OF_ENGINES {
        command.env_remove(name);
    }
}
