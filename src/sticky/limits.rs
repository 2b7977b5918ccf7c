//! How long a signed cookie is good, and when it is sent again.

use super::{Refusal, SignProblem};
use crate::config::Span;
use crate::config::dynamic::http::{Cookie, Sign};

/// Clocks of two replicas may differ by this many seconds: a time that far ahead counts as now.
const SKEW: u32 = 60;

/// The limits of one level, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    max_idle: Option<u32>,
    max_life: Option<u32>,
    /// Idle time after which the cookie is sent again.
    renew_after: Option<u32>,
}

impl Limits {
    /// Limits as written; what is no limit is added to `problems`.
    ///
    /// A cookie is sent again when a tenth of the shorter of `maxAge` (with `renew`) and `maxIdle` has passed since
    /// it was last: often enough that nobody in the middle of something is cut off, and no `Set-Cookie` on nine of ten
    /// answers. `maxIdle` implies it, since it counts from the last use, and that is what the cookie has to say.
    pub(super) fn new(cookie: &Cookie, sign: &Sign, problems: &mut Vec<SignProblem>) -> Self {
        let max_idle = seconds("maxIdle", sign.max_idle, problems);
        let max_life = seconds("maxLife", sign.max_life, problems);
        let max_age = u32::try_from(cookie.max_age.clamp(0, u32::MAX.into())).unwrap_or(u32::MAX);
        let sliding = (cookie.renew && max_age > 0).then_some(max_age);
        let shorter = sliding.into_iter().chain(max_idle).min();
        Self {
            max_idle,
            max_life,
            renew_after: shorter.map(|span| (span / 10).max(1)),
        }
    }

    /// Is a cookie issued at `issued` and last used at `seen` good at `now`, and is it to be sent again?
    ///
    /// # Errors
    /// Why it is not.
    pub(super) fn judge(&self, issued: u32, seen: u32, now: u32) -> Result<bool, Refusal> {
        // No cookie is used before it is issued; nothing here writes such a one.
        if seen < issued {
            return Err(Refusal::Malformed);
        }
        if seen > now.saturating_add(SKEW) {
            return Err(Refusal::FromTheFuture);
        }
        let (age, idle) = (now.saturating_sub(issued), now.saturating_sub(seen));
        if self.max_life.is_some_and(|limit| age > limit) {
            return Err(Refusal::TooOld);
        }
        if self.max_idle.is_some_and(|limit| idle > limit) {
            return Err(Refusal::Idle);
        }
        Ok(self.renew_after.is_some_and(|after| idle >= after))
    }
}

/// Whole seconds of a limit. Less than one is refused: whether 0 means "none" or "at once" is not to be guessed.
fn seconds(key: &str, span: Option<Span>, problems: &mut Vec<SignProblem>) -> Option<u32> {
    let span = span?;
    let seconds = span.as_nanoseconds() / 1_000_000_000;
    if seconds < 1 {
        problems.push(SignProblem::new(
            format!("sign.{key}"),
            format!("{span} is no limit: write at least 1s, or leave {key} out for no limit"),
        ));
    }
    Some(u32::try_from(seconds.max(0)).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u32 = 1_700_000_000;

    fn limits(max_age: i64, renew: bool, max_idle: Option<i64>, max_life: Option<i64>) -> Limits {
        let sign = Sign {
            max_idle: max_idle.map(Span::seconds),
            max_life: max_life.map(Span::seconds),
            ..Sign::default()
        };
        let cookie = Cookie {
            max_age,
            renew,
            ..Cookie::default()
        };
        let mut problems = Vec::new();
        let limits = Limits::new(&cookie, &sign, &mut problems);
        assert_eq!(problems, []);
        limits
    }

    #[test]
    fn a_session_ends_after_its_limits_and_not_at_them() {
        let both = limits(0, false, Some(100), Some(1000));
        for (age, idle, expected) in [
            (0, 0, Ok(false)),
            (9, 9, Ok(false)),
            (10, 10, Ok(true)),
            (100, 100, Ok(true)),
            (101, 101, Err(Refusal::Idle)),
            (1000, 0, Ok(false)),
            (1000, 100, Ok(true)),
            (1000, 101, Err(Refusal::Idle)),
            (1001, 0, Err(Refusal::TooOld)),
            (1001, 101, Err(Refusal::TooOld)),
        ] {
            assert_eq!(both.judge(NOW - age, NOW - idle, NOW), expected, "{age} {idle}");
        }
    }

    #[test]
    fn without_limits_a_session_never_ends_and_is_never_renewed() {
        let none = limits(0, true, None, None);
        assert_eq!(none.judge(0, 0, u32::MAX), Ok(false));
        assert_eq!(
            limits(3600, false, None, Some(9)).judge(NOW, NOW, NOW + 9),
            Ok(false)
        );
    }

    #[test]
    fn clocks_may_differ_by_a_minute() {
        let short = limits(0, false, Some(100), Some(1000));
        for (issued, seen, expected) in [
            (NOW + 1, NOW + 1, Ok(false)),
            (NOW + 60, NOW + 60, Ok(false)),
            (NOW, NOW + 60, Ok(false)),
            (NOW, NOW + 61, Err(Refusal::FromTheFuture)),
            (NOW + 61, NOW + 61, Err(Refusal::FromTheFuture)),
            (u32::MAX, u32::MAX, Err(Refusal::FromTheFuture)),
            (NOW + 1, NOW, Err(Refusal::Malformed)),
            (NOW + 61, NOW, Err(Refusal::Malformed)),
        ] {
            assert_eq!(short.judge(issued, seen, NOW), expected, "{issued} {seen}");
        }
    }

    #[test]
    fn a_cookie_is_renewed_after_a_tenth_of_the_shorter_span() {
        for (max_age, renew, max_idle, after) in [
            (3600, true, None, Some(360)),
            (3600, false, None, None),
            (0, true, None, None),
            (-1, true, None, None),
            (0, false, Some(600), Some(60)),
            (3600, true, Some(600), Some(60)),
            (300, true, Some(600), Some(30)),
            (300, false, Some(600), Some(60)),
            (5, true, None, Some(1)),
        ] {
            let limits = limits(max_age, renew, max_idle, None);
            assert_eq!(limits.renew_after, after, "{max_age} {renew} {max_idle:?}");
        }
    }

    #[test]
    fn less_than_a_second_is_no_limit() {
        for span in [Span::ZERO, Span::seconds(-5), Span::milliseconds(999)] {
            let sign = Sign {
                max_idle: Some(span),
                max_life: Some(span),
                ..Sign::default()
            };
            let mut problems = Vec::new();
            Limits::new(&Cookie::default(), &sign, &mut problems);
            let keys: Vec<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
            assert_eq!(keys, ["sign.maxIdle", "sign.maxLife"], "{span}");
        }
    }
}
