//! Piton's process, and what it costs.
#![allow(dead_code, reason = "every bench uses its own part")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// A figure of many, in milliseconds of CPU.
pub fn told(mut costs: Vec<u64>) -> String {
    costs.sort_unstable();
    format!(
        "{:.2} ms of CPU (median of {}; least {:.2}, most {:.2})",
        ms(costs[costs.len() / 2]),
        costs.len(),
        ms(costs[0]),
        ms(costs[costs.len() - 1]),
    )
}

pub fn ms(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}

/// The binary, ended when dropped.
pub struct Piton {
    child: Child,
    published: Arc<AtomicU64>,
    /// CPU time by thread, as it was seen last.
    threads: Mutex<BTreeMap<OsString, u64>>,
}

impl Piton {
    /// With this below `providers:`, and nothing of the environment that names an engine or a cluster but `variables`.
    pub fn start(directory: &Path, provider: &str, variables: &[(&str, &Path)]) -> Self {
        let conf = directory.join("piton.yaml");
        let text = format!(
            "threads: 1\nentryPoints: {{web: {{address: '127.0.0.1:0'}}}}\nlog: {{level: INFO}}\nproviders:\n  \
             providersThrottleDuration: 0\n  {provider}\n"
        );
        std::fs::write(&conf, text).unwrap();
        // Another build can be measured: PITON=path/to/piton.
        let binary = std::env::var("PITON").unwrap_or_else(|_| env!("CARGO_BIN_EXE_piton").to_owned());
        let mut child = Command::new(binary)
            .arg("-c")
            .arg(conf)
            .env_remove("DOCKER_HOST")
            .env_remove("KUBERNETES_SERVICE_HOST")
            .env_remove("KUBECONFIG")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("piton starts");
        let published = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&published);
        let log = BufReader::new(child.stderr.take().unwrap());
        thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                if line.contains("configuration published") {
                    counter.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        Self {
            child,
            published,
            threads: Mutex::default(),
        }
    }

    pub fn generation(&self) -> u64 {
        self.published.load(Ordering::SeqCst)
    }

    pub fn wait_for_generation(&self, generation: u64) {
        let begin = Instant::now();
        while self.generation() < generation {
            assert!(
                begin.elapsed() < PATIENCE,
                "generation {generation} does not come"
            );
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// CPU time of all its threads, in nanoseconds; also of those that have ended since they were looked at.
    pub fn cpu(&self) -> u64 {
        let mut seen = self.threads.lock().unwrap();
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        for task in tasks.map_while(Result::ok) {
            let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            let time = text.split(' ').next().and_then(|time| time.parse().ok());
            if let Some(time) = time {
                seen.insert(task.file_name(), time);
            }
        }
        seen.values().sum()
    }

    /// Waits until it has done next to nothing for half a second.
    pub fn rest(&self) {
        loop {
            let before = self.cpu();
            thread::sleep(Duration::from_millis(500));
            if self.cpu().saturating_sub(before) < 2_000_000 {
                return;
            }
        }
    }

    pub fn memory_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib / 1024
    }
}

impl Drop for Piton {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
