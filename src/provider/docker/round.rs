//! One connection to an engine, from the first listing to its end.

use std::collections::HashSet;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::inspector::{Inspector, Seen};
use super::{Docker, NAME, machine};
use crate::provider::Update;
use crate::provider::containers::NetworkMode;
use crate::provider::engine::wire::{Change, Event, Summary};
use crate::provider::engine::{Client, EngineError, Events};
use crate::provider::follow::Trouble;

/// What the engine is asked to tell (`died` and `remove` are Podman's words). Health checks of every container would otherwise come by, three events each.
const FILTERS: &str = r#"{"type":["container","network"],"event":["start","die","stop","pause","unpause","rename","kill","destroy","health_status","connect","disconnect","died","remove"]}"#;
/// How long more events are waited for before what is known is used: a container that starts makes three.
const SETTLE: Duration = Duration::from_millis(20);
/// How long looks at containers are waited for before what is known is used without them.
const LOOK: Duration = Duration::from_millis(500);
/// The same of the first look at all containers.
const FIRST_LOOK: Duration = Duration::from_secs(5);
/// The same after a look that failed; twice as long each time.
const LIST_AGAIN: Duration = Duration::from_secs(2);
/// How often all containers are listed, to find what events did not tell.
const LIST_EVERY: Duration = Duration::from_secs(60);

/// All containers, and what was known when they were asked for.
type Listing = Result<(Vec<Summary>, u64), EngineError>;

/// Who follows what a round finds out.
pub(super) struct Audience<'a> {
    pub(super) updates: &'a mpsc::Sender<Update>,
    pub(super) trouble: &'a mut Trouble,
}

/// One connection to an engine.
pub(super) struct Round<'d> {
    docker: &'d mut Docker,
    /// Nobody, when everything is read only once.
    audience: Option<Audience<'d>>,
    client: Client,
    events: Option<Events>,
    inspector: Inspector,
    /// A listing under way, if there is one.
    listing: JoinSet<Listing>,
    list_at: Instant,
    /// When all are listed again after a look that failed.
    again: Duration,
    /// Has a look failed since the last listing?
    has_failed: bool,
    /// Was a look too slow, or cut short? What an engine refuses to tell it tells nobody.
    lacks_looks: bool,
    /// Has a listing come? Before, nothing is published: it would be half a world.
    has_listed: bool,
    /// Since when something is known that was not published.
    changed: Option<Instant>,
    /// Is it the end of a container? No look is waited for then: an engine that removes a container answers nothing
    /// about it.
    is_end: bool,
    /// Was nothing published yet?
    is_first: bool,
    /// Was the address of the machine looked up?
    knows_machine: bool,
}

impl<'d> Round<'d> {
    /// Connects, and asks for the first listing. Events are asked for only with `watch` and an audience.
    pub(super) async fn begin(
        docker: &'d mut Docker,
        audience: Option<Audience<'d>>,
    ) -> Result<Self, EngineError> {
        let client = Client::connect(&docker.access).await?;
        let follows = docker.watch && audience.is_some();
        let events = match follows {
            true => Some(client.events(FILTERS).await?),
            false => None,
        };
        let mut round = Self {
            inspector: Inspector::new(client.clone()),
            docker,
            audience,
            client,
            events,
            listing: JoinSet::new(),
            list_at: Instant::now(),
            again: LIST_AGAIN,
            has_failed: false,
            lacks_looks: false,
            has_listed: false,
            changed: None,
            is_end: false,
            is_first: true,
            knows_machine: false,
        };
        round.list();
        Ok(round)
    }

    /// Follows the engine; without events, only until everything was read once. Returns whether all containers could be
    /// looked at.
    pub(super) async fn run(mut self) -> Result<bool, EngineError> {
        let mut hangup = self
            .events
            .as_ref()
            .and_then(|_| signal(SignalKind::hangup()).ok());
        loop {
            let due = self.due();
            tokio::select! {
                event = next(&mut self.events) => self.heed(event?),
                listing = listed(&mut self.listing) => self.read(listing?),
                seen = self.inspector.next() => self.learn(seen)?,
                () = at(due) => {
                    let is_whole = self.inspector.is_idle() && !self.lacks_looks;
                    self.publish().await;
                    if self.events.is_none() {
                        return Ok(is_whole);
                    }
                }
                () = sleep_until(self.list_at) => self.list(),
                () = hung_up(&mut hangup) => self.list(),
            }
        }
    }

    /// When what is known is published: when the looks are over, or took too long.
    fn due(&self) -> Option<Instant> {
        let changed = self.changed.filter(|_| self.has_listed)?;
        let wait = match (self.inspector.is_idle(), self.is_first) {
            (true, true) => Duration::ZERO,
            (false, true) => FIRST_LOOK,
            (true, false) => SETTLE,
            (false, false) if self.is_end => SETTLE,
            (false, false) => LOOK,
        };
        Some(changed + wait)
    }

