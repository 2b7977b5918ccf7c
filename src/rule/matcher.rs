//! One matcher, compiled, and what it makes of a request (traefik-core 4.3).

use std::net::IpAddr;

use http::HeaderName;
use http::header::{HOST, TRAILER, TRANSFER_ENCODING};
use ipnet::{IpNet, Ipv4Net};
use regex::Regex;

use super::hosts::{HostArgument, HostPattern};
use super::names::Kind;
use super::{query, regexp};
use crate::request::RequestView;

/// A predicate over requests.
#[derive(Debug)]
pub(super) enum Matcher {
    /// ``Host(`*`)``: the request names a host.
    AnyHost,
    /// `Host`: that host, or one label below it.
    Host(HostPattern),
    /// `HostRegexp`, found anywhere in the canonical host.
    HostRegexp(Regex),
    /// `Path`: the whole routing path.
    Path(String),
    /// `PathPrefix`: a plain string prefix of the routing path, not a prefix of segments.
    PathPrefix(String),
    /// `PathRegexp`, found anywhere in the routing path.
    PathRegexp(Regex),
    /// `Method`, upper case; requests are compared as they are.
    Method(String),
    /// `Header`: one of the field's values is exactly this.
    Header(HeaderName, String),
    /// `HeaderRegexp`, found anywhere in one of the field's values.
    HeaderRegexp(HeaderName, Regex),
    /// `Query`: one of the key's values is exactly this.
    Query(String, String),
    /// `QueryRegexp`, found anywhere in one of the key's values.
    QueryRegexp(String, Regex),
    /// `ClientIP`: the connected peer is in this network.
    ClientIp(IpNet),
    /// Every request.
    Always,
    /// No request.
    Never,
}

impl Matcher {
    /// The header field it looks at.
    pub(super) fn header(&self) -> Option<&HeaderName> {
        match self {
            Self::Header(name, _) | Self::HeaderRegexp(name, _) => Some(name),
            _ => None,
        }
    }

    /// Compiles a call of `kind` with `args`; the error is Traefik's message and advice.
    pub(super) fn build(kind: Kind, args: &[String]) -> Result<Matcher, String> {
        let name = kind.name();
        if args.is_empty() {
            return Err(format!(
                "no args for matcher {name}; write for example {}",
                kind.example()
            ));
        }
        if args.iter().any(String::is_empty) {
            let list = args.join(" ");
            return Err(format!(
                "empty args for matcher {name}, [{list}]; write for example {}",
                kind.example()
            ));
        }
        match args {
            [one] if kind.counts().contains(&1) => Self::unary(kind, one),
            [first, second] if kind.counts().contains(&2) => Self::binary(kind, first, second),
            _ => Err(wrong_count(kind, args)),
        }
    }

    fn unary(kind: Kind, arg: &str) -> Result<Matcher, String> {
        match kind {
            Kind::ClientIp => network(arg).map(Matcher::ClientIp),
            Kind::Host => host(arg),
            Kind::HostRegexp => host_regexp(arg),
            Kind::Method => Ok(Matcher::Method(arg.to_ascii_uppercase())),
            Kind::Path => rooted(arg).map(Matcher::Path),
            Kind::PathPrefix => rooted(arg).map(Matcher::PathPrefix),
            Kind::PathRegexp => regexp(kind, arg).map(Matcher::PathRegexp),
            // One argument asks for the key with an empty value, also in QueryRegexp.
            Kind::Query | Kind::QueryRegexp => Ok(Matcher::Query(arg.to_string(), String::new())),
            Kind::Header | Kind::HeaderRegexp => Err(wrong_count(kind, &[arg.to_string()])),
        }
    }

    fn binary(kind: Kind, key: &str, value: &str) -> Result<Matcher, String> {
        match kind {
            Kind::Header => {
                let name = header_name(key)?;
                Ok(if kept_from_rules(&name) {
                    Matcher::Never
                } else {
                    Matcher::Header(name, value.to_string())
                })
            }
            Kind::HeaderRegexp => {
                let (name, regex) = (header_name(key)?, regexp(kind, value)?);
                Ok(if kept_from_rules(&name) {
                    Matcher::Never
                } else {
                    Matcher::HeaderRegexp(name, regex)
                })
            }
            Kind::Query => Ok(Matcher::Query(key.to_string(), value.to_string())),
            Kind::QueryRegexp => Ok(Matcher::QueryRegexp(key.to_string(), regexp(kind, value)?)),
            _ => Err(wrong_count(kind, &[key.to_string(), value.to_string()])),
        }
    }

