//! `X-Forwarded-*`: nothing of it is believed unless it comes from a trusted address, then piton states
//! its own (traefik-core 6.1).

use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use pingora::Result;
use pingora::http::RequestHeader;
use smallvec::SmallVec;

use super::trust::{InvalidTrust, Trust};
use crate::config::install;

/// Lower case, with dashes; clients may also write them with underscores.
const MANAGED: [&str; 13] = [
    "x-forwarded-proto",
    "x-forwarded-scheme",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-server",
    "x-forwarded-uri",
    "x-forwarded-method",
    "x-forwarded-prefix",
    "x-forwarded-tls-client-cert",
    "x-forwarded-tls-client-cert-info",
    "x-scheme",
    "x-real-ip",
];

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Whom to believe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardedHeaders {
    trust: Trust,
    /// Fields that stay although `Connection` names them.
    kept: Vec<HeaderName>,
    scheme_headers: bool,
    append_client: bool,
}

impl ForwardedHeaders {
    /// From what was written.
    ///
    /// # Errors
    /// When `trustedIPs` has something that is no address and no network.
    pub fn new(
        written: &install::entry_point::ForwardedHeaders,
        global: &install::Global,
    ) -> Result<Self, InvalidTrust> {
        let kept = written.connection.iter().map(|name| name.parse());
        Ok(Self {
            trust: Trust::new("forwardedHeaders", written.insecure, &written.trusted_ips)?,
            // What is no name of a field names none.
            kept: kept.filter_map(std::result::Result::ok).collect(),
            scheme_headers: written.add_x_forwarded_scheme_headers,
            append_client: !(written.not_append_x_forwarded_for || global.not_append_x_forwarded_for),
        })
    }

    fn trusts(&self, client: Option<IpAddr>) -> bool {
        self.trust.is_blind() || client.is_some_and(|client| self.trust.includes(client))
    }

    /// Removes what a stranger claims; true when nothing is left that [`Self::state`] has to respect.
    pub fn screen(&self, request: &mut RequestHeader, client: Option<IpAddr>) -> bool {
        let stranger = !self.trusts(client);
        if stranger {
            remove_claims(request);
        }
        settle_nominated(request, &self.kept);
        stranger
    }

    /// Adds what piton knows, except for the client's address in `X-Forwarded-For`. Where `is_clean`, none of
    /// the fields is there; else what a trusted proxy has said stays.
    ///
    /// # Errors
    /// None in practice: every value is visible ASCII.
    pub fn state(&self, request: &mut RequestHeader, facts: &Facts<'_>, is_clean: bool) -> Result<()> {
        let is_absent = |request: &RequestHeader, name: &HeaderName| is_clean || is_absent(request, name);
        if let Some(client) = facts.client.filter(|_| is_absent(request, &REAL_IP)) {
            request.insert_header("X-Real-Ip", client.clone())?;
        }
        if is_absent(request, &PROTO) {
            let proto = match (facts.is_upgrade, facts.is_tls) {
                (true, true) => "wss",
                (true, false) => "ws",
                (false, true) => "https",
                (false, false) => "http",
            };
            request.insert_header("X-Forwarded-Proto", HeaderValue::from_static(proto))?;
        }
        let host = host_value(request);
        if is_absent(request, &PORT) {
            let port = port_value(request, host.as_ref(), facts.is_tls);
            request.insert_header("X-Forwarded-Port", port)?;
        }
        if self.scheme_headers
            && let Some(proto) = request.headers.get(&PROTO).cloned()
        {
            request.insert_header("X-Forwarded-Scheme", proto.clone())?;
            request.insert_header("X-Scheme", proto)?;
        }
        if let Some(host) = host.filter(|_| is_absent(request, &HOST)) {
            request.insert_header("X-Forwarded-Host", host)?;
        }
        request.insert_header("X-Forwarded-Server", facts.machine.clone())
    }

    /// Appends the client's address to `X-Forwarded-For`, as one field (traefik-core 6.1, step 4), unless
    /// the configuration says otherwise.
    ///
    /// # Errors
    /// None in practice.
    pub fn append_client(
        &self,
        request: &mut RequestHeader,
        facts: &Facts<'_>,
        is_clean: bool,
    ) -> Result<()> {
        let Some(client) = facts.client.filter(|_| self.append_client) else {
            return Ok(());
        };
        let earlier = request.headers.get_all(&FOR).iter().map(HeaderValue::as_bytes);
        let earlier = earlier.filter(|value| !value.is_empty());
        let joined = if is_clean {
            Vec::new()
        } else {
            earlier.collect::<Vec<_>>()
        };
        if joined.is_empty() {
            return request.insert_header("X-Forwarded-For", client.clone());
        }
        let all = [joined.as_slice(), &[client.as_bytes()]]
            .concat()
            .join(&b", "[..]);
        match HeaderValue::from_bytes(&all) {
            Ok(value) => request.insert_header("X-Forwarded-For", value),
            Err(_) => Ok(()),
        }
    }
}

