//! One client of an API server, from the first list to its end: news become objects, objects a configuration.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep_until};

use super::connect::connect;
use super::events::{self, Events};
use super::failure::Failure;
use super::status::{self, Wanted};
use super::trouble::Trouble;
use super::watch::{Found, News, Told, watch};
use super::{Kubernetes, NAME};
use crate::provider::Update;
use crate::provider::ingress::{Conversion, Converter, Id, Kind, Status};
use crate::provider::publisher::ends_servers;

/// How long more changes are waited for before what is known is used: a rollout makes several.
const SETTLE: Duration = Duration::from_millis(20);
/// The longest such wait under a stream of changes.
const SETTLE_AT_MOST: Duration = Duration::from_millis(250);
/// Pages and changes that wait to be read. While they do, nobody asks for more.
const WAITING: usize = 64;

/// Who follows what a round finds out.
pub(super) struct Audience<'a> {
    pub(super) updates: &'a mpsc::Sender<Update>,
    pub(super) trouble: &'a mut Trouble,
}

/// One client, and what it tells.
pub(super) struct Round<'k> {
    kubernetes: &'k mut Kubernetes,
    /// Nobody, when everything is read only once.
    audience: Option<Audience<'k>>,
    news: mpsc::Receiver<Told>,
    /// What works beside this; ends with it.
    _tasks: JoinSet<()>,
    events: Option<Events>,
    wanted: watch::Sender<Wanted>,
    /// Since when something is known that was not published, and when the last of it came.
    changed: Option<(Instant, Instant)>,
    published: Option<Instant>,
}

/// What a conversion brought, and what follows from it.
struct Converted {
    conversion: Conversion,
    is_new: bool,
    is_urgent: bool,
    /// Statuses to write, if any are written.
    wanted: Option<Result<Wanted, String>>,
}

impl<'k> Round<'k> {
    /// Connects, and begins to watch.
    pub(super) async fn begin(
        kubernetes: &'k mut Kubernetes,
        audience: Option<Audience<'k>>,
    ) -> Result<Self, Failure> {
        let (client, namespace) = connect(&kubernetes.access).await?;
        let (told, news) = mpsc::channel(WAITING);
        let mut tasks = JoinSet::new();
        watch(&kubernetes.watched, &client, &told, &mut tasks);
        let (wanted, wishes) = watch::channel(Wanted::default());
        let mut events = None;
        // Who writes statuses is new too, and has to be told what is wanted though no object may change for long.
        let changed = audience.as_ref().map(|_| (Instant::now(), Instant::now()));
        if audience.is_some() {
            let queue = events::start(client.clone(), &kubernetes.identity, &mut tasks);
            // What was said before anybody could be told.
            queue.tell(std::mem::take(&mut kubernetes.fresh));
            events = Some(queue);
            if kubernetes.options.status != Status::None {
                let candidate = kubernetes.candidate(namespace);
                tasks.spawn(status::follow(client, candidate, wishes));
            }
        }
        Ok(Self {
            kubernetes,
            audience,
            news,
            _tasks: tasks,
            events,
            wanted,
            changed,
            published: None,
        })
    }

