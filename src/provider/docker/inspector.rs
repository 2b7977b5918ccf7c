//! Looking at containers: several at once, each once at a time, over connections that are kept while there is work.
//!
//! An engine answers about a container only when nobody else holds it, which can take minutes while it is being removed.
//! One that does not answer keeps nobody else waiting.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::provider::engine::wire::Inspect;
use crate::provider::engine::{Client, EngineError, Session};

/// Containers that are looked at together.
const AT_ONCE: usize = 16;
/// Longest look at one.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was seen of one container.
pub(super) struct Seen {
    pub(super) id: String,
    /// The fingerprint of the summary that made it worth a look.
    pub(super) fingerprint: Option<u64>,
    pub(super) result: Result<Inspect, EngineError>,
}

/// Looks at containers.
pub(super) struct Inspector {
    client: Client,
    /// Who waits, with the fingerprint that goes with what will be seen.
    waiting: BTreeMap<String, Option<u64>>,
    busy: HashSet<String>,
    /// Those of `busy` that are no more: what is seen of them is out of date.
    gone: HashSet<String>,
    running: JoinSet<(Seen, Option<Session>)>,
    /// Connections that are free.
    sessions: Vec<Session>,
    /// Who is being looked at, so that a look that was cut down is still accounted for.
    names: HashMap<tokio::task::Id, String>,
}

impl Inspector {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            waiting: BTreeMap::new(),
            busy: HashSet::new(),
            gone: HashSet::new(),
            running: JoinSet::new(),
            sessions: Vec::new(),
            names: HashMap::new(),
        }
    }

    /// Asks for a look at a container: after the one that is under way, since that may have seen it before.
    pub(super) fn ask(&mut self, id: String, fingerprint: Option<u64>) {
        self.waiting.insert(id, fingerprint);
        self.start();
    }

    /// A container is no more: nobody needs to look at it.
    pub(super) fn forget(&mut self, id: &str) {
        self.waiting.remove(id);
        if self.busy.contains(id) {
            self.gone.insert(id.to_owned());
        }
    }

    /// Is nobody waiting, and nobody being looked at?
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }

    /// What was seen next; never when there is nothing to look at.
    pub(super) async fn next(&mut self) -> Seen {
        loop {
            match self.running.join_next_with_id().await {
                None => std::future::pending().await,
                Some(Ok((task, (seen, session)))) => {
                    self.names.remove(&task);
                    self.busy.remove(&seen.id);
                    self.sessions.extend(session);
                    self.start();
                    if self.is_idle() {
                        self.sessions.clear();
                    }
                    if !self.gone.remove(&seen.id) {
                        return seen;
                    }
                }
                Some(Err(error)) => {
                    if let Some(id) = self.names.remove(&error.id()) {
                        self.busy.remove(&id);
                        self.gone.remove(&id);
                    }
                    tracing::error!("a look at a container was cut short: {error}");
                    self.start();
                }
            }
        }
    }

    fn start(&mut self) {
        while self.running.len() < AT_ONCE {
            let next = self.waiting.keys().find(|id| !self.busy.contains(*id)).cloned();
            let Some(id) = next else { return };
            let fingerprint = self.waiting.remove(&id).flatten();
            self.busy.insert(id.clone());
            let (client, session) = (self.client.clone(), self.sessions.pop());
            let looked_at = id.clone();
            let task = self
                .running
                .spawn(async move { look(&client, session, looked_at, fingerprint).await });
            self.names.insert(task.id(), id);
        }
    }
}

async fn look(
    client: &Client,
    session: Option<Session>,
    id: String,
    fingerprint: Option<u64>,
) -> (Seen, Option<Session>) {
    let path = format!("/containers/{id}/json");
    let mut session = session;
    let asked = async {
        let open = match session.take() {
            Some(open) if open.is_open() => open,
            _ => client.session().await?,
        };
        session.insert(open).get(&path).await
    };
    let result = timeout(PATIENCE, asked).await.unwrap_or_else(|_| {
        Err(EngineError::TimedOut {
            path: path.clone(),
            limit: PATIENCE,
        })
    });
    let session = session.filter(|session| result.is_ok() && session.is_open());
    let seen = Seen {
        id,
        fingerprint,
        result,
    };
    (seen, session)
}
