//! `providers.docker` and `providers.swarm`: which engine is asked, and what its containers mean without labels
//! (traefik-providers 3, 4).

use serde::Deserialize;

use crate::config::{Secret, Span};

/// TLS towards an engine.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientTls {
    /// Roots: a file or PEM.
    pub ca: String,
    /// Certificate to show: a file or PEM; `key` belongs to it.
    pub cert: String,
    /// Its key: a file or PEM.
    pub key: String,
    /// Do not verify the engine's certificate.
    pub insecure_skip_verify: bool,
}

/// The options of a provider that say which engine is asked, and how.
#[derive(Debug, Clone, Copy)]
pub struct EngineOptions<'a> {
    /// Where the engine is.
    pub endpoint: &'a str,
    /// Name for Basic authentication.
    pub username: &'a str,
    /// Password for Basic authentication.
    pub password: &'a Secret,
    /// TLS towards the engine.
    pub tls: Option<&'a ClientTls>,
    /// Longest time for one answer.
    pub http_client_timeout: Span,
}

/// The options of a provider that say what containers mean without labels.
#[derive(Debug, Clone, Copy)]
pub struct Meaning<'a> {
    /// Are containers used that do not say `traefik.enable`?
    pub exposed_by_default: bool,
    /// Expression over labels.
    pub constraints: &'a str,
    /// Keep services whose containers cannot serve.
    pub allow_empty_services: bool,
    /// Network whose addresses are used.
    pub network: &'a str,
    /// Prefer the address and port a container is published at.
    pub use_bind_port_ip: bool,
    /// Template of the rule of routers that have none.
    pub default_rule: &'a str,
}

/// The options both providers have, and those of one alone.
macro_rules! engine_provider {
    ($(#[$doc:meta])* $provider:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty = $default:expr,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $provider {
            /// Where the engine is: `unix://`, `tcp://`, `http://` or `https://`.
            pub endpoint: String,
            /// Name for Basic authentication; used with a password only.
            pub username: String,
            /// Password for Basic authentication.
            pub password: Secret,
            /// TLS towards the engine.
            pub tls: Option<ClientTls>,
            /// Longest time for one answer of the engine; 0 means piton's own bound.
            pub http_client_timeout: Span,
            /// Are containers used that do not say `traefik.enable`?
            pub exposed_by_default: bool,
            /// Expression over labels that a container has to satisfy.
            pub constraints: String,
            /// Keep services whose containers cannot serve, without servers.
            pub allow_empty_services: bool,
            /// Network whose addresses are used.
            pub network: String,
            /// Prefer the address and port a container is published at.
            #[serde(rename = "useBindPortIP")]
            pub use_bind_port_ip: bool,
            /// Follow changes, or read once.
            pub watch: bool,
            /// Template of the rule of routers that have none.
            pub default_rule: String,
            $($(#[$field_doc])* pub $field: $kind,)*
        }

        impl $provider {
            /// Which engine is asked, and how.
            pub const fn engine(&self) -> EngineOptions<'_> {
                EngineOptions {
                    endpoint: self.endpoint.as_str(),
                    username: self.username.as_str(),
                    password: &self.password,
                    tls: self.tls.as_ref(),
                    http_client_timeout: self.http_client_timeout,
                }
            }

            /// What containers mean without labels.
            pub const fn meaning(&self) -> Meaning<'_> {
                Meaning {
                    exposed_by_default: self.exposed_by_default,
                    constraints: self.constraints.as_str(),
                    allow_empty_services: self.allow_empty_services,
                    network: self.network.as_str(),
                    use_bind_port_ip: self.use_bind_port_ip,
                    default_rule: self.default_rule.as_str(),
                }
            }
        }

        impl Default for $provider {
            fn default() -> Self {
                Self {
                    endpoint: "unix:///var/run/docker.sock".to_owned(),
                    username: String::new(),
                    password: Secret::default(),
                    tls: None,
                    http_client_timeout: Span::ZERO,
                    exposed_by_default: true,
                    constraints: String::new(),
                    allow_empty_services: false,
                    network: String::new(),
                    use_bind_port_ip: false,
                    watch: true,
                    default_rule: "Host(`{{ normalize .Name }}`)".to_owned(),
                    $($field: $default,)*
                }
            }
        }
    };
}

engine_provider! {
    /// `providers.docker`.
    Docker {}
}

engine_provider! {
    /// `providers.swarm`.
    Swarm {
        /// Time between two looks at the swarm.
        refresh_seconds: Span = Span::seconds(15),
    }
}
