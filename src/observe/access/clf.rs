//! Lines in the Common Log Format, with what Traefik adds to it.

use std::io::Write as _;

use super::fields::{Fields, Value};
use super::time;

/// A line: as other servers write it, and `whole` with the request's number, router, server and time.
pub(super) fn write(line: &mut Vec<u8>, fields: &Fields<'_>, whole: bool) {
    bare(line, fields.get("ClientHost"));
    line.extend_from_slice(b" - ");
    bare(line, fields.get("ClientUsername"));
    line.extend_from_slice(b" [");
    match fields.get("StartUTC").or_else(|| fields.get("StartLocal")) {
        Some(Value::Time(wall)) => time::write_clf(line, wall),
        other => bare(line, other),
    }
    line.extend_from_slice(b"] \"");
    for (place, name) in ["RequestMethod", "RequestPath", "RequestProtocol"]
        .iter()
        .enumerate()
    {
        if place > 0 {
            line.push(b' ');
        }
        bare(line, fields.get(name));
    }
    line.extend_from_slice(b"\" ");
    // Where a server answered, its status; else the one that the client got.
    bare(
        line,
        fields
            .get("OriginStatus")
            .or_else(|| fields.get("DownstreamStatus")),
    );
    line.push(b' ');
    bare(
        line,
        fields
            .get("OriginContentSize")
            .or_else(|| fields.get("DownstreamContentSize")),
    );
    for name in ["referer", "user-agent"] {
        line.push(b' ');
        quoted(line, fields.request_header(name).as_deref());
    }
    if whole {
        line.push(b' ');
        bare(line, fields.get("RequestCount"));
        for name in ["RouterName", "ServiceURL"] {
            line.push(b' ');
            match fields.get(name) {
                Some(Value::Text(text)) => quoted(line, Some(&text)),
                _ => quoted(line, None),
            }
        }
        line.push(b' ');
        match fields.get("Duration") {
            Some(Value::Number(nanos)) => drop(write!(line, "{}", nanos / 1_000_000)),
            other => bare(line, other),
        }
        line.extend_from_slice(b"ms");
    }
    line.push(b'\n');
}

fn bare(line: &mut Vec<u8>, value: Option<Value<'_>>) {
    match value {
        Some(Value::Text(text)) if !text.is_empty() => escape(line, &text),
        Some(Value::Number(number)) => drop(write!(line, "{number}")),
        Some(Value::Time(wall)) => time::write_rfc3339(line, wall, true),
        _ => line.push(b'-'),
    }
}

fn quoted(line: &mut Vec<u8>, text: Option<&str>) {
    line.push(b'"');
    match text {
        Some(text) if !text.is_empty() => escape(line, text),
        _ => line.push(b'-'),
    }
    line.push(b'"');
}

/// The inside of a quoted string of Go's: no value can end its line or its quotes.
fn escape(line: &mut Vec<u8>, text: &str) {
    for letter in text.chars() {
        let _ = match letter {
            '"' => line.write_all(b"\\\""),
            '\\' => line.write_all(b"\\\\"),
            '\n' => line.write_all(b"\\n"),
            '\r' => line.write_all(b"\\r"),
            '\t' => line.write_all(b"\\t"),
            control if control.is_ascii_control() => write!(line, "\\x{:02x}", control as u32),
            control if control.is_control() => write!(line, "\\u{:04x}", control as u32),
            other => write!(line, "{other}"),
        };
    }
}
