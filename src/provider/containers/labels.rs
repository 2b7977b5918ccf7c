//! The labels of a container, decoded when they are first seen: a change of one container decodes no other.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::Flavour;
use super::declared::Declared;
use crate::config::dynamic;
use crate::config::name::normalize;
use crate::config::{Problem, did_you_mean, labels};

/// Labels with what they mean. Cloning is cheap, so the tasks of one service may share theirs.
#[derive(Debug, Clone, Default)]
pub struct Labels(Arc<Decoded>);

#[derive(Debug, Default)]
struct Decoded {
    raw: BTreeMap<String, String>,
    /// Name of the service by the labels of compose, normalised.
    compose: Option<String>,
    declared: Declared,
    problems: Vec<Problem>,
    common: Common,
    common_problems: Vec<Problem>,
    swarm: OfSwarm,
    swarm_problems: Vec<Problem>,
}

/// What both providers look at besides routers and services.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Common {
    enable: Option<bool>,
    docker: Option<DockerExtras>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DockerExtras {
    network: Option<String>,
    lb_swarm: bool,
    allow_non_running: bool,
}

/// What only swarm looks at.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OfSwarm {
    swarm: Option<SwarmExtras>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SwarmExtras {
    network: Option<String>,
    lb_swarm: bool,
}

/// What one provider takes from the labels besides routers and services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extras<'l> {
    /// Use the container, or not; `None` when it does not say.
    pub enable: Option<bool>,
    /// Network whose addresses are used; empty for any, `None` when it does not say.
    pub network: Option<&'l str>,
    /// Keep it without servers while it does not run.
    pub allow_non_running: bool,
    /// They are written in a way that swarm still takes.
    pub deprecated: bool,
}

impl Labels {
    /// Decodes labels.
    #[must_use]
    pub fn new(raw: BTreeMap<String, String>) -> Self {
        let pairs = || raw.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let (configuration, mut problems) = dynamic::from_labels(pairs());
        problems.extend(raw.keys().filter_map(|key| misspelt(key)));
        let (common, common_problems) = labels::read(pairs(), &["traefik.docker.", "traefik.enable"]);
        let (swarm, swarm_problems) = labels::read(pairs(), &["traefik.swarm."]);
        Self(Arc::new(Decoded {
            compose: compose_name(&raw),
            declared: configuration.into(),
            problems,
            common,
            common_problems,
            swarm,
            swarm_problems,
            raw,
        }))
    }

    /// The labels as they are.
    #[must_use]
    pub fn raw(&self) -> &BTreeMap<String, String> {
        &self.0.raw
    }

    /// Name of the service by the labels of compose.
    pub(super) fn compose_name(&self) -> Option<&str> {
        self.0.compose.as_deref()
    }

    /// Shall the engine's own balancer be used (`lbswarm`), in place of the tasks?
    #[must_use]
    pub fn lb_swarm(&self) -> bool {
        let docker = self.0.common.docker.as_ref();
        let swarm = self.0.swarm.swarm.as_ref();
        swarm.map_or_else(
            || docker.is_some_and(|docker| docker.lb_swarm),
            |swarm| swarm.lb_swarm,
        )
    }

    /// Routers, services and the rest; to be used only when there is no error among the problems.
    pub(super) fn declared(&self) -> &Declared {
        &self.0.declared
    }

    /// What is wrong with routers, services and the rest.
    pub(super) fn problems(&self) -> &[Problem] {
        &self.0.problems
    }

    /// What a provider takes from them besides, and why it cannot.
    pub(super) fn extras(&self, provider: Flavour) -> Result<Extras<'_>, String> {
        let Decoded {
            common,
            common_problems,
            swarm,
            swarm_problems,
            ..
        } = &*self.0;
        let of_swarm: &[Problem] = match provider {
            Flavour::Docker => &[],
            Flavour::Swarm => swarm_problems,
        };
        if let Some(problem) = common_problems
            .iter()
            .chain(of_swarm)
            .find(|problem| problem.is_error())
        {
            return Err(in_words(problem));
        }
        let docker = common.docker.as_ref();
        let of_docker = Extras {
            enable: common.enable,
            network: docker.and_then(|docker| docker.network.as_deref()),
            allow_non_running: docker.is_some_and(|docker| docker.allow_non_running),
            deprecated: false,
        };
        match (provider, docker, &swarm.swarm) {
            (Flavour::Docker, ..) => Ok(of_docker),
            (Flavour::Swarm, Some(_), Some(_)) => {
                Err("both traefik.docker.* and traefik.swarm.* are written; keep traefik.swarm.*".to_owned())
            }
            (Flavour::Swarm, docker, swarm) => Ok(Extras {
                network: match swarm {
                    Some(swarm) => swarm.network.as_deref(),
                    None => of_docker.network,
                },
                allow_non_running: false,
                deprecated: docker.is_some(),
                ..of_docker
            }),
        }
    }
}

fn compose_name(labels: &BTreeMap<String, String>) -> Option<String> {
    let label = |key: &str| labels.get(key).filter(|value| !value.is_empty());
    let service = label("com.docker.compose.service")?;
    let project = label("com.docker.compose.project")?;
    Some(normalize(&format!("{service}_{project}")))
}

impl PartialEq for Labels {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.raw == other.0.raw
    }
}

impl From<BTreeMap<String, String>> for Labels {
    fn from(raw: BTreeMap<String, String>) -> Self {
        Self::new(raw)
    }
}

/// A problem that names its label.
pub(super) fn in_words(problem: &Problem) -> String {
    let Problem {
        key_path,
        message,
        hint,
        ..
    } = problem;
    let hint = hint.as_ref().map_or(String::new(), |hint| format!("; {hint}"));
    match key_path.as_str() {
        "" => format!("{message}{hint}"),
        label => format!("label {label}: {message}{hint}"),
    }
}

/// What follows the root of a label that somebody looks at.
const BRANCHES: &[&str] = &["http", "tcp", "udp", "tls", "enable", "docker", "swarm"];

/// A label that nobody looks at, and that was probably meant for one of those who do. All others are somebody else's.
fn misspelt(key: &str) -> Option<Problem> {
    let (root, rest) = key.split_once('.')?;
    let branch = rest.split('.').next().unwrap_or_default();
    let is_known = BRANCHES.iter().any(|known| known.eq_ignore_ascii_case(branch));
    if root != "traefik" || is_known {
        return None;
    }
    let meant = did_you_mean(branch, BRANCHES.iter().copied())?;
    Some(Problem::warning(key, "nobody looks at this label").hint(format!("did you mean traefik.{meant}?")))
}
