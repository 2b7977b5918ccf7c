//! The docker provider (traefik-providers 2, 3): containers of one engine.
//!
//! ```text
//! listing ----.                                    .-> Publisher: convert, say what is new, send what changed
//!              >-> Inspector (16 at once) -> Inventory
//! events  ----'                              what is known of every container
//! ```
//!
//! A listing tells which containers to look at: those whose summary is not the one of last time. After that events tell,
//! and one listing a minute heals what the stream lost, since engines drop events that are not read fast enough. The
//! stream is opened before the listing, so that nothing falls between them.

mod inspector;
mod inventory;
mod machine;
mod round;

use std::sync::Arc;

use tokio::sync::mpsc;

use super::containers::Flavour;
use super::engine::{Access, EngineError, Environment};
use super::follow::{Follower, Trouble, keep_following};
use super::publisher::{InvalidProvider, Publisher, options};
use super::{First, Update};
use crate::config::Files;
use crate::config::install;
use inventory::Inventory;
use round::{Audience, Round};

/// The part behind the `@` of everything that comes from containers.
pub const NAME: &str = "docker";

/// Follows the containers of one engine.
pub struct Docker {
    access: Arc<Access>,
    watch: bool,
    inventory: Inventory,
    publisher: Publisher,
}

impl Docker {
    /// With the options that were written; nothing is asked yet.
    ///
    /// # Errors
    /// When an option cannot be used.
    pub fn new(
        written: &install::Docker,
        environment: &Environment,
        files: &dyn Files,
    ) -> Result<Self, InvalidProvider> {
        let access = Access::new(&written.engine(), environment, files)?;
        let options = options(Flavour::Docker, &written.meaning())?;
        Ok(Self {
            access: Arc::new(access),
            watch: written.watch,
            inventory: Inventory::default(),
            publisher: Publisher::new(NAME, options),
        })
    }

    /// What the containers mean now: asked before anything is answered, so that the first request finds its route.
    ///
    /// # Errors
    /// When the engine cannot be asked.
    pub async fn first(&mut self) -> Result<First, EngineError> {
        let is_whole = Round::begin(self, None).await?.run().await?;
        Ok(First {
            configuration: self.publisher.last(),
            remarks: self.publisher.remarks(),
            is_whole,
        })
    }

    /// Follows the containers until nobody listens any more.
    pub async fn run(self, updates: mpsc::Sender<Update>) {
        keep_following(self, updates).await;
    }
}

impl Follower for Docker {
    const NAME: &str = NAME;

    fn access(&self) -> Arc<Access> {
        Arc::clone(&self.access)
    }

    async fn follow(
        &mut self,
        updates: &mpsc::Sender<Update>,
        trouble: &mut Trouble,
    ) -> Result<(), EngineError> {
        let audience = Audience { updates, trouble };
        Round::begin(self, Some(audience)).await?.run().await.map(drop)
    }
}