    /// Follows the cluster; without an audience, only until everything was read once.
    pub(super) async fn run(mut self) -> Result<(), Failure> {
        loop {
            let due = self.due();
            tokio::select! {
                told = self.news.recv() => match told {
                    Some((index, news)) => self.heed(index, news)?,
                    None => return Err(Failure::Other("nothing is watched any more".to_owned())),
                },
                () = at(due) => {
                    self.publish().await?;
                    if self.audience.is_none() {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// When what is known is published.
    fn due(&self) -> Option<Instant> {
        let (first, last) = self.changed.filter(|_| self.kubernetes.scopes.is_settled())?;
        if self.kubernetes.is_silent {
            return Some(first);
        }
        let settled = (last + SETTLE).min(first + SETTLE_AT_MOST);
        let next = self.published.zip(self.kubernetes.throttle);
        let open = next.and_then(|(published, throttle)| published.checked_add(throttle));
        Some(open.map_or(settled, |open| open.max(settled)))
    }

    fn has(&mut self, is_news: bool) {
        if is_news {
            let now = Instant::now();
            let (_, last) = self.changed.get_or_insert((now, now));
            *last = now;
        }
    }

    fn converter(&self) -> MutexGuard<'_, Converter> {
        let converter = self.kubernetes.converter.lock();
        converter.unwrap_or_else(PoisonError::into_inner)
    }

    fn heed(&mut self, index: usize, news: News) -> Result<(), Failure> {
        let Some(kind) = self.kubernetes.scopes.kind(index) else {
            return Ok(());
        };
        match news {
            News::Begin => self.kubernetes.scopes.begin(index),
            News::Page(page) => {
                for found in page {
                    self.kubernetes.scopes.see(index, found.0.clone());
                    self.learn(kind, found);
                }
            }
            News::Listed => {
                let known = self.converter().ids(kind);
                for id in self.kubernetes.scopes.listed(index, known) {
                    self.forget(kind, &id);
                }
            }
            News::Watching => self.works(index),
            News::Changed(found) => self.learn(kind, found),
            News::Gone(id) => self.forget(kind, &id),
            News::Failed { verb, failure } => self.failed(index, verb, failure)?,
        }
        // Also an empty cluster is told of once.
        let is_first = self.kubernetes.is_silent && self.kubernetes.scopes.is_settled();
        self.has(self.changed.is_none() && (is_first || self.kubernetes.is_late()));
        Ok(())
    }

    fn learn(&mut self, kind: Kind, (id, object): Found) {
        match object {
            Some(object) => {
                let is_news = self.converter().put(object);
                self.has(is_news);
            }
            None => self.forget(kind, &id),
        }
    }

    fn forget(&mut self, kind: Kind, id: &Id) {
        let is_news = self.converter().remove(kind, id);
        self.has(is_news);
    }

    fn works(&mut self, index: usize) {
        if let Some(said) = self.kubernetes.scopes.works(index) {
            tracing::info!(provider = NAME, "{said}");
        }
        if let Some(audience) = &mut self.audience
            && self.kubernetes.scopes.is_well()
        {
            audience.trouble.is_over();
        }
    }

    fn failed(&mut self, index: usize, verb: &str, failure: Failure) -> Result<(), Failure> {
        match (failure, &mut self.audience) {
            (Failure::Forbidden { user }, _) => {
                if let Some(said) = self.kubernetes.scopes.forbidden(index, verb, &user) {
                    // An error: with the default level of the log nobody would know why there are no routers.
                    tracing::error!(provider = NAME, "{said}");
                }
                Ok(())
            }
            // Everything that is shown to the API server is read anew then.
            (Failure::Unauthorized, _) => Err(Failure::Unauthorized),
            (failure, Some(audience)) => {
                let reason = self.kubernetes.scopes.failing(index, &failure);
                audience.trouble.met(&reason);
                Ok(())
            }
            (failure, None) => Err(failure),
        }
    }

    /// Converts away from this thread, which probes servers too, and sends what is new.
    async fn publish(&mut self) -> Result<(), Failure> {
        self.changed = None;
        let (converter, last) = (
            Arc::clone(&self.kubernetes.converter),
            Arc::clone(&self.kubernetes.last),
        );
        let has_status = self.kubernetes.options.status != Status::None;
        let converted = spawn_blocking(move || {
            let mut converter = converter.lock().unwrap_or_else(PoisonError::into_inner);
            let conversion = converter.convert();
            let is_new = conversion.configuration != *last;
            Converted {
                is_new,
                is_urgent: is_new && ends_servers(&last, &conversion.configuration),
                wanted: has_status.then(|| converter.statuses().map(Wanted::from)),
                conversion,
            }
        });
        let converted = converted.await.map_err(|error| {
            self.kubernetes.forget_all();
            Failure::Other(format!("objects could not be converted: {error}"))
        })?;
        self.published = Some(Instant::now());
        match &self.events {
            Some(events) => events.tell(converted.conversion.fresh),
            None => self.kubernetes.fresh.extend(converted.conversion.fresh),
        }
        if let Some(wanted) = converted.wanted {
            self.want(wanted);
        }
        let says_other = converted.conversion.remarks != self.kubernetes.remarks;
        if !converted.is_new && !says_other && !self.kubernetes.is_silent {
            self.kubernetes.reach();
            return Ok(());
        }
        self.kubernetes.remarks = converted.conversion.remarks;
        if converted.is_new {
            self.kubernetes.last = Arc::new(converted.conversion.configuration);
        }
        self.kubernetes.is_silent = false;
        if let Some(audience) = &self.audience {
            let update = Update {
                provider: NAME,
                configuration: Arc::clone(&self.kubernetes.last),
                remarks: self.kubernetes.remarks.clone(),
                is_urgent: converted.is_urgent,
            };
            // The receiver is gone only at shutdown.
            let _ = audience.updates.send(update).await;
        }
        self.kubernetes.reach();
        Ok(())
    }

    fn want(&mut self, wanted: Result<Wanted, String>) {
        let wanted = match wanted {
            Ok(wanted) => {
                self.kubernetes.no_status = None;
                wanted
            }
            Err(reason) => {
                if self.kubernetes.no_status.as_ref() != Some(&reason) {
                    tracing::warn!(provider = NAME, "no status is written: {reason}");
                }
                self.kubernetes.no_status = Some(reason);
                // What was wanted before is not, any more.
                Wanted::default()
            }
        };
        // Nobody is told of what nobody waits for.
        let _ = self.wanted.send(wanted);
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
