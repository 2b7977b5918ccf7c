//! What strangers write, and what must hold whatever they write: a function for each kind of input. It panics where
//! something does not hold.
//!
//! libFuzzer calls them through `fuzz_targets/`, `cargo test` through `tests/fuzz.rs`.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is the report"
)]

use std::sync::{Arc, LazyLock};

use http::{HeaderMap, HeaderValue, header};
use piton::config::dynamic::http::{Cookie, Sign, SignKey};
use piton::config::dynamic::{self, Configuration};
use piton::config::encode::Shown;
use piton::config::{NoFiles, Notation, Problem, Secret};
use piton::connection::proxy_header::{self, Parsed};
use piton::request::RequestView;
use piton::rule::{HostSet, MAX_RULE_BYTES, Rule};
use piton::sticky::{CookieValue, Lookup, Sticky, find_cookie, legacy_values};

/// Takes one input.
pub type Target = fn(&[u8]);

/// All of them; the seeds of each are in `fuzz/seeds/<name>/`.
pub const TARGETS: [(&str, Target); 5] = [
    ("labels", labels),
    ("rule", rule),
    ("cookie", cookie),
    ("proxy_header", proxy_header),
    ("dynamic_yaml", dynamic_yaml),
];

/// Labels of a container, each on a line of its own as `key=value`.
pub fn labels(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let labels = text
        .lines()
        .map(|line| line.split_once('=').unwrap_or((line, "")));
    let (mut configuration, problems) = dynamic::from_labels(labels);
    if told(&problems) {
        return;
    }
    // Port and scheme of a server are those of its container, and no part of what is printed.
    let names: Vec<String> = configuration.http.services.keys().map(str::to_owned).collect();
    for name in names {
        let service = configuration.http.services.get_mut(&name);
        let servers = service.and_then(|service| service.load_balancer.as_mut());
        for server in servers.into_iter().flat_map(|balancer| &mut balancer.servers) {
            server.scheme.clear();
            server.port.clear();
        }
    }
    means_the_same_again(&configuration);
}

/// A dynamic file.
pub fn dynamic_yaml(bytes: &[u8]) {
    match dynamic::read(bytes, Notation::Yaml, None) {
        Ok((configuration, warnings)) => {
            assert!(!told(&warnings), "an error among the warnings");
            means_the_same_again(&configuration);
        }
        Err(problems) => assert!(told(&problems), "refused without an error"),
    }
}

/// Prints every problem; is there an error among them?
fn told(problems: &[Problem]) -> bool {
    let printed = problems.iter().map(ToString::to_string);
    assert!(
        printed.into_iter().all(|text| !text.is_empty()),
        "a problem without a word"
    );
    problems.iter().any(Problem::is_error)
}

/// What is printed is read again as the same.
fn means_the_same_again(configuration: &Configuration) {
    let printed = serde_json::to_string(&Shown(configuration)).expect("a configuration can be printed");
    // What is hidden cannot come back; what looks like a template is none in JSON either.
    if printed.contains("(secret)") || printed.contains("{{") {
        return;
    }
    let again = dynamic::read(printed.as_bytes(), Notation::Yaml, None);
    let again = again.map(|(again, _)| again);
    assert_eq!(again.as_ref(), Ok(configuration), "printed: {printed}");
}

/// The rule of a router, and requests that it is asked about.
pub fn rule(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let rule = match Rule::parse(&text) {
        Ok(rule) => rule,
        Err(error) => {
            assert!(error.offset <= text.len().min(MAX_RULE_BYTES), "{error}");
            assert!(!error.message.is_empty());
            return;
        }
    };
    // Parentheses cost nesting, which has a limit.
    let opposite = Rule::parse(&format!("!({text})")).ok();
    let hosts = rule.hosts();
    let named = match &hosts {
        HostSet::Any => Vec::new(),
        HostSet::Only(patterns) => patterns.iter().map(|pattern| format!("{pattern:?}")).collect(),
    };
    let mut headers = HeaderMap::new();
    headers.insert("x-a", HeaderValue::from_static("b"));
    for host in ["", "a.test", "a.test.", "x.a.test", "b"] {
        for (path, query) in [
            ("/", None),
            ("/a/b", Some("a=b&c=%20d")),
            ("/%2F%ff", Some("&&=%")),
        ] {
            let request = RequestView {
                method: "GET",
                host,
                path,
                query,
                headers: &headers,
                client: Some(std::net::Ipv4Addr::LOCALHOST.into()),
            };
            let takes = rule.matches(&request);
            assert!(
                !takes || hosts.admits(host),
                "{text:?} takes {host:?}, but not by {named:?}"
            );
            if let Some(opposite) = &opposite {
                assert_ne!(takes, opposite.matches(&request), "{text:?} and its opposite");
            }
        }
    }
}

