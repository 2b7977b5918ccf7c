//! Sorting the root keys of a static file, and the checks that need positions.

use serde_yaml::Mapping;

use super::ping::OWN_ENTRY_POINT;
use super::{Protocol, Written, keys, observed, parse_address, server, traced};
use crate::config::decode::MAX_PROBLEMS;
use crate::config::dynamic::is_dynamic;
use crate::config::node::{Entry, Node, Value};
use crate::config::parse_bool;
use crate::config::problem::{Problem, did_you_mean};

/// A static file, by family.
pub(super) struct Sorted {
    /// Traefik's keys that piton reads.
    pub(super) traefik: Node,
    /// Pingora's keys.
    pub(super) server: Mapping,
}

/// Sorts the root keys; unsupported and unknown ones are reported and dropped.
pub(super) fn sort(root: Node, problems: &mut Vec<Problem>) -> Sorted {
    let entries = match root.value {
        Value::Map(entries) => entries,
        Value::Null => Vec::new(),
        _ => {
            let message = format!(
                "expected keys such as {} at the top, found {}",
                keys::TRAEFIK.join(", "),
                root.kind()
            );
            problems.push(Problem::error("", message).at(root.at));
            Vec::new()
        }
    };
    let mut server = Mapping::new();
    let mut traefik = Vec::new();
    for mut entry in entries {
        if keys::contains(keys::TRAEFIK, &entry.key) {
            for (block, unsupported) in [
                ("providers", keys::PROVIDERS_UNSUPPORTED),
                ("metrics", keys::METRICS_UNSUPPORTED),
                ("accessLog", keys::ACCESS_LOG_UNSUPPORTED),
            ] {
                if entry.key.eq_ignore_ascii_case(block) {
                    drop_unsupported(&mut entry, unsupported, problems);
                }
            }
            if entry.key.eq_ignore_ascii_case("tracing") && !traced::prepare(&mut entry, problems) {
                continue;
            }
            traefik.push(entry);
        } else if keys::contains(keys::TRAEFIK_UNSUPPORTED, &entry.key) {
            problems.extend(unsupported(&entry, &entry.key));
        } else if let Some((key, kind)) = keys::of_pingora(&entry.key) {
            server::add(&mut server, key, kind, &entry, problems);
        } else if !is_dynamic(&entry.key) && !keys::is_extension(&entry.key) && problems.len() < MAX_PROBLEMS
        {
            problems.push(unknown(&entry));
        }
    }
    Sorted {
        traefik: Node::new(root.at, Value::Map(traefik)),
        server,
    }
}

/// The one warning for a block that Traefik knows and piton does not support; none when it is switched off.
fn unsupported(entry: &Entry, path: &str) -> Option<Problem> {
    let off = match &entry.node.value {
        Value::Null => true,
        Value::Scalar(text) => parse_bool(text) == Some(false),
        _ => false,
    };
    (!off).then(|| {
        Problem::warning(
            path,
            format!("{:?} is not supported yet and has no effect", entry.key),
        )
        .at(entry.key_at)
    })
}

fn unknown(entry: &Entry) -> Problem {
    let hint = match did_you_mean(
        &entry.key,
        keys::all_static().chain(["http", "tcp", "udp", "tls"]),
    ) {
        Some(guess) => format!("did you mean {guess:?}?"),
        None => format!(
            "known at the top: {}, keys of Pingora's server configuration, and {}",
            keys::TRAEFIK.join(", "),
            "http, tcp, udp, tls of the dynamic configuration"
        ),
    };
    Problem::error(&entry.key, format!("unknown key {:?}", entry.key))
        .at(entry.key_at)
        .hint(hint)
}

/// Takes keys out that piton does not support: providers, collectors. If no other key is left the block counts as absent: it was not empty
/// as written, so Traefik would not have refused it.
pub(super) fn drop_unsupported(block: &mut Entry, list: &[&str], problems: &mut Vec<Problem>) {
    let path = block.key.clone();
    let Value::Map(entries) = &mut block.node.value else {
        return;
    };
    let before = entries.len();
    entries.retain(|entry| {
        let keep = !keys::contains(list, &entry.key);
        if !keep {
            problems.extend(unsupported(entry, &format!("{path}.{}", entry.key)));
        }
        keep
    });
    if entries.is_empty() && before > 0 {
        block.node.value = Value::Null;
    }
}

/// Checks what types cannot: addresses, a file provider without a file, parts of entry points without effect.
pub(super) fn check(traefik: &Node, written: &Written, problems: &mut Vec<Problem>) {
    for entry in traefik.get("entryPoints").map(Node::entries).unwrap_or_default() {
        // One that was reported already is not in the result.
        if let Some(entry_point) = written.entry_points.get(&entry.key) {
            let path = format!("entryPoints.{}", entry.key);
            check_address(&path, entry, &entry_point.address, problems);
            warn_entry_point(&path, entry, problems);
            check_redirections(&path, entry, entry_point, written, problems);
        }
    }
    if let Some(log) = traefik.get("log") {
        warn_of(log, keys::LOG_UNSUPPORTED, "log", problems);
    }
    if let (Some(node), Some(ping)) = (traefik.get("ping"), &*written.ping) {
        check_ping(node, ping, written, problems);
    }
    observed::check(traefik, written, problems);
    traced::check(traefik, written, problems);
    let file = traefik
        .get("providers")
        .and_then(|providers| providers.get("file"));
    if let (Some(node), Some(file)) = (file, &written.providers.file) {
        check_file_provider(node, file, problems);
    }
}

