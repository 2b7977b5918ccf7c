//! The swarm provider (traefik-providers 2, 4): the services of a Docker swarm, asked of one of its managers.
//!
//! Every look reads everything anew: four answers for the whole swarm. It is taken every `refreshSeconds`, soon after an
//! event, and every second while tasks are starting or stopping: managers tell of services, but not of tasks on other
//! nodes.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::containers::{Container, Flavour, Labels};
use super::engine::wire::{Change, Network, Node, Service, Task};
use super::engine::{Access, Client, EngineError, Environment, Session};
use super::follow::{Follower, Trouble, keep_following};
use super::publisher::{InvalidProvider, Publisher, options};
use super::{First, Update};
use crate::config::Files;
use crate::config::install;

/// The part behind the `@` of everything that comes from a swarm.
pub const NAME: &str = "swarm";

/// What the manager is asked to tell; containers are those of its own node.
const FILTERS: &str = r#"{"type":["service","node","container"],"event":["create","update","remove","start","die","kill","health_status"]}"#;
/// How long more events are waited for.
const SETTLE: Duration = Duration::from_millis(100);
/// Time between looks while tasks start or stop.
const WHILE_UNSETTLED: Duration = Duration::from_secs(1);
/// Shortest time between two looks.
const APART: Duration = Duration::from_millis(500);
/// Networks of the whole swarm.
const NETWORKS: &str = "/networks?filters=%7B%22scope%22%3A%5B%22swarm%22%5D%7D";

/// Follows the services of a swarm.
pub struct Swarm {
    access: Arc<Access>,
    watch: bool,
    every: Duration,
    publisher: Publisher,
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
        let default = install::Swarm::default().refresh_seconds;
        Ok(Self {
            access: Arc::new(access),
            watch: written.watch,
            every: written
                .refresh_seconds
                .positive()
                .or(default.positive())
                .unwrap_or(WHILE_UNSETTLED),
            publisher: Publisher::new(NAME, options),
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
            is_whole: true,
        })
    }

    /// Follows the services until nobody listens any more.
    pub async fn run(self, updates: mpsc::Sender<Update>) {
        keep_following(self, updates).await;
    }

    async fn look(&mut self, session: &mut Session) -> Result<World, EngineError> {
        let services: Vec<Service> = session.get("/services").await?;
        let tasks: Vec<Task> = session.get("/tasks").await?;
        let networks: Vec<Network> = session.get(NETWORKS).await?;
        // At last: who refuses may end the connection.
        let tasks = alive(tasks, &self.nodes(session).await?);
        Ok(World {
            is_unsettled: tasks.iter().any(Task::is_unsettled),
            containers: containers(services, tasks, &networks),
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
        loop {
            let world = self.look(&mut session).await?;
            trouble.is_over();
            self.publisher.publish(world.containers, Some(updates)).await;
            if !self.watch {
                return Ok(());
            }
            let looked = Instant::now();
            let wait = if world.is_unsettled {
                WHILE_UNSETTLED
            } else {
                self.every
            };
            let mut next = looked + wait;
            loop {
                tokio::select! {
                    event = events.next() => {
                        if event?.change().is_some_and(|change| concerns_tasks(&change)) {
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
    /// Are tasks starting or stopping?
    is_unsettled: bool,
}

/// Without the tasks of dead nodes. Nobody tells the manager how those go on: they stay as they were for a day, or for good,
/// and would drain as long.
#[must_use]
pub fn alive(mut tasks: Vec<Task>, nodes: &[Node]) -> Vec<Task> {
    let dead = nodes.iter().filter(|node| node.is_dead());
    let dead: HashSet<&str> = dead.map(|node| node.id.as_str()).collect();
    tasks.retain(|task| !dead.contains(task.node.as_str()));
    tasks
}

/// Every running task as a container; a service that is used by its virtual address as one.
#[must_use]
pub fn containers(services: Vec<Service>, tasks: Vec<Task>, networks: &[Network]) -> Vec<Arc<Container>> {
    let networks: BTreeMap<&str, &Network> = networks
        .iter()
        .map(|network| (network.id.as_str(), network))
        .collect();
    let services = services.into_iter().map(|mut service| {
        let labels = Labels::new(service.take_labels());
        (service, labels)
    });
    let (virtual_services, others): (Vec<_>, Vec<_>) =
        services.partition(|(_, labels): &(Service, Labels)| labels.lb_swarm());
    let others: BTreeMap<&str, &(Service, Labels)> = others
        .iter()
        .map(|service| (service.0.id.as_str(), service))
        .collect();
    let of_tasks = tasks.into_iter().filter_map(|task| {
        let (service, labels) = others.get(task.service.as_str())?;
        task.into_container(service, labels)
    });
    let of_services = virtual_services
        .iter()
        .map(|(service, labels)| service.at_virtual_address(labels, &networks));
    of_services.chain(of_tasks).map(Arc::new).collect()
}
