//! Highest random weight: the same client address gets the same server while that is up, and only its
//! clients move when it is not. Bit for bit Traefik's hash and score (traefik-core 2.3).

use std::io::Write as _;
use std::net::IpAddr;

use super::{Candidates, Draw};

/// The strategy keeps nothing.
#[derive(Debug)]
pub struct Hrw;

/// Longest text of an address.
const MAX_ADDRESS: usize = 45;

impl Hrw {
    pub(super) fn pick(&self, candidates: &Candidates<'_>, draw: &Draw) -> u32 {
        let all = candidates
            .iter()
            .map(|(index, server)| (index, server.identity(), server.weight()));
        highest(draw.client, all).unwrap_or_else(|| candidates.first())
    }
}

/// The one of `all` (position, name, weight) with the highest score for `client`; the first of equals.
pub(super) fn highest<'n>(
    client: Option<IpAddr>,
    all: impl Iterator<Item = (u32, &'n str, u32)>,
) -> Option<u32> {
    let key = hash_of_address(client);
    best(all.map(|(index, name, weight)| (index, score(fnv1a(key, name.as_bytes()), weight))))
}

/// A stand-in for the handler called `home`: the same one for every request of `client` while it is there,
/// and different ones for different clients. The finishing mix makes up for what the plain hash does not
/// spread (traefik-core 2.3); nothing has to agree with Traefik here.
pub(super) fn stand_in<'n>(
    client: Option<IpAddr>,
    home: &str,
    all: impl Iterator<Item = (u32, &'n str, u32)>,
) -> Option<u32> {
    let key = fnv1a(hash_of_address(client), home.as_bytes());
    best(all.map(|(index, name, weight)| (index, score(mixed(fnv1a(key, name.as_bytes())), weight))))
}

fn best(scored: impl Iterator<Item = (u32, f64)>) -> Option<u32> {
    let mut best: Option<(u32, f64)> = None;
    for (index, score) in scored {
        if best.is_none_or(|(_, highest)| score > highest) {
            best = Some((index, score));
        }
    }
    best.map(|(index, _)| index)
}

/// Spreads every bit over all bits (the finisher of splitmix64).
pub(super) fn mixed(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// Hash of the address text, without port, zone or brackets.
fn hash_of_address(client: Option<IpAddr>) -> u64 {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    let Some(client) = client else {
        return OFFSET_BASIS;
    };
    let mut text = [0; MAX_ADDRESS];
    let mut rest = text.as_mut_slice();
    // 45 bytes hold every address; were it cut, the hash would still be one of the client.
    let _ = write!(rest, "{}", client.to_canonical());
    let free = rest.len();
    fnv1a(OFFSET_BASIS, text.get(..MAX_ADDRESS - free).unwrap_or_default())
}

/// 64-bit FNV-1a, continued from `hash`.
fn fnv1a(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn score(hash: u64, weight: u32) -> f64 {
    let unit = hash as f64 / 18_446_744_073_709_551_616.0;
    f64::from(weight) / -unit.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(client: &str, name: &str) -> u64 {
        fnv1a(hash_of_address(Some(client.parse().unwrap())), name.as_bytes())
    }

    #[test]
    fn worked_hashes_of_the_facts() {
        for (client, hashes) in [
            (
                "127.0.0.1",
                [
                    0xbfcd_105e_b819_2a24,
                    0xbfcd_135e_b819_2f3d,
                    0xbfcd_125e_b819_2d8a,
                ],
            ),
            (
                "10.0.0.1",
                [
                    0x7d7b_6b90_6793_221d,
                    0x7d7b_6890_6793_1d04,
                    0x7d7b_6990_6793_1eb7,
                ],
            ),
            (
                "192.168.1.7",
                [
                    0xa564_5ec5_1446_d824,
                    0xa564_61c5_1446_dd3d,
                    0xa564_60c5_1446_db8a,
                ],
            ),
            (
                "::1",
                [
                    0x2ae7_e995_680b_6b52,
                    0x2ae7_e895_680b_699f,
                    0x2ae7_e795_680b_67ec,
                ],
            ),
        ] {
            for (port, expected) in (8081..).zip(hashes) {
                let name = format!("http://127.0.0.1:{port}");
                assert_eq!(hash(client, &name), expected, "{client} {name}");
            }
        }
    }
}
