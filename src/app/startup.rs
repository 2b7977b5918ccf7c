//! What is needed to start, and why starting may fail.

use pingora::server::configuration::ServerConf;
use pingora::services::ServiceWithDependents;

use super::sources::Sources;
use crate::config::install::Install;
use crate::config::{Problem, Problems};
use crate::listener::BindFailure;
use crate::logging::InvalidLog;
use crate::observe::InvalidAccessLog;
use crate::proxy::InvalidEntryPoint;
use crate::upstream::InvalidTransport;

/// Everything a server is started from.
pub struct Startup {
    /// The static configuration.
    pub install: Install,
    /// Pingora's part of it.
    pub server: ServerConf,
    /// Take over the sockets of a running piton?
    pub upgrade: bool,
    /// Where the dynamic configuration comes from.
    pub sources: Sources,
    /// Further services that run beside the proxy.
    pub services: Vec<Box<dyn ServiceWithDependents>>,
    /// Called with the addresses of the entry points once they are bound.
    pub announce: Option<Announce>,
}

/// Told the addresses that were bound, in the order of the entry points.
pub type Announce = Box<dyn FnOnce(&[std::net::SocketAddr])>;

/// Why piton does not start: one of these, on one line (configuration problems: one line each).
#[derive(Debug, thiserror::Error)]
pub enum StartFailure {
    /// No `-c`.
    #[error("no configuration file: use -c FILE, or try `piton demo`")]
    NoConfiguration,
    /// The configuration is refused.
    #[error("{}{}", if .0.len() > 1 { "the configuration is refused\n" } else { "" }, Problems(.0.clone()))]
    Refused(Vec<Problem>),
    /// Pingora's own keys.
    #[error("server keys: {0}")]
    ServerKeys(String),
    /// An entry point.
    #[error("entry point {name:?}: {reason}")]
    EntryPoint {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A socket.
    #[error(transparent)]
    Bind(#[from] BindFailure),
    /// The access log.
    #[error(transparent)]
    AccessLog(#[from] InvalidAccessLog),
    /// `api.write`.
    #[error("api.write.socket {path:?} cannot be bound: {reason}")]
    Socket {
        /// The path.
        path: String,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The log.
    #[error(transparent)]
    Log(#[from] InvalidLog),
    /// `serversTransport`.
    #[error("serversTransport: {0}")]
    Transport(#[from] InvalidTransport),
    /// Anything the system refused.
    #[error("{0}")]
    System(String),
}

impl StartFailure {
    /// An entry point that cannot be used.
    pub(crate) fn entry_point(name: &str, reason: &impl ToString) -> Self {
        Self::EntryPoint {
            name: name.to_owned(),
            reason: reason.to_string(),
        }
    }
}

impl From<(String, InvalidEntryPoint)> for StartFailure {
    fn from((name, reason): (String, InvalidEntryPoint)) -> Self {
        Self::entry_point(&name, &reason)
    }
}
