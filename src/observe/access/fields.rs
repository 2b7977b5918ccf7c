//! The fields of one request, after the rules (traefik-core 9.2).

use std::borrow::Cow;
use std::net::SocketAddr;

use http::{HeaderMap, HeaderValue, Version, header};

use super::super::Ended;
use super::rules::Rules;
use crate::config::install::access_log::Mode;

/// What stands in the place of what is redacted.
pub(super) const REDACTED: &str = "REDACTED";

/// The value of a field.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    Text(Cow<'a, str>),
    Number(u64),
    /// A time, in milliseconds of Unix time.
    Time(u64),
}

/// The fields of one request.
pub(super) struct Fields<'a> {
    pub(super) ended: &'a Ended<'a>,
    pub(super) number: u64,
    pub(super) rules: &'a Rules,
    /// Host with port, as asked for.
    address: Cow<'a, str>,
}

/// All fields, in the order of their names.
pub(super) const NAMES: [&str; 30] = [
    "ClientAddr",
    "ClientHost",
    "ClientPort",
    "ClientUsername",
    "DownstreamContentSize",
    "DownstreamStatus",
    "Duration",
    "OriginContentSize",
    "OriginDuration",
    "OriginStatus",
    "Overhead",
    "RequestAddr",
    "RequestContentSize",
    "RequestCount",
    "RequestHost",
    "RequestMethod",
    "RequestPath",
    "RequestPort",
    "RequestProtocol",
    "RequestScheme",
    "RetryAttempts",
    "RouterName",
    "ServiceAddr",
    "ServiceName",
    "ServiceURL",
    "StartLocal",
    "StartUTC",
    "StickyResult",
    "TLSCipher",
    "TLSVersion",
];

impl<'a> Fields<'a> {
    pub(super) fn new(ended: &'a Ended<'a>, number: u64, rules: &'a Rules) -> Self {
        let target = ended.uri.authority().map(|authority| authority.as_str().into());
        let host = || ended.headers.get(header::HOST).map(text);
        Self {
            ended,
            number,
            rules,
            address: target.or_else(host).unwrap_or_default(),
        }
    }

