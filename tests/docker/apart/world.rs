//! An engine of one's own, in namespaces of its own: network, mounts and processes. The test itself runs in
//! there too; when it ends, however it ends, the kernel ends all of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::app;
use crate::engine::{Docker, exists, skipped};
use crate::harness::{TempDir, within};

/// Set inside.
const INSIDE: &str = "PITON_TEST_WORLD";
/// An engine starts within it, or never.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest time a world may last, in seconds.
const LIFE: &str = "240";

/// Runs `test`, which is the test of that name, with an engine of its own that is started with these flags. Where
/// none can be started, a line says so.
pub fn of_its_own(name: &str, flags: &[&str], test: impl FnOnce(&mut Engine)) {
    if std::env::var_os(INSIDE).is_none() {
        return enter(name);
    }
    // The loopback of a new network is down.
    let up = Command::new("busybox")
        .args(["ip", "link", "set", "lo", "up"])
        .status();
    assert!(up.is_ok_and(|status| status.success()), "loopback");
    let mut engine = Engine::new(flags);
    match engine.start() {
        Ok(()) => test(&mut engine),
        Err(why) => skip(&format!("{name}: no engine of its own: {why}")),
    }
}

/// Tells the outer world that there was nothing to test.
pub fn skip(why: &str) {
    println!("\nSKIPPED: {why}");
}

/// The same test again, in a new world.
fn enter(name: &str) {
    let missing: Vec<&str> = ["unshare", "nsenter", "dockerd", "docker", "busybox", "timeout"]
        .into_iter()
        .filter(|program| !exists(program))
        .collect();
    if !missing.is_empty() {
        return skipped(&format!("{name}: no {} here", missing.join(", ")));
    }
    let unshare = [
        "--net",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
    ];
    let probe = Command::new("unshare")
        .args(unshare)
        .arg("true")
        .output()
        .unwrap();
    if !probe.status.success() || app::busybox().is_none() {
        let why = String::from_utf8_lossy(&probe.stderr).trim().to_owned();
        return skipped(&format!("{name}: needs root and busybox-static: {why}"));
    }
    let dir = TempDir::new();
    // Processes of other worlds have the same numbers, and would have the same names of directories.
    let temporary = dir.join("tmp");
    fs::create_dir(&temporary).unwrap();
    let output = Command::new("unshare")
        .args(unshare)
        // The first process of a world buries the others; `timeout` alone would not.
        .args(["timeout", LIFE, "sh", "-c", "\"$@\"; exit $?", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(INSIDE, dir.path())
        .env("TMPDIR", temporary)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    for line in text.lines() {
        match line.strip_prefix("SKIPPED: ") {
            Some(why) => skipped(why),
            None if line.starts_with('|') || !output.status.success() => println!("{line}"),
            None => {}
        }
    }
    bury(dir.path());
    assert!(output.status.success(), "in its own world: {}", output.status);
    assert!(text.contains("1 passed"), "{name} is the name of a test");
}

/// Removes the control groups of a world that was cut short; an orderly one leaves none.
fn bury(dir: &Path) {
    let parent = group(dir);
    for controller in fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten() {
        let group = controller.path().join(&parent);
        for inner in fs::read_dir(&group).into_iter().flatten().flatten() {
            let _ = fs::remove_dir(inner.path());
        }
        let _ = fs::remove_dir(group);
    }
    let _ = fs::remove_dir_all(Path::new("/sys/fs/cgroup").join(parent));
}

/// The control group of all containers of a world.
fn group(dir: &Path) -> String {
    dir.file_name().unwrap().to_string_lossy().into_owned()
}

/// The engine of this world.
pub struct Engine {
    dir: PathBuf,
    flags: Vec<String>,
    process: Option<Child>,
}

impl Engine {
    fn new(flags: &[&str]) -> Self {
        Self {
            flags: flags.iter().map(|&flag| flag.to_owned()).collect(),
            dir: std::env::var_os(INSIDE).unwrap().into(),
            process: None,
        }
    }

    /// Its command line, with the image in it.
    pub fn docker(&self) -> Docker {
        Docker {
            endpoint: self.endpoint(),
        }
    }

    /// Where it listens.
    pub fn endpoint(&self) -> String {
        format!("unix://{}/docker.sock", self.dir.display())
    }

    /// Starts it, the first time or again; containers go on while it is not there.
    pub fn start(&mut self) -> Result<(), String> {
        let path = |name: &str| self.dir.join(name).display().to_string();
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.dir.join("log"))
            .unwrap();
        let mut process = Command::new("dockerd")
            .args(["--data-root", &path("data"), "--exec-root", &path("exec")])
            .args(["--pidfile", &path("pid"), "--host", &self.endpoint()])
            .args(&self.flags)
            .args(["--cgroup-parent", &format!("/{}", group(&self.dir))])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("dockerd: {error}"))?;
        let begin = Instant::now();
        let socket = self.dir.join("docker.sock");
        let answers = || {
            use std::io::{Read as _, Write as _};
            let mut stream = std::os::unix::net::UnixStream::connect(&socket).ok()?;
            stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
            stream
                .write_all(b"GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                .ok()?;
            let mut text = String::new();
            stream.read_to_string(&mut text).ok()?;
            text.ends_with("OK").then_some(())
        };
        while answers().is_none() {
            let ended = process.try_wait().unwrap();
            if ended.is_some() || begin.elapsed() > PATIENCE {
                let _ = process.kill();
                let _ = process.wait();
                let log = fs::read_to_string(self.dir.join("log")).unwrap_or_default();
                return Err(log.lines().last().unwrap_or("dockerd says nothing").to_owned());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.process = Some(process);
        Docker::at(&self.endpoint()).map(|_| ())
    }

    /// Ends it as a service manager does.
    pub fn stop(&mut self) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        let _ = Command::new("kill").arg(process.id().to_string()).status();
        within(PATIENCE, "the engine ends", || {
            process.try_wait().unwrap().is_some()
        });
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if self.process.is_none() {
            return;
        }
        let docker = self.docker();
        let _ = docker.attempt(&["swarm", "leave", "--force"]);
        if let Ok(all) = docker.attempt(&["ps", "--all", "--quiet"]) {
            let ids: Vec<&str> = all.split_whitespace().collect();
            if !ids.is_empty() {
                let _ = docker.attempt(&[["rm", "--force"].as_slice(), &ids].concat());
            }
        }
        if !std::thread::panicking() {
            self.stop();
        }
    }
}
