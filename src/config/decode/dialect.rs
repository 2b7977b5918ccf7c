//! What is written differently in files and in labels: the tags `file:`, `label:` and `label-slice-as-struct:` of
//! Traefik's model, as tables. All else of the model is the same in both.

/// Who wrote the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// A file.
    File,
    /// Labels or annotations.
    Labels,
}

/// Keys of a struct, by its name, that are accepted and not used; and what to do instead.
type WithoutEffect = &'static [(&'static str, &'static [&'static str], &'static str)];

/// An address is written whole in a file.
const IN_FILES: WithoutEffect = &[
    ("Server", &["port", "scheme", "fenced"], WHOLE),
    ("TcpServer", &["port"], WHOLE),
    ("UdpServer", &["port"], WHOLE),
];
const WHOLE: &str = "write it as a part of the url";

/// What belongs to nobody's container in particular.
const IN_LABELS: WithoutEffect = &[
    ("Http", &["serversTransports"], FILE),
    ("Tcp", &["serversTransports"], FILE),
    ("Router", &["parentRefs"], FILE),
    (
        "Service",
        &["weighted", "mirroring", "failover", "highestRandomWeight"],
        FILE,
    ),
    (
        "Server",
        &["fenced"],
        "drain keeps sessions and takes no new ones",
    ),
    ("TcpServer", &["address"], "write port"),
    ("UdpServer", &["address"], "write port"),
    ("Tls", &["certificates", "options"], FILE),
    ("Store", &["defaultCertificate"], FILE),
];
const FILE: &str = "write it in a file";

/// Lists that labels write as their one item: struct, field, and the field's name in labels. One container is one server.
const ONE_ITEM: &[(&str, &str, &str)] = &[("LoadBalancer", "servers", "server")];

impl Dialect {
    /// Is this key accepted here without effect? Then the answer says what to do instead.
    pub(super) fn without_effect(self, name: &str, key: &str) -> Option<&'static str> {
        let table = match self {
            Self::File => IN_FILES,
            Self::Labels => IN_LABELS,
        };
        table
            .iter()
            .filter(|(known, ..)| *known == name)
            .find(|(_, keys, _)| keys.iter().any(|known| known.eq_ignore_ascii_case(key)))
            .map(|(.., instead)| *instead)
    }

    /// A field's key here.
    pub(super) fn key_of(self, name: &str, field: &'static str) -> &'static str {
        ONE_ITEM
            .iter()
            .find(|(known, list, _)| self == Self::Labels && *known == name && *list == field)
            .map_or(field, |(.., item)| item)
    }

    /// The keys of a struct that have an effect here.
    pub(super) fn keys(self, name: &str, fields: &[&'static str]) -> Vec<&'static str> {
        fields
            .iter()
            .filter(|field| self.without_effect(name, field).is_none())
            .map(|field| self.key_of(name, field))
            .collect()
    }

    /// The notation, in people's words.
    pub(super) const fn place(self) -> &'static str {
        match self {
            Self::File => "a file",
            Self::Labels => "a label",
        }
    }
}
