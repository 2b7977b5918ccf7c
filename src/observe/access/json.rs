//! Lines of JSON, the fields in the order of their names.

use std::io::Write as _;

use super::fields::{Fields, NAMES, Value};
use super::time;

/// One object and the end of the line.
pub(super) fn write(line: &mut Vec<u8>, fields: &Fields<'_>) {
    line.push(b'{');
    for name in NAMES {
        if let Some(value) = fields.get(name) {
            key(line, name);
            put(line, &value);
        }
    }
    let mut headers: Vec<_> = fields.headers().collect();
    if !headers.is_empty() {
        headers.sort_unstable_by_key(|(prefix, name, _)| (*prefix, *name));
    }
    let (downstream, others): (Vec<_>, Vec<_>) = headers
        .into_iter()
        .partition(|(prefix, ..)| *prefix == "downstream_");
    put_headers(line, &downstream);
    let entry_point = fields.ended.place.name;
    if fields.is_kept("entryPointName") {
        key(line, "entryPointName");
        string(line, entry_point);
    }
    key(line, "level");
    string(line, "info");
    key(line, "msg");
    string(line, "");
    put_headers(line, &others);
    key(line, "time");
    line.push(b'"');
    time::write_rfc3339(line, fields.ended.wall + fields.ended.micros() / 1000, false);
    line.extend_from_slice(b"\"}\n");
}

type Header<'a> = (&'static str, &'a str, std::borrow::Cow<'a, str>);

fn put_headers(line: &mut Vec<u8>, headers: &[Header<'_>]) {
    for (prefix, name, value) in headers {
        comma(line);
        line.push(b'"');
        line.extend_from_slice(prefix.as_bytes());
        canonical(line, name);
        line.extend_from_slice(b"\":");
        string(line, value);
    }
}

/// `user-agent` as `User-Agent`.
fn canonical(line: &mut Vec<u8>, name: &str) {
    let mut is_first = true;
    for byte in name.bytes() {
        line.push(if is_first { byte.to_ascii_uppercase() } else { byte });
        is_first = byte == b'-';
    }
}

fn comma(line: &mut Vec<u8>) {
    if line.last() != Some(&b'{') {
        line.push(b',');
    }
}

fn key(line: &mut Vec<u8>, name: &str) {
    comma(line);
    line.push(b'"');
    line.extend_from_slice(name.as_bytes());
    line.extend_from_slice(b"\":");
}

fn put(line: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Text(text) => string(line, text),
        Value::Number(number) => drop(write!(line, "{number}")),
        Value::Time(wall) => {
            line.push(b'"');
            time::write_rfc3339(line, *wall, true);
            line.push(b'"');
        }
    }
}

/// A string of JSON: control characters cannot end the line.
fn string(line: &mut Vec<u8>, text: &str) {
    // Writing to memory cannot fail, and neither can a string.
    let _ = serde_json::to_writer(line, text);
}
