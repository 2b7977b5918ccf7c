//! A client that keeps its cookies.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::{Client, Response};

/// One user; every request comes on its own connection.
#[derive(Debug, Clone, Default)]
pub struct Browser {
    jar: BTreeMap<String, String>,
    from: Option<IpAddr>,
}

impl Browser {
    /// Without cookies.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one cookie.
    pub fn with(name: &str, value: &str) -> Self {
        let mut browser = Self::new();
        browser.jar.insert(name.to_owned(), value.to_owned());
        browser
    }

    /// The same at another address of this machine.
    pub fn at(mut self, from: IpAddr) -> Self {
        self.from = Some(from);
        self
    }

    /// GET of `/`.
    pub fn ask(&mut self, address: SocketAddr) -> Response {
        let mut client = match self.from {
            Some(from) => Client::connect_from(from, address),
            None => Client::connect(address),
        };
        let field = self.field().map(|field| field + "\r\n").unwrap_or_default();
        let answer = client.exchange(format!(
            "GET / HTTP/1.1\r\nHost: piton.test\r\nConnection: close\r\n{field}\r\n"
        ));
        self.keep(&answer);
        answer
    }

    /// The `Cookie` line it sends now, if any.
    pub fn field(&self) -> Option<String> {
        let pairs: Vec<String> = self
            .jar
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        (!pairs.is_empty()).then(|| format!("Cookie: {}", pairs.join("; ")))
    }

    /// Takes the cookies of an answer.
    pub fn keep(&mut self, answer: &Response) {
        for cookie in answer.cookies() {
            let pair = cookie.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').expect("a cookie has a value");
            self.jar.insert(name.to_owned(), value.to_owned());
        }
    }

    /// The value of a cookie it has.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.jar.get(name).map(String::as_str)
    }
}
