//! The configuration file: read, reported, turned into a [`Startup`].

use std::net::IpAddr;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use pingora::server::configuration::ServerConf;

use super::sources::Sources;
use super::startup::{StartFailure, Startup};
use crate::cli::Serve;
use crate::config::install::{self, FileProvider, Install, LifeCycle};
use crate::config::{Notation, Position, Problem, Span, Value};
use crate::disk::{Disk, read_bytes};
use crate::provider::file::Source;
use crate::proxy::{LOOKS, MAX_ATTEMPTS};

/// Idle connections to servers kept per thread, unless written otherwise (Pingora: 128).
const KEEPALIVE_POOL: usize = 1024;

/// Reads the file of `-c`; prints its warnings.
pub(super) fn plan(args: &Serve) -> Result<Startup, StartFailure> {
    let path = args.conf.as_deref().ok_or(StartFailure::NoConfiguration)?;
    let (install, warnings) = read(path).map_err(StartFailure::Refused)?;
    for warning in warnings {
        eprintln!("piton: {warning}");
    }
    let mut server = server_conf(&install)?;
    server.daemon |= args.daemon;
    let sources = Sources::of(&install, &Disk::here());
    let sources = sources.map_err(|problems| StartFailure::Refused(placed(problems, path)))?;
    Ok(Startup {
        server,
        upgrade: args.upgrade,
        sources,
        install,
        services: Vec::new(),
        announce: None,
    })
}

/// Reads the static configuration.
///
/// # Errors
/// Every problem that keeps it from being used.
pub(super) fn read(path: &Path) -> Result<(Install, Vec<Problem>), Vec<Problem>> {
    let problem = |text: String| vec![Problem::error("", text).in_file(&Arc::from(path))];
    let bytes = read_bytes(path).map_err(|problem| vec![problem])?;
    let notation = Notation::of_path(path);
    let notation = notation
        .ok_or_else(|| problem("has no extension that is known; use .yaml, .yml or .toml".to_owned()))?;
    install::read(&bytes, notation, Some(path))
}

/// Where the file provider reads, if there is one.
pub(super) fn source(provider: &FileProvider) -> Option<Source> {
    // As in Traefik, a directory wins over a file name.
    if !provider.directory.is_empty() {
        Some(Source::Directory(provider.directory.as_str().into()))
    } else if !provider.filename.is_empty() {
        Some(Source::File(provider.filename.as_str().into()))
    } else {
        None
    }
}

/// Where the file provider reads, as far as a refused static file tells.
pub(super) fn source_of_refused(path: &Path) -> Option<Source> {
    let bytes = read_bytes(path).ok()?;
    let root = Notation::of_path(path)?.parse(&bytes).ok()?;
    let file = root.get("providers")?.get("file")?;
    let text = |key| match file.get(key).map(|node| &node.value) {
        Some(Value::Scalar(text)) => text.to_string(),
        _ => String::new(),
    };
    source(&FileProvider {
        directory: text("directory"),
        filename: text("filename"),
        ..FileProvider::default()
    })
}

/// Problems by key path at their places in the file at `path`.
pub(super) fn placed(problems: Vec<Problem>, path: &Path) -> Vec<Problem> {
    let root = read_bytes(path)
        .ok()
        .and_then(|bytes| Notation::of_path(path)?.parse(&bytes).ok());
    let file = Arc::from(path);
    let place = |problem: Problem| {
        let mut at = Position::UNKNOWN;
        let mut node = root.as_ref();
        for key in problem.key_path.split('.') {
            node = node.and_then(|node| node.get(key));
            at = node.map_or(at, |node| node.at);
        }
        problem.at(at).in_file(&file)
    };
    problems.into_iter().map(place).collect()
}

/// Pingora's configuration: what was written, over defaults that fit an edge.
pub(super) fn server_conf(install: &Install) -> Result<ServerConf, StartFailure> {
    let written = serde_yaml::Value::Mapping(install.server.clone());
    let mut conf: ServerConf =
        serde_yaml::from_value(written).map_err(|error| StartFailure::ServerKeys(error.to_string()))?;
    let is_written = |key: &str| install.server.contains_key(key);
    if !is_written("threads") {
        conf.threads = available_parallelism().map_or(1, NonZero::get);
    }
    if !is_written("grace_period_seconds") {
        conf.grace_period_seconds = Some(grace_seconds(install));
    }
    if !is_written("upstream_keepalive_pool_size") {
        conf.upstream_keepalive_pool_size = KEEPALIVE_POOL;
    }
    conf.max_retries = match is_written("max_retries") {
        // Who wrote it thought of attempts, and not of looks at a server in the middle of one.
        true => conf.max_retries.saturating_add(LOOKS),
        false => MAX_ATTEMPTS,
    };
    // In the background the working directory is another one.
    if let Ok(path) = std::path::absolute(&conf.upgrade_sock) {
        conf.upgrade_sock = path.display().to_string();
    }
    refuse_what_pingora_panics_on(&conf)?;
    Ok(conf)
}

/// The longest `lifeCycle.graceTimeOut` of the entry points.
fn grace_seconds(install: &Install) -> u64 {
    let longest = longest(install, |life| life.grace_time_out);
    longest.as_secs_f64().ceil() as u64
}

/// How long connections are accepted after SIGTERM: the longest `lifeCycle.requestAcceptGraceTimeout`.
pub(super) fn accept_longer(install: &Install) -> Duration {
    longest(install, |life| life.request_accept_grace_timeout)
}

fn longest(install: &Install, time: impl Fn(&LifeCycle) -> Span) -> Duration {
    let entry_points = install.entry_points.values();
    let times = entry_points.filter_map(|written| time(&written.transport.life_cycle).positive());
    times.max().unwrap_or_default()
}

fn refuse_what_pingora_panics_on(conf: &ServerConf) -> Result<(), StartFailure> {
    let refuse = |text: String| Err(StartFailure::ServerKeys(text));
    if let Some(path) = &conf.ca_file
        && let Err(error) = std::fs::File::open(path)
    {
        return refuse(format!("ca_file {path:?} cannot be read: {error}"));
    }
    let bind_to = conf.client_bind_to_ipv4.iter().chain(&conf.client_bind_to_ipv6);
    if let Some(bad) = bind_to.into_iter().find(|text| text.parse::<IpAddr>().is_err()) {
        return refuse(format!("client_bind_to: {bad:?} is not an address"));
    }
    if conf.daemon_wait_for_ready {
        return refuse("daemon_wait_for_ready is not supported".to_owned());
    }
    Ok(())
}
