//! Where the dynamic configuration comes from: read once before anything listens, followed from then on.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::conf::source;
use super::startup::StartFailure;
use crate::config::dynamic::Configuration;
use crate::config::install::Install;
use crate::config::{Files, Problem, Remarks};
use crate::control::Control;
use crate::provider::docker::{self, Docker};
use crate::provider::engine::Environment;
use crate::provider::file::{self, Source, Watcher};
use crate::provider::kubernetes::{self, Kubernetes};
use crate::provider::swarm::{self, Swarm};
use crate::provider::{First, InvalidProvider, Readiness, Update};

/// Longest wait for an engine before entry points open. A connection made meanwhile waits with it.
const FIRST_ANSWER: Duration = Duration::from_secs(10);

/// All sources of dynamic configuration that were written.
#[derive(Default)]
pub struct Sources {
    /// A configuration that was given, instead of files.
    pub fixed: Option<Box<Configuration>>,
    /// Files.
    pub files: Option<Watched>,
    /// Containers.
    pub docker: Option<Docker>,
    /// Services of a swarm.
    pub swarm: Option<Swarm>,
    /// Ingresses of a cluster.
    pub kubernetes: Option<Kubernetes>,
}

/// What the file provider reads.
pub struct Watched {
    /// Which files.
    pub source: Source,
    /// Read again when they change?
    pub watch: bool,
}

impl Sources {
    /// What `providers` asks for.
    ///
    /// # Errors
    /// Every option that cannot be used, by its key path.
    pub(super) fn of(install: &Install, files: &dyn Files) -> Result<Self, Vec<Problem>> {
        let written = &install.providers;
        let environment = Environment::of_process();
        let mut problems = Vec::new();
        let mut refuse = |provider: &str, InvalidProvider { key, reason }: InvalidProvider| {
            // A variable of the environment stands in no file.
            let is_variable = ["DOCKER_", "KUBE"].iter().any(|prefix| key.starts_with(prefix));
            let path = match is_variable {
                true => key,
                false => format!("providers.{provider}.{key}"),
            };
            problems.push(Problem::error(path, reason));
        };
        let docker = written.docker.as_ref().and_then(|written| {
            let docker = Docker::new(written, &environment, files);
            docker.map_err(|invalid| refuse(docker::NAME, invalid)).ok()
        });
        let swarm = written.swarm.as_ref().and_then(|written| {
            let swarm = Swarm::new(written, &environment, files);
            swarm.map_err(|invalid| refuse(swarm::NAME, invalid)).ok()
        });
        let kubernetes = written.kubernetes_ingress.as_ref().and_then(|written| {
            let kubernetes = Kubernetes::new(written, &kubernetes::Environment::of_process(), files);
            kubernetes
                .map_err(|invalid| refuse(kubernetes::KEY, invalid))
                .ok()
        });
        if !problems.is_empty() {
            return Err(problems);
        }
        let watched = |provider| {
            Some(Watched {
                // In the background the working directory is another one.
                source: source(provider)?.absolute(),
                watch: provider.watch,
            })
        };
        Ok(Self {
            fixed: None,
            files: written.file.as_ref().and_then(watched),
            docker,
            swarm,
            kubernetes,
        })
    }

    fn is_empty(&self) -> bool {
        let Self {
            fixed,
            files,
            docker,
            swarm,
            kubernetes,
        } = self;
        let is_silent = docker.is_none() && swarm.is_none() && kubernetes.is_none();
        fixed.is_none() && files.is_none() && is_silent
    }

