//! Where an engine is, and what is shown to it: options and environment put together (traefik-providers 3, "API client").

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Uri};

use crate::config::Files;
use crate::config::Secret;
use crate::config::dynamic::http::ServersTransport;
use crate::config::dynamic::tls::CertificatePair;
use crate::config::install::{ClientTls, EngineOptions};
use crate::upstream::{Tls, Transport};

/// Longest time for one whole answer unless `httpClientTimeout` says otherwise: five thousand containers are listed in a
/// second or two.
const PATIENCE: Duration = Duration::from_secs(60);

/// Everything that is needed to ask an engine.
#[derive(Clone)]
pub struct Access {
    /// Where it is.
    pub(super) place: Place,
    /// Its name in messages, without user and password.
    pub(super) shown: String,
    /// Basic authentication.
    pub(super) authorization: Option<HeaderValue>,
    /// TLS, and the name that the engine's certificate has to carry.
    pub(super) tls: Option<Arc<Tls>>,
    /// Longest time for one whole answer.
    pub(super) patience: Duration,
    /// `DOCKER_API_VERSION`, instead of what the engine offers.
    pub(super) version: Option<String>,
}

/// Where an engine listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A socket of this machine.
    Socket(PathBuf),
    /// An address, and what stands before every path.
    Tcp { host: String, port: u16, prefix: String },
}

/// Why the options lead to no engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {reason}")]
pub struct InvalidAccess {
    /// The option, or the variable of the environment.
    pub key: String,
    /// What is wrong, and what would be right.
    pub reason: String,
}

/// The variables by which Docker's own tools find their engine. They win over the options, as in Traefik.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `DOCKER_HOST`
    pub host: Option<String>,
    /// `DOCKER_API_VERSION`
    pub api_version: Option<String>,
    /// `DOCKER_CERT_PATH`
    pub cert_path: Option<String>,
    /// `DOCKER_TLS_VERIFY`
    pub tls_verify: bool,
}

impl Environment {
    /// That of the process.
    #[must_use]
    pub fn of_process() -> Self {
        let written = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            host: written("DOCKER_HOST"),
            api_version: written("DOCKER_API_VERSION"),
            cert_path: written("DOCKER_CERT_PATH"),
            tls_verify: written("DOCKER_TLS_VERIFY").is_some(),
        }
    }

    fn tls(&self) -> Option<ClientTls> {
        let directory = self.cert_path.as_ref()?;
        Some(ClientTls {
            ca: format!("{directory}/ca.pem"),
            cert: format!("{directory}/cert.pem"),
            key: format!("{directory}/key.pem"),
            insecure_skip_verify: !self.tls_verify,
        })
    }
}

impl Access {
    /// The engine that the options of a provider lead to.
    ///
    /// # Errors
    /// When they lead to none.
    pub fn new(
        written: &EngineOptions<'_>,
        environment: &Environment,
        files: &dyn Files,
    ) -> Result<Self, InvalidAccess> {
        let (key, endpoint) = match &environment.host {
            Some(host) => ("DOCKER_HOST", host.as_str()),
            None => ("endpoint", written.endpoint),
        };
        let invalid = |reason: String| InvalidAccess {
            key: key.to_owned(),
            reason,
        };
        let tls = environment.tls().or_else(|| written.tls.cloned());
        let (place, wants_tls) = place(endpoint, tls.is_some()).map_err(invalid)?;
        let tls_key = match environment.cert_path {
            Some(_) => "DOCKER_CERT_PATH",
            None => "tls",
        };
        let tls = match (&place, wants_tls) {
            (Place::Tcp { .. }, true) => Some(tls_of(&tls.unwrap_or_default(), tls_key, files)?),
            _ => None,
        };
        Ok(Self {
            shown: shown(&place, tls.is_some()),
            place,
            authorization: authorization(written.username, written.password)?,
            tls,
            patience: written.http_client_timeout.positive().unwrap_or(PATIENCE),
            version: environment.api_version.clone(),
        })
    }

