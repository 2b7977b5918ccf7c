//! What no forger gets past.

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;
use crate::sticky::{Issued, Refusal};

/// Is it a miss, whatever the reason?
fn is_refused(sticky: &Sticky, value: &str) -> bool {
    matches!(says(sticky, value, NOW), Lookup::Refused(_))
}

/// Is it a miss? Some bytes are none that a cookie's value may have: then there is no cookie at all.
fn is_missed(sticky: &Sticky, value: &[u8]) -> bool {
    let line = [sticky.name().as_bytes(), b"=", value].concat();
    let Ok(line) = HeaderValue::from_bytes(&line) else {
        return true;
    };
    let headers = HeaderMap::from_iter([(header::COOKIE, line)]);
    matches!(sticky.find(&headers, NOW), Lookup::Refused(_) | Lookup::Absent)
}

#[test]
fn every_single_flipped_bit_is_refused() {
    let level = sticky(&signed(&["k1", "k2"]));
    let good = value(&level, 0, NOW).into_bytes();
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            // A quote at both ends is taken off, a space or a semicolon ends the value: each leaves another one.
            assert!(is_missed(&level, &bad), "{:?}", String::from_utf8_lossy(&bad));
        }
    }
}

#[test]
fn every_part_and_every_longer_text_is_refused() {
    let level = sticky(&signed(&["k1"]));
    let good = value(&level, 0, NOW);
    for end in 0..good.len() {
        assert!(is_refused(&level, &good[..end]), "{end}");
        assert!(is_refused(&level, &good[end + 1..]), "{end}");
        assert!(
            is_refused(&level, &format!("{}{}", &good[..end], &good[end + 1..])),
            "{end}"
        );
    }
    for added in ["=", ".", "A", " x", ".A"] {
        assert!(is_refused(&level, &format!("{good}{added}")), "{added}");
        assert!(is_refused(&level, &format!("{}{good}", added.trim())), "{added}");
    }
}

#[test]
fn swapped_fields_are_refused() {
    let level = sticky(&signed(&["k1", "k2"]));
    let line = level.set_cookie(0, NOW, Some(Issued(1_600_000_000))).unwrap();
    let good = line
        .to_str()
        .unwrap()
        .split([';', '='])
        .nth(1)
        .unwrap()
        .to_owned();
    assert!(matches!(says(&level, &good, NOW), Lookup::Known { .. }));
    let fields: Vec<&str> = good.split('.').collect();
    for a in 0..fields.len() {
        for b in a + 1..fields.len() {
            let mut swapped = fields.clone();
            swapped.swap(a, b);
            assert!(is_refused(&level, &swapped.join(".")), "{a} {b}");
        }
    }
    let other = value(&level, 1, NOW + 1000);
    for (at, field) in other.split('.').enumerate().filter(|(at, _)| *at != 1) {
        let mut mixed = fields.clone();
        mixed[at] = field;
        assert!(
            is_refused(&level, &mixed.join(".")),
            "field {at} of another value"
        );
    }
}

#[test]
fn a_key_id_cannot_be_exchanged_even_where_secrets_are_equal() {
    let mut cookie = signed(&["k1", "k2"]);
    let keys = &mut cookie.sign.as_mut().unwrap().keys;
    keys[1].secret = keys[0].secret.clone();
    let level = sticky(&cookie);
    let moved = value(&level, 0, NOW).replace(".k1.", ".k2.");
    assert_eq!(says(&level, &moved, NOW), Lookup::Refused(Refusal::BadSignature));
}

#[test]
fn only_one_spelling_is_accepted() {
    let level = sticky(&signed(&["k1"]));
    let good = value(&level, 0, NOW);
    let (message, tag) = good.rsplit_once('.').unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(tag).unwrap();
    // The last of 43 characters holds four bits of the tag and two that are to be zero.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = alphabet.find(tag.chars().last().unwrap()).unwrap();
    let sloppy = &alphabet[last + 1..=last + 1];
    let malformed = Lookup::Refused(Refusal::Malformed);
    for spelling in [
        message.to_uppercase() + "." + tag,
        message.replace('f', "F") + "." + tag,
        message.replace("6553f100", "6553F100") + "." + tag,
        message.replace("6553f100", "06553f100") + "." + tag,
        message.replace("6553f100", "+553f100") + "." + tag,
        format!("{message}.{}", URL_SAFE.encode(&bytes)),
        format!("{message}.{}{sloppy}", &tag[..42]),
        format!("{message}..{tag}"),
    ] {
        assert_eq!(says(&level, &spelling, NOW), malformed, "{spelling}");
    }
    let standard = base64::engine::general_purpose::STANDARD_NO_PAD.encode(&bytes);
    assert!(standard == tag || is_refused(&level, &format!("{message}.{standard}")));
    let quoted = says(&level, &format!("\"{good}\""), NOW);
    assert!(
        matches!(quoted, Lookup::Known { .. }),
        "Go takes quotes off before anything looks"
    );
}

