//! Requests by status, method and protocol, as Traefik tells them apart (traefik-core 9.1).

use std::sync::OnceLock;

use http::{HeaderMap, HeaderName, header};

use super::{Block, Buckets, Reading, Span};

/// Methods that have a label of their own, and the one for all others.
pub const METHODS: [&str; 10] = [
    "CONNECT",
    "DELETE",
    "GET",
    "HEAD",
    "OPTIONS",
    "PATCH",
    "POST",
    "PUT",
    "TRACE",
    "EXTENSION_METHOD",
];

/// Protocols by number.
pub const PROTOCOLS: [&str; 5] = ["http", "websocket", "sse", "grpc", "grpc-web"];

/// Lists that the series of one place are spread over.
const LISTS: usize = 16;

/// What a request speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Protocol {
    /// Plain HTTP.
    #[default]
    Http,
    /// A WebSocket.
    Websocket,
    /// Server-sent events.
    Sse,
    /// gRPC.
    Grpc,
    /// gRPC for browsers.
    GrpcWeb,
}

impl Protocol {
    /// What a request with this header speaks (traefik-core 9.1).
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let holds = |name: HeaderName, part: &str| {
            let mut values = headers.get_all(name).iter();
            values.any(|value| {
                let value = value.as_bytes();
                value.split(|byte| *byte == b',').any(|value| {
                    let value = value.trim_ascii();
                    value.len() >= part.len()
                        && value
                            .get(..part.len())
                            .is_some_and(|start| start.eq_ignore_ascii_case(part.as_bytes()))
                })
            })
        };
        if holds(header::UPGRADE, "websocket") {
            Self::Websocket
        } else if holds(header::ACCEPT, "text/event-stream") {
            Self::Sse
        } else if holds(header::CONTENT_TYPE, "application/grpc-web") {
            Self::GrpcWeb
        } else if holds(header::CONTENT_TYPE, "application/grpc") {
            Self::Grpc
        } else {
            Self::Http
        }
    }

    /// Its label.
    #[must_use]
    pub fn name(self) -> &'static str {
        PROTOCOLS.get(self as usize).copied().unwrap_or("http")
    }
}

/// The number of a method in [`METHODS`].
#[must_use]
pub fn method_number(method: &str) -> u8 {
    let last = METHODS.len() - 1;
    let found = METHODS.iter().position(|known| *known == method);
    u8::try_from(found.unwrap_or(last)).unwrap_or_default()
}

/// What tells series apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(u32);

impl Key {
    /// A status, the number of a method, a protocol.
    #[must_use]
    pub fn new(code: u16, method: u8, protocol: Protocol) -> Self {
        Self(u32::from(code) | u32::from(method) << 16 | (protocol as u32) << 24)
    }

    /// The status: of HTTP, or of gRPC where that is spoken.
    #[must_use]
    pub fn code(self) -> u16 {
        (self.0 & 0xffff) as u16
    }

    /// The label of the method.
    #[must_use]
    pub fn method(self) -> &'static str {
        METHODS
            .get(((self.0 >> 16) & 0xff) as usize)
            .copied()
            .unwrap_or("EXTENSION_METHOD")
    }

    /// The label of the protocol.
    #[must_use]
    pub fn protocol(self) -> &'static str {
        PROTOCOLS.get((self.0 >> 24) as usize).copied().unwrap_or("http")
    }

    fn list(self) -> usize {
        // The codes of one class are neighbours.
        (self.0 ^ (self.0 >> 13) ^ (self.0 >> 22)) as usize % LISTS
    }
}

/// What one request adds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// How long it took.
    pub micros: u64,
    /// Bytes of its body.
    pub request_bytes: u64,
    /// Bytes of its answer's body.
    pub response_bytes: u64,
}

/// Requests of one entry point, router or service. As many series as there were kinds of requests: at most 500 statuses
/// of as many methods and protocols as have labels.
#[derive(Debug, Default)]
pub struct Traffic {
    lists: [OnceLock<Box<Node>>; LISTS],
}

#[derive(Debug)]
struct Node {
    key: Key,
    /// The histogram, then bytes of requests, then bytes of answers.
    block: Block,
    next: OnceLock<Box<Node>>,
}

/// One series as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Which.
    pub key: Key,
    /// Durations; their count is that of the requests.
    pub durations: Reading,
    /// Bytes of their bodies.
    pub request_bytes: u64,
    /// Bytes of their answers' bodies.
    pub response_bytes: u64,
}

impl Traffic {
    /// Adds a request; `buckets` are the same at every call.
    pub fn add(&self, key: Key, buckets: &Buckets, amount: Amount) {
        let Some(mut slot) = self.lists.get(key.list()) else {
            return;
        };
        let width = Span::width(buckets);
        let block = loop {
            let node = slot.get_or_init(|| {
                Box::new(Node {
                    key,
                    block: Block::new(width + 2),
                    next: OnceLock::new(),
                })
            });
            if node.key == key {
                break &node.block;
            }
            slot = &node.next;
        };
        Span::at(0).observe(block, buckets, amount.micros);
        block.add(width, amount.request_bytes);
        block.add(width + 1, amount.response_bytes);
    }

    /// Every series, in the order of the keys.
    #[must_use]
    pub fn read(&self, buckets: &Buckets) -> Vec<Row> {
        let width = Span::width(buckets);
        let mut rows = Vec::new();
        for list in &self.lists {
            let mut next = list.get();
            while let Some(node) = next {
                rows.push(Row {
                    key: node.key,
                    durations: Span::at(0).read(&node.block, buckets),
                    request_bytes: node.block.sum(width),
                    response_bytes: node.block.sum(width + 1),
                });
                next = node.next.get();
            }
        }
        rows.sort_unstable_by_key(|row| row.key);
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_method_and_protocol_is_a_series_of_its_own() {
        let (traffic, buckets) = (Traffic::default(), Buckets::new(&[0.1]).unwrap());
        let amount = Amount {
            micros: 10,
            request_bytes: 1,
            response_bytes: 2,
        };
        for code in 100..=599 {
            for method in ["GET", "POST", "BREW"] {
                let key = Key::new(code, method_number(method), Protocol::Grpc);
                traffic.add(key, &buckets, amount);
                traffic.add(key, &buckets, amount);
            }
        }
        let rows = traffic.read(&buckets);
        assert_eq!(rows.len(), 1500);
        assert!(rows.iter().all(|row| row.durations.count() == 2));
        let last = rows.last().unwrap();
        assert_eq!((last.key.code(), last.key.method()), (599, "EXTENSION_METHOD"));
        assert_eq!(last.key.protocol(), "grpc");
        assert_eq!((last.request_bytes, last.response_bytes), (2, 4));
    }

    #[test]
    fn methods_are_told_apart_by_case_as_http_does() {
        let label = |method| Key::new(200, method_number(method), Protocol::Http).method();
        assert_eq!(label("GET"), "GET");
        assert_eq!(label("get"), "EXTENSION_METHOD");
    }
}
