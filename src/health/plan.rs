//! What one server is asked, how and how often (traefik-core 3.1).

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Uri, header};
use pingora::http::RequestHeader;

use crate::config::Span;
use crate::config::dynamic::http::HealthCheck;
use crate::upstream::{Scheme, ServerUrl, Transport};

const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// The check of one server. Equal plans are one check: its verdict lives on over a reload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) service: String,
    pub(super) server: String,
    /// Transport of the service, used by the probe as well.
    pub(super) transport: Transport,
    /// What to ask; the reason when it cannot be asked: then the server is down.
    pub(super) question: Result<Question, String>,
    pub(super) interval: Duration,
    pub(super) unhealthy_interval: Duration,
    pub(super) timeout: Duration,
    pub(super) rise: usize,
    pub(super) fall: usize,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    /// A request and the status wanted.
    Http(HttpQuestion),
    /// `grpc.health.v1.Health/Check`.
    Grpc(ServerUrl),
}

/// An HTTP probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HttpQuestion {
    pub(super) url: ServerUrl,
    /// Path and query.
    pub(super) target: String,
    method: String,
    hostname: String,
    headers: BTreeMap<String, String>,
    status: u16,
    pub(super) follow_redirects: bool,
}

impl Plan {
    pub(super) fn new(service: &str, server: &str, check: &HealthCheck, transport: &Transport) -> Self {
        let interval = check.interval.positive().unwrap_or(DEFAULT_INTERVAL);
        let unhealthy = check.unhealthy_interval.map(Span::positive);
        Self {
            service: service.to_owned(),
            server: server.to_owned(),
            transport: transport.clone(),
            question: question(server, check),
            interval,
            unhealthy_interval: unhealthy.map_or(interval, |span| span.unwrap_or(DEFAULT_INTERVAL)),
            timeout: check.timeout.positive().unwrap_or(DEFAULT_TIMEOUT),
            rise: check.rise.max(1) as usize,
            fall: check.fall.max(1) as usize,
        }
    }
}

fn question(server: &str, check: &HealthCheck) -> Result<Question, String> {
    let base = ServerUrl::parse(server).map_err(|error| error.to_string())?;
    if check.mode.eq_ignore_ascii_case("grpc") {
        return Ok(Question::Grpc(grpc_url(&base, check)?));
    }
    let target = resolved(&base, &check.path)?;
    Ok(Question::Http(HttpQuestion {
        url: overridden(&base, check)?,
        target,
        method: if check.method.is_empty() {
            "GET".to_owned()
        } else {
            check.method.clone()
        },
        hostname: check.hostname.clone(),
        headers: check.headers.clone(),
        status: check.status,
        follow_redirects: check.follow_redirects,
    }))
}

/// gRPC health is plaintext HTTP/2 unless the server is `https`.
fn grpc_url(base: &ServerUrl, check: &HealthCheck) -> Result<ServerUrl, String> {
    let scheme = match (check.scheme.as_str(), base.scheme()) {
        ("" | "http" | "h2c", crate::upstream::Scheme::Http | crate::upstream::Scheme::H2c) => "h2c",
        ("http" | "h2c", crate::upstream::Scheme::Https) => "h2c",
        _ => "https",
    };
    rebuilt(base, scheme, check.port)
}

/// The server's URL with the check's scheme and port.
fn overridden(base: &ServerUrl, check: &HealthCheck) -> Result<ServerUrl, String> {
    let scheme = match check.scheme.as_str() {
        "" => base.scheme().as_str(),
        other => match Scheme::parse(other) {
            Some(scheme) => scheme.as_str(),
            // Or it might lead elsewhere: `http://elsewhere/?`.
            None => {
                return Err(format!(
                    "healthCheck.scheme {other:?} is no scheme; write http, https or h2c"
                ));
            }
        },
    };
    rebuilt(base, scheme, check.port)
}

fn rebuilt(base: &ServerUrl, scheme: &str, port: u16) -> Result<ServerUrl, String> {
    let host = match base.host() {
        host if host.contains(':') => format!("[{host}]"),
        host => host.to_owned(),
    };
    let authority = if port == 0 {
        base.authority().to_owned()
    } else {
        format!("{host}:{port}")
    };
    ServerUrl::parse(&format!("{scheme}://{authority}")).map_err(|error| error.to_string())
}

/// `path` as a reference resolved against the server's URL (RFC 3986 section 5.2): an absolute path
/// replaces, anything else goes behind the last slash. An absolute URL is refused, as in Traefik.
fn resolved(base: &ServerUrl, path: &str) -> Result<String, String> {
    let target = match path {
        "" => base.path().to_owned(),
        _ if path.starts_with("//") || path.contains("://") => {
            return Err(format!(
                "healthCheck.path {path:?} is a URL; write a path like /health"
            ));
        }
        _ if path.starts_with('/') => path.to_owned(),
        _ => {
            let directory = base
                .path()
                .rsplit_once('/')
                .map_or("", |(directory, _)| directory);
            format!("{directory}/{path}")
        }
    };
    match target.parse::<Uri>() {
        Ok(uri) if uri.path().starts_with('/') => Ok(target),
        _ => Err(format!(
            "healthCheck.path {path:?} is not a path; write one like /health"
        )),
    }
}

