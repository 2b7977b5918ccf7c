//! Hashes of passwords: bcrypt, `{SHA}`, and the MD5 of Apache (`$apr1$`) and of Unix (`$1$`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use sha1::Sha1;
use subtle::ConstantTimeEq;

/// A hash; what it shows of itself is nothing.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Hash {
    Bcrypt(String),
    Sha1(Vec<u8>),
    /// Prefix, salt and hash.
    Md5(String, String, String),
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bcrypt(_) => "Bcrypt",
            Self::Sha1(_) => "Sha1",
            Self::Md5(..) => "Md5",
        })
    }
}

impl Hash {
    /// Reads a hash as `htpasswd` writes it; the error says nothing of it.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if let Some(encoded) = text.strip_prefix("{SHA}") {
            let hash = STANDARD.decode(encoded).ok().filter(|hash| hash.len() == 20);
            return hash
                .map(Self::Sha1)
                .ok_or("the {SHA} hash is not 20 bytes in base64");
        }
        if ["$2a$", "$2b$", "$2x$", "$2y$"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
        {
            let readable = text.parse::<bcrypt::HashParts>().is_ok();
            return if readable {
                Ok(Self::Bcrypt(text.to_owned()))
            } else {
                Err("the bcrypt hash is malformed")
            };
        }
        let mut parts = text.splitn(4, '$');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(""), Some(magic @ ("apr1" | "1")), Some(salt), Some(hash)) => {
                Ok(Self::Md5(format!("${magic}$"), salt.to_owned(), hash.to_owned()))
            }
            _ => Err("the hash is of no known kind; use htpasswd -B (bcrypt), -m (MD5) or -s (SHA-1)"),
        }
    }

    /// Is it the hash of this password? How long that takes says nothing of how much is right.
    pub(super) fn verifies(&self, password: &[u8]) -> bool {
        match self {
            // As all of its kind it ends at a zero byte; a password has none.
            Self::Bcrypt(hash) => !password.contains(&0) && bcrypt::verify(password, hash).unwrap_or(false),
            Self::Sha1(hash) => Sha1::digest(password).as_slice().ct_eq(hash).into(),
            Self::Md5(magic, salt, hash) => md5_crypt(password, salt, magic)
                .as_bytes()
                .ct_eq(hash.as_bytes())
                .into(),
        }
    }
}

/// Poul-Henning Kamp's algorithm, with 8 bytes of salt at most.
fn md5_crypt(password: &[u8], salt: &str, magic: &str) -> String {
    const ROUNDS: usize = 1000;
    let salt = salt.as_bytes();
    let salt = salt.get(..8).unwrap_or(salt);
    let inner = Md5::new()
        .chain_update(password)
        .chain_update(salt)
        .chain_update(password)
        .finalize();
    let mut first = Md5::new()
        .chain_update(password)
        .chain_update(magic)
        .chain_update(salt);
    for part in password.chunks(16) {
        first.update(inner.get(..part.len()).unwrap_or_default());
    }
    let mut length = password.len();
    while length > 0 {
        let byte = if length & 1 == 1 {
            0
        } else {
            password.first().copied().unwrap_or_default()
        };
        first.update([byte]);
        length >>= 1;
    }
    let mut hash = first.finalize();
    for round in 0..ROUNDS {
        let mut next = Md5::new();
        let odd = round % 2 == 1;
        next.update(if odd { password } else { &hash[..] });
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        next.update(if odd { &hash[..] } else { password });
        hash = next.finalize();
    }
    encode(&hash.into())
}

/// Its own base 64, over bytes in an order of its own.
fn encode(hash: &[u8; 16]) -> String {
    const LETTERS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = hash.map(u32::from);
    let groups = [
        (a << 16 | g << 8 | m, 4),
        (b << 16 | h << 8 | n, 4),
        (c << 16 | i << 8 | o, 4),
        (d << 16 | j << 8 | p, 4),
        (e << 16 | k << 8 | f, 4),
        (l, 2),
    ];
    let letters = groups.into_iter().flat_map(|(bits, count)| {
        (0..count).filter_map(move |at| LETTERS.get((bits >> (6 * at) & 63) as usize).copied())
    });
    letters.map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `openssl passwd`; the last ones are test vectors of crypt_blowfish.
    const TEST: [(&str, &str); 6] = [
        ("$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/", "test"),
        ("$apr1$saltsalt$NBMPZFGR7yazCdGvlWJji1", "test"),
        ("$1$saltsalt$tTWg0JeO/sYmHvtKmZE8c.", "test"),
        ("{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=", "test"),
        (
            "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "U*U",
        ),
        (
            "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "U*U",
        ),
    ];

    #[test]
    fn each_kind_of_hash_verifies_its_password_and_no_other() {
        for (hash, right) in TEST {
            let parsed = Hash::parse(hash).unwrap();
            assert!(parsed.verifies(right.as_bytes()), "{hash}");
            for wrong in [&b"Test"[..], b"", b"test\0", b"testtesttesttesttesttest"] {
                assert!(!parsed.verifies(wrong), "{hash}");
            }
            assert!(!format!("{parsed:?}").contains('$'));
        }
    }

    #[test]
    fn what_is_no_hash_is_refused_without_being_shown() {
        for text in ["", "test", "{SHA}x", "$2y$05$short", "$5$salt$hash", "$apr1$salt"] {
            let why = Hash::parse(text).unwrap_err();
            assert!(text.is_empty() || !why.contains(text), "{why}");
        }
    }
}
