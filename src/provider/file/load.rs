//! Reading: files -> one configuration, or every problem in them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::dynamic::http::Router;
use crate::config::dynamic::{self, Configuration};
use crate::config::{Named, Notation, Problem};
use crate::disk::read_bytes;

/// Most files that are read.
const MAX_FILES: usize = 10_000;
/// Deepest directory that is entered.
const MAX_DEPTH: usize = 32;

/// What the provider reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// One file.
    File(PathBuf),
    /// All `.yml`, `.yaml` and `.toml` files in and below a directory.
    Directory(PathBuf),
}

/// A configuration that was read, with what is worth a word.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Loaded {
    /// The configuration.
    pub configuration: Configuration,
    /// Things that have no effect or are probably not meant.
    pub warnings: Vec<Problem>,
}

impl Source {
    /// The place that is watched.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Directory(path) => path,
        }
    }

    /// The same places, wherever the process will be.
    #[must_use]
    pub fn absolute(self) -> Self {
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        match self {
            Self::File(path) => Self::File(absolute(path)),
            Self::Directory(path) => Self::Directory(absolute(path)),
        }
    }

    /// Reads everything. One bad file refuses the whole, so that never half of a change is applied.
    ///
    /// # Errors
    /// Every error of every file.
    pub fn load(&self) -> Result<Loaded, Vec<Problem>> {
        let (configuration, problems) = self.survey();
        if problems.iter().any(Problem::is_error) {
            return Err(problems.into_iter().filter(Problem::is_error).collect());
        }
        Ok(Loaded {
            configuration,
            warnings: problems,
        })
    }

    /// Reads as much as can be read, with everything that was found: for a check that wants to tell all at
    /// once. A configuration with errors is not to be used.
    #[must_use]
    pub fn survey(&self) -> (Configuration, Vec<Problem>) {
        let mut merger = Merger::default();
        match self.files() {
            Ok(files) => files.iter().for_each(|file| merger.read(file)),
            Err(problem) => merger.problems.push(problem),
        }
        add_catch_all_router(&mut merger.configuration);
        (merger.configuration, merger.problems)
    }

    /// The files to read, in the order in which the first definition of a name wins: by name, in place.
    ///
    /// # Errors
    /// When a directory cannot be read, or there are too many files.
    pub fn files(&self) -> Result<Vec<PathBuf>, Problem> {
        match self {
            Self::File(path) => Ok(vec![path.clone()]),
            Self::Directory(path) => {
                let mut files = Vec::new();
                collect(path, 0, &mut files)?;
                Ok(files)
            }
        }
    }
}

fn collect(directory: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Problem> {
    let unreadable = |error: io::Error| file_problem(directory, format!("cannot be read: {error}"));
    if depth > MAX_DEPTH {
        return Err(file_problem(
            directory,
            format!("lies more than {MAX_DEPTH} directories deep"),
        ));
    }
    let entries: Result<Vec<_>, _> = fs::read_dir(directory)
        .and_then(Iterator::collect)
        .map_err(unreadable);
    let mut entries = entries?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        // The kind of the entry itself: a link to a directory is not entered, so that there is no loop.
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_dir() {
            // Kubernetes keeps the data of a mounted ConfigMap in `..2026_...`; the links beside it
            // name the same files.
            if !entry.file_name().to_string_lossy().starts_with("..") {
                collect(&path, depth + 1, files)?;
            }
        } else if Notation::of_path(&path).is_some() {
            if files.len() >= MAX_FILES {
                return Err(file_problem(
                    directory,
                    format!("holds more than {MAX_FILES} files"),
                ));
            }
            files.push(path);
        }
    }
    Ok(())
}

fn read_file(path: &Path) -> Result<(Configuration, Vec<Problem>), Problem> {
    let notation = Notation::of_path(path).ok_or_else(|| {
        let message = "has no extension that is known; use .yml, .yaml or .toml";
        file_problem(path, message.to_owned())
    })?;
    Ok(dynamic::survey(&read_bytes(path)?, notation, Some(path)))
}

fn file_problem(path: &Path, message: String) -> Problem {
    Problem::error("", message).in_file(&Arc::from(path))
}

/// Puts files together: the first definition of a name wins, later ones are warned about.
#[derive(Default)]
struct Merger {
    configuration: Configuration,
    problems: Vec<Problem>,
}

impl Merger {
    fn read(&mut self, file: &Path) {
        match read_file(file) {
            Ok((configuration, problems)) => {
                self.problems.extend(problems);
                self.add(file, configuration);
            }
            Err(problem) => self.problems.push(problem),
        }
    }

    fn add(&mut self, file: &Path, configuration: Configuration) {
        let Self {
            configuration: all,
            problems: noted,
        } = self;
        let mut absorb = Absorber { file, noted };
        let (http, from) = (&mut all.http, configuration.http);
        absorb.map("http.routers", &mut http.routers, from.routers);
        absorb.map("http.services", &mut http.services, from.services);
        absorb.map("http.middlewares", &mut http.middlewares, from.middlewares);
        absorb.map(
            "http.serversTransports",
            &mut http.servers_transports,
            from.servers_transports,
        );
        let (tcp, from) = (&mut all.tcp, configuration.tcp);
        absorb.map("tcp.routers", &mut tcp.routers, from.routers);
        absorb.map("tcp.services", &mut tcp.services, from.services);
        absorb.map("tcp.middlewares", &mut tcp.middlewares, from.middlewares);
        absorb.map(
            "tcp.serversTransports",
            &mut tcp.servers_transports,
            from.servers_transports,
        );
        let (udp, from) = (&mut all.udp, configuration.udp);
        absorb.map("udp.routers", &mut udp.routers, from.routers);
        absorb.map("udp.services", &mut udp.services, from.services);
        let (tls, from) = (&mut all.tls, configuration.tls);
        absorb.map("tls.options", &mut tls.options, from.options);
        absorb.map("tls.stores", &mut tls.stores, from.stores);
        for certificate in from.certificates.iter().cloned() {
            tls.certificates.add(certificate);
        }
    }
}

struct Absorber<'a> {
    file: &'a Path,
    noted: &'a mut Vec<Problem>,
}

impl Absorber<'_> {
    fn map<T>(&mut self, kind: &str, into: &mut Named<T>, from: Named<T>) {
        for (name, value) in from {
            if into.contains_key(&name) {
                let path = format!("{kind}.{name}");
                let warning = Problem::warning(path, "already configured, skipping");
                self.noted.push(warning.in_file(&Arc::from(self.file)));
            } else {
                into.insert(name, value);
            }
        }
    }
}

/// Services and no routers at all, and exactly one service: it gets every request, so that the smallest
/// file works (design: difference 11).
fn add_catch_all_router(configuration: &mut Configuration) {
    let http = &mut configuration.http;
    let mut services = http.services.iter();
    if let (true, Some((name, _)), None) = (http.routers.is_empty(), services.next(), services.next()) {
        let name = Arc::clone(name);
        let router = Router {
            rule: "PathPrefix(`/`)".to_owned(),
            service: name.as_ref().to_owned(),
            ..Router::default()
        };
        http.routers.insert(name, router);
    }
}
