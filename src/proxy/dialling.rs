//! A connect with two looks at the server: after half a second, and a second later.
//!
//! A container that is gone answers nothing at all: its address is nobody's, and a connect would last for the whole dial
//! timeout. The configuration knows within milliseconds that it is gone; so a connect is given up early and begun again if
//! the server is still there. On the wire that is the same as the system's own repetition after a second. The third one
//! has all the time that is left, for servers that are slow to accept.

use std::time::Duration;

use crate::balance::Micros;

/// When the server is looked at.
const LOOKS: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(1)];
/// A connect that has less time is not cut: what would be left for the last part of it is too little.
const UNCUT: Duration = Duration::from_secs(5);
/// Looks of one request, over all servers; after that connects are not cut. They are attempts in Pingora's count.
const MOST_LOOKS: u32 = 6;

/// The connects of one request, as far as time goes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Dialling {
    /// When the connect to the chosen server began; 0 before.
    began: Micros,
    /// Looks at the chosen server.
    looks: usize,
    /// Looks at all servers.
    all_looks: u32,
}

/// The times of one connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    /// For TCP.
    pub(super) connect: Option<Duration>,
    /// For all of it.
    pub(super) whole: Option<Duration>,
}

impl Dialling {
    /// How many attempts a request may take for looks alone.
    pub(super) const MOST_LOOKS: u32 = MOST_LOOKS;

    /// Another server, or another address of it, is next.
    pub(super) fn turn(&mut self) {
        self.began = 0;
        self.looks = 0;
    }

    /// The times of a connect that begins at `now` and may take `limit` in all, earlier parts of it included. One that
    /// `cannot_be_cut` gets it whole.
    pub(super) fn next(&mut self, limit: Option<Duration>, cannot_be_cut: bool, now: Micros) -> Times {
        if self.began == 0 {
            self.began = now;
        }
        let gone = Duration::from_micros(now.saturating_sub(self.began));
        let whole = limit.map(|limit| limit.saturating_sub(gone).max(Duration::from_millis(1)));
        let is_short = self.looks == 0 && whole.is_some_and(|whole| whole < UNCUT);
        let look = LOOKS
            .get(self.looks)
            .filter(|_| !is_short && !cannot_be_cut && self.all_looks < MOST_LOOKS);
        Times {
            connect: look.copied().or(whole),
            whole,
        }
    }

    /// A connect with these times timed out; `is_there` says whether the server can still be connected to. Is it to be
    /// gone on with?
    pub(super) fn goes_on(&mut self, times: Times, is_there: bool) -> bool {
        let was_look = times.connect != times.whole;
        if was_look && is_there {
            self.looks += 1;
            self.all_looks += 1;
        }
        was_look && is_there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// The connects to a server that never answers.
    fn connects(dialling: &mut Dialling, limit: Option<Duration>) -> Vec<Option<Duration>> {
        dialling.turn();
        let mut now = 1_000_000;
        let mut connects = Vec::new();
        loop {
            let times = dialling.next(limit, false, now);
            connects.push(times.connect);
            if !dialling.goes_on(times, true) {
                return connects;
            }
            now += u64::try_from(times.connect.unwrap().as_micros()).unwrap();
        }
    }

    #[test]
    fn a_server_is_looked_at_twice_and_then_has_all_the_time_that_is_left() {
        let mut dialling = Dialling::default();
        let of_30_s = connects(&mut dialling, Some(ms(30_000)));
        assert_eq!(of_30_s, [500, 1000, 28_500].map(|part| Some(ms(part))));
        assert_eq!(
            connects(&mut dialling, None),
            [Some(ms(500)), Some(ms(1000)), None]
        );
    }

    #[test]
    fn a_short_connect_is_not_cut() {
        for limit in [300, 1000, 4999] {
            let limit = Some(ms(limit));
            assert_eq!(connects(&mut Dialling::default(), limit), [limit]);
        }
    }

    #[test]
    fn one_that_cannot_be_cut_is_not() {
        let times = Dialling::default().next(Some(ms(30_000)), true, 1);
        assert_eq!(times.connect, Some(ms(30_000)));
        assert!(!Dialling::default().goes_on(times, true));
    }

    #[test]
    fn a_server_that_is_gone_is_not_gone_on_with() {
        let mut dialling = Dialling::default();
        let times = dialling.next(Some(ms(30_000)), false, 1);
        assert!(!dialling.goes_on(times, false));
    }

    #[test]
    fn looks_are_bounded_over_all_servers_and_after_that_every_connect_has_its_whole_time() {
        let mut dialling = Dialling::default();
        let parts: usize = (0..5)
            .map(|_| connects(&mut dialling, Some(ms(30_000))).len())
            .sum();
        assert_eq!(parts, 3 * 3 + 2);
        assert_eq!(connects(&mut dialling, Some(ms(30_000))), [Some(ms(30_000))]);
    }
}
