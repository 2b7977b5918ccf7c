//! Checks of `metrics`, `accessLog` and `api` that types cannot make.

use http::HeaderName;

use super::access_log::{AccessLog, statuses};
use super::ping::OWN_ENTRY_POINT;
use super::{Api, EntryPoint, Metrics, Written};
use crate::config::node::Node;
use crate::config::problem::{Problem, did_you_mean};
use std::collections::BTreeMap;

/// Everything that is wrong with the three.
pub(super) fn check(traefik: &Node, written: &Written, problems: &mut Vec<Problem>) {
    if let (Some(node), Some(metrics)) = (traefik.get("metrics"), &written.metrics) {
        check_metrics(node, metrics, &written.entry_points, problems);
    }
    if let (Some(node), Some(log)) = (traefik.get("accessLog"), &*written.access_log) {
        check_access_log(node, log, problems);
    }
    if let (Some(node), Some(api)) = (traefik.get("api"), &*written.api) {
        check_api(node, api, problems);
    }
}

/// Where a key path below `node` is written, as far as it is.
pub(super) fn at(node: &Node, path: &str) -> crate::config::Position {
    let mut node = node;
    for key in path.split('.') {
        match node.get(key) {
            Some(below) => node = below,
            None => break,
        }
    }
    node.at
}

fn check_metrics(
    node: &Node,
    metrics: &Metrics,
    entry_points: &BTreeMap<String, EntryPoint>,
    problems: &mut Vec<Problem>,
) {
    let Some(prometheus) = &*metrics.prometheus else {
        return;
    };
    let mut error = |key: &str, text: String, hint: &str| {
        let problem = Problem::error(format!("metrics.prometheus.{key}"), text);
        problems.push(problem.at(at(node, &format!("prometheus.{key}"))).hint(hint));
    };
    let bounds = prometheus.buckets.iter();
    let ascend = bounds.clone().zip(bounds.clone().skip(1)).all(|(a, b)| a < b);
    if !ascend || !bounds.clone().all(|bound| bound.is_finite() && *bound > 0.0) {
        error(
            "buckets",
            "these are no bounds of buckets".to_owned(),
            "write seconds above 0, each larger than the one before, such as [0.1, 0.3, 1.2, 5]",
        );
    }
    let name = &prometheus.entry_point;
    if name != OWN_ENTRY_POINT && !prometheus.manual_routing && !entry_points.contains_key(name) {
        let known: Vec<&str> = entry_points.keys().map(String::as_str).collect();
        let hint = format!(
            "write one of {}; without a name it is answered on port 8080",
            known.join(", ")
        );
        error("entryPoint", format!("there is no entry point {name:?}"), &hint);
    }
    for (label, header) in &prometheus.header_labels {
        let key = format!("headerLabels.{label}");
        if !is_label(label) {
            error(
                &key,
                format!("{label:?} is no name of a label"),
                "write letters, digits and _, such as user_agent",
            );
        }
        if HeaderName::try_from(header).is_err() {
            error(
                &key,
                format!("{header:?} is no name of a header"),
                "write one such as User-Agent",
            );
        }
    }
}

/// May a label be called this, beside those there are?
fn is_label(name: &str) -> bool {
    let taken = ["code", "method", "protocol", "entrypoint", "router", "service"];
    !name.is_empty()
        && !name.starts_with(|letter: char| letter.is_ascii_digit())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && !name.starts_with("__")
        && !taken.contains(&name)
}

fn check_access_log(node: &Node, log: &AccessLog, problems: &mut Vec<Problem>) {
    if !AccessLog::FORMATS.contains(&log.format.as_str()) {
        let hint = match did_you_mean(&log.format, AccessLog::FORMATS.iter().copied()) {
            Some(guess) => format!("did you mean {guess:?}?"),
            None => format!("use one of {}", AccessLog::FORMATS.join(", ")),
        };
        let text = format!("format {:?} is unknown", log.format);
        problems.push(
            Problem::error("accessLog.format", text)
                .at(at(node, "format"))
                .hint(hint),
        );
    }
    let codes = log.filters.iter().flat_map(|filters| &filters.status_codes);
    for bad in codes.filter(|code| statuses(code).is_none()) {
        let text = format!("{bad:?} is neither a status nor a range of them");
        problems.push(
            Problem::error("accessLog.filters.statusCodes", text)
                .at(at(node, "filters.statusCodes"))
                .hint("write 503 or 500-504"),
        );
    }
}

fn check_api(node: &Node, api: &Api, problems: &mut Vec<Problem>) {
    if !api.base_path.is_empty() && !api.base_path.starts_with('/') {
        let text = format!("{:?} is no path", api.base_path);
        problems.push(
            Problem::error("api.basePath", text)
                .at(at(node, "basePath"))
                .hint("write one that begins with /, such as /piton"),
        );
    }
    if api.debug {
        let text = "there is nothing to debug here: /debug is answered 404";
        problems.push(Problem::warning("api.debug", text).at(at(node, "debug")));
    }
    if let Some(write) = &api.write
        && write.token_file.is_empty() == write.socket.is_empty()
    {
        let text = "who may write is told by exactly one of tokenFile and socket";
        problems.push(
            Problem::error("api.write", text)
                .at(at(node, "write"))
                .hint("write tokenFile: /path/of/a/file with a token in it, or socket: /path/of/a/socket"),
        );
    }
}
