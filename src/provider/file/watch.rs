//! Watching: file system events give speed, a look at the files themselves gives certainty.
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

use super::fingerprint::{Fingerprint, empty_files};
use super::{NAME, Source};
use crate::config::dynamic::Configuration;
use crate::provider::Update;

/// How often the files are looked at without an event.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long the files must stay as they are before they are read.
const SETTLE: Duration = Duration::from_millis(50);
/// Files that never stop changing are read after this long all the same.
const SETTLE_AT_MOST: Duration = Duration::from_secs(2);
/// How long an empty file is taken for one that is being written.
const EMPTY_AT_MOST: Duration = Duration::from_secs(10);

/// Follows a source and sends what it reads.
pub struct Watcher {
    source: Source,
    watch: bool,
    updates: mpsc::Sender<Update>,
    /// The files as they were when last read.
    seen: Fingerprint,
    /// Files that were empty when last read, and so are not being written.
    empty: BTreeSet<PathBuf>,
}

impl Watcher {
    /// A watcher that sends to `updates`. The caller reads the source once after this call; the watcher
    /// sends what changes from now on. Without `watch` it reads again on SIGHUP only.
    #[must_use]
    pub fn new(source: Source, watch: bool, updates: mpsc::Sender<Update>) -> Self {
        Self {
            seen: Fingerprint::of(&source),
            empty: empty_files(&source),
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
            let now = fingerprint(&self.source).await;
            if forced || now != self.seen {
                self.seen = self.settled(now).await;
                self.empty = empty_files(&self.source);
                if let Some(events) = &mut events {
                    events.watch(&self.source);
                }
                self.read_and_send().await;
            }
        }
    }

    /// Waits until the files rest. One that has become empty is given longer: it is probably being
    /// written, and reading it now would remove everything.
    async fn settled(&self, mut seen: Fingerprint) -> Fingerprint {
        let begin = Instant::now();
        loop {
            sleep(SETTLE).await;
            let now = fingerprint(&self.source).await;
            let is_being_written = !empty_files(&self.source).is_subset(&self.empty);
            let at_most = if is_being_written {
                EMPTY_AT_MOST
            } else {
                SETTLE_AT_MOST
            };
            let rests = now == seen && !is_being_written;
            if rests || begin.elapsed() > at_most {
                return now;
            }
            seen = now;
        }
    }

    /// Reads the source and logs what is wrong with it; `None` when it is refused.
    #[must_use]
    pub fn read(&self) -> Option<Configuration> {
        read(&self.source)
    }

    async fn read_and_send(&self) {
        let source = self.source.clone();
        let read = tokio::task::spawn_blocking(move || read(&source)).await;
        if let Ok(Some(configuration)) = read {
            let update = Update {
                provider: NAME,
                configuration: Arc::new(configuration),
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

async fn fingerprint(source: &Source) -> Fingerprint {
    let blocking = source.clone();
    let taken = tokio::task::spawn_blocking(move || Fingerprint::of(&blocking)).await;
    taken.unwrap_or_else(|_| Fingerprint::of(source))
}

/// File system events, as far as they can be had.
struct Events {
    watcher: Option<RecommendedWatcher>,
}

impl Events {
    fn new(source: &Source, changed: Arc<Notify>) -> Self {
        let watcher = notify::recommended_watcher(move |_| changed.notify_one());
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
        if let Some(watcher) = &mut self.watcher {
            if let Err(error) = watcher.watch(place, mode) {
                tracing::debug!(place = %place.display(), "not watched: {error}");
            }
        }
    }
}
