//! What Traefik's users write about TLS, in Go's words: versions, cipher suites, groups.

use rustls::crypto::ring::ALL_CIPHER_SUITES;
use rustls::version::{TLS12, TLS13};
use rustls::{NamedGroup, ProtocolVersion, SupportedCipherSuite, SupportedProtocolVersion};

/// Versions of TLS that may be spoken; 1.2 is the oldest there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Versions {
    /// 1.2 and 1.3.
    #[default]
    All,
    /// 1.2.
    Only12,
    /// 1.3.
    Only13,
}

impl Versions {
    /// Those between `min` and `max`; empty is no bound.
    ///
    /// # Errors
    /// The key that is wrong, and what is.
    pub fn parse(min: &str, max: &str) -> Result<Self, (&'static str, String)> {
        let version = |key, text: &str, default: u8| match text {
            "" => Ok(default),
            "VersionTLS10" => Ok(10),
            "VersionTLS11" => Ok(11),
            "VersionTLS12" => Ok(12),
            "VersionTLS13" => Ok(13),
            other => Err((
                key,
                format!("{other:?} is no version of TLS; use VersionTLS12 or VersionTLS13"),
            )),
        };
        let (least, most) = (version("minVersion", min, 10)?, version("maxVersion", max, 13)?);
        match (least.max(12), most) {
            (12, 13) => Ok(Self::All),
            (12, 12) => Ok(Self::Only12),
            (13, 13) => Ok(Self::Only13),
            (_, 10 | 11) => Err((
                "maxVersion",
                format!("{max} is too old: piton speaks TLS 1.2 and 1.3"),
            )),
            _ => Err(("minVersion", format!("{min} is above maxVersion {max}"))),
        }
    }

    /// As rustls wants them.
    pub(crate) fn list(self) -> &'static [&'static SupportedProtocolVersion] {
        static ALL: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];
        let (old, new) = ALL.split_at(1);
        match self {
            Self::All => &ALL,
            Self::Only12 => old,
            Self::Only13 => new,
        }
    }
}

/// The name of a cipher suite, as rustls has it.
pub(crate) fn name_of(suite: &SupportedCipherSuite) -> &'static str {
    suite.suite().as_str().unwrap_or_default()
}

/// Version and cipher suite of a connection, as Go and so Traefik writes them.
#[must_use]
pub fn agreed_words(
    version: Option<ProtocolVersion>,
    suite: Option<SupportedCipherSuite>,
) -> (&'static str, &'static str) {
    let version = match version {
        Some(ProtocolVersion::TLSv1_2) => "1.2",
        Some(ProtocolVersion::TLSv1_3) => "1.3",
        _ => "",
    };
    let suite = match suite.as_ref().map(name_of).unwrap_or_default() {
        "TLS13_AES_128_GCM_SHA256" => "TLS_AES_128_GCM_SHA256",
        "TLS13_AES_256_GCM_SHA384" => "TLS_AES_256_GCM_SHA384",
        "TLS13_CHACHA20_POLY1305_SHA256" => "TLS_CHACHA20_POLY1305_SHA256",
        other => other,
    };
    (version, suite)
}

/// Those of TLS 1.3 are not chosen, as in Go.
pub(crate) fn is_tls13_suite(name: &str) -> bool {
    matches!(
        name,
        "TLS_AES_128_GCM_SHA256" | "TLS_AES_256_GCM_SHA384" | "TLS_CHACHA20_POLY1305_SHA256"
    )
}

/// Names of the cipher suites of TLS 1.2 that piton has.
pub(super) fn tls12_suites() -> impl Iterator<Item = &'static str> {
    let old = ALL_CIPHER_SUITES.iter().filter(|suite| suite.tls13().is_none());
    old.map(name_of)
}

/// The name under which rustls has the cipher suite of TLS 1.2 called `name`; Go has a shorter one for some.
pub(crate) fn tls12_suite(name: &str) -> Option<&'static str> {
    tls12_suites().find(|known| *known == name || known.strip_suffix("_SHA256") == Some(name))
}

/// Cipher suites that Go has and rustls has not: no forward secrecy, or no authenticated encryption.
const WEAK_SUITES: &[&str] = &[
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_FALLBACK_SCSV",
];

/// Is it a cipher suite that Go has and piton leaves out?
pub(super) fn is_weak_suite(name: &str) -> bool {
    WEAK_SUITES.contains(&name)
}

/// A group by one of the names that Traefik takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Group {
    /// One that there is.
    Known(NamedGroup),
    /// One that Go has and piton has not.
    Missing,
}

/// The group called `name`.
pub(super) fn group(name: &str) -> Option<Group> {
    Some(match name {
        "X25519" | "x25519" => Group::Known(NamedGroup::X25519),
        "CurveP256" | "secp256r1" => Group::Known(NamedGroup::secp256r1),
        "CurveP384" | "secp384r1" => Group::Known(NamedGroup::secp384r1),
        "CurveP521" | "secp521r1" | "X25519MLKEM768" | "SecP256r1MLKEM768" | "SecP384r1MLKEM1024" => {
            Group::Missing
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_between_the_bounds_and_never_below_1_2() {
        for (min, max, expected) in [
            ("", "", Versions::All),
            ("VersionTLS10", "", Versions::All),
            ("VersionTLS12", "VersionTLS12", Versions::Only12),
            ("VersionTLS11", "VersionTLS12", Versions::Only12),
            ("VersionTLS13", "", Versions::Only13),
        ] {
            assert_eq!(Versions::parse(min, max), Ok(expected), "{min} {max}");
        }
        for (min, max, key) in [
            ("", "VersionTLS11", "maxVersion"),
            ("VersionTLS13", "VersionTLS11", "maxVersion"),
            ("VersionTLS13", "VersionTLS12", "minVersion"),
            ("TLS13", "", "minVersion"),
            ("", "1.3", "maxVersion"),
        ] {
            assert_eq!(Versions::parse(min, max).unwrap_err().0, key, "{min} {max}");
        }
    }

    #[test]
    fn a_suite_is_known_by_the_name_of_the_registry_and_by_the_one_of_go() {
        let chacha = "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256";
        assert_eq!(tls12_suite(chacha), Some(chacha));
        assert_eq!(tls12_suite("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305"), Some(chacha));
        assert_eq!(tls12_suite("TLS_AES_128_GCM_SHA256"), None);
        assert!(tls12_suites().all(|name| !is_weak_suite(name)));
    }
}