    fn has_end(&mut self, is_news: bool) {
        self.is_end |= is_news;
        self.has(is_news);
    }

    fn has(&mut self, is_news: bool) {
        if is_news {
            self.changed.get_or_insert_with(Instant::now);
        }
    }

    fn heed(&mut self, event: Event) {
        match event.change() {
            Some(Change::Container(id)) => self.inspector.ask(id, None),
            Some(Change::Ended(id)) => {
                let is_news = self.docker.inventory.ended(&id);
                self.has_end(is_news);
                self.inspector.ask(id, None);
            }
            Some(Change::Signalled(id, signal)) => {
                let is_news = self.docker.inventory.signalled(&id, &signal, Instant::now());
                self.has_end(is_news);
            }
            Some(Change::Removed(id)) => self.forget(&id),
            Some(Change::Swarm) | None => {}
        }
    }

    fn forget(&mut self, id: &str) {
        self.inspector.forget(id);
        let is_news = self.docker.inventory.forget(id);
        self.has_end(is_news);
    }

    /// Asks for a listing, unless one is under way.
    fn list(&mut self) {
        self.list_at = Instant::now() + LIST_EVERY;
        self.again = match std::mem::take(&mut self.has_failed) {
            true => (self.again * 2).min(LIST_EVERY),
            false => LIST_AGAIN,
        };
        if self.listing.is_empty() {
            let (client, now) = (self.client.clone(), self.docker.inventory.now());
            self.listing.spawn(async move {
                Ok((client.session().await?.get("/containers/json?all=1").await?, now))
            });
        }
    }

    /// Looks at those of a listing that are not known as they are now.
    fn read(&mut self, (summaries, since): (Vec<Summary>, u64)) {
        let mut listed = HashSet::new();
        for summary in summaries {
            let id = summary.id.clone();
            let fingerprint = summary.fingerprint();
            if self.docker.inventory.is_news(&id, fingerprint) {
                self.inspector.ask(id.clone(), Some(fingerprint));
            }
            listed.insert(id);
        }
        let is_news = self.docker.inventory.retain(&listed, since);
        self.has(is_news);
        for id in self.docker.inventory.outlived(Instant::now()) {
            self.inspector.ask(id, None);
        }
        self.has_listed = true;
        // Files that it names may hold something else by now.
        let names_files = self.docker.publisher.last().names_files();
        self.has(self.is_first || names_files);
        if let Some(audience) = &mut self.audience {
            audience.trouble.is_over();
        }
    }

    fn learn(&mut self, seen: Seen) -> Result<(), EngineError> {
        match seen.result {
            Ok(inspect) => {
                let is_news = self.docker.inventory.learn(inspect, seen.fingerprint);
                self.has(is_news);
            }
            Err(error) if error.is_not_found() => self.forget(&seen.id),
            Err(error @ EngineError::Unreachable(_)) => return Err(error),
            // It is looked at again after the next listing, which comes sooner for that.
            Err(error) => {
                tracing::warn!(
                    provider = NAME,
                    container = seen.id.get(..12),
                    "{error}: what was known of it stays in use"
                );
                self.docker.inventory.doubt(&seen.id);
                self.has_failed = true;
                self.lacks_looks |=
                    !matches!(error, EngineError::Refused { .. } | EngineError::Garbage { .. });
                self.list_at = self.list_at.min(Instant::now() + self.again);
            }
        }
        Ok(())
    }

    async fn publish(&mut self) {
        self.changed = None;
        self.is_end = false;
        self.is_first = false;
        let containers = self.docker.inventory.containers();
        let on_machine = |mode: &NetworkMode| *mode == NetworkMode::Host;
        let is_needed = containers
            .iter()
            .any(|container| on_machine(&container.network_mode));
        if is_needed && !std::mem::replace(&mut self.knows_machine, true) {
            self.docker.publisher.set_machine(machine::address().await);
        }
        let updates = self.audience.as_ref().map(|audience| audience.updates);
        self.docker.publisher.publish(containers, updates).await;
    }
}

/// The next event; never without a stream. A stream that ends is an error: there is no last event.
async fn next(events: &mut Option<Events>) -> Result<Event, EngineError> {
    match events {
        Some(events) => events.next().await,
        None => std::future::pending().await,
    }
}

/// What a listing brought; never when none is under way.
async fn listed(listing: &mut JoinSet<Listing>) -> Listing {
    match listing.join_next().await {
        Some(listed) => listed.unwrap_or_else(|error| Err(EngineError::Unreachable(error.to_string()))),
        None => std::future::pending().await,
    }
}

/// SIGHUP: read again.
async fn hung_up(hangup: &mut Option<Signal>) {
    match hangup {
        Some(hangup) => drop(hangup.recv().await),
        None => std::future::pending().await,
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
