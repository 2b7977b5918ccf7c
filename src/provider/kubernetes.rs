//! The provider of Kubernetes Ingresses (traefik-providers 5): objects of one cluster.
//!
//! ```text
//! watches (one per kind and namespace) -> Round: what is new? -> Converter -> what changed is sent
//!                                           |                       |-> Events on objects that are not right
//!                                           '- permissions, outages '-> statuses, by one replica at a time
//! ```
//!
//! Nothing is polled: what is known is listed once and kept by watches. A watch that breaks goes on where it was; when that
//! is too long ago everything of its kind is listed again, and what changed meanwhile is found.

mod access;
mod connect;
mod events;
mod failure;
mod lease;
mod options;
mod round;
mod scope;
mod status;
mod trouble;
mod watch;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

pub use access::Environment;
pub use options::options;

use super::backoff::BackOff;
use super::ingress::{Converter, Options, Remark};
use super::{First, InvalidProvider, Readiness, Update};
use crate::clock;
use crate::config::dynamic::Configuration;
use crate::config::install::KubernetesIngress;
use crate::config::{Files, Remarks};
use access::Access;
use failure::Failure;
use round::{Audience, Round};
use scope::{Scope, Scopes};
use status::Candidate;
use trouble::Trouble;

/// The part behind the `@` of everything that comes from Ingresses.
pub const NAME: &str = "kubernetes";
/// The block of the static configuration.
pub const KEY: &str = "kubernetesIngress";

/// Follows the Ingresses of one cluster.
pub struct Kubernetes {
    access: Access,
    options: Options,
    throttle: Option<Duration>,
    /// Who this is among replicas.
    identity: String,
    /// `POD_NAMESPACE`.
    namespace: Option<String>,
    watched: Vec<Scope>,
    /// How far each of them is.
    scopes: Scopes,
    /// What is known of objects. A lock, so that it outlives a conversion that is cut short.
    converter: Arc<Mutex<Converter>>,
    last: Arc<Configuration>,
    remarks: Remarks,
    /// Did nobody get a configuration yet?
    is_silent: bool,
    readiness: Readiness,
    /// What Events are still to be made of.
    fresh: Vec<Remark>,
    /// Why no status can be written.
    no_status: Option<String>,
}

impl Kubernetes {
    /// With the options that were written; nothing is asked yet.
    ///
    /// # Errors
    /// When an option cannot be used.
    pub fn new(
        written: &KubernetesIngress,
        environment: &Environment,
        files: &dyn Files,
    ) -> Result<Self, InvalidProvider> {
        let options = options::options(written)?;
        let watched = Scope::all(written);
        Ok(Self {
            access: Access::new(written, environment, files)?,
            throttle: written.throttle_duration.positive(),
            identity: status::identity(environment.pod_name.as_deref()),
            namespace: environment.pod_namespace.clone(),
            scopes: Scopes::new(&watched),
            watched,
            converter: Arc::new(Mutex::new(Converter::new(options.clone()))),
            options,
            last: Arc::default(),
            remarks: Remarks::new(),
            is_silent: true,
            readiness: Readiness::default(),
            fresh: Vec::new(),
            no_status: None,
        })
    }

    /// Tells whether so much was read once that requests can be served.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// What the Ingresses mean now: asked before anything is answered, so that the first request finds its route. What
    /// the API server forbids is left out; it is not whole then.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn first(&mut self) -> Result<First, String> {
        let round = Round::begin(self, None).await;
        let round = round.map_err(|failure| failure.to_string())?;
        round.run().await.map_err(|failure| failure.to_string())?;
        Ok(First {
            configuration: Arc::clone(&self.last),
            remarks: self.remarks.clone(),
            is_whole: self.scopes.is_whole(),
        })
    }

    /// Follows the Ingresses until nobody listens any more.
    pub async fn run(mut self, updates: mpsc::Sender<Update>) {
        let mut back_off = BackOff::new();
        let mut trouble = Trouble::default();
        while !updates.is_closed() {
            let begin = Instant::now();
            let follow = async {
                let failure = self.follow(&updates, &mut trouble).await;
                trouble.met(&failure.to_string());
                sleep(back_off.after(begin.elapsed(), clock::random())).await;
            };
            tokio::select! {
                () = follow => {}
                () = updates.closed() => {}
            }
        }
    }

    /// Follows with one client, until it is of no use any more.
    async fn follow(&mut self, updates: &mpsc::Sender<Update>, trouble: &mut Trouble) -> Failure {
        let round = match Round::begin(self, Some(Audience { updates, trouble })).await {
            Ok(round) => round,
            Err(failure) => return failure,
        };
        match round.run().await {
            Ok(()) => Failure::Other("nothing is followed any more".to_owned()),
            Err(failure) => failure,
        }
    }

    /// Can requests be served by what is known, though that is not said yet?
    fn is_late(&self) -> bool {
        !self.readiness.is_ready() && self.scopes.is_usable()
    }

    /// What is known was published.
    fn reach(&self) {
        if self.scopes.is_usable() {
            self.readiness.reached();
        }
    }

    /// Begins anew.
    fn forget_all(&mut self) {
        self.converter = Arc::new(Mutex::new(Converter::new(self.options.clone())));
        self.scopes = Scopes::new(&self.watched);
    }

    /// This replica, among those that may write statuses; `here` is the namespace of who asks.
    fn candidate(&self, here: String) -> Candidate {
        Candidate {
            identity: self.identity.clone(),
            namespace: self.namespace.clone().unwrap_or(here),
            class: self.options.class.clone(),
        }
    }
}
