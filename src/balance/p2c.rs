//! Power of two choices: two distinct random candidates, the one with fewer requests in flight per weight
//! (traefik-core 2.2; unlike Traefik's, weights count and neighbours are not preferred).

use super::{Candidates, Draw, Server};

/// The strategy keeps nothing: the in-flight counts are the servers' own.
#[derive(Debug)]
pub struct P2c;

impl P2c {
    pub(super) fn pick(&self, candidates: &Candidates<'_>, draw: &Draw) -> u32 {
        let members = candidates.members();
        let (first, second) = match members.len() {
            0 | 1 => return candidates.first(),
            count if candidates.weight_sums().is_empty() => even_pair(count, draw.entropy),
            _ => weighted_pair(candidates.weight_sums(), draw.entropy),
        };
        let (Some(&first), Some(&second)) = (members.get(first), members.get(second)) else {
            return candidates.first();
        };
        match (candidates.server(first), candidates.server(second)) {
            (Some(a), Some(b)) if load_is_less(b, a) => second,
            _ => first,
        }
    }
}

/// Is `a` less loaded than `b`? Fractions of in-flight by weight, compared crosswise.
fn load_is_less(a: &Server, b: &Server) -> bool {
    let load = |of: &Server, other: &Server| u64::from(of.state().in_flight()) * u64::from(other.weight());
    load(a, b) < load(b, a)
}

/// Two different numbers below `count` (at least 2), all pairs equally likely.
fn even_pair(count: usize, entropy: u64) -> (usize, usize) {
    let (high, low) = halves(entropy);
    let first = scale(high, count as u64) as usize;
    let second = scale(low, count as u64 - 1) as usize;
    (first, second + usize::from(second >= first))
}

/// Two different positions, each drawn with a probability in proportion to its weight: so that shares
/// follow weights also when nobody has anything in flight.
fn weighted_pair(sums: &[u64], entropy: u64) -> (usize, usize) {
    let (high, low) = halves(entropy);
    let total = sums.last().copied().unwrap_or(1);
    let first = position(sums, scale(high, total));
    let end = sums.get(first).copied().unwrap_or(total);
    let begin = first
        .checked_sub(1)
        .and_then(|before| sums.get(before))
        .copied()
        .unwrap_or(0);
    // Draw from what the first leaves over, then step over the first.
    let drawn = scale(low, total - (end - begin));
    let second = position(
        sums,
        if drawn >= begin {
            drawn + (end - begin)
        } else {
            drawn
        },
    );
    (first, second)
}

fn position(sums: &[u64], drawn: u64) -> usize {
    sums.partition_point(|&sum| sum <= drawn)
}

fn halves(entropy: u64) -> (u64, u64) {
    (entropy >> 32, entropy & 0xffff_ffff)
}

/// A 32-bit draw scaled to `0..count`; exact enough for counts far below 2^32 (Lemire 2019).
fn scale(draw: u64, count: u64) -> u64 {
    ((u128::from(draw) * u128::from(count)) >> 32) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn all_pairs_of_three_are_equally_likely() {
        let mut seen = [[0; 3]; 3];
        for high in 0..300_u64 {
            for low in 0..300_u64 {
                let spread = |n: u64| n * 14_316_557 + 7;
                let (a, b) = even_pair(3, spread(high) << 32 | spread(low));
                seen[a][b] += 1;
            }
        }
        for (a, row) in seen.iter().enumerate() {
            for (b, &count) in row.iter().enumerate() {
                let expected = if a == b { 0 } else { 15_000 };
                assert!((count - expected as i64).abs() < 300, "{a},{b}: {count}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_two_are_different_and_in_range(count in 2_usize..1000, entropy: u64) {
            let (a, b) = even_pair(count, entropy);
            prop_assert!(a != b && a < count && b < count);
        }

        #[test]
        fn weighted_pairs_are_different_and_in_range(weights in prop::collection::vec(1_u64..=1_000_000, 2..50), entropy: u64) {
            let sums: Vec<u64> = weights.iter().scan(0, |sum, w| { *sum += w; Some(*sum) }).collect();
            let (a, b) = weighted_pair(&sums, entropy);
            prop_assert!(a != b && a < sums.len() && b < sums.len());
        }
    }
}
