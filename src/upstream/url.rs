//! A server's URL (traefik-core 3): scheme, host and port count; the path only with `preservePath`.

use std::net::IpAddr;

use http::Uri;

/// What is spoken to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// HTTP/1.1 in the clear.
    Http,
    /// HTTP/2 or HTTP/1.1 over TLS.
    Https,
    /// HTTP/2 in the clear, with prior knowledge.
    H2c,
}

impl Scheme {
    /// The scheme of that name, in any case; nothing else may stand before `://`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [("http", Self::Http), ("https", Self::Https), ("h2c", Self::H2c)]
            .into_iter()
            .find_map(|(word, scheme)| word.eq_ignore_ascii_case(text).then_some(scheme))
    }

    /// The scheme as written in a URL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::H2c => "h2c",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http | Self::H2c => 80,
            Self::Https => 443,
        }
    }
}

/// Why a text is no server URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// It cannot be taken apart.
    #[error("{0:?} is not a URL; write it like \"http://10.0.0.1:8080\"")]
    Syntax(String),
    /// No scheme, or none that piton speaks.
    #[error("{0:?} has no supported scheme; use http, https or h2c")]
    Scheme(String),
    /// No host.
    #[error("{0:?} names no usable host")]
    Host(String),
}

/// A URL taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl {
    scheme: Scheme,
    authority: String,
    host: String,
    port: u16,
    path: String,
}

impl ServerUrl {
    /// Takes `text` apart. Query and user name are ignored, as in Traefik.
    ///
    /// # Errors
    /// When it is not a URL with a supported scheme and a host.
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        let scheme = text.split_once("://").and_then(|(word, _)| Scheme::parse(word));
        let Some(scheme) = scheme else {
            return Err(InvalidUrl::Scheme(text.to_owned()));
        };
        let uri: Uri = text.parse().map_err(|_| InvalidUrl::Syntax(text.to_owned()))?;
        let authority = uri.authority().ok_or_else(|| InvalidUrl::Host(text.to_owned()))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let with_port = authority.as_str().rsplit('@').next().unwrap_or_default();
        let port = port_of(with_port, scheme).filter(|_| !host.is_empty());
        let port = port.ok_or_else(|| InvalidUrl::Host(text.to_owned()))?;
        Ok(Self {
            scheme,
            authority: with_port.to_owned(),
            host: host.to_owned(),
            port,
            path: uri.path().to_owned(),
        })
    }

    /// What is spoken.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Host and port as written, without user name.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Host without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host, when it is an address.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// Port, by scheme when none is written.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Path; `/` when there is none.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// The port behind host or brackets, the scheme's own when there is none; `None` when it is no port.
fn port_of(authority: &str, scheme: Scheme) -> Option<u16> {
    let behind_brackets = authority.rsplit(']').next().unwrap_or(authority);
    match behind_brackets.rsplit_once(':') {
        Some((_, port)) => port.parse().ok().filter(|&port| port > 0),
        None => Some(scheme.default_port()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let url = ServerUrl::parse("http://10.0.0.1:8080/base?x=1").unwrap();
        assert_eq!((url.host(), url.port(), url.path()), ("10.0.0.1", 8080, "/base"));
        assert_eq!(url.authority(), "10.0.0.1:8080");
        let url = ServerUrl::parse("HTTPS://user@example.com").unwrap();
        assert_eq!(url.scheme(), Scheme::Https);
        assert_eq!(
            (url.authority(), url.port(), url.path()),
            ("example.com", 443, "/")
        );
        let url = ServerUrl::parse("h2c://[::1]:9000").unwrap();
        assert_eq!((url.scheme(), url.host(), url.port()), (Scheme::H2c, "::1", 9000));
        assert!(url.ip().is_some_and(|ip| ip.is_ipv6()));
    }

    #[test]
    fn what_cannot_be_connected_to_is_refused_with_a_reason() {
        for (text, why) in [
            ("", "no supported scheme"),
            ("127.0.0.1:8081", "no supported scheme"),
            ("ftp://a", "no supported scheme"),
            ("http://", "not a URL"),
            ("http://a b", "not a URL"),
            ("http://a:99999", "no usable host"),
            ("http://a:", "no usable host"),
        ] {
            let error = ServerUrl::parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text:?}: {error}");
        }
    }
}
