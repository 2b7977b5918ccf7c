//! Services that piton answers itself (traefik-core 5.4, 8): routers may lead to them like to any other.

/// The part behind the `@` of everything that is made from the static configuration.
pub const INTERNAL: &str = "internal";

/// A service that piton answers itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Internal {
    /// Answers 418: the end of routers whose middlewares answer.
    Noop,
    /// Tells whether this process wants requests.
    Ping,
    /// The API.
    Api,
    /// Metrics in the text format of Prometheus.
    Prometheus,
}

impl Internal {
    /// Its qualified name, as in Traefik.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Noop => "noop@internal",
            Self::Ping => "ping@internal",
            Self::Api => "api@internal",
            Self::Prometheus => "prometheus@internal",
        }
    }
}
