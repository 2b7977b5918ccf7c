//! The dynamic configuration: Traefik's wire model, and reading it from a file or from labels.
//!
//! Names are as written; nothing is resolved, defaulted across blocks or checked for sense here. That is ring 1's `compile`.

pub mod http;
pub mod middleware;
pub mod tcp;
pub mod tls;
pub mod udp;

mod annotations;
mod root;
mod template;

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::decode;
use super::labels;
use super::notation::Notation;
use super::problem::Problem;
pub use annotations::{RouterAnnotations, ServiceAnnotations, router_annotations, service_annotations};
pub use http::Http;
pub use middleware::Middleware;
pub(in crate::config) use root::is_dynamic;
pub use tcp::Tcp;
pub use tls::Tls;
pub use udp::Udp;

/// A whole dynamic configuration, as one provider gives it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Configuration {
    /// Requests.
    pub http: Http,
    /// TCP connections.
    pub tcp: Tcp,
    /// UDP datagrams.
    pub udp: Udp,
    /// Certificates and handshakes.
    pub tls: Tls,
}

impl Configuration {
    /// The same, sharing with `last` what is equal there: what follows from a small difference costs little then.
    #[must_use]
    pub fn upon(mut self, last: &Self) -> Self {
        self.http.routers = self.http.routers.upon(&last.http.routers);
        self.http.services = self.http.services.upon(&last.http.services);
        self.http.middlewares = self.http.middlewares.upon(&last.http.middlewares);
        self
    }

    /// Does it say nothing at all?
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Does it name files that are read when it is applied? Their content is no part of it.
    pub fn names_files(&self) -> bool {
        self.named_files().next().is_some()
    }

    /// Those files, as they are named. What is PEM text itself is no name.
    pub fn named_files(&self) -> impl Iterator<Item = &str> {
        let transports = self.http.servers_transports.values();
        let of_transports = transports.flat_map(|transport| {
            let shown = transport.certificates.iter();
            let shown = shown.flat_map(|pair| [&pair.cert_file, &pair.key_file]);
            transport.root_cas.iter().chain(shown)
        });
        let services = self.http.services.values();
        let keys = services.flat_map(|service| service.key_files());
        let middlewares = self.http.middlewares.values();
        let users = middlewares.flat_map(|middleware| middleware.named_files());
        let named = of_transports.chain(keys).chain(users).map(String::as_str);
        named.filter(|name| is_path(name)).chain(self.tls.named_files())
    }
}

/// Of what is "a path or PEM": is it a path?
fn is_path(written: &str) -> bool {
    !written.is_empty() && !written.contains("-----BEGIN")
}

/// Reads a dynamic configuration file.
///
/// An empty file is an empty configuration, which removes everything (traefik-providers 1.1). Root keys of the static
/// configuration are skipped, since one file may hold both. `file` only names the file in problems.
///
/// Returns the configuration and warnings. Errors: every error and warning of the file, in file order; nothing of a file
/// with an error may be used.
pub fn read(
    bytes: &[u8],
    notation: Notation,
    file: Option<&Path>,
) -> Result<(Configuration, Vec<Problem>), Vec<Problem>> {
    let mut problems = Vec::new();
    let configuration = configuration(bytes, notation, &mut problems);
    super::problem::settle(configuration, problems, file)
}

/// Reads as much as can be read, with everything that was found: for a check that wants to tell all at once. A
/// configuration with errors is not to be used.
pub fn survey(bytes: &[u8], notation: Notation, file: Option<&Path>) -> (Configuration, Vec<Problem>) {
    let mut problems = Vec::new();
    let configuration = configuration(bytes, notation, &mut problems);
    (configuration, super::problem::in_file_order(problems, file))
}

/// Labels that hold dynamic configuration begin with one of these (traefik-providers 2.1). There is no dot behind them,
/// so that `traefik.https.routers` is an unknown key and not skipped in silence.
const LABELS: &[&str] = &[
    "traefik.http",
    "traefik.tcp",
    "traefik.udp",
    "traefik.tls.stores.default",
];

/// Reads the labels of one container; others are skipped. Nothing of a container with an error among its problems may
/// be used.
pub fn from_labels<'l>(
    labels: impl IntoIterator<Item = (&'l str, &'l str)>,
) -> (Configuration, Vec<Problem>) {
    labels::read(labels, LABELS)
}

fn configuration(bytes: &[u8], notation: Notation, problems: &mut Vec<Problem>) -> Configuration {
    if let Some(problem) = template::find(bytes) {
        problems.push(problem);
        return Configuration::default();
    }
    match notation.parse(bytes) {
        Ok(node) => decode::decode(&root::of_dynamic(node, problems), "", problems),
        Err(problem) => {
            problems.push(problem);
            Configuration::default()
        }
    }
}
