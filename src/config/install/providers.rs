//! `providers`: where the dynamic configuration comes from (traefik-core 5.3, traefik-providers 1, 3, 4, 5).

use serde::Deserialize;

use super::engine::{Docker, Swarm};
use super::kubernetes::KubernetesIngress;
use crate::config::{AllowEmpty, Span};

/// Everything under `providers:` that piton supports.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Providers {
    /// Time between two configurations of one provider; the first is applied at once, then the latest.
    pub providers_throttle_duration: Span,
    /// Which provider's router wins at equal priority, best first.
    pub precedence: Vec<String>,
    /// A file, or a directory of files.
    pub file: Option<FileProvider>,
    /// Containers of a Docker engine.
    pub docker: AllowEmpty<Docker>,
    /// Services of a Docker swarm.
    pub swarm: AllowEmpty<Swarm>,
    /// Ingresses of a Kubernetes cluster.
    pub kubernetes_ingress: AllowEmpty<KubernetesIngress>,
}

impl Default for Providers {
    fn default() -> Self {
        Self {
            providers_throttle_duration: Span::seconds(2),
            precedence: Vec::new(),
            file: None,
            docker: AllowEmpty::absent(),
            swarm: AllowEmpty::absent(),
            kubernetes_ingress: AllowEmpty::absent(),
        }
    }
}

/// `providers.file`; at least one of the names is not empty.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FileProvider {
    /// One file; used if `directory` is empty.
    pub filename: String,
    /// A directory; wins over `filename`.
    pub directory: String,
    /// Read again when something changes.
    pub watch: bool,
    /// Log what templates produce; piton has no templates.
    pub debug_log_generated_template: bool,
}

impl Default for FileProvider {
    fn default() -> Self {
        Self {
            filename: String::new(),
            directory: String::new(),
            watch: true,
            debug_log_generated_template: false,
        }
    }
}
