//! `Accept-Encoding` (RFC 9110 section 12.5.3).

/// An encoding that piton has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Encoding {
    Gzip,
    Brotli,
    Zstd,
}

impl Encoding {
    /// In the order of preference where nothing is said.
    pub(super) const ALL: [Self; 3] = [Self::Gzip, Self::Brotli, Self::Zstd];

    /// The encoding of that name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|encoding| encoding.name() == name)
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }
}

/// The one of `offered` that the client likes best, the first of those it likes as well; `None` when it likes none, or
/// the body as it is better.
pub(super) fn choose(accepted: &str, offered: &[Encoding]) -> Option<Encoding> {
    let (mut best, mut best_weight) = (None, weight(accepted, "identity").unwrap_or(0));
    for encoding in offered {
        let weight = weight(accepted, encoding.name()).or_else(|| weight(accepted, "*"));
        if let Some(weight) = weight.filter(|weight| *weight > 0) {
            let is_better = if best.is_none() {
                weight >= best_weight
            } else {
                weight > best_weight
            };
            if is_better {
                (best, best_weight) = (Some(*encoding), weight);
            }
        }
    }
    best
}

/// Its `q`, in thousandths; `None` when it is not named.
fn weight(accepted: &str, name: &str) -> Option<u32> {
    accepted.split(',').find_map(|item| {
        let mut parts = item.split(';').map(str::trim);
        let is_named = parts.next().is_some_and(|named| named.eq_ignore_ascii_case(name));
        let q = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        is_named.then(|| q.map_or(1000, thousandths))
    })
}

/// `0.5` as 500; what is no weight is none.
fn thousandths(text: &str) -> u32 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let are_digits = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    match (whole, are_digits) {
        ("1", true) => 1000,
        ("0", true) => format!("{fraction:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_decides_and_among_equals_the_order_here() {
        use Encoding::{Brotli, Gzip, Zstd};

        for (accepted, offered, expected) in [
            ("gzip", &Encoding::ALL[..], Some(Gzip)),
            ("gzip, deflate, br, zstd", &Encoding::ALL, Some(Gzip)),
            ("gzip, deflate, br, zstd", &[Brotli, Gzip], Some(Brotli)),
            ("gzip;q=0.5, br;q=0.8", &Encoding::ALL, Some(Brotli)),
            ("gzip;q=0.8, br;q=0.8", &Encoding::ALL, Some(Gzip)),
            ("GZIP ; q=0.1", &Encoding::ALL, Some(Gzip)),
            ("*", &[Zstd, Gzip], Some(Zstd)),
            ("*, gzip;q=0", &Encoding::ALL, Some(Brotli)),
            ("*;q=0, br", &Encoding::ALL, Some(Brotli)),
            ("gzip;q=0", &Encoding::ALL, None),
            ("deflate", &Encoding::ALL, None),
            ("", &Encoding::ALL, None),
            ("identity", &Encoding::ALL, None),
            ("identity, gzip;q=0.5", &Encoding::ALL, None),
            ("identity;q=0.5, gzip", &Encoding::ALL, Some(Gzip)),
            ("gzip;q=abc", &Encoding::ALL, None),
            ("gzip;q=0.12345, br", &[Gzip], None),
            (";;;,,,gzip;;;", &Encoding::ALL, Some(Gzip)),
        ] {
            assert_eq!(choose(accepted, offered), expected, "{accepted}");
        }
    }
}
