//! Watching: file system events give speed, a look at the files themselves gives certainty. Files that the configuration
//! names, such as certificates, are only looked at.
//!
//! Events are lost in many ways (a swapped ConfigMap link, a directory deleted and made again, network
//! file systems, a full queue), so an event only makes piton look sooner. What counts is the fingerprint
//! of the files, also taken every half second, and read only once it has stopped changing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep, timeout};

use super::fingerprint::{Filled, Fingerprint};
use super::{NAME, Source};
use crate::config::Remarks;
use crate::config::dynamic::Configuration;
use crate::disk::Disk;
use crate::provider::Update;

/// How often the files are looked at without an event.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long the files must stay as they are before they are read.
const SETTLE: Duration = Duration::from_millis(50);
/// Files that never stop changing are read after this long all the same.
const SETTLE_AT_MOST: Duration = Duration::from_secs(2);
/// Reads of one change, at most, while the files keep changing.
const MOST_READS: usize = 10;
/// How long an empty file is taken for one that is being written.
const EMPTY_AT_MOST: Duration = Duration::from_secs(10);

/// Follows a source and sends what it reads.
pub struct Watcher {
    source: Source,
    watch: bool,
    updates: mpsc::Sender<Update>,
    /// Where the files are that the configuration names.
    disk: Disk,
    /// What was read last without an error.
    last: Option<Arc<Configuration>>,
    /// Files that it names.
    named: Arc<[PathBuf]>,
    /// The files as they were when last read.
    seen: Fingerprint,
    /// The files that had something in them when last read.
    filled: Filled,
}

impl Watcher {
    /// A watcher that sends to `updates`. The caller reads the source once after this call; the watcher
    /// sends what changes from now on. Without `watch` it reads again on SIGHUP only.
    #[must_use]
    pub fn new(source: Source, watch: bool, updates: mpsc::Sender<Update>) -> Self {
        Self {
            seen: Fingerprint::of(&source, &[]),
            disk: Disk::here(),
            last: None,
            named: Arc::default(),
            filled: Filled::of(&source),
            source,
            watch,
            updates,
        }
    }

    /// Follows the source until nobody listens any more.
    pub async fn run(mut self) {
        let changed = Arc::new(Notify::new());
        let mut events = self
            .watch
            .then(|| Events::new(&self.source, Arc::clone(&changed)));
        let mut hangup = match signal(SignalKind::hangup()) {
            Ok(hangup) => hangup,
            Err(error) => return tracing::error!("SIGHUP cannot be received: {error}"),
        };
        loop {
            let wait = if self.watch { LOOK_EVERY } else { Duration::MAX };
            let forced = tokio::select! {
                _ = timeout(wait, changed.notified()) => false,
                _ = hangup.recv() => true,
                () = self.updates.closed() => return,
            };
            let now = self.fingerprint().await;
            if forced || now != self.seen {
                let has_other_files = now.named != self.seen.named;
                let configuration = self.read_settled(now).await;
                // Certificates are renewed also where the files that name them have become unreadable.
                let configuration = configuration.or_else(|| self.last.clone().filter(|_| has_other_files));
                if let Some(events) = &mut events {
                    events.watch(&self.source);
                }
                self.send(configuration).await;
            }
        }
    }

    /// Reads the files once they rest, and again if they changed while they were read.
    async fn read_settled(&mut self, mut now: Fingerprint) -> Option<Arc<Configuration>> {
        for _ in 0..MOST_READS {
            self.seen = self.settled(now).await;
            let source = self.source.clone();
            let configuration = tokio::task::spawn_blocking(move || read(&source)).await.ok()?;
            now = self.fingerprint().await;
            if now == self.seen {
                self.filled = Filled::of(&self.source);
                return configuration.map(|configuration| self.took(configuration));
            }
        }
        None
    }

