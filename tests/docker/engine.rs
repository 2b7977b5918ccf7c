//! The engine by its command line; whatever a test made goes with the test.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, Once, OnceLock, PoisonError};

use crate::app;
use crate::harness::{Piton, Setup};

/// The label of everything that these tests make.
const LABEL: &str = "piton.lab";

/// Says why tests are skipped, also when output is captured.
pub fn skipped(why: &str) {
    let line = format!("SKIPPED: {why}\n");
    // Not by `eprint!`, which libtest would keep.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// An engine that answers.
#[derive(Debug, Clone)]
pub struct Docker {
    /// `unix:///var/run/docker.sock`.
    pub endpoint: String,
}

impl Docker {
    /// The one of this machine, with the image in it. Without one a line says so, once.
    pub fn here() -> Option<Self> {
        static SAID: Once = Once::new();
        static FOUND: OnceLock<Result<Docker, String>> = OnceLock::new();
        let found = FOUND.get_or_init(|| {
            let endpoint = std::env::var("DOCKER_HOST").unwrap_or_default();
            let endpoint = if endpoint.is_empty() {
                "unix:///var/run/docker.sock".to_owned()
            } else {
                endpoint
            };
            Self::at(&endpoint)
        });
        match found {
            Ok(found) => Some(found.clone()),
            Err(why) => {
                SAID.call_once(|| skipped(why));
                None
            }
        }
    }

    /// The one at this endpoint, with the image in it; or why not.
    pub fn at(endpoint: &str) -> Result<Self, String> {
        let engine = Self {
            endpoint: endpoint.to_owned(),
        };
        if !endpoint.starts_with("unix://") {
            return Err(format!("the Docker engine at {endpoint} is not on this machine"));
        }
        if app::busybox().is_none() {
            return Err("no busybox-static here to make containers of".to_owned());
        }
        let answer = engine.output(&["version", "--format", "{{.Server.Version}}"]);
        match answer {
            Ok(answer) if answer.status.success() => {}
            Ok(answer) => {
                let why = String::from_utf8_lossy(&answer.stderr).trim().to_owned();
                return Err(format!("no Docker engine answers at {endpoint}: {why}"));
            }
            Err(error) => return Err(format!("no Docker engine answers at {endpoint}: docker: {error}")),
        }
        let context = app::context();
        engine.run(&[
            "build",
            "--quiet",
            "--tag",
            app::IMAGE,
            context.path().to_str().unwrap(),
        ]);
        Ok(engine)
    }

    fn output(&self, arguments: &[&str]) -> std::io::Result<Output> {
        Command::new("timeout")
            .args(["60", "docker"])
            .args(arguments)
            .env("DOCKER_HOST", &self.endpoint)
            .env("DOCKER_BUILDKIT", "0")
            .output()
    }

    /// `docker ...`; returns what it prints.
    pub fn run(&self, arguments: &[&str]) -> String {
        self.attempt(arguments).unwrap_or_else(|why| panic!("{why}"))
    }

    /// The same, where it may fail.
    pub fn attempt(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.output(arguments).map_err(|error| error.to_string())?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(format!("docker {}: {why}", arguments.join(" ")));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

/// Until this is dropped no other test of this process uses an engine: load of one is a delay of the other.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    // One that failed while it was alone has said so.
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What one test makes in an engine; removed when dropped.
pub struct Lab {
    /// The engine.
    pub docker: Docker,
    /// Before every name.
    prefix: String,
    _alone: MutexGuard<'static, ()>,
}

impl Lab {
    /// In the engine of this machine, if there is one.
    pub fn here() -> Option<Self> {
        Docker::here().map(Self::of)
    }

    /// In this engine.
    pub fn of(docker: Docker) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self {
            docker,
            prefix: format!("piton-lab-{}-{number}", std::process::id()),
            _alone: alone(),
        }
    }

    /// The full name of a container or network.
    pub fn name(&self, short: &str) -> String {
        format!("{}-{short}", self.prefix)
    }

    /// Starts a container that answers with its short name; `options` go before the image.
    pub fn start(&self, short: &str, options: &[&str]) {
        let (name, own) = (self.name(short), format!("NAME={short}"));
        let label = format!("{LABEL}={}", self.prefix);
        let mut arguments = vec![
            "run", "--detach", "--name", &name, "--label", &label, "--env", &own,
        ];
        arguments.extend(options);
        arguments.push(app::IMAGE);
        self.docker.run(&arguments);
    }

    /// Starts a replica of the sticky service `app`.
    pub fn replica(&self, short: &str, options: &[&str]) {
        let mut all = STICKY_APP.to_vec();
        all.extend(options);
        self.start(short, &all);
    }

    /// Starts several at once.
    pub fn replicas(&self, names: &[&str], options: &[&str]) {
        std::thread::scope(|scope| {
            for name in names {
                scope.spawn(move || self.replica(name, options));
            }
        });
    }

    /// Creates a network.
    pub fn network(&self, short: &str) -> String {
        let (name, label) = (self.name(short), format!("{LABEL}={}", self.prefix));
        self.docker.run(&["network", "create", "--label", &label, &name]);
        name
    }

    /// `docker <verb> <container>`.
    pub fn act(&self, verb: &str, short: &str) {
        self.docker.run(&[verb, &self.name(short)]);
    }

    /// What `docker inspect` says, by a template.
    pub fn inspect(&self, short: &str, template: &str) -> String {
        self.docker
            .run(&["inspect", "--format", template, &self.name(short)])
    }

    /// Its address in a network.
    pub fn address(&self, short: &str, network: &str) -> String {
        let template = format!("{{{{(index .NetworkSettings.Networks {network:?}).IPAddress}}}}");
        self.inspect(short, &template)
    }

    /// A piton that sees what this lab makes, and nothing else.
    pub fn setup(&self, options: &str) -> Setup {
        let constraints = format!("constraints: 'Label(`{LABEL}`, `{}`)'", self.prefix);
        let endpoint = format!("endpoint: {}", self.docker.endpoint);
        // The throttle is that of a configuration which says nothing about it.
        Setup::engine("docker", &format!("{endpoint}\n{constraints}\n{options}")).throttle("2s")
    }

    /// The same, started.
    pub fn piton(&self, options: &str) -> Piton {
        self.setup(options).start()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let label = format!("label={LABEL}={}", self.prefix);
        for (list, remove) in [
            (
                ["ps", "--all", "--quiet"].as_slice(),
                ["rm", "--force", "--volumes"].as_slice(),
            ),
            (&["network", "ls", "--quiet"], &["network", "rm"]),
        ] {
            let listed = self.docker.attempt(&[list, &["--filter", &label]].concat());
            let listed = listed.unwrap_or_default();
            let ids: Vec<&str> = listed.split_whitespace().collect();
            if !ids.is_empty() {
                // Whatever this says, the test has its verdict.
                let _ = self.docker.attempt(&[remove, &ids].concat());
            }
        }
    }
}

/// Labels of a replica of the service `app`: every path, sticky by the cookie `sid`.
pub const STICKY_APP: [&str; 4] = [
    "--label",
    "traefik.http.routers.app.rule=PathPrefix(`/`)",
    "--label",
    "traefik.http.services.app.loadbalancer.sticky.cookie.name=sid",
];

/// Does a program exist here?
pub fn exists(program: &str) -> bool {
    let paths = std::env::var("PATH").unwrap_or_default();
    paths.split(':').any(|dir| Path::new(dir).join(program).exists())
}
