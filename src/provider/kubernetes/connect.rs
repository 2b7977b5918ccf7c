//! Connections to an API server: TLS, time limits, and a token that is read again when its file changes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderValue, Request, header};
use kube::client::{Body, ClientBuilder};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::time::Instant;
use tower::util::MapRequestLayer;

use super::access::{Access, Token};
use super::failure::{Failure, words};

/// Longest time for a connection to come about.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest silence. A watch is told every minute how far it is, if by nothing else; without a word its other end is taken
/// for gone, and it goes on where it was.
const SILENCE: Duration = Duration::from_secs(90);
/// How long a token is used before its file is read again. Kubernetes writes the next one when 80% of the time of the last
/// has passed, an hour mostly.
const TOKEN_AGE: Duration = Duration::from_secs(10);

/// A client for an API server, and the namespace that is one's own there.
pub(super) async fn connect(access: &Access) -> Result<(Client, String), Failure> {
    let (mut config, token) = match access {
        Access::Pod { url, account } => {
            let mut config = Config::new(url.clone());
            trust(&mut config, &account.join("ca.crt"))?;
            let namespace = std::fs::read_to_string(account.join("namespace"));
            if let Ok(namespace) = namespace {
                config.default_namespace = namespace.trim().to_owned();
            }
            (config, Token::File(account.join("token")))
        }
        Access::Kubeconfig(path) => {
            let mut config = of_kubeconfig(path).await?;
            let token = match config.auth_info.token_file.take() {
                Some(path) if config.auth_info.token.is_none() => Token::File(path.into()),
                _ => Token::None,
            };
            (config, token)
        }
        Access::Endpoint { url, token, roots } => {
            let mut config = Config::new(url.clone());
            if let Some(roots) = roots {
                trust(&mut config, roots)?;
            }
            (config, token.clone())
        }
    };
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = Some(SILENCE);
    // Who asks again decides when.
    config.default_retry = false;
    let namespace = config.default_namespace.clone();
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Somebody else may have been faster; then there is one.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let builder = ClientBuilder::try_from(config)?;
    let shown = Arc::new(shown(token)?);
    let show = move |mut request: Request<Body>| {
        if let Some(value) = shown.value() {
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        request
    };
    let client = builder.with_layer(&MapRequestLayer::new(show)).build();
    Ok((client, namespace))
}

async fn of_kubeconfig(path: &Path) -> Result<Config, Failure> {
    let failed = |error| Failure::Other(format!("KUBECONFIG {path:?}: {}", words(&error)));
    let kubeconfig = Kubeconfig::read_from(path).map_err(failed)?;
    let options = KubeConfigOptions::default();
    Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(failed)
}

/// Trusts the roots in a file, which is read again from time to time.
fn trust(config: &mut Config, path: &Path) -> Result<(), Failure> {
    let failed = |reason: &dyn std::fmt::Display| Failure::Other(format!("{}: {reason}", path.display()));
    let pem = std::fs::read(path).map_err(|error| failed(&error))?;
    let certificates = certificates(&pem).map_err(|reason| failed(&reason))?;
    config.root_cert = Some(certificates.iter().map(|der| der.to_vec()).collect());
    config.root_cert_file = Some(path.to_owned());
    Ok(())
}

/// All certificates in PEM text, at least one.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if found.is_empty() => Err("holds no certificate".to_owned()),
        Ok(found) => Ok(found),
        Err(_) => Err("has a PEM section that is broken".to_owned()),
    }
}

/// What is shown to the API server with every request.
enum Shown {
    Nothing,
    Always(HeaderValue),
    Read(TokenFile),
}

impl Shown {
    fn value(&self) -> Option<HeaderValue> {
        match self {
            Self::Nothing => None,
            Self::Always(value) => Some(value.clone()),
            Self::Read(file) => file.value(Instant::now()),
        }
    }
}

fn shown(token: Token) -> Result<Shown, Failure> {
    Ok(match token {
        Token::None => Shown::Nothing,
        Token::Text(text) => {
            let bearer = bearer(text.expose());
            Shown::Always(bearer.ok_or_else(|| Failure::Other("the token cannot be sent".to_owned()))?)
        }
        Token::File(path) => Shown::Read(TokenFile::new(path)?),
    })
}

/// A token in a file that is read again when it was read a while ago. The last one stays in use while the file is not there.
struct TokenFile {
    path: PathBuf,
    last: Mutex<(HeaderValue, Instant)>,
}

impl TokenFile {
    fn new(path: PathBuf) -> Result<Self, Failure> {
        let failed =
            |reason: &dyn std::fmt::Display| Failure::Other(format!("token {}: {reason}", path.display()));
        let text = std::fs::read_to_string(&path).map_err(|error| failed(&error))?;
        let value = bearer(&text).ok_or_else(|| failed(&"it holds no token"))?;
        Ok(Self {
            path,
            last: Mutex::new((value, Instant::now())),
        })
    }

    fn value(&self, now: Instant) -> Option<HeaderValue> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(last.1) >= TOKEN_AGE {
            last.1 = now;
            let text = std::fs::read_to_string(&self.path).ok();
            if let Some(value) = text.as_deref().and_then(bearer) {
                last.0 = value;
            }
        }
        Some(last.0.clone())
    }
}

/// A header field for a token, without the end of the line that it was written with.
fn bearer(token: &str) -> Option<HeaderValue> {
    let token = token.trim();
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    (!token.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_again_and_the_last_one_outlives_its_file() {
        let path = std::env::temp_dir().join(format!("piton-token-{}", std::process::id()));
        std::fs::write(&path, "one\n").unwrap();
        let file = TokenFile::new(path.clone()).unwrap();
        let start = Instant::now();
        let text = |after: Duration| file.value(start + after).unwrap().to_str().unwrap().to_owned();
        std::fs::write(&path, "two\n").unwrap();
        assert_eq!(text(Duration::ZERO), "Bearer one");
        assert_eq!(text(TOKEN_AGE * 2), "Bearer two");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(text(TOKEN_AGE * 4), "Bearer two");
        std::fs::write(&path, " ").unwrap();
        assert_eq!(text(TOKEN_AGE * 6), "Bearer two", "nothing is no token");
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_token_is_never_shown() {
        assert_eq!(format!("{:?}", bearer("geheim").unwrap()), "Sensitive");
        assert!(bearer("\n").is_none());
    }
}
