//! The configuration file: read, reported, turned into a [`Startup`].

use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::thread::available_parallelism;

use pingora::server::configuration::ServerConf;

use super::startup::{Dynamic, StartFailure, Startup};
use crate::cli::Serve;
use crate::config::install::{self, FileProvider, Install};
use crate::config::{Notation, Problem, Value};
use crate::provider::file::{Source, read_bytes};
use crate::proxy::MAX_ATTEMPTS;

/// Seconds that requests in flight may take after SIGTERM, unless written otherwise (Pingora: 300).
const GRACE_SECONDS: u64 = 10;
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
    Ok(Startup {
        server,
        upgrade: args.upgrade,
        dynamic: dynamic(&install),
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
    let notation = Notation::of_path(path);
    let notation = notation
        .ok_or_else(|| problem("has no extension that is known; use .yaml, .yml or .toml".to_owned()))?;
    let bytes = read_bytes(path).map_err(|problem| vec![problem])?;
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

fn dynamic(install: &Install) -> Dynamic {
    let provider = install.providers.file.as_ref();
    match provider.and_then(|provider| Some((source(provider)?, provider.watch))) {
        Some((source, watch)) => Dynamic::Files { source, watch },
        None => Dynamic::None,
    }
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
        conf.grace_period_seconds = Some(GRACE_SECONDS);
    }
    if !is_written("upstream_keepalive_pool_size") {
        conf.upstream_keepalive_pool_size = KEEPALIVE_POOL;
    }
    if !is_written("max_retries") {
        conf.max_retries = MAX_ATTEMPTS;
    }
    Ok(conf)
}
