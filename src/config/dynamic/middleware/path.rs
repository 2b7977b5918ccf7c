//! Middlewares that rewrite paths and redirect (traefik-core 7.2).

use serde::{Deserialize, Serialize};

/// `addPrefix`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AddPrefix {
    /// Put before the path; required.
    pub prefix: String,
}

/// `stripPrefix`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StripPrefix {
    /// The first that the path begins with is removed.
    pub prefixes: Vec<String>,
    /// Deprecated: leave at least a `/`.
    pub force_slash: Option<bool>,
}

/// `stripPrefixRegex`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StripPrefixRegex {
    /// The first that matches at the start of the path is removed.
    pub regex: Vec<String>,
}

/// `replacePath`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReplacePath {
    /// The new path.
    pub path: String,
}

/// `replacePathRegex`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReplacePathRegex {
    /// What to look for in the path.
    pub regex: String,
    /// What to put there; `$1` and `${1}` are groups.
    pub replacement: String,
}

/// `redirectRegex`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RedirectRegex {
    /// What to look for in `scheme://host[:port]/uri`.
    pub regex: String,
    /// The new URL; `$1` and `${1}` are groups.
    pub replacement: String,
    /// 301 and 308 instead of 302 and 307.
    pub permanent: bool,
}

/// `redirectScheme`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RedirectScheme {
    /// The new scheme; required.
    pub scheme: String,
    /// The new port; empty means the scheme's.
    pub port: String,
    /// 301 and 308 instead of 302 and 307.
    pub permanent: bool,
}
