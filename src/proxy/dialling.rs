//! A connect in slices of time, with a look at the server after each.
//!
//! A container that is gone answers nothing at all: its address is nobody's, and a connect would last for the whole dial
//! timeout. The configuration knows within milliseconds that it is gone; so a connect is given up after a short while and
//! begun again if the server is still there. On the wire that is the same as the system's own repetition after a second.

use std::time::Duration;

use crate::balance::Micros;

/// The first slice; each is twice as long as the one before.
const FIRST: Duration = Duration::from_millis(500);

/// The connect to one server, all of its slices.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Dialling {
    /// When it began; 0 before.
    began: Micros,
    slices: u32,
}

impl Dialling {
    /// Slices of one connect; the last lasts as long as there is time.
    pub(super) const MAX_SLICES: u32 = 6;

    /// What is left at `now` of the `whole` time to connect; `None` for no bound.
    pub(super) fn left(&mut self, whole: Option<Duration>, now: Micros) -> Option<Duration> {
        if self.began == 0 {
            self.began = now;
        }
        let gone = Duration::from_micros(now.saturating_sub(self.began));
        whole.map(|whole| whole.saturating_sub(gone).max(Duration::from_millis(1)))
    }

    /// The next slice of what is `left`.
    pub(super) fn slice(&mut self, left: Option<Duration>) -> Option<Duration> {
        self.slices += 1;
        if self.slices >= Self::MAX_SLICES {
            return left;
        }
        let slice = FIRST * 2u32.pow(self.slices - 1);
        Some(left.map_or(slice, |left| left.min(slice)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All slices of a connect to a server that never answers.
    fn slices(whole: Option<u64>) -> Vec<Option<u128>> {
        let mut dialling = Dialling::default();
        let mut now = 1_000_000;
        let mut slices = Vec::new();
        loop {
            let left = dialling.left(whole.map(Duration::from_millis), now);
            let slice = dialling.slice(left);
            slices.push(slice.map(|slice| slice.as_millis()));
            if slice == left {
                return slices;
            }
            now += u64::try_from(slice.unwrap().as_micros()).unwrap();
        }
    }

    #[test]
    fn a_connect_is_cut_into_slices_that_double_and_make_up_the_whole() {
        let of_30_s: Vec<_> = [500, 1000, 2000, 4000, 8000, 14_500].map(Some).into();
        assert_eq!(slices(Some(30_000)), of_30_s);
        assert_eq!(slices(Some(1_200)), [Some(500), Some(700)]);
    }

    #[test]
    fn a_short_connect_is_one_slice() {
        assert_eq!(slices(Some(300)), [Some(300)]);
        assert_eq!(slices(Some(500)), [Some(500)]);
    }

    #[test]
    fn without_a_bound_the_last_slice_has_none() {
        let slices = slices(None);
        assert_eq!(slices.len(), 6);
        assert_eq!(slices[5], None);
    }
}
