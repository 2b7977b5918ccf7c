//! What is never shown: private keys, passwords, tokens.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_yaml::Value;

use crate::config::problem::masked;

/// What is printed in the place of a secret.
pub(in crate::config) const HIDDEN: &str = "(secret)";

/// Longer texts are no paths.
const LONGEST_PATH: usize = 255;

/// Is there a private key in it?
pub(super) fn holds_private_key(text: &str) -> bool {
    text.contains("PRIVATE KEY-----")
}

/// A secret: only whether there is one.
pub(in crate::config) fn hidden<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if text.is_empty() { "" } else { HIDDEN })
}

/// A key that is "a path or PEM": a path is shown, unless it looks like a key without the lines around it.
pub(in crate::config) fn key_or_path<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let is_path = text.len() <= LONGEST_PATH
        && !text.contains("-----")
        && !text.chars().any(char::is_control)
        && masked(text.to_owned()) == text;
    serializer.serialize_str(if is_path { text } else { HIDDEN })
}

/// Lines `name:hash` or `name:realm:hash`: the name is shown.
pub(in crate::config) fn user_hashes<S: Serializer>(
    users: &[String],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(users.iter().map(|user| match user.split_once(':') {
        Some((name, _)) => format!("{name}:{HIDDEN}"),
        None => HIDDEN.to_owned(),
    }))
}

/// Fields by name: those that let somebody in are hidden.
pub(in crate::config) fn header_values<S: Serializer>(
    fields: &BTreeMap<String, String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(fields.iter().map(|(name, value)| {
        let is_shown = value.is_empty() || !lets_in(name);
        (name, if is_shown { value } else { HIDDEN })
    }))
}

fn lets_in(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "auth",
        "token",
        "secret",
        "password",
        "cookie",
        "key",
        "credential",
    ]
    .iter()
    .any(|word| name.contains(word))
}

/// A URL: a password in it is hidden.
pub(in crate::config) fn url<S: Serializer>(url: &str, serializer: S) -> Result<S::Ok, S::Error> {
    match without_password(url) {
        Some(shown) => serializer.serialize_str(&shown),
        None => serializer.serialize_str(url),
    }
}

fn without_password(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user_info, host) = authority.rsplit_once('@')?;
    let (user, _) = user_info.split_once(':')?;
    let after = rest.strip_prefix(authority)?;
    Some(format!("{scheme}://{user}:{HIDDEN}@{host}{after}"))
}

/// Settings of plugins: which of them are secrets only the plugin knows, so every text is hidden.
pub(in crate::config) fn of_plugins<S: Serializer>(
    plugins: &Option<BTreeMap<String, Value>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let hidden = plugins.as_ref().map(|plugins| {
        let hidden = plugins.iter().map(|(name, value)| (name, without_texts(value)));
        hidden.collect::<BTreeMap<_, _>>()
    });
    hidden.serialize(serializer)
}

fn without_texts(value: &Value) -> Value {
    match value {
        Value::String(text) if !text.is_empty() => HIDDEN.into(),
        Value::Sequence(items) => items.iter().map(without_texts).collect::<Vec<_>>().into(),
        Value::Mapping(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| (key.clone(), without_texts(value)));
            Value::Mapping(entries.collect())
        }
        Value::Tagged(tagged) => without_texts(&tagged.value),
        other => other.clone(),
    }
}