    /// The field called `name` after its rule; `None` when it is left out or there is nothing to say.
    pub(super) fn get(&self, name: &str) -> Option<Value<'_>> {
        let mode = self.rules.of(name);
        if mode == Mode::Drop {
            return None;
        }
        let value = self.value(name)?;
        Some(match mode {
            Mode::Redact => Value::Text(REDACTED.into()),
            _ => value,
        })
    }

    /// Is the field called `name` logged as it is?
    pub(super) fn is_kept(&self, name: &str) -> bool {
        self.rules.of(name) == Mode::Keep
    }

    fn value(&self, name: &str) -> Option<Value<'_>> {
        let ended = self.ended;
        // As Go writes the IPv4 client of a socket of both families.
        let canonical = |client: SocketAddr| SocketAddr::new(client.ip().to_canonical(), client.port());
        let client = || ended.place.client.map(canonical);
        let in_text = |text: &'a str| Some(Value::Text(text.into()));
        match name {
            "StartUTC" | "StartLocal" => Some(Value::Time(ended.wall)),
            "Duration" => Some(Value::Number(nanos(ended.micros()))),
            "RouterName" => in_text(ended.routed?.router),
            "ServiceName" => in_text(ended.leaf.map(|leaf| leaf.service()).or_else(|| {
                // A service of services that has nobody to ask.
                ended.routed.map(|routed| routed.service)
            })?),
            "ServiceURL" => in_text(ended.server?.url()),
            "ServiceAddr" => in_text(host_of(ended.server?.url())),
            "ClientAddr" => Some(Value::Text(client()?.to_string().into())),
            "ClientHost" => match ended.headers.get("x-forwarded-for") {
                Some(forwarded) => Some(Value::Text(text(forwarded))),
                None => Some(Value::Text(client()?.ip().to_string().into())),
            },
            "ClientPort" => Some(Value::Text(client()?.port().to_string().into())),
            "ClientUsername" => in_text("-"),
            "RequestAddr" => Some(Value::Text(Cow::Borrowed(&self.address))),
            "RequestHost" => Some(Value::Text(split_port(&self.address).0.into())),
            "RequestPort" => Some(Value::Text(split_port(&self.address).1.unwrap_or("-").into())),
            "RequestMethod" => in_text(ended.method),
            "RequestPath" => Some(Value::Text(self.path())),
            "RequestProtocol" => in_text(match ended.version {
                Version::HTTP_2 => "HTTP/2.0",
                Version::HTTP_10 => "HTTP/1.0",
                _ => "HTTP/1.1",
            }),
            "RequestScheme" => in_text(if ended.place.tls.is_some() {
                "https"
            } else {
                "http"
            }),
            "RequestContentSize" => Some(Value::Number(ended.request_bytes)),
            "OriginDuration" => Some(Value::Number(nanos(self.at_origin()?))),
            "OriginContentSize" => ended.origin_status.map(|_| Value::Number(ended.response_bytes)),
            "OriginStatus" => Some(Value::Number(ended.origin_status?.into())),
            "DownstreamStatus" => Some(Value::Number(ended.status.into())),
            "DownstreamContentSize" => Some(Value::Number(ended.response_bytes)),
            "RequestCount" => Some(Value::Number(self.number)),
            "Overhead" => {
                let at_origin = self.at_origin().unwrap_or_default();
                Some(Value::Number(nanos(ended.micros().saturating_sub(at_origin))))
            }
            "RetryAttempts" => Some(Value::Number(ended.retries.into())),
            "TLSVersion" => in_text(ended.place.tls?.0),
            "TLSCipher" => in_text(ended.place.tls?.1),
            "StickyResult" => in_text(ended.outcome.verdict?.name()),
            _ => None,
        }
    }

    /// Microseconds since a server was looked for.
    fn at_origin(&self) -> Option<u64> {
        Some(self.ended.ended.saturating_sub(self.ended.asked?))
    }

    /// The target, with its query after the rule.
    fn path(&self) -> Cow<'a, str> {
        let uri = self.ended.uri;
        let whole = uri.path_and_query().map_or("/", |target| target.as_str());
        let Some(query) = uri.query() else {
            return whole.into();
        };
        match self.rules.of_query() {
            Mode::Keep => whole.into(),
            Mode::Drop => uri.path().into(),
            Mode::Redact => {
                let redacted = query.split('&').map(|pair| match pair.split_once('=') {
                    Some((name, _)) => format!("{name}={REDACTED}"),
                    None => pair.to_owned(),
                });
                let redacted: Vec<String> = redacted.collect();
                format!("{}?{}", uri.path(), redacted.join("&")).into()
            }
        }
    }

    /// A header of the request, after its rule.
    pub(super) fn request_header(&self, name: &str) -> Option<Cow<'a, str>> {
        ruled(self.rules, self.ended.headers, name)
    }

    /// All headers after their rules, with what stands before each name.
    pub(super) fn headers(&self) -> impl Iterator<Item = (&'static str, &'a str, Cow<'a, str>)> {
        let (ended, rules) = (self.ended, self.rules);
        let all = [
            ("downstream_", ended.response_headers),
            ("origin_", ended.origin_headers),
            ("request_", Some(ended.headers)),
        ];
        all.into_iter().flat_map(move |(prefix, headers)| {
            let names = headers.into_iter().flat_map(HeaderMap::keys);
            names
                .filter_map(move |name| Some((prefix, name.as_str(), ruled(rules, headers?, name.as_str())?)))
        })
    }
}

fn ruled<'h>(rules: &Rules, headers: &'h HeaderMap, name: &str) -> Option<Cow<'h, str>> {
    match rules.of_header(name) {
        Mode::Drop => None,
        Mode::Redact => headers.get(name).map(|_| REDACTED.into()),
        Mode::Keep => {
            let mut values = headers.get_all(name).iter();
            let first = text(values.next()?);
            Some(values.fold(first, |all, value| {
                let mut all = all.into_owned();
                all.push(',');
                all.push_str(&text(value));
                all.into()
            }))
        }
    }
}

fn text(value: &HeaderValue) -> Cow<'_, str> {
    String::from_utf8_lossy(value.as_bytes())
}

/// Microseconds as Go prints durations: in nanoseconds.
fn nanos(micros: u64) -> u64 {
    micros.saturating_mul(1000)
}

/// Host and port of a URL.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

fn split_port(address: &str) -> (&str, Option<&str>) {
    match address.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, Some(port)),
        _ => (address, None),
    }
}
