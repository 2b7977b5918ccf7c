//! The swarm provider (traefik-providers 2, 4): the services of a Docker swarm, asked of one of its managers.
//!
//! Every look reads everything anew: three answers for the whole swarm, four where a service is used by its virtual address.
//! It is taken every `refreshSeconds`, soon after an event, and more often while tasks are starting or stopping: managers
//! tell of services, but not of tasks on other nodes.

mod pace;
mod world;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::containers::{Container, Flavour};
use super::engine::wire::{Change, Network, Node, Service, Task};
use super::engine::{Access, Client, EngineError, Environment, Session, encoded};
use super::follow::{Follower, Trouble, keep_following};
use super::publisher::{InvalidProvider, Publisher, options};
use super::{First, Update};
use crate::config::Files;
use crate::config::install;
use pace::Pace;
use world::states;
pub use world::{Labelled, Meanings, alive, containers};

/// The part behind the `@` of everything that comes from a swarm.
pub const NAME: &str = "swarm";

/// What the manager is asked to tell; containers are those of its own node.
const FILTERS: &str = r#"{"type":["service","node","container"],"event":["create","update","remove","start","die","kill","health_status"]}"#;
/// How long more events are waited for.
const SETTLE: Duration = Duration::from_millis(100);
/// Shortest time between two looks.
const APART: Duration = Duration::from_millis(500);
/// Those that are there on every node.
const OF_SWARM: &str = r#"{"scope":["swarm"]}"#;
/// All tasks, those that ended among them: a filter could only ask for desired states, and a task that drains has that of
/// the ones that ended. The swarm bounds them itself: by default it keeps five that ended for each replica
/// (`--task-history-limit`).
const TASKS: &str = "/tasks";

/// Follows the services of a swarm.
pub struct Swarm {
    access: Arc<Access>,
    watch: bool,
    every: Duration,
    publisher: Publisher,
    meanings: Meanings,
    /// Was it said that nodes cannot be asked for?
    lacks_nodes: bool,
}

impl Swarm {
    /// With the options that were written; nothing is asked yet.
    ///
    /// # Errors
    /// When an option cannot be used.
    pub fn new(
        written: &install::Swarm,
        environment: &Environment,
        files: &dyn Files,
    ) -> Result<Self, InvalidProvider> {
        let access = Access::new(&written.engine(), environment, files)?;
        let options = options(Flavour::Swarm, &written.meaning())?;
        let refresh = written.refresh_seconds.positive();
        let default = install::Swarm::default().refresh_seconds.positive();
        Ok(Self {
            access: Arc::new(access),
            watch: written.watch,
            every: refresh.or(default).unwrap_or(APART),
            publisher: Publisher::new(NAME, options),
            meanings: Meanings::default(),
            lacks_nodes: false,
        })
    }

    /// What the services mean now: asked before anything listens, so that the first request finds its route.
    ///
    /// # Errors
    /// When the manager cannot be asked.
    pub async fn first(&mut self) -> Result<First, EngineError> {
        let mut session = Client::connect(&self.access).await?.session().await?;
        let world = self.look(&mut session).await?;
        self.publisher.publish(world.containers, None).await;
        Ok(First {
            configuration: self.publisher.last(),
            remarks: self.publisher.remarks(),
            is_whole: true,
        })
    }

    /// Follows the services until nobody listens any more.
    pub async fn run(self, updates: mpsc::Sender<Update>) {
        keep_following(self, updates).await;
    }

    async fn look(&mut self, session: &mut Session) -> Result<World, EngineError> {
        let services: Vec<Service> = session.get("/services").await?;
        let services = self.meanings.of(services);
        let tasks: Vec<Task> = session.get(TASKS).await?;
        let networks: Vec<Network> = match services.iter().any(|(_, labels)| labels.lb_swarm()) {
            true => {
                session
                    .get(&format!("/networks?filters={}", encoded(OF_SWARM)))
                    .await?
            }
            // Tasks bring the names of theirs.
            false => Vec::new(),
        };
        // At last: who refuses may end the connection.
        let tasks = alive(tasks, &self.nodes(session).await?);
        Ok(World {
            states: states(&tasks),
            is_unsettled: tasks.iter().any(Task::is_unsettled),
            containers: containers(&services, tasks, &networks),
        })
    }

    /// All nodes; none where a proxy in front of the manager does not let them through.
    async fn nodes(&mut self, session: &mut Session) -> Result<Vec<Node>, EngineError> {
        match session.get("/nodes").await {
            Err(error) if error.is_denied() => {
                if !std::mem::replace(&mut self.lacks_nodes, true) {
                    tracing::warn!(
                        provider = NAME,
                        engine = self.access.shown(),
                        "{error}: tasks of a node that is down drain for hours; let GET /nodes through"
                    );
                }
                Ok(Vec::new())
            }
            answer => {
                self.lacks_nodes = false;
                answer
            }
        }
    }
}

impl Follower for Swarm {
    const NAME: &str = NAME;

    fn access(&self) -> Arc<Access> {
        Arc::clone(&self.access)
    }

    async fn follow(
        &mut self,
        updates: &mpsc::Sender<Update>,
        trouble: &mut Trouble,
    ) -> Result<(), EngineError> {
        let client = Client::connect(&self.access).await?;
        let mut events = client.events(FILTERS).await?;
        let mut session = client.session().await?;
        let mut pace = Pace::new(self.every);
        loop {
            let world = self.look(&mut session).await?;
            trouble.is_over();
            self.publisher.publish(world.containers, Some(updates)).await;
            if !self.watch {
                return Ok(());
            }
            let looked = Instant::now();
            let mut next = looked + pace.after(world.states, world.is_unsettled);
            loop {
                tokio::select! {
                    event = events.next() => {
                        if event?.change().is_some_and(|change| concerns_tasks(&change)) {
                            pace.hurry();
                            let soon = (Instant::now() + SETTLE).max(looked + APART);
                            next = next.min(soon);
                        }
                    }
                    () = sleep_until(next) => break,
                }
            }
            if !session.is_open() {
                session = client.session().await?;
            }
        }
    }
}

fn concerns_tasks(change: &Change) -> bool {
    match change {
        Change::Swarm | Change::Container(_) | Change::Ended(_) | Change::Signalled(..) => true,
        Change::Removed(_) => false,
    }
}

/// A swarm as it is now.
struct World {
    containers: Vec<Arc<Container>>,
    /// Where its tasks are, as a number.
    states: u64,
    /// Are tasks starting or stopping?
    is_unsettled: bool,
}
