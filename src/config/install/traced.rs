//! Checks of `tracing` that types cannot make.

use http::{HeaderName, HeaderValue, Uri};

use super::root::drop_unsupported;
use super::tracing::{OtlpHttp, Tracing};
use super::{Written, keys, observed};
use crate::config::Position;
use crate::config::node::{Entry, Node, Value};
use crate::config::problem::Problem;

/// Takes out what is not supported, with a warning each. False when nothing is to be traced: spans that were meant for
/// gRPC do not go elsewhere unasked.
pub(super) fn prepare(tracing: &mut Entry, problems: &mut Vec<Problem>) -> bool {
    let Some(otlp) = child(tracing, "otlp") else {
        return true;
    };
    if let Some(http) = child(otlp, "http") {
        let before = problems.len();
        drop_unsupported(http, keys::OTLP_HTTP_UNSUPPORTED, problems);
        for problem in problems.iter_mut().skip(before) {
            problem.key_path = format!("tracing.otlp.{}", problem.key_path);
        }
    }
    let has_http = child(otlp, "http").is_some();
    let Value::Map(entries) = &mut otlp.node.value else {
        return true;
    };
    let Some(place) = entries
        .iter()
        .position(|entry| entry.key.eq_ignore_ascii_case("grpc"))
    else {
        return true;
    };
    let grpc = entries.remove(place);
    let text = match has_http {
        true => "not supported, otlp.http is used",
        false => "not supported, use otlp.http: nothing is traced",
    };
    problems.push(Problem::warning("tracing.otlp.grpc", text).at(grpc.key_at));
    has_http
}

fn child<'a>(entry: &'a mut Entry, key: &str) -> Option<&'a mut Entry> {
    let Value::Map(entries) = &mut entry.node.value else {
        return None;
    };
    entries
        .iter_mut()
        .find(|entry| entry.key.eq_ignore_ascii_case(key))
}

/// Everything that is wrong with it.
pub(super) fn check(traefik: &Node, written: &Written, problems: &mut Vec<Problem>) {
    let (Some(node), Some(tracing)) = (traefik.get("tracing"), &*written.tracing) else {
        return;
    };
    let at = |path: &str| observed::at(node, path);
    if !(0.0..=1.0).contains(&tracing.sample_rate) {
        let text = format!("{} is no share", tracing.sample_rate);
        problems.push(
            Problem::error("tracing.sampleRate", text)
                .at(at("sampleRate"))
                .hint("write a number from 0 to 1, such as 0.1"),
        );
    }
    check_captured(tracing, at, problems);
    let http = tracing.http();
    if let Err((text, hint)) = endpoint(&http.endpoint) {
        problems.push(
            Problem::error("tracing.otlp.http.endpoint", text)
                .at(at("otlp.http.endpoint"))
                .hint(hint),
        );
    }
    check_fields(&http, at("otlp.http.headers"), problems);
}

fn check_captured(tracing: &Tracing, at: impl Fn(&str) -> Position, problems: &mut Vec<Problem>) {
    for (key, names) in [
        ("capturedRequestHeaders", &tracing.captured_request_headers),
        ("capturedResponseHeaders", &tracing.captured_response_headers),
    ] {
        for name in names.iter().filter(|name| HeaderName::try_from(*name).is_err()) {
            problems.push(
                Problem::error(
                    format!("tracing.{key}"),
                    format!("{name:?} is no name of a header"),
                )
                .at(at(key))
                .hint("write one such as User-Agent"),
            );
        }
    }
}

/// The values may be secrets: no word of them.
fn check_fields(http: &OtlpHttp, at: Position, problems: &mut Vec<Problem>) {
    for (name, value) in &http.headers {
        let is_well = HeaderName::try_from(name).is_ok() && HeaderValue::try_from(value.expose()).is_ok();
        if !is_well {
            let text = format!("{name:?} or its value cannot be sent in a header");
            problems.push(Problem::error("tracing.otlp.http.headers", text).at(at));
        }
    }
}

/// What is wrong with an endpoint, and what to write instead.
fn endpoint(text: &str) -> Result<(), (String, &'static str)> {
    const HINT: &str = "write one such as http://localhost:4318/v1/traces";
    let Ok(uri) = text.parse::<Uri>() else {
        return Err((format!("{text:?} is no URL"), HINT));
    };
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => {
            return Err((
                "https towards a collector is not supported yet".to_owned(),
                "write an http:// URL: a collector beside piton can encrypt the rest of the way",
            ));
        }
        _ => return Err((format!("{text:?} is no URL"), HINT)),
    }
    if uri
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'))
    {
        return Err((
            "a name and a password in it are not sent".to_owned(),
            "write headers: {Authorization: ...} beside it",
        ));
    }
    Ok(())
}