fn check_ping(node: &Node, ping: &super::Ping, written: &Written, problems: &mut Vec<Problem>) {
    let at = |key: &str| node.get(key).map_or(node.at, |node| node.at);
    let name = &ping.entry_point;
    let is_known = name == OWN_ENTRY_POINT || written.entry_points.contains_key(name);
    if !ping.manual_routing && !is_known {
        let known: Vec<&str> = written.entry_points.keys().map(String::as_str).collect();
        problems.push(
            Problem::error("ping.entryPoint", format!("there is no entry point {name:?}"))
                .at(at("entryPoint"))
                .hint(format!(
                    "write one of {}; without a name it is answered on port 8080",
                    known.join(", ")
                )),
        );
    }
    if !(100..=599).contains(&ping.terminating_status_code) {
        let text = format!(
            "{} is no status; write one like 503",
            ping.terminating_status_code
        );
        problems.push(Problem::error("ping.terminatingStatusCode", text).at(at("terminatingStatusCode")));
    }
}

/// A redirect that leads nowhere would leave the entry point open, as if none were written.
fn check_redirections(
    path: &str,
    entry: &Entry,
    entry_point: &super::EntryPoint,
    written: &Written,
    problems: &mut Vec<Problem>,
) {
    let Some(redirections) = &entry_point.http.redirections else {
        return;
    };
    let path = format!("{path}.http.redirections.entryPoint");
    let node = entry.node.get("http").and_then(|http| http.get("redirections"));
    let at = node.map_or(entry.node.at, |node| node.at);
    let known: Vec<&str> = written.entry_points.keys().map(String::as_str).collect();
    let hint = format!("write one of {}, or a port like :443", known.join(", "));
    let text = match redirections.entry_point.as_ref() {
        None => "a redirection needs an entryPoint".to_owned(),
        Some(redirect) => match redirect.to.as_str() {
            "" => "'to' is empty".to_owned(),
            to if to == entry.key => format!("'to' entry point {to:?} is the entry point itself"),
            to => {
                let port = to.strip_prefix(':').map(str::parse::<u16>);
                if matches!(port, Some(Ok(1..))) || written.entry_points.contains_key(to) {
                    return;
                }
                format!("'to' entry point {to:?} does not exist")
            }
        },
    };
    problems.push(Problem::error(path, text).at(at).hint(hint));
}

fn check_address(path: &str, entry: &Entry, address: &str, problems: &mut Vec<Problem>) {
    let node = entry.node.get("address").filter(|node| !node.is_null());
    let Some(node) = node else {
        problems.push(
            Problem::error(path, "an entry point without an address")
                .at(entry.key_at)
                .hint("write address: \":80\" below it"),
        );
        return;
    };
    // A value of the wrong kind was reported already and decoded as nothing.
    let Value::Scalar(_) = node.value else { return };
    let path = format!("{path}.address");
    match parse_address(address) {
        Ok(address) if address.protocol == Protocol::Udp => problems.push(
            Problem::warning(path, "UDP entry points are not supported yet and have no effect").at(node.at),
        ),
        Ok(_) => {}
        Err(error) => problems.push(
            Problem::error(path, error.to_string())
                .at(node.at)
                .hint("write it as [host]:port, for example \":80\" or \"[::1]:8080\""),
        ),
    }
}

fn warn_entry_point(path: &str, entry: &Entry, problems: &mut Vec<Problem>) {
    for (blocks, keys) in keys::ENTRY_POINT_UNSUPPORTED {
        let block = blocks.iter().try_fold(&entry.node, |node, key| node.get(key));
        let path = blocks
            .iter()
            .fold(path.to_owned(), |path, key| format!("{path}.{key}"));
        if let Some(block) = block {
            warn_of(block, keys, &path, problems);
        }
    }
}

/// One warning for each of `keys` that is written in `block`.
fn warn_of(block: &Node, keys: &[&str], path: &str, problems: &mut Vec<Problem>) {
    let written = block
        .entries()
        .iter()
        .filter(|entry| keys::contains(keys, &entry.key));
    problems.extend(written.filter_map(|entry| unsupported(entry, &format!("{path}.{}", entry.key))));
}

fn check_file_provider(node: &Node, file: &super::FileProvider, problems: &mut Vec<Problem>) {
    let path = "providers.file";
    match (file.filename.is_empty(), file.directory.is_empty()) {
        (true, true) => problems.push(
            Problem::error(path, "neither filename nor directory is given")
                .at(node.at)
                .hint("write filename: or directory: below it"),
        ),
        (false, false) => problems.push(
            Problem::warning(path, "both filename and directory are given; directory is used").at(node.at),
        ),
        _ => {}
    }
}