    /// Whether the request satisfies it.
    pub(super) fn matches(&self, req: &RequestView<'_>) -> bool {
        match self {
            Matcher::AnyHost => !req.host.is_empty(),
            Matcher::Host(pattern) => pattern.matches(req.host),
            Matcher::HostRegexp(regex) => regex.is_match(req.host),
            Matcher::Path(path) => req.path == path,
            Matcher::PathPrefix(prefix) => req.path.starts_with(prefix.as_str()),
            Matcher::PathRegexp(regex) => regex.is_match(req.path),
            Matcher::Method(method) => req.method == method,
            Matcher::Header(name, value) => {
                let mut values = req.headers.get_all(name).iter();
                values.any(|found| found.as_bytes() == value.as_bytes())
            }
            Matcher::HeaderRegexp(name, regex) => {
                let mut values = req.headers.get_all(name).iter();
                values.any(|found| regex.is_match(&String::from_utf8_lossy(found.as_bytes())))
            }
            Matcher::Query(key, value) => req.query.is_some_and(|query| query::has(query, key, value)),
            Matcher::QueryRegexp(key, regex) => {
                let accepts = |value: &str| regex.is_match(value);
                req.query
                    .is_some_and(|query| query::any_value(query, key, accepts))
            }
            // An IPv4 client of a dual-stack listener arrives as ::ffff:a.b.c.d; Go treats both alike.
            Matcher::ClientIp(net) => req.client.is_some_and(|ip| net.contains(&ip.to_canonical())),
            Matcher::Always => true,
            Matcher::Never => false,
        }
    }
}

fn host(arg: &str) -> Result<Matcher, String> {
    ascii(Kind::Host, arg)?;
    Ok(match HostArgument::new(arg) {
        HostArgument::Any => Matcher::AnyHost,
        HostArgument::Pattern(pattern) => Matcher::Host(pattern),
        HostArgument::Never => Matcher::Never,
    })
}

fn host_regexp(arg: &str) -> Result<Matcher, String> {
    ascii(Kind::HostRegexp, arg)?;
    let regex = regexp(Kind::HostRegexp, arg)?;
    // Traefik tries the expression on the CNAME-flattened host as well, which is empty while flattening is off: an
    // expression that accepts nothing accepts everything, `^$` included (traefik-core 4.3).
    Ok(if regex.is_match("") {
        Matcher::Always
    } else {
        Matcher::HostRegexp(regex)
    })
}

fn ascii(kind: Kind, arg: &str) -> Result<(), String> {
    if arg.is_ascii() {
        return Ok(());
    }
    let name = kind.name();
    Err(format!(
        "invalid value {arg:?} for {name} matcher, non-ASCII characters are not allowed; \
         write international names in punycode (xn--...)"
    ))
}

fn rooted(arg: &str) -> Result<String, String> {
    if arg.starts_with('/') {
        return Ok(arg.to_string());
    }
    Err(format!("path {arg:?} does not start with a '/'; write `/{arg}`"))
}

fn regexp(kind: Kind, arg: &str) -> Result<Regex, String> {
    regexp::compile(arg).map_err(|why| format!("compiling {} matcher: {why}", kind.name()))
}

fn header_name(arg: &str) -> Result<HeaderName, String> {
    HeaderName::from_bytes(arg.as_bytes()).map_err(|_| {
        format!("invalid header name {arg:?}; letters, digits and dashes make one, as in `X-Tenant`")
    })
}

/// Fields that Go's server takes out of the header map, so that no Traefik rule ever sees them.
fn kept_from_rules(name: &HeaderName) -> bool {
    [HOST, TRANSFER_ENCODING, TRAILER].contains(name)
}

/// A network from an address or CIDR notation; bits behind the prefix are ignored.
fn network(arg: &str) -> Result<IpNet, String> {
    if let Ok(ip) = arg.parse::<IpAddr>() {
        return Ok(IpNet::from(ip.to_canonical()));
    }
    let net: IpNet = arg.parse().map_err(|_| {
        format!("initializing IP checker for ClientIP matcher: {arg:?} is no IP address or CIDR; write `10.0.0.0/8`")
    })?;
    Ok(unmapped(net).unwrap_or(net).trunc())
}

/// The IPv4 network that an IPv4-mapped IPv6 network means, because clients are compared in IPv4 form.
fn unmapped(net: IpNet) -> Option<IpNet> {
    let IpNet::V6(v6) = net else { return None };
    let prefix = v6.prefix_len().checked_sub(96)?;
    Ipv4Net::new(v6.addr().to_ipv4_mapped()?, prefix)
        .ok()
        .map(IpNet::V4)
}

fn wrong_count(kind: Kind, args: &[String]) -> String {
    let (name, got) = (kind.name(), args.len());
    let expected = kind
        .counts()
        .iter()
        .map(usize::to_string)
        .collect::<Vec<_>>()
        .join(" ");
    let advice = if kind.counts() == [1] {
        let calls: Vec<String> = args.iter().map(|arg| format!("{name}(`{arg}`)")).collect();
        format!("write {}", calls.join(" || "))
    } else {
        format!("write for example {}", kind.example())
    };
    format!("unexpected number of parameters; got {got}, expected one of [{expected}]; {advice}")
}