impl HttpQuestion {
    /// The request to send for `target` (another one after a redirect).
    pub(super) fn request(&self, target: &str) -> Result<RequestHeader, String> {
        let broken = |error: &dyn std::fmt::Display| format!("probe cannot be built: {error}");
        let mut request = RequestHeader::build(self.method.as_str(), target.as_bytes(), None)
            .map_err(|error| broken(&error))?;
        for (name, value) in &self.headers {
            let name: HeaderName = name.parse().map_err(|error| broken(&error))?;
            let value = HeaderValue::from_str(value).map_err(|error| broken(&error))?;
            if name != header::HOST {
                request
                    .insert_header(name, value)
                    .map_err(|error| broken(&error))?;
            }
        }
        let host = if self.hostname.is_empty() {
            self.url.authority()
        } else {
            &self.hostname
        };
        request
            .insert_header(header::HOST, host)
            .map_err(|error| broken(&error))?;
        Ok(request)
    }

    /// Is an answer with this status a good one?
    pub(super) fn accepts(&self, status: u16) -> bool {
        match self.status {
            0 => (200..400).contains(&status),
            wanted => status == wanted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(server: &str, check: HealthCheck) -> Result<HttpQuestion, String> {
        match Plan::new("s@file", server, &check, &Transport::default()).question? {
            Question::Http(question) => Ok(question),
            Question::Grpc(_) => Err("grpc".to_owned()),
        }
    }

    fn check(path: &str) -> HealthCheck {
        HealthCheck {
            path: path.into(),
            ..HealthCheck::default()
        }
    }

    #[test]
    fn the_probe_is_built_as_traefiks_test_table_says() {
        let at = |server, check| {
            let question = http(server, check).unwrap();
            format!(
                "{:?} {}{}",
                question.url.scheme(),
                question.url.authority(),
                question.target
            )
        };
        assert_eq!(at("http://backend1:80", check("/test")), "Http backend1:80/test");
        let with_port = HealthCheck {
            port: 8080,
            ..check("/test")
        };
        assert_eq!(
            at("http://backend2:80", with_port.clone()),
            "Http backend2:8080/test"
        );
        assert_eq!(
            at("http://backend2", with_port.clone()),
            "Http backend2:8080/test"
        );
        assert_eq!(at("http://[::1]:80", with_port), "Http [::1]:8080/test");
        let with_scheme = HealthCheck {
            scheme: "http".into(),
            ..check("/test")
        };
        assert_eq!(at("https://backend1:80", with_scheme), "Http backend1:80/test");
        let query = check("/health?powpow=do&do=powpow");
        assert_eq!(
            at("http://backend1:80", query),
            "Http backend1:80/health?powpow=do&do=powpow"
        );
        assert_eq!(at("http://a/b/c", check("")), "Http a/b/c");
        assert_eq!(at("http://a/b/c", check("d")), "Http a/b/d");
    }

    #[test]
    fn a_path_that_is_a_url_is_refused() {
        for path in ["http://evil/health", "//evil", ":"] {
            let refused = http("http://a", check(path));
            assert!(refused.is_err() || path == ":", "{path}: {refused:?}");
        }
    }

    #[test]
    fn a_scheme_that_leads_elsewhere_is_refused() {
        let check = HealthCheck {
            scheme: "http://169.254.169.254/?".into(),
            ..check("/")
        };
        assert!(
            http("http://10.0.0.5:8080", check)
                .unwrap_err()
                .contains("is no scheme")
        );
    }

    #[test]
    fn hostname_method_and_headers_are_set_and_a_host_header_is_not() {
        let question = http(
            "http://backend1:80",
            HealthCheck {
                hostname: "myhost".into(),
                method: "HEAD".into(),
                headers: BTreeMap::from([
                    ("Custom-Header".into(), "foo".into()),
                    ("Host".into(), "other".into()),
                ]),
                ..check("/test")
            },
        );
        let request = question.unwrap().request("/test").unwrap();
        assert_eq!(request.headers["host"], "myhost");
        assert_eq!(request.headers["custom-header"], "foo");
        assert_eq!(request.method, "HEAD");
    }

    #[test]
    fn statuses_from_200_to_399_are_good_unless_one_is_named() {
        let any = http("http://a", check("/")).unwrap();
        assert!(any.accepts(200) && any.accepts(308) && !any.accepts(400) && !any.accepts(503));
        let named = http(
            "http://a",
            HealthCheck {
                status: 404,
                ..check("/")
            },
        )
        .unwrap();
        assert!(named.accepts(404) && !named.accepts(200));
    }

    #[test]
    fn intervals_and_timeouts_have_traefiks_defaults() {
        let plan = |check| Plan::new("s", "http://a", &check, &Transport::default());
        let default = plan(HealthCheck::default());
        assert_eq!(default.interval, Duration::from_secs(30));
        assert_eq!(default.unhealthy_interval, Duration::from_secs(30));
        assert_eq!(default.timeout, Duration::from_secs(5));
        let odd = plan(HealthCheck {
            interval: Span::seconds(7),
            unhealthy_interval: Some(Span::seconds(-1)),
            timeout: Span::seconds(0),
            ..HealthCheck::default()
        });
        assert_eq!(odd.interval, Duration::from_secs(7));
        assert_eq!(odd.unhealthy_interval, DEFAULT_INTERVAL);
        assert_eq!(odd.timeout, DEFAULT_TIMEOUT);
    }
}
