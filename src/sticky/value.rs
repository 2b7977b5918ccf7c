//! Cookie values: today's hash and the three older forms that are still accepted (traefik-core 1.1).

use std::fmt;

use sha2::{Digest, Sha256};

/// The value written for a handler: the first 16 hexadecimal digits of the SHA-256 of its name.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CookieValue([u8; 16]);

impl CookieValue {
    /// The value of the handler called `name`: a server's URL or a child service's name as written.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let digest = Sha256::digest(name);
        let mut text = [0; 16];
        for (slot, digit) in text.iter_mut().zip(hex(&digest)) {
            *slot = digit;
        }
        Self(text)
    }

    /// The value as bytes, for comparison with a request's.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for CookieValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|&digit| write!(f, "{}", char::from(digit)))
    }
}

impl fmt::Debug for CookieValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CookieValue({self})")
    }
}

/// Values written by older Traefik versions, accepted and rewritten: the name itself, its FNV-1 hash, and
/// the FNV-1 hash of that hash's text.
#[must_use]
pub fn legacy_values(name: &str) -> [String; 3] {
    let once = fnv1_text(name);
    let twice = fnv1_text(&once);
    [name.to_owned(), once, twice]
}

/// 64-bit FNV-1 (multiply, then xor) in lower-case hex without padding, as Go's `fnv.New64` and
/// `strconv.FormatUint(_, 16)` give it.
fn fnv1_text(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        hash.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte)
    });
    format!("{hash:x}")
}

/// Lower-case hexadecimal digits of `bytes`.
pub(super) fn hex(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let digit = |half: u8| if half < 10 { b'0' + half } else { b'a' + half - 10 };
    bytes
        .iter()
        .flat_map(move |byte| [digit(byte >> 4), digit(byte & 15)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_values_of_the_facts() {
        for (name, sha, once, twice) in [
            (
                "http://127.0.0.1:8081",
                "08d5f409490f61fc",
                "5a1cc52f3f46040d",
                "7d49894b220072d2",
            ),
            (
                "http://127.0.0.1:8082",
                "6bf4bc2f5d722cee",
                "5a1cc52f3f46040e",
                "7d49894b220072d3",
            ),
            (
                "http://127.0.0.1:8083",
                "4486bd2ad3363319",
                "5a1cc52f3f46040f",
                "7d49894b220072d0",
            ),
            (
                "http://127.0.0.1:8084",
                "7ad2345f62685fa0",
                "5a1cc52f3f460408",
                "7d49894b2200728e",
            ),
            (
                "https://10.0.0.1:443/path",
                "6a01aeca5bb46080",
                "b4bddc157b197fb1",
                "5c8bf04d25475fd9",
            ),
            (
                "http://10.0.0.1:80",
                "df5bd2f9c0180410",
                "6773b9eb3f0631af",
                "a3882de487ebf0dc",
            ),
            (
                "http://10.0.0.1:80/",
                "bd014f5fc2ac1669",
                "cfd699bc17866c72",
                "f76a5bf08aaec29f",
            ),
            (
                "http://[::1]:8080",
                "23f440d84221348c",
                "ff6f7d59fc9f1e02",
                "dd62947a28ac256",
            ),
            (
                "h2c://backend:9000",
                "f6efdde89b8bdec0",
                "87b755aefec2db7b",
                "c6ee20ada36b78d2",
            ),
            (
                "whoami1",
                "8dfb3926c09f6a70",
                "1c7d966a641b6f7",
                "1b099209addd7bc0",
            ),
            (
                "whoami2",
                "95a51080d653f83f",
                "1c7d966a641b6f4",
                "1b099209addd7bc3",
            ),
            (
                "whoami1@file",
                "69bfdd6a08250337",
                "d7e10fc265a7045b",
                "ef5071f0f2f14573",
            ),
            (
                "first",
                "a7937b64b8caa58f",
                "c0de9a9b8ec0e479",
                "76819daa37fef449",
            ),
            (
                "second",
                "16367aacb67a4a01",
                "972075613189785d",
                "749ae7de1d6d5a4b",
            ),
        ] {
            assert_eq!(CookieValue::of(name).to_string(), sha, "{name}");
            assert_eq!(legacy_values(name), [name, once, twice], "{name}");
        }
        assert_eq!(
            CookieValue::of("HTTP://127.0.0.1:8081").to_string(),
            "def8f627dc51f2c2"
        );
        assert_eq!(CookieValue::of("appv1").to_string(), "93ebfd1461592b6f");
        assert_eq!(CookieValue::of("appv2").to_string(), "fe50d45dd3b75514");
    }
}
