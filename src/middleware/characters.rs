//! `encodedCharacters`, as a middleware and as an option of entry points (traefik-core 4.7).

use http::StatusCode;

use super::answer::Answer;
use crate::config::dynamic::middleware::access::EncodedCharacters;

/// Percent-encoded characters that a path may not hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Characters {
    denied: Vec<[u8; 2]>,
}

impl Characters {
    /// Denies what is not allowed.
    #[must_use]
    pub fn new(allowed: &EncodedCharacters) -> Self {
        let all = [
            (allowed.allow_encoded_slash, *b"2F"),
            (allowed.allow_encoded_back_slash, *b"5C"),
            (allowed.allow_encoded_null_character, *b"00"),
            (allowed.allow_encoded_semicolon, *b"3B"),
            (allowed.allow_encoded_percent, *b"25"),
            (allowed.allow_encoded_question_mark, *b"3F"),
            (allowed.allow_encoded_hash, *b"23"),
        ];
        let denied = all.into_iter().filter(|(is_allowed, _)| !is_allowed);
        Self {
            denied: denied.map(|(_, digits)| digits).collect(),
        }
    }

    /// Is everything allowed?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.denied.is_empty()
    }

    /// The answer to a path with one of them: 400 without a body.
    pub(super) fn answer(&self, path: &str) -> Option<Answer> {
        let escapes = path.as_bytes().windows(3).filter_map(|window| match window {
            [b'%', high, low] => Some([high.to_ascii_uppercase(), low.to_ascii_uppercase()]),
            _ => None,
        });
        let mut denied = escapes.filter(|digits| self.denied.contains(digits));
        denied.next().map(|_| Answer::new(StatusCode::BAD_REQUEST, ""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_character_is_denied_unless_allowed() {
        let none = Characters::new(&EncodedCharacters::default());
        for path in ["/%2F", "/%2f", "/a%5Cb", "/%00", "/%3B", "/%25", "/%3F", "/%23"] {
            assert_eq!(none.answer(path).unwrap().status, 400, "{path}");
        }
        assert_eq!(none.answer("/a%20b/;?%"), None);
        let slash = Characters::new(&EncodedCharacters {
            allow_encoded_slash: true,
            ..EncodedCharacters::default()
        });
        assert_eq!(slash.answer("/%2F"), None);
        assert!(slash.answer("/%2F%5C").is_some());
        assert!(!slash.is_empty());
    }
}