    /// Waits until the files rest. Where a file has become empty, or all have gone, they are given longer:
    /// they are probably being written, and reading now would remove everything.
    async fn settled(&self, mut seen: Fingerprint) -> Fingerprint {
        let begin = Instant::now();
        let mut said = false;
        loop {
            sleep(SETTLE).await;
            let now = self.fingerprint().await;
            let is_being_written = Filled::of(&self.source).lost_something_of(&self.filled);
            let at_most = if is_being_written {
                EMPTY_AT_MOST
            } else {
                SETTLE_AT_MOST
            };
            if is_being_written && !said {
                said = true;
                tracing::info!(
                    path = %self.source.path().display(),
                    "files became empty or vanished: waiting up to {EMPTY_AT_MOST:?} for their writer"
                );
            }
            let rests = now == seen && !is_being_written;
            if rests || begin.elapsed() > at_most {
                return now;
            }
            seen = now;
        }
    }

    /// Reads the source and logs what is wrong with it; `None` when it is refused.
    #[must_use]
    pub fn read(&mut self) -> Option<Arc<Configuration>> {
        read(&self.source).map(|configuration| self.took(configuration))
    }

    /// From now on the files that `configuration` names are followed too. They are read when it is applied.
    fn took(&mut self, configuration: Configuration) -> Arc<Configuration> {
        let named = configuration.named_files().map(|name| self.disk.path(name));
        let named: BTreeSet<PathBuf> = named.collect();
        self.named = named.into_iter().collect();
        self.seen = self.seen.naming(&self.named);
        let configuration = Arc::new(configuration);
        self.last = Some(Arc::clone(&configuration));
        configuration
    }

    async fn fingerprint(&self) -> Fingerprint {
        let (source, named) = (self.source.clone(), Arc::clone(&self.named));
        let taken = tokio::task::spawn_blocking(move || Fingerprint::of(&source, &named)).await;
        taken.unwrap_or_else(|_| Fingerprint::of(&self.source, &self.named))
    }

    async fn send(&self, configuration: Option<Arc<Configuration>>) {
        if let Some(configuration) = configuration {
            let update = Update {
                provider: NAME,
                configuration,
                remarks: Remarks::new(),
                is_urgent: false,
            };
            // The receiver is gone only at shutdown.
            let _ = self.updates.send(update).await;
        }
    }
}

fn read(source: &Source) -> Option<Configuration> {
    let path = source.path().display();
    match source.load() {
        Ok(loaded) => {
            tracing::info!(%path, "configuration read");
            for warning in loaded.warnings {
                tracing::warn!("{warning}");
            }
            Some(loaded.configuration)
        }
        Err(problems) => {
            for problem in problems {
                tracing::error!("{problem}");
            }
            tracing::error!(%path, "configuration refused: the last good one stays in use");
            None
        }
    }
}

/// File system events, as far as they can be had.
struct Events {
    watcher: Option<RecommendedWatcher>,
}

impl Events {
    fn new(source: &Source, changed: Arc<Notify>) -> Self {
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Looking at the files is an access too: heeding those would be a loop.
            if !event.is_ok_and(|event| event.kind.is_access()) {
                changed.notify_one();
            }
        });
        let mut events = Self {
            watcher: watcher
                .inspect_err(|error| tracing::warn!("no file system events, looking instead: {error}"))
                .ok(),
        };
        events.watch(source);
        events
    }

    /// (Re-)registers the places to watch; a place that does not exist is tried again at the next change.
    fn watch(&mut self, source: &Source) {
        let (place, mode) = match source {
            Source::File(path) => (path.parent(), RecursiveMode::NonRecursive),
            Source::Directory(path) => (Some(path.as_path()), RecursiveMode::Recursive),
        };
        let place = place
            .filter(|place| !place.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        if let Some(watcher) = &mut self.watcher
            && let Err(error) = watcher.watch(place, mode)
        {
            tracing::debug!(place = %place.display(), "not watched: {error}");
        }
    }
}