/// Numbers from a seed (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next().to_le_bytes()[0])
    }
}

#[test]
fn ten_thousand_forgeries_are_all_refused() {
    let level = sticky(&signed(&["k1", "k2"]));
    let real: Vec<String> = [0, 1].map(|index| value(&level, index, NOW)).into();
    for seed in 0..10_u64 {
        let mut numbers = Numbers(seed);
        for forgery in 0..1000 {
            let (message, tag) = real[forgery % 2].rsplit_once('.').unwrap();
            let forged = match forgery % 5 {
                // A made-up tag.
                0 => format!("{message}.{}", URL_SAFE_NO_PAD.encode(numbers.bytes::<32>())),
                // A real tag with one byte changed.
                1 => {
                    let mut bytes = URL_SAFE_NO_PAD.decode(tag).unwrap();
                    let at = numbers.next() as usize % 32;
                    bytes[at] ^= (numbers.next() % 255 + 1) as u8;
                    format!("{message}.{}", URL_SAFE_NO_PAD.encode(bytes))
                }
                // A real tag under another time.
                2 => {
                    let time = format!("{:08x}", numbers.next() as u32 | 1);
                    format!("{}.{tag}", message.replace("6553f100", &time))
                }
                // A real tag for another server.
                3 => format!("{:016x}{}.{tag}", numbers.next(), &message[16..]),
                // Everything right but the secret.
                _ => {
                    let mut cookie = signed(&["k1"]);
                    let secret = URL_SAFE_NO_PAD.encode(numbers.bytes::<32>());
                    cookie.sign.as_mut().unwrap().keys[0].secret = Secret::from(secret);
                    value(&sticky(&cookie), forgery % 2, NOW)
                }
            };
            assert!(
                is_refused(&level, &forged),
                "seed {seed}, forgery {forgery}: {forged}"
            );
        }
    }
    let counted: u64 = level.refusals().by_name().map(|(_, count)| count).sum();
    assert_eq!(counted, 10_000, "each with its reason");
    assert_eq!(level.refusals().get(Refusal::BadSignature), 10_000);
}

fn a_cookie() -> impl Strategy<Value = Cookie> {
    let keys = prop::collection::btree_map("[A-Za-z0-9_-]{1,16}", "[ -~]{32,80}", 1..4);
    ("[a-z]{0,8}", keys).prop_map(|(name, keys)| {
        let keys = keys.into_iter().map(|(id, secret)| SignKey {
            id,
            secret: Secret::from(secret),
            file: String::new(),
        });
        Cookie {
            name,
            sign: Some(Sign {
                keys: keys.collect(),
                ..Sign::default()
            }),
            ..Cookie::default()
        }
    })
}

proptest! {
    #[test]
    fn every_signed_value_gives_back_what_was_signed(
        cookie in a_cookie(), index in 0..2_usize, issued: u32, later in 0..1_000_000_u32,
    ) {
        let level = sticky(&cookie);
        let now = u64::from(issued.saturating_add(later)) * 1000;
        let line = level.set_cookie(index, now, Some(Issued(issued))).unwrap();
        let (pair, _) = line.to_str().unwrap().split_once("; ").unwrap();
        let expected = Lookup::Known { index, legacy: false, issued: Some(Issued(issued)), renew: false };
        prop_assert_eq!(lookup(&level, &[pair], now), expected);
    }

    #[test]
    fn what_one_level_signs_another_refuses(ours in a_cookie(), theirs in a_cookie(), index in 0..2_usize) {
        let (ours, theirs) = (sticky(&ours), sticky(&theirs));
        prop_assert!(is_refused(&ours, &value(&theirs, index, NOW)));
    }

    #[test]
    fn any_bytes_are_looked_at_without_a_panic_and_missed(value in prop::collection::vec(any::<u8>(), 0..130)) {
        prop_assert!(is_missed(&sticky(&signed(&["k1"])), &value));
    }

    #[test]
    fn anything_shaped_like_a_value_is_refused(value in "[0-9a-f]{15,17}\\.(k1|k2)\\.[0-9a-f]{8}\\.[0-9a-f]{8}\\.[A-Za-z0-9_-]{42,44}") {
        prop_assert!(is_refused(&sticky(&signed(&["k1"])), &value));
    }
}
