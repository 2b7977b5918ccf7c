//! Hosts and paths to rules, and the names of routers (traefik-providers 5.5, 5.6).

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::object::PathType;

/// How paths are matched when nobody says it.
const PREFIX: &str = "PathPrefix";
/// What a path may be matched with by annotation.
const MATCHERS: &[&str] = &["Path", "PathPrefix", "PathRegexp"];

/// What a rule is made of besides its path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner<'a> {
    /// `router.pathmatcher`; empty for none.
    pub matcher: &'a str,
    /// Is the rule written in the old syntax?
    pub is_v2: bool,
    /// Does a prefix end where a segment of the path ends?
    pub strict: bool,
}

/// The rule for a host and a path, either of which may be empty; or why there is none.
pub(super) fn rule(host: &str, path: &str, kind: &PathType, manner: Manner<'_>) -> Result<String, String> {
    let mut parts = Vec::new();
    if !host.is_empty() {
        parts.push(host_rule(host, manner.is_v2));
    }
    if !path.is_empty() {
        parts.push(path_rule(path, kind, manner)?);
    }
    if parts.is_empty() {
        return Err("empty rule: there is neither a host nor a path; write path: /".to_owned());
    }
    Ok(parts.join(" && "))
}

fn host_rule(host: &str, is_v2: bool) -> String {
    match host.strip_prefix("*.") {
        Some(rest) if is_v2 => {
            format!(
                "HostRegexp({})",
                quoted(&format!("{{subdomain:[a-zA-Z0-9-]+}}.{rest}"))
            )
        }
        _ => format!("Host({})", quoted(host)),
    }
}

fn path_rule(path: &str, kind: &PathType, manner: Manner<'_>) -> Result<String, String> {
    let matcher = match kind {
        PathType::Exact => "Path",
        PathType::ImplementationSpecific if !manner.matcher.is_empty() => {
            let known = MATCHERS.iter().find(|known| **known == manner.matcher);
            known.ok_or_else(|| {
                format!(
                    "path matcher {:?} is not known; write {}",
                    manner.matcher,
                    MATCHERS.join(", ")
                )
            })?
        }
        PathType::Prefix | PathType::ImplementationSpecific | PathType::Unknown(_) => PREFIX,
    };
    if manner.strict && matcher == PREFIX && path != "/" {
        let path = path.strip_suffix('/').unwrap_or(path);
        let below = format!("{path}/");
        return Ok(format!(
            "(Path({}) || PathPrefix({}))",
            quoted(path),
            quoted(&below)
        ));
    }
    Ok(format!("{matcher}({})", quoted(path)))
}

/// The name of a router that shares `name` with another of its Ingress: with ten bytes of the hash of its rule.
pub(super) fn name_with_hash(name: &str, rule: &str) -> String {
    let mut hashed = format!("{name}-");
    for byte in Sha256::digest(rule.as_bytes()).iter().take(10) {
        // Writing to a String cannot fail.
        let _ = write!(hashed, "{byte:02x}");
    }
    hashed
}

/// As Go's `strconv.Quote` writes it. Go escapes what its tables do not count as visible; this escapes control
/// characters and every space but the common one, which is all that Kubernetes lets into hosts and paths, and more.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted += "\\\"",
            '\\' => quoted += "\\\\",
            '\u{7}' => quoted += "\\a",
            '\u{8}' => quoted += "\\b",
            '\u{c}' => quoted += "\\f",
            '\n' => quoted += "\\n",
            '\r' => quoted += "\\r",
            '\t' => quoted += "\\t",
            '\u{b}' => quoted += "\\v",
            letter if letter.is_ascii_control() => {
                let _ = write!(quoted, "\\x{:02x}", u32::from(letter));
            }
            letter if letter != ' ' && (letter.is_control() || letter.is_whitespace()) => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_as_go_quotes_them() {
        for (text, expected) in [
            ("/a", r#""/a""#),
            ("/a\"b\\c`", r#""/a\"b\\c`""#),
            ("\t\u{1}\u{7f}\u{a0}é", r#""\t\x01\x7f\u00a0é""#),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }

    #[test]
    fn the_hash_of_the_rule_is_traefiks() {
        assert_eq!(
            name_with_hash("testing-bar-bar", r#"Host("*.bar") && PathPrefix("/bar")"#),
            "testing-bar-bar-41871576e140babe40bd"
        );
    }
}