/// The first bytes of a connection.
pub fn proxy_header(bytes: &[u8]) {
    let parsed = proxy_header::parse(bytes);
    let more = [bytes, b"\r\nPROXY "].concat();
    match parsed {
        Parsed::Unfinished => {}
        Parsed::Absent | Parsed::Malformed(_) => {
            assert_eq!(proxy_header::parse(&more), parsed, "more bytes change nothing");
        }
        Parsed::Header { length, .. } => {
            assert!(0 < length && length <= bytes.len(), "{length} of {}", bytes.len());
            assert_eq!(
                proxy_header::parse(&bytes[..length]),
                parsed,
                "what follows is no part of it"
            );
            assert_eq!(proxy_header::parse(&more), parsed, "more bytes change nothing");
            for end in 0..length {
                assert_eq!(
                    proxy_header::parse(&bytes[..end]),
                    Parsed::Unfinished,
                    "{end} of {length}"
                );
            }
        }
    }
}

/// `Cookie` lines of a request, asked of a level with plain values and of one that signs.
pub fn cookie(bytes: &[u8]) {
    static LEVELS: LazyLock<Levels> = LazyLock::new(Levels::new);
    let mut headers = HeaderMap::new();
    for line in bytes.split(|&byte| byte == b'\n') {
        // Others never come out of a parser of HTTP.
        if let Ok(line) = HeaderValue::from_bytes(line) {
            headers.append(header::COOKIE, line);
        }
    }
    LEVELS.ask(&headers);
}

/// Handlers of the levels.
const SERVERS: [&str; 2] = ["http://127.0.0.1:8081", "http://127.0.0.1:8082"];
/// 2023-11-14T22:13:20Z, in milliseconds.
pub const NOW: u64 = 1_700_000_000_000;

/// The levels, and every value that the second one has ever signed.
struct Levels {
    plain: Sticky,
    signed: Sticky,
    issued: Vec<Vec<u8>>,
}

impl Levels {
    fn new() -> Self {
        let level = |cookie: &Cookie| {
            Sticky::new(cookie, "app@file", &SERVERS, &NoFiles, Arc::default()).expect("a level")
        };
        let key = SignKey {
            id: "k1".to_owned(),
            secret: Secret::from("k".repeat(32)),
            file: String::new(),
        };
        let sid = Cookie {
            name: "sid".to_owned(),
            ..Cookie::default()
        };
        let signed = level(&Cookie {
            sign: Some(Sign {
                keys: vec![key],
                ..Sign::default()
            }),
            ..sid.clone()
        });
        let issued = (0..SERVERS.len()).filter_map(|index| signed.set_cookie(index, NOW, None));
        let value = |line: HeaderValue| {
            let line = line.as_bytes();
            let end = line.iter().position(|&byte| byte == b';').unwrap_or(line.len());
            line[b"sid=".len()..end].to_vec()
        };
        Self {
            plain: level(&sid),
            issued: issued.map(value).collect(),
            signed,
        }
    }

    fn ask(&self, headers: &HeaderMap) {
        let lines = || headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes);
        let value = find_cookie(lines, b"sid");
        let said = self.plain.find(headers, NOW);
        assert_eq!(said == Lookup::Absent, value.is_none(), "{said:?} of {value:?}");
        if let Lookup::Known { index, .. } = said {
            let names = value.is_some_and(|value| {
                let older = legacy_values(SERVERS[index]);
                value == CookieValue::of(SERVERS[index]).as_bytes()
                    || older.iter().any(|older| value == older.as_bytes())
            });
            assert!(names, "{value:?} is not the value of {index}");
        }
        if let Lookup::Known { index, .. } = self.signed.find(headers, NOW) {
            let signed = self.issued.get(index).map(Vec::as_slice);
            assert_eq!(value, signed, "found, and not signed");
        }
    }
}
