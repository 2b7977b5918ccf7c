//! Which API server is asked, and what is shown to it: options and environment put together (traefik-providers 5.9).

use std::path::{Path, PathBuf};

use http::Uri;
use kube::config::Kubeconfig;

use super::failure::words;
use crate::config::install::KubernetesIngress;
use crate::config::{Files, Secret};
use crate::provider::InvalidProvider;

/// Where a pod finds its token, the roots and its namespace.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// No path is longer, and a token is.
const MAX_PATH: usize = 512;

/// What a process finds out about a cluster around it. It wins over the options, as in Traefik.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `KUBERNETES_SERVICE_HOST`
    pub service_host: Option<String>,
    /// `KUBERNETES_SERVICE_PORT`
    pub service_port: Option<String>,
    /// `KUBECONFIG`
    pub kubeconfig: Option<String>,
    /// `POD_NAME`
    pub pod_name: Option<String>,
    /// `POD_NAMESPACE`
    pub pod_namespace: Option<String>,
    /// Where the files of the service account are.
    pub account: PathBuf,
}

impl Environment {
    /// That of the process.
    #[must_use]
    pub fn of_process() -> Self {
        let written = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            service_host: written("KUBERNETES_SERVICE_HOST"),
            service_port: written("KUBERNETES_SERVICE_PORT"),
            kubeconfig: written("KUBECONFIG"),
            pod_name: written("POD_NAME"),
            pod_namespace: written("POD_NAMESPACE"),
            account: ACCOUNT.into(),
        }
    }
}

/// Everything that is needed to ask an API server. Files are read when it is asked.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Access {
    /// As a pod of the cluster.
    Pod {
        /// The API server.
        url: Uri,
        /// Where the files of the service account are.
        account: PathBuf,
    },
    /// As a file for kubectl says.
    Kubeconfig(PathBuf),
    /// As the options say.
    Endpoint {
        /// The API server.
        url: Uri,
        /// What is shown to it.
        token: Token,
        /// A file with its roots; those of the system without one.
        roots: Option<PathBuf>,
    },
}

/// What is shown to an API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// Nothing.
    None,
    /// A token as it is.
    Text(Secret),
    /// One that is read from a file, again and again.
    File(PathBuf),
}

impl Access {
    /// The API server that options and environment lead to.
    ///
    /// # Errors
    /// When they lead to none.
    pub(super) fn new(
        written: &KubernetesIngress,
        environment: &Environment,
        files: &dyn Files,
    ) -> Result<Self, InvalidProvider> {
        if let (Some(host), Some(port)) = (&environment.service_host, &environment.service_port) {
            let url = match written.endpoint.as_str() {
                "" => of_service(host, port)?,
                endpoint => url(endpoint)?,
            };
            let account = environment.account.clone();
            return Ok(Self::Pod { url, account });
        }
        if let Some(path) = &environment.kubeconfig {
            // What cannot be read now is said now; it is read again for each connection.
            let read = Kubeconfig::read_from(path);
            read.map_err(|error| invalid("KUBECONFIG", format!("{path:?}: {}", words(&error))))?;
            return Ok(Self::Kubeconfig(absolute(Path::new(path))));
        }
        if written.endpoint.is_empty() {
            return Err(invalid(
                "endpoint",
                "endpoint missing for external cluster client: write the URL of the API server, or name a file in KUBECONFIG; \
                 inside a pod the cluster itself says where it is",
            ));
        }
        Ok(Self::Endpoint {
            url: url(&written.endpoint)?,
            token: token(&written.token, files),
            roots: roots(&written.cert_auth_file_path, files)?,
        })
    }
}

/// The address of the API server that every pod is told.
fn of_service(host: &str, port: &str) -> Result<Uri, InvalidProvider> {
    let host = match host.contains(':') {
        true => format!("[{host}]"),
        false => host.to_owned(),
    };
    let port: u16 = port.parse().map_err(|_| {
        invalid(
            "KUBERNETES_SERVICE_PORT",
            format!("{port:?} is no port: it is a number up to 65535"),
        )
    })?;
    format!("https://{host}:{port}")
        .parse()
        .map_err(|_| invalid("KUBERNETES_SERVICE_HOST", format!("{host:?} is no host")))
}

fn url(endpoint: &str) -> Result<Uri, InvalidProvider> {
    let hint = "write it as https://host:port";
    let refuse = |reason: &str| Err(invalid("endpoint", format!("{reason}; {hint}")));
    let Ok(url) = endpoint.parse::<Uri>() else {
        return refuse("it is no URL");
    };
    if !matches!(url.scheme_str(), Some("http" | "https")) {
        return refuse("it has neither the scheme https nor http");
    }
    match url.authority() {
        Some(authority) if authority.as_str().contains('@') => {
            refuse("user and password do not belong here: use token")
        }
        Some(authority) if !authority.host().is_empty() => Ok(url),
        _ => refuse("it names no host"),
    }
}

/// A token is a file if there is one of that name.
fn token(written: &Secret, files: &dyn Files) -> Token {
    match written.expose() {
        "" => Token::None,
        path if path.len() <= MAX_PATH && files.read(path).is_ok() => Token::File(absolute(Path::new(path))),
        _ => Token::Text(written.clone()),
    }
}