    /// Reads everything once, so that the first request finds its route. An engine that does not answer is asked again
    /// later; but who takes over from a running process must know what that one knows.
    pub(super) fn read(
        self,
        control: &mut Control,
        updates: &mpsc::Sender<Update>,
        takes_over: bool,
    ) -> Result<Followers, StartFailure> {
        if self.is_empty() {
            tracing::warn!("no provider is configured: every request is answered 404");
        }
        let mut apply = |provider, configuration: Arc<Configuration>, remarks: Remarks| {
            control.apply(Update {
                provider,
                configuration,
                remarks,
                is_urgent: false,
            });
        };
        if let Some(configuration) = self.fixed {
            apply(file::NAME, Arc::new(*configuration), Remarks::new());
        }
        let mut watcher = self
            .files
            .map(|watched| Watcher::new(watched.source, watched.watch, updates.clone()));
        if let Some(configuration) = watcher.as_mut().and_then(Watcher::read) {
            apply(file::NAME, configuration, Remarks::new());
        }
        let mut engines = Engines {
            docker: self.docker,
            swarm: self.swarm,
            kubernetes: self.kubernetes,
        };
        for (provider, first) in engines.first_answers()? {
            match first {
                Ok(First {
                    configuration,
                    remarks,
                    is_whole,
                }) if is_whole || !takes_over => apply(provider, configuration, remarks),
                Ok(_) => {
                    return Err(StartFailure::System(format!(
                        "providers.{provider}: not everything could be looked at: the running process knows more, and \
                         stays"
                    )));
                }
                Err(reason) if takes_over => {
                    return Err(StartFailure::System(format!(
                        "providers.{provider}: {reason}: the running process knows more, and stays"
                    )));
                }
                Err(reason) => tracing::error!(provider, "{reason}: starting without it"),
            }
        }
        Ok(Followers { watcher, engines })
    }
}

type Answer = Result<First, String>;

/// Providers that somebody has to be asked for.
struct Engines {
    docker: Option<Docker>,
    swarm: Option<Swarm>,
    kubernetes: Option<Kubernetes>,
}

impl Engines {
    const fn is_empty(&self) -> bool {
        self.docker.is_none() && self.swarm.is_none() && self.kubernetes.is_none()
    }

    /// What they say now. The runtime leaves no thread behind that a later fork would lose.
    fn first_answers(&mut self) -> Result<Vec<(&'static str, Answer)>, StartFailure> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| StartFailure::System(format!("runtime: {error}")))?;
        let (docker, swarm) = (self.docker.as_mut(), self.swarm.as_mut());
        let kubernetes = self.kubernetes.as_mut();
        let docker = async { Some((docker::NAME, in_time(docker?.first()).await)) };
        let swarm = async { Some((swarm::NAME, in_time(swarm?.first()).await)) };
        let kubernetes = async { Some((kubernetes::NAME, in_time(kubernetes?.first()).await)) };
        let (docker, swarm, kubernetes) = runtime.block_on(async { tokio::join!(docker, swarm, kubernetes) });
        Ok(docker.into_iter().chain(swarm).chain(kubernetes).collect())
    }
}

async fn in_time<E: ToString>(first: impl Future<Output = Result<First, E>>) -> Answer {
    let answer = timeout(FIRST_ANSWER, first).await;
    let answer = answer.map_err(|_| format!("no answer within {FIRST_ANSWER:?}"))?;
    answer.map_err(|error| error.to_string())
}

/// What follows the sources while the proxy runs.
pub(super) struct Followers {
    watcher: Option<Watcher>,
    engines: Engines,
}

impl Followers {
    /// Asks whether everything was read once that a first answer may be wanting of.
    pub(super) fn readiness(&self) -> impl Fn() -> bool + Send + Sync + use<> {
        let kubernetes = self.engines.kubernetes.as_ref().map(Kubernetes::readiness);
        move || kubernetes.as_ref().is_none_or(Readiness::is_ready)
    }

    /// Starts them all; none ends before nobody listens to `updates` any more.
    pub(super) fn start(self, running: &mut JoinSet<()>, updates: &mpsc::Sender<Update>) {
        match self.watcher {
            Some(watcher) => running.spawn(watcher.run()),
            None => running.spawn(ignore_hangup()),
        };
        let Engines {
            docker,
            swarm,
            kubernetes,
        } = self.engines;
        if let Some(docker) = docker {
            running.spawn(docker.run(updates.clone()));
        }
        if let Some(swarm) = swarm {
            running.spawn(swarm.run(updates.clone()));
        }
        if let Some(kubernetes) = kubernetes {
            running.spawn(kubernetes.run(updates.clone()));
        }
    }
}

/// SIGHUP means "read again"; where there is nothing to read it must not end the process.
async fn ignore_hangup() {
    if let Ok(mut hangup) = signal(SignalKind::hangup()) {
        while hangup.recv().await.is_some() {}
    }
}