    /// What messages call the engine.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Is it asked over a network without TLS? Whoever can listen there learns the password, and whoever can write there
    /// says where requests go.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        match &self.place {
            Place::Socket(_) => false,
            Place::Tcp { host, .. } => {
                let ip: Option<std::net::IpAddr> = host.parse().ok();
                let is_here = host == "localhost" || ip.is_some_and(|ip| ip.is_loopback());
                self.tls.is_none() && !is_here
            }
        }
    }
}

/// Where `endpoint` leads, and whether TLS is spoken there.
fn place(endpoint: &str, has_tls: bool) -> Result<(Place, bool), String> {
    let hint = "write unix:///var/run/docker.sock or tcp://host:2375";
    let Some((scheme, rest)) = endpoint.split_once("://") else {
        // What may hold a password is not repeated.
        return Err(format!("it has no scheme; {hint}"));
    };
    let wants_tls = match scheme {
        "unix" if rest.starts_with('/') => return Ok((Place::Socket(rest.into()), false)),
        "unix" => {
            return Err(format!(
                "{endpoint:?} names no absolute path; write three slashes: unix:///{rest}"
            ));
        }
        "tcp" | "http" => has_tls,
        "https" => true,
        "ssh" | "npipe" | "fd" => return Err(format!("{scheme}:// is not supported; {hint}")),
        _ => return Err(format!("scheme {scheme:?} is not known; {hint}")),
    };
    let unusable = || format!("what follows {scheme}:// is no host and port; {hint}");
    let uri: Uri = format!("http://{rest}").parse().map_err(|_| unusable())?;
    let authority = uri.authority().ok_or_else(unusable)?;
    if authority.as_str().contains('@') {
        return Err("user and password do not belong here; use username and password".to_owned());
    }
    let default_port = match (scheme, wants_tls) {
        ("tcp", false) => 2375,
        ("tcp", true) => 2376,
        (_, false) => 80,
        (_, true) => 443,
    };
    // What is no port is none to the parser.
    let after_host = authority
        .as_str()
        .get(authority.host().len()..)
        .unwrap_or_default();
    if authority.host().is_empty()
        || (!after_host.is_empty() && authority.port_u16().is_none_or(|port| port == 0))
    {
        return Err(unusable());
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let tcp = Place::Tcp {
        host: host.to_owned(),
        port: authority.port_u16().unwrap_or(default_port),
        prefix: uri.path().trim_end_matches('/').to_owned(),
    };
    Ok((tcp, wants_tls))
}

fn shown(place: &Place, has_tls: bool) -> String {
    match place {
        Place::Socket(path) => format!("unix://{}", path.display()),
        Place::Tcp { host, port, prefix } => {
            let scheme = if has_tls { "https" } else { "http" };
            let host = if host.contains(':') {
                format!("[{host}]")
            } else {
                host.clone()
            };
            format!("{scheme}://{host}:{port}{prefix}")
        }
    }
}

/// A header field for Basic authentication, if there are both a name and a password.
fn authorization(username: &str, password: &Secret) -> Result<Option<HeaderValue>, InvalidAccess> {
    if username.is_empty() || password.is_empty() {
        return Ok(None);
    }
    let pair = STANDARD.encode(format!("{username}:{}", password.expose()));
    let mut value = HeaderValue::try_from(format!("Basic {pair}")).map_err(|_| InvalidAccess {
        key: "username".to_owned(),
        reason: "user and password cannot be sent".to_owned(),
    })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn tls_of(written: &ClientTls, key: &str, files: &dyn Files) -> Result<Arc<Tls>, InvalidAccess> {
    let invalid = |part: &str, reason: &str| InvalidAccess {
        key: match part {
            "" => key.to_owned(),
            part => format!("{key}.{part}"),
        },
        reason: reason.to_owned(),
    };
    match (written.cert.is_empty(), written.key.is_empty()) {
        (false, true) => return Err(invalid("key", "is missing beside cert")),
        (true, false) => return Err(invalid("cert", "is missing beside key")),
        _ => {}
    }
    let certificate = CertificatePair {
        cert_file: written.cert.clone(),
        key_file: written.key.clone(),
    };
    let transport = ServersTransport {
        insecure_skip_verify: written.insecure_skip_verify,
        root_cas: Some(written.ca.clone())
            .into_iter()
            .filter(|ca| !ca.is_empty())
            .collect(),
        certificates: Some(certificate)
            .into_iter()
            .filter(|_| !written.cert.is_empty())
            .collect(),
        ..ServersTransport::default()
    };
    let transport = Transport::new(&transport, files).map_err(|error| invalid("", &error.to_string()))?;
    Ok(transport.tls)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NoFiles;
    use crate::config::install::Docker;

    fn access(endpoint: &str, environment: &Environment) -> Result<Access, String> {
        let docker = Docker {
            endpoint: endpoint.to_owned(),
            ..Docker::default()
        };
        Access::new(&docker.engine(), environment, &NoFiles).map_err(|invalid| invalid.to_string())
    }

    fn shown(endpoint: &str) -> String {
        let access = access(endpoint, &Environment::default());
        access.map_or_else(|words| words, |access| access.shown)
    }

    #[test]
    fn an_endpoint_is_a_socket_or_a_host_and_port() {
        assert_eq!(shown("unix:///run/x.sock"), "unix:///run/x.sock");
        assert_eq!(shown("tcp://engine"), "http://engine:2375");
        assert_eq!(shown("tcp://[::1]:99/prefix/"), "http://[::1]:99/prefix");
        assert_eq!(shown("http://10.0.0.1"), "http://10.0.0.1:80");
        assert_eq!(shown("https://engine:1"), "https://engine:1");
    }

    #[test]
    fn what_is_none_is_refused_and_a_password_in_it_not_repeated() {
        for (endpoint, word) in [
            ("unix://run/x.sock", "three slashes"),
            ("ssh://me@host", "not supported"),
            ("tcp://127.0.0.1:99999", "no host and port"),
            ("tcp://127.0.0.1:0", "no host and port"),
            ("tcp://:2375", "no host and port"),
            ("tcp://me:hunter2@host:1", "username and password"),
            ("me:hunter2@host:1", "no scheme"),
            ("garbage", "no scheme"),
            ("", "no scheme"),
            ("ftp://x", "not known"),
        ] {
            let words = shown(endpoint);
            assert!(words.contains(word), "{endpoint}: {words}");
            assert!(!words.contains("hunter2"), "{words}");
        }
    }

    #[test]
    fn the_environment_wins_over_the_options_and_is_named() {
        let environment = Environment {
            host: Some("tcp://other:1".to_owned()),
            api_version: Some("1.40".to_owned()),
            ..Environment::default()
        };
        let found = access("unix:///x", &environment).unwrap();
        assert_eq!(found.shown(), "http://other:1");
        assert_eq!(found.version.as_deref(), Some("1.40"));
        let environment = Environment {
            host: Some("nothing".to_owned()),
            ..Environment::default()
        };
        let refused = access("unix:///x", &environment).map(drop).unwrap_err();
        assert!(refused.starts_with("DOCKER_HOST: "), "{refused}");
        let environment = Environment {
            cert_path: Some("/nowhere".to_owned()),
            ..Environment::default()
        };
        let refused = access("tcp://x", &environment).map(drop).unwrap_err();
        assert!(refused.starts_with("DOCKER_CERT_PATH: "), "{refused}");
    }

    #[test]
    fn an_engine_over_a_network_without_tls_is_exposed() {
        let is_exposed = |endpoint| access(endpoint, &Environment::default()).unwrap().is_exposed();
        assert!(is_exposed("tcp://10.1.2.3:2375"));
        assert!(is_exposed("http://engine"));
        assert!(!is_exposed("tcp://127.0.0.1:2375"));
        assert!(!is_exposed("tcp://[::1]:2375"));
        assert!(!is_exposed("tcp://localhost:2375"));
        assert!(!is_exposed("https://engine"));
        assert!(!is_exposed("unix:///x"));
    }
}
