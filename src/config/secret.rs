//! `Secret`: text that is read and used, and never shown.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use super::encode;

/// A text that no log line, problem or answer may hold: its `Debug` and its `Serialize` say only whether
/// there is one, and it has no `Display`.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct Secret(String);

/// Structs of the wire model that hold secrets. What is wrong below one is told without what was written there: with a
/// slip such as `{secret:abc}`, which is one key without a value, the secret itself stands where a key is expected.
pub(super) const HOLDERS: &[&str] = &[
    "Sign",
    "SignKey",
    "Docker",
    "Swarm",
    "KubernetesIngress",
    "OtlpHttp",
];

impl Secret {
    /// The text. Whoever asks for it takes care of it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Was nothing written?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        encode::hidden(&self.0, serializer)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() {
            "Secret(none)"
        } else {
            "Secret(...)"
        })
    }
}
