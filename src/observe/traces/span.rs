//! A span as OTLP writes it in JSON, and the one request that brings many of them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::parent::Flags;

/// Bytes of a value that are told: a client says how long they are.
const MAX_VALUE: usize = 1024;

/// Values of one header that are told.
const MAX_VALUES: usize = 8;

/// Whose side of an exchange a span is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The request that came.
    Server = 2,
    /// An attempt at a server.
    Client = 3,
}

/// A span that is over.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) trace: u128,
    pub(super) id: u64,
    pub(super) parent: Option<u64>,
    pub(super) flags: Flags,
    pub(super) state: Option<String>,
    pub(super) side: Side,
    pub(super) name: &'static str,
    /// Unix time, in nanoseconds.
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) attributes: Attributes,
    pub(super) is_error: bool,
}

/// Attributes of a span.
#[derive(Debug, Default)]
pub(super) struct Attributes(Vec<(String, Attribute)>);

#[derive(Debug)]
enum Attribute {
    Text(String),
    Number(u64),
    Texts(Vec<String>),
}

impl Attributes {
    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.0.push((name.to_owned(), Attribute::Text(cut(value))));
    }

    pub(super) fn number(&mut self, name: &str, value: u64) {
        self.0.push((name.to_owned(), Attribute::Number(value)));
    }

    pub(super) fn texts<'a>(&mut self, name: String, values: impl Iterator<Item = &'a [u8]>) {
        let values: Vec<String> = values
            .take(MAX_VALUES)
            .map(|value| cut(&String::from_utf8_lossy(value)))
            .collect();
        if !values.is_empty() {
            self.0.push((name, Attribute::Texts(values)));
        }
    }

    fn json(&self) -> Value {
        let text = |text: &String| json!({"stringValue": text});
        let attribute = |(name, value): &(String, Attribute)| {
            let value = match value {
                Attribute::Text(value) => text(value),
                Attribute::Number(value) => json!({"intValue": value.to_string()}),
                Attribute::Texts(values) => {
                    let values: Vec<Value> = values.iter().map(text).collect();
                    json!({"arrayValue": {"values": values}})
                }
            };
            json!({"key": name, "value": value})
        };
        self.0.iter().map(attribute).collect()
    }
}

/// As much of a text as is told.
fn cut(text: &str) -> String {
    let mut end = text.len().min(MAX_VALUE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

impl Span {
    fn json(&self) -> Value {
        let mut span = json!({
            "traceId": format!("{:032x}", self.trace),
            "spanId": format!("{:016x}", self.id),
            "flags": self.flags.bits(),
            "name": self.name,
            "kind": self.side as u8,
            "startTimeUnixNano": self.start.to_string(),
            "endTimeUnixNano": self.end.to_string(),
            "attributes": self.attributes.json(),
            "status": if self.is_error { json!({"code": 2}) } else { json!({}) },
        });
        if let Some(fields) = span.as_object_mut() {
            let parent = self.parent.map(|parent| format!("{parent:016x}"));
            fields.extend(parent.map(|parent| ("parentSpanId".to_owned(), parent.into())));
            let state = self.state.as_deref();
            fields.extend(state.map(|state| ("traceState".to_owned(), state.into())));
        }
        span
    }
}

/// The attributes of the process.
pub(super) fn resource(service: &str, further: &BTreeMap<String, String>) -> Value {
    let mut attributes = Attributes::default();
    attributes.text("service.name", service);
    attributes.text("service.version", env!("CARGO_PKG_VERSION"));
    for (name, value) in further {
        attributes.0.retain(|(known, _)| known != name);
        attributes.text(name, value);
    }
    json!({"attributes": attributes.json()})
}

/// The body of a request that brings `spans`.
pub(super) fn body(resource: &Value, spans: &[Span]) -> Vec<u8> {
    let spans: Vec<Value> = spans.iter().map(Span::json).collect();
    let scope = json!({"name": "piton", "version": env!("CARGO_PKG_VERSION")});
    json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": scope, "spans": spans}]}]})
        .to_string()
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_written_as_otlp_wants_it() {
        let mut attributes = Attributes::default();
        attributes.number("http.response.status_code", 502);
        attributes.texts("http.request.header.x".to_owned(), [&b"a"[..], b"b"].into_iter());
        attributes.texts("http.request.header.y".to_owned(), std::iter::empty());
        let span = Span {
            trace: 0xab,
            id: 0xcd,
            parent: Some(0xef),
            flags: Flags::new(true),
            state: Some("v=1".to_owned()),
            side: Side::Client,
            name: "GET",
            start: 1_795_305_600_000_000_001,
            end: 1_795_305_600_000_000_002,
            attributes,
            is_error: true,
        };
        let further = BTreeMap::from([("service.version".to_owned(), "mine".to_owned())]);
        let body = body(&resource("shop", &further), &[span]);
        let body: Value = serde_json::from_slice(&body).unwrap();
        let text = |text: &str| json!({"stringValue": text});
        assert_eq!(
            body["resourceSpans"][0]["resource"]["attributes"],
            json!([
                {"key": "service.name", "value": text("shop")},
                {"key": "service.version", "value": text("mine")},
            ])
        );
        assert_eq!(
            body["resourceSpans"][0]["scopeSpans"][0]["spans"][0],
            json!({
                "traceId": "000000000000000000000000000000ab",
                "spanId": "00000000000000cd",
                "parentSpanId": "00000000000000ef",
                "traceState": "v=1",
                "flags": 3,
                "name": "GET",
                "kind": 3,
                "startTimeUnixNano": "1795305600000000001",
                "endTimeUnixNano": "1795305600000000002",
                "attributes": [
                    {"key": "http.response.status_code", "value": {"intValue": "502"}},
                    {"key": "http.request.header.x", "value": {"arrayValue": {"values": [text("a"), text("b")]}}},
                ],
                "status": {"code": 2},
            })
        );
    }

    #[test]
    fn a_long_value_is_cut_between_letters() {
        assert_eq!(cut(&"é".repeat(1000)).len(), MAX_VALUE);
        assert_eq!(cut(&format!("a{}", "é".repeat(1000))).len(), MAX_VALUE - 1);
    }
}