/// What piton knows of a request's origin.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The client's address as text.
    pub client: Option<&'a HeaderValue>,
    /// Is the client's connection inside TLS?
    pub is_tls: bool,
    /// Does the client ask for another protocol (a WebSocket)?
    pub is_upgrade: bool,
    /// Name of this machine.
    pub machine: &'a HeaderValue,
}

/// Fields that belong to this connection and are dealt with by whoever speaks HTTP on it, named in `Connection` or not.
const OF_THE_CONNECTION: [HeaderName; 7] = [
    header::UPGRADE,
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::CONNECTION,
];

/// Removes the fields that `Connection` names, and their names from it: what is added later under such a name goes to the
/// server. Managed ones stay, or the client could take away what piton says about it, and so do those of `kept`
/// (traefik-core 6.1, step 3).
fn settle_nominated(request: &mut RequestHeader, kept: &[HeaderName]) {
    let fields = request.headers.get_all(header::CONNECTION).iter();
    let tokens: SmallVec<[&str; 4]> = fields
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(str::trim))
        .collect();
    let is_plain = |token: &&str| {
        let plain = ["close", "keep-alive", "upgrade"];
        token.is_empty() || plain.iter().any(|plain| token.eq_ignore_ascii_case(plain))
    };
    if tokens.iter().all(is_plain) {
        return;
    }
    let name = |token: &str| token.parse::<HeaderName>().ok();
    let stays_named =
        |token: &&str| is_plain(token) || name(token).is_none_or(|name| OF_THE_CONNECTION.contains(&name));
    let (named, nominated): (Vec<&str>, Vec<&str>) = tokens.into_iter().partition(stays_named);
    let named = named.join(", ");
    let nominated: Vec<HeaderName> = nominated.into_iter().filter_map(name).collect();
    for name in nominated
        .iter()
        .filter(|name| !is_managed(name) && !kept.contains(name))
    {
        request.remove_header(name);
    }
    request.remove_header(&header::CONNECTION);
    if let Some(named) = HeaderValue::from_str(&named)
        .ok()
        .filter(|named| !named.is_empty())
    {
        // Tokens of a valid field are a valid field.
        let _ = request.insert_header("Connection", named);
    }
}

fn is_absent(request: &RequestHeader, name: &HeaderName) -> bool {
    request.headers.get(name).is_none_or(HeaderValue::is_empty)
}

/// Removes every managed field, however it is spelled. One pass over the names; nothing to remove is the
/// usual case.
fn remove_claims(request: &mut RequestHeader) {
    let claims: SmallVec<[HeaderName; 4]> = request
        .headers
        .keys()
        .filter(|name| is_managed(name))
        .cloned()
        .collect();
    for name in claims {
        request.remove_header(&name);
    }
}

fn is_managed(name: &HeaderName) -> bool {
    let name = name.as_str().as_bytes();
    if name.first() != Some(&b'x') {
        return false;
    }
    let same = |managed: &&str| {
        managed.len() == name.len()
            && managed
                .bytes()
                .zip(name)
                .all(|(a, &b)| a == b || (a == b'-' && b == b'_'))
    };
    MANAGED.iter().any(same)
}

/// The host as the client sent it, with its port.
fn host_value(request: &RequestHeader) -> Option<HeaderValue> {
    let field = request.headers.get(header::HOST).cloned();
    field.or_else(|| HeaderValue::from_str(request.uri.authority()?.as_str()).ok())
}

/// The port in the host, else that of the scheme; never the entry point's.
fn port_value(request: &RequestHeader, host: Option<&HeaderValue>, is_tls: bool) -> HeaderValue {
    let host = host.map_or(&b""[..], HeaderValue::as_bytes);
    let port = host.iter().rposition(|&byte| byte == b':' || byte == b']');
    let port = port
        .filter(|&at| host.get(at) == Some(&b':'))
        .and_then(|at| host.get(at + 1..));
    let is_port = |port: &&[u8]| !port.is_empty() && port.iter().all(u8::is_ascii_digit);
    if let Some(Ok(port)) = port.filter(is_port).map(HeaderValue::from_bytes) {
        return port;
    }
    let proto = request.headers.get(&PROTO).map(HeaderValue::as_bytes);
    HeaderValue::from_static(match proto {
        Some(b"https" | b"wss") => "443",
        _ if is_tls => "443",
        _ => "80",
    })
}

