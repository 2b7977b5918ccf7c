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
use crate::provider::engine::{EngineError, Environment};
use crate::provider::file::{self, Source, Watcher};
use crate::provider::swarm::{self, Swarm};
use crate::provider::{First, InvalidProvider, Update};

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
            let path = match key.starts_with("DOCKER_") {
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
        })
    }

    fn is_empty(&self) -> bool {
        let Self {
            fixed,
            files,
            docker,
            swarm,
        } = self;
        fixed.is_none() && files.is_none() && docker.is_none() && swarm.is_none()
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
        let watcher = self
            .files
            .map(|watched| Watcher::new(watched.source, watched.watch, updates.clone()));
        if let Some(configuration) = watcher.as_ref().and_then(Watcher::read) {
            apply(file::NAME, Arc::new(configuration), Remarks::new());
        }
        let (mut docker, mut swarm) = (self.docker, self.swarm);
        for (provider, first) in first_answers(docker.as_mut(), swarm.as_mut())? {
            match first {
                Ok(First {
                    configuration,
                    remarks,
                    is_whole,
                }) if is_whole || !takes_over => apply(provider, configuration, remarks),
                Ok(_) => {
                    return Err(StartFailure::System(format!(
                        "providers.{provider}: not all containers could be looked at: the running process knows more, \
                         and stays"
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
        Ok(Followers {
            watcher,
            docker,
            swarm,
        })
    }
}

type Answer = Result<First, String>;

/// What the engines say now. The runtime leaves no thread behind that a later fork would lose.
fn first_answers(
    docker: Option<&mut Docker>,
    swarm: Option<&mut Swarm>,
) -> Result<Vec<(&'static str, Answer)>, StartFailure> {
    if docker.is_none() && swarm.is_none() {
        return Ok(Vec::new());
    }
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| StartFailure::System(format!("runtime: {error}")))?;
    let docker = async { Some((docker::NAME, in_time(docker?.first()).await)) };
    let swarm = async { Some((swarm::NAME, in_time(swarm?.first()).await)) };
    let (docker, swarm) = runtime.block_on(async { tokio::join!(docker, swarm) });
    Ok(docker.into_iter().chain(swarm).collect())
}

async fn in_time(first: impl Future<Output = Result<First, EngineError>>) -> Answer {
    let answer = timeout(FIRST_ANSWER, first).await;
    let answer = answer.map_err(|_| format!("no answer within {FIRST_ANSWER:?}"))?;
    answer.map_err(|error| error.to_string())
}

/// What follows the sources while the proxy runs.
pub(super) struct Followers {
    watcher: Option<Watcher>,
    docker: Option<Docker>,
    swarm: Option<Swarm>,
}

impl Followers {
    /// Starts them all; none ends before nobody listens to `updates` any more.
    pub(super) fn start(self, running: &mut JoinSet<()>, updates: &mpsc::Sender<Update>) {
        match self.watcher {
            Some(watcher) => running.spawn(watcher.run()),
            None => running.spawn(ignore_hangup()),
        };
        if let Some(docker) = self.docker {
            running.spawn(docker.run(updates.clone()));
        }
        if let Some(swarm) = self.swarm {
            running.spawn(swarm.run(updates.clone()));
        }
    }
}

/// SIGHUP means "read again"; where there is nothing to read it must not end the process.
async fn ignore_hangup() {
    if let Ok(mut hangup) = signal(SignalKind::hangup()) {
        while hangup.recv().await.is_some() {}
    }
}