fn roots(path: &str, files: &dyn Files) -> Result<Option<PathBuf>, InvalidProvider> {
    if path.is_empty() {
        return Ok(None);
    }
    let refused = |reason: String| invalid("certAuthFilePath", reason);
    let pem = files.read(path).map_err(refused)?;
    super::connect::certificates(&pem).map_err(|reason| refused(format!("{path:?} {reason}")))?;
    Ok(Some(absolute(Path::new(path))))
}

/// In the background the working directory is another one.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn invalid(key: &str, reason: impl Into<String>) -> InvalidProvider {
    InvalidProvider {
        key: key.to_owned(),
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NoFiles;

    #[derive(Debug)]
    struct One(&'static str, &'static [u8]);

    impl Files for One {
        fn read(&self, path: &str) -> Result<Vec<u8>, String> {
            match path == self.0 {
                true => Ok(self.1.to_vec()),
                false => Err(format!("{path:?}: not there")),
            }
        }
    }

    fn written(endpoint: &str, token: &str) -> KubernetesIngress {
        KubernetesIngress {
            endpoint: endpoint.to_owned(),
            token: Secret::from(token.to_owned()),
            ..KubernetesIngress::default()
        }
    }

    fn pod(host: &str) -> Environment {
        Environment {
            service_host: Some(host.to_owned()),
            service_port: Some("443".to_owned()),
            kubeconfig: Some("/nowhere".to_owned()),
            ..Environment::default()
        }
    }

    fn access(written: &KubernetesIngress, environment: &Environment) -> Result<Access, String> {
        Access::new(written, environment, &NoFiles).map_err(|error| error.to_string())
    }

    fn url_of(access: Access) -> String {
        match access {
            Access::Pod { url, .. } | Access::Endpoint { url, .. } => url.to_string(),
            Access::Kubeconfig(path) => path.display().to_string(),
        }
    }

    #[test]
    fn a_pod_asks_its_own_cluster_whatever_else_is_said() {
        let found = access(&written("", "x"), &pod("10.96.0.1")).unwrap();
        assert_eq!(url_of(found), "https://10.96.0.1:443/");
        let found = access(&written("", ""), &pod("fd00::1")).unwrap();
        assert_eq!(url_of(found), "https://[fd00::1]:443/");
    }

    #[test]
    fn an_endpoint_replaces_only_the_host_inside_a_pod() {
        let found = access(&written("https://api:6443", "x"), &pod("10.96.0.1")).unwrap();
        assert!(matches!(&found, Access::Pod { .. }), "the account is shown");
        assert_eq!(url_of(found), "https://api:6443/");
    }

    #[test]
    fn a_kubeconfig_wins_over_an_endpoint_and_has_to_be_there() {
        let environment = Environment {
            kubeconfig: Some("/nowhere/config".to_owned()),
            ..Environment::default()
        };
        let error = access(&written("https://api:6443", ""), &environment).unwrap_err();
        assert!(error.starts_with("KUBECONFIG: \"/nowhere/config\": "), "{error}");
    }

    #[test]
    fn half_an_environment_of_a_pod_is_none() {
        let mut environment = pod("10.96.0.1");
        environment.service_port = None;
        environment.kubeconfig = None;
        let error = access(&written("", ""), &environment).unwrap_err();
        assert!(
            error.starts_with("endpoint: endpoint missing for external cluster client"),
            "{error}"
        );
    }

    #[test]
    fn an_endpoint_that_leads_nowhere_is_refused_without_what_it_holds() {
        let outside = Environment::default();
        for (endpoint, reason) in [
            ("api:6443", "neither the scheme"),
            ("tcp://api", "neither the scheme"),
            ("https://", "no URL"),
            ("https://me:geheim@api", "use token"),
        ] {
            let error = access(&written(endpoint, ""), &outside).unwrap_err();
            assert!(error.contains(reason) && !error.contains("geheim"), "{error}");
        }
    }

    #[test]
    fn a_token_is_a_file_if_there_is_one_and_never_shown() {
        let outside = Environment::default();
        let files = One("/run/token", b"abc");
        let token = |text: &str| match Access::new(&written("https://api", text), &outside, &files) {
            Ok(Access::Endpoint { token, .. }) => token,
            other => panic!("{other:?}"),
        };
        assert_eq!(token("/run/token"), Token::File("/run/token".into()));
        assert_eq!(token(""), Token::None);
        let text = token("geheim");
        assert_eq!(text, Token::Text(Secret::from("geheim".to_owned())));
        assert!(!format!("{text:?}").contains("geheim"));
    }

    #[test]
    fn roots_that_hold_no_certificate_are_refused() {
        let mut written = written("https://api", "");
        written.cert_auth_file_path = "ca.pem".to_owned();
        let refused = |files: &dyn Files| {
            let access = Access::new(&written, &Environment::default(), files);
            access.unwrap_err().to_string()
        };
        assert!(refused(&NoFiles).starts_with("certAuthFilePath: "));
        assert!(refused(&One("ca.pem", b"nothing")).contains("holds no certificate"));
    }
}
