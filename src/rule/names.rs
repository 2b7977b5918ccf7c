//! The eleven matchers: names, spellings, argument counts (traefik-core 4.2, 4.3).

/// Which matcher a rule calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    ClientIp,
    Header,
    HeaderRegexp,
    Host,
    HostRegexp,
    Method,
    Path,
    PathPrefix,
    PathRegexp,
    Query,
    QueryRegexp,
}

impl Kind {
    /// All of them, by name.
    pub(super) const ALL: [Kind; 11] = [
        Kind::ClientIp,
        Kind::Header,
        Kind::HeaderRegexp,
        Kind::Host,
        Kind::HostRegexp,
        Kind::Method,
        Kind::Path,
        Kind::PathPrefix,
        Kind::PathRegexp,
        Kind::Query,
        Kind::QueryRegexp,
    ];

    /// The declared name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::ClientIp => "ClientIP",
            Kind::Header => "Header",
            Kind::HeaderRegexp => "HeaderRegexp",
            Kind::Host => "Host",
            Kind::HostRegexp => "HostRegexp",
            Kind::Method => "Method",
            Kind::Path => "Path",
            Kind::PathPrefix => "PathPrefix",
            Kind::PathRegexp => "PathRegexp",
            Kind::Query => "Query",
            Kind::QueryRegexp => "QueryRegexp",
        }
    }

    /// A call that compiles, for error messages.
    pub(super) fn example(self) -> &'static str {
        match self {
            Kind::ClientIp => "ClientIP(`10.0.0.0/8`)",
            Kind::Header => "Header(`X-Tenant`, `blue`)",
            Kind::HeaderRegexp => "HeaderRegexp(`X-Tenant`, `^b.*$`)",
            Kind::Host => "Host(`example.com`)",
            Kind::HostRegexp => "HostRegexp(`^[a-z]+\\.example\\.com$`)",
            Kind::Method => "Method(`GET`)",
            Kind::Path => "Path(`/login`)",
            Kind::PathPrefix => "PathPrefix(`/api`)",
            Kind::PathRegexp => "PathRegexp(`^/v[0-9]+/`)",
            Kind::Query => "Query(`lang`, `en`)",
            Kind::QueryRegexp => "QueryRegexp(`lang`, `^(en|fr)$`)",
        }
    }

    /// How many arguments it takes: one of these.
    pub(super) fn counts(self) -> &'static [usize] {
        match self {
            Kind::Header | Kind::HeaderRegexp => &[2],
            Kind::Query | Kind::QueryRegexp => &[1, 2],
            _ => &[1],
        }
    }

    /// The matcher called `word`: as declared, all lower, all upper, or with only its first letter upper.
    pub(super) fn called(word: &str) -> Option<Kind> {
        let kind = Kind::resembling(word)?;
        let lower = |text: &str| !text.contains(|c: char| c.is_ascii_uppercase());
        let upper = |text: &str| !text.contains(|c: char| c.is_ascii_lowercase());
        let title = || {
            word.split_at_checked(1)
                .is_some_and(|(first, rest)| upper(first) && lower(rest))
        };
        (word == kind.name() || lower(word) || upper(word) || title()).then_some(kind)
    }

    /// The matcher meant by a word that may be spelled wrongly: another case, or the plural of older syntaxes.
    pub(super) fn resembling(word: &str) -> Option<Kind> {
        let same = |kind: &Kind, word: &str| kind.name().eq_ignore_ascii_case(word);
        Kind::ALL.into_iter().find(|kind| same(kind, word))
    }

    /// What to write instead of an unknown name.
    pub(super) fn advice(word: &str) -> String {
        let meant = match word.to_ascii_lowercase().as_str() {
            "headers" => Some(Kind::Header),
            "headersregexp" => Some(Kind::HeaderRegexp),
            "hostheader" | "hostsni" => Some(Kind::Host),
            "hostsniregexp" => Some(Kind::HostRegexp),
            _ => Kind::resembling(word),
        };
        match meant {
            Some(kind) => format!("did you mean `{}`?", kind.name()),
            None => format!("matchers are {}", Kind::ALL.map(Kind::name).join(", ")),
        }
    }
}