/// The text of an address. IPv4, nearly every request's, is written by hand: the standard way takes ten times
/// as many instructions.
#[must_use]
pub fn address_value(address: IpAddr) -> HeaderValue {
    let mut text = Vec::with_capacity(15);
    match address {
        IpAddr::V4(address) => {
            for (index, octet) in address.octets().into_iter().enumerate() {
                if index > 0 {
                    text.push(b'.');
                }
                push_decimal(&mut text, octet);
            }
        }
        IpAddr::V6(address) => text = address.to_string().into_bytes(),
    }
    // The text of an address is visible ASCII.
    HeaderValue::from_maybe_shared(Bytes::from(text)).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn push_decimal(text: &mut Vec<u8>, octet: u8) {
    if octet >= 100 {
        text.push(b'0' + octet / 100);
    }
    if octet >= 10 {
        text.push(b'0' + octet / 10 % 10);
    }
    text.push(b'0' + octet % 10);
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 1, 2, 3));

    fn applied(trusted: &[&str], fields: &[(&'static str, &str)]) -> RequestHeader {
        let written = install::entry_point::ForwardedHeaders {
            trusted_ips: trusted.iter().map(|&text| text.to_owned()).collect(),
            ..Default::default()
        };
        let global = install::Global::default();
        let forwarded = ForwardedHeaders::new(&written, &global).unwrap();
        let mut request = RequestHeader::build("GET", b"/", None).unwrap();
        for (name, value) in fields {
            request.append_header(*name, *value).unwrap();
        }
        let machine = HeaderValue::from_static("edge");
        let client = address_value(CLIENT);
        let facts = Facts {
            client: Some(&client),
            is_tls: false,
            is_upgrade: false,
            machine: &machine,
        };
        let is_clean = forwarded.screen(&mut request, Some(CLIENT));
        forwarded.state(&mut request, &facts, is_clean).unwrap();
        forwarded.append_client(&mut request, &facts, is_clean).unwrap();
        request
    }

    fn value(request: &RequestHeader, name: &str) -> String {
        let values = request.headers.get_all(name).iter();
        values
            .map(|value| value.to_str().unwrap())
            .collect::<Vec<_>>()
            .join("|")
    }

    #[test]
    fn a_direct_request_gets_the_six_fields() {
        let request = applied(&[], &[("host", "example.com:8443")]);
        for (name, expected) in [
            ("x-forwarded-for", "10.1.2.3"),
            ("x-forwarded-host", "example.com:8443"),
            ("x-forwarded-port", "8443"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-server", "edge"),
            ("x-real-ip", "10.1.2.3"),
        ] {
            assert_eq!(value(&request, name), expected, "{name}");
        }
    }

    #[test]
    fn claims_of_a_stranger_are_removed_in_every_spelling() {
        let request = applied(
            &["192.168.0.0/16"],
            &[
                ("host", "a"),
                ("X-Forwarded-For", "1.1.1.1"),
                ("X_Forwarded_For", "2.2.2.2"),
                ("X-Forwarded_Host", "evil"),
                ("X-Real-IP", "3.3.3.3"),
                ("X-Forwarded-Prefix", "/x"),
                ("X-Forwarded-Tls-Client-Cert", "c"),
                ("X-Forwarded-Other", "kept"),
            ],
        );
        assert_eq!(value(&request, "x-forwarded-for"), "10.1.2.3");
        assert_eq!(value(&request, "x-real-ip"), "10.1.2.3");
        for gone in [
            "x_forwarded_for",
            "x-forwarded_host",
            "x-forwarded-prefix",
            "x-forwarded-tls-client-cert",
        ] {
            assert_eq!(value(&request, gone), "", "{gone}");
        }
        assert_eq!(value(&request, "x-forwarded-other"), "kept");
        assert_eq!(value(&request, "x-forwarded-port"), "80");
    }

    #[test]
    fn a_trusted_proxy_is_believed_and_extended() {
        let request = applied(
            &["10.0.0.0/8"],
            &[
                ("host", "a"),
                ("X-Forwarded-For", "1.1.1.1"),
                ("X-Forwarded-For", "2.2.2.2"),
                ("X-Forwarded-Proto", "https"),
            ],
        );
        assert_eq!(value(&request, "x-forwarded-for"), "1.1.1.1, 2.2.2.2, 10.1.2.3");
        assert_eq!(value(&request, "x-forwarded-proto"), "https");
        assert_eq!(value(&request, "x-forwarded-port"), "443");
    }

    #[test]
    fn an_ipv6_host_without_port_has_no_port() {
        let request = applied(&[], &[("host", "[::1]")]);
        assert_eq!(value(&request, "x-forwarded-port"), "80");
        let request = applied(&[], &[("host", "[::1]:81")]);
        assert_eq!(value(&request, "x-forwarded-port"), "81");
    }

    #[test]
    fn addresses_are_written_as_the_standard_library_writes_them() {
        for text in ["0.0.0.0", "1.22.255.100", "10.0.0.9", "::1", "2001:db8::7"] {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(address_value(address), text);
        }
    }

    #[test]
    fn an_unreadable_trust_list_is_refused() {
        let written = install::entry_point::ForwardedHeaders {
            trusted_ips: vec!["10.0.0.0/33".into()],
            ..Default::default()
        };
        assert!(ForwardedHeaders::new(&written, &install::Global::default()).is_err());
    }
}
