//! `rateLimit`: a token bucket for each source.

use http::{HeaderValue, StatusCode};

use super::answer::Answer;
use super::message::FieldName;
use super::shards::{Shard, Shards};
use super::source::{Address, Source};
use crate::balance::Micros;
use crate::config::dynamic::middleware::flow as wire;

/// Sources remembered, as in Traefik.
const MAX_SOURCES: usize = 65_536;
const SECOND: f64 = 1_000_000.0;
pub(super) const RETRY_AFTER: FieldName = FieldName::known("retry-after", "Retry-After");
const RETRY_IN: FieldName = FieldName::known("x-retry-in", "X-Retry-In");

/// Limits requests per time.
#[derive(Debug)]
pub(super) struct RateLimit {
    /// Tokens per microsecond; `None` for no limit.
    rate: Option<f64>,
    burst: f64,
    /// Longest wait for a token, in microseconds.
    max_delay: f64,
    pub(super) source: Source,
    buckets: Shards<Bucket>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// Negative when requests wait for theirs.
    tokens: f64,
    /// When that was so.
    at: Micros,
}

/// What a request gets.
#[derive(Debug, PartialEq)]
pub(super) enum Allowance {
    /// It may go on after so many microseconds.
    After(Micros),
    /// It may not.
    Refused(Answer),
}

impl RateLimit {
    /// From `rateLimit`.
    #[allow(
        clippy::cast_precision_loss,
        reason = "a limit need not be exact to the last bit"
    )]
    pub(super) fn new(written: &wire::RateLimit) -> Result<Self, String> {
        if written.redis.is_some() {
            return Err("redis is not supported: counts are this process's own; remove it".to_owned());
        }
        if written.average < 0 {
            return Err(format!(
                "negative value not valid for average: {}",
                written.average
            ));
        }
        let period = written.period.as_nanoseconds();
        if period < 0 {
            return Err(format!(
                "negative value not valid for period: {}",
                duration(period as f64 / 1000.0)
            ));
        }
        let period = if period == 0 {
            SECOND
        } else {
            period as f64 / 1000.0
        };
        let rate = (written.average > 0).then(|| written.average as f64 / period);
        let per_second = rate.unwrap_or_default() * SECOND;
        let max_delay = if per_second < 1.0 {
            SECOND / 2.0
        } else {
            SECOND / (2.0 * per_second.floor())
        };
        let usual = Source::Address(Address::CONNECTION);
        Ok(Self {
            rate,
            burst: written.burst.max(1) as f64,
            max_delay,
            source: Source::new(written.source_criterion.as_ref(), usual)?,
            buckets: Shards::default(),
        })
    }

    /// Takes a token for `source`.
    pub(super) fn take(&self, source: &str, now: Micros) -> Allowance {
        let Some(rate) = self.rate else {
            return Allowance::After(0);
        };
        let delay = {
            let mut shard = self.buckets.of(source);
            match shard.get_mut(source) {
                Some(bucket) => self.reserve(bucket, rate, now),
                None => {
                    self.make_room(&mut shard, rate, now);
                    let mut bucket = Bucket {
                        tokens: self.burst,
                        at: now,
                    };
                    let delay = self.reserve(&mut bucket, rate, now);
                    shard.insert(source.into(), bucket);
                    delay
                }
            }
        };
        if delay > self.max_delay {
            return Allowance::Refused(refusal(delay));
        }
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most half a second"
        )]
        Allowance::After(delay.ceil() as Micros)
    }

    /// How long the request would have to wait; one that may not wait so long takes nothing.
    fn reserve(&self, bucket: &mut Bucket, rate: f64, now: Micros) -> f64 {
        let tokens = self.filled(bucket, rate, now);
        let left = tokens - 1.0;
        let delay = if left < 0.0 { -left / rate } else { 0.0 };
        *bucket = Bucket {
            tokens: if delay > self.max_delay { tokens } else { left },
            at: bucket.at.max(now),
        };
        delay
    }

    #[allow(clippy::cast_precision_loss, reason = "microseconds of less than centuries")]
    fn filled(&self, bucket: &Bucket, rate: f64, now: Micros) -> f64 {
        let since = now.saturating_sub(bucket.at) as f64;
        (bucket.tokens + since * rate).min(self.burst)
    }

    /// Forgets sources whose buckets are full again; if those are few, a quarter of all, the longest silent ones.
    fn make_room(&self, shard: &mut Shard<Bucket>, rate: f64, now: Micros) {
        const MOST: usize = MAX_SOURCES / Shards::<Bucket>::COUNT;
        if shard.len() < MOST {
            return;
        }
        shard.retain(|_, bucket| self.filled(bucket, rate, now) < self.burst);
        if shard.len() <= MOST * 3 / 4 {
            return;
        }
        let mut times: Vec<Micros> = shard.values().map(|bucket| bucket.at).collect();
        let (_, &mut limit, _) = times.select_nth_unstable(MOST / 4);
        let mut most = MOST / 4;
        shard.retain(|_, bucket| {
            let goes = bucket.at <= limit && most > 0;
            most -= usize::from(goes);
            !goes
        });
    }
}

fn refusal(delay: f64) -> Answer {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a delay is positive and saturates"
    )]
    let seconds = (delay / SECOND).ceil() as u64;
    let retry_in = HeaderValue::from_str(&duration(delay));
    Answer::of_status(StatusCode::TOO_MANY_REQUESTS)
        .with(RETRY_AFTER, HeaderValue::from(seconds))
        .with(RETRY_IN, retry_in.unwrap_or_else(|_| HeaderValue::from(seconds)))
}

/// Microseconds as Go's `Duration.String` writes them: `1m0.5s`, `12.5ms`, `3µs` without the sign that a field cannot
/// hold (`us`).
fn duration(micros: f64) -> String {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and saturates"
    )]
    let nanos = (micros.abs() * 1000.0).round() as u64;
    let sign = if micros < 0.0 { "-" } else { "" };
    let (hours, minutes) = (nanos / 3_600_000_000_000, nanos / 60_000_000_000 % 60);
    let part = |nanos: u64, unit: u64| {
        let digits = unit.ilog10() as usize;
        let fraction = format!("{:0digits$}", nanos % unit);
        let fraction = fraction.trim_end_matches('0');
        let dot = if fraction.is_empty() || digits == 0 {
            ""
        } else {
            "."
        };
        let fraction = if digits == 0 { "" } else { fraction };
        format!("{}{dot}{fraction}", nanos / unit)
    };
    match nanos {
        0 => "0s".to_owned(),
        1..1000 => format!("{sign}{nanos}ns"),
        1000..1_000_000 => format!("{sign}{}us", part(nanos, 1000)),
        1_000_000..1_000_000_000 => format!("{sign}{}ms", part(nanos, 1_000_000)),
        _ => {
            let seconds = part(nanos % 60_000_000_000, 1_000_000_000);
            match (hours, minutes) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, _) => format!("{sign}{minutes}m{seconds}s"),
                _ => format!("{sign}{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Span;

    fn limit(average: i64, period: Span, burst: i64) -> RateLimit {
        let written = wire::RateLimit {
            average,
            period,
            burst,
            ..wire::RateLimit::default()
        };
        RateLimit::new(&written).unwrap()
    }

    fn is_refused(allowance: &Allowance) -> bool {
        matches!(allowance, Allowance::Refused(_))
    }

    #[test]
    fn a_burst_passes_and_then_one_per_period() {
        let limit = limit(2, Span::seconds(1), 3);
        let take = |now| limit.take("a", now);
        for _ in 0..3 {
            assert_eq!(take(0), Allowance::After(0));
        }
        // Half a second would be needed, a quarter is waited for.
        assert!(is_refused(&take(0)));
        assert_eq!(take(250_000), Allowance::After(250_000));
        assert!(is_refused(&take(300_000)));
        assert_eq!(take(10_000_000), Allowance::After(0));
        assert_eq!(limit.take("b", 0), Allowance::After(0), "another source");
    }

    #[test]
    fn a_refusal_says_when_to_come_again() {
        let limit = limit(1, Span::seconds(60), 1);
        assert_eq!(limit.take("a", 0), Allowance::After(0));
        let Allowance::Refused(answer) = limit.take("a", 500_000) else {
            panic!("it should be refused");
        };
        let field = |at: usize| answer.fields[at].1.to_str().unwrap();
        assert_eq!(
            (answer.status.as_u16(), field(0), field(1), &answer.body[..]),
            (429, "60", "59.5s", &b"Too Many Requests"[..])
        );
    }

    #[test]
    fn no_average_is_no_limit_and_a_burst_is_at_least_one() {
        let unlimited = limit(0, Span::seconds(1), 1);
        assert!((0..1000).all(|_| unlimited.take("a", 0) == Allowance::After(0)));
        let strict = limit(1, Span::ZERO, 0);
        assert_eq!(strict.take("a", 0), Allowance::After(0));
        assert!(is_refused(&strict.take("a", 0)));
    }

    #[test]
    fn over_any_time_no_more_than_burst_and_rate_pass() {
        let mut rng = fastrand::Rng::with_seed(7);
        for _ in 0..50 {
            let (average, burst) = (rng.i64(1..50), rng.i64(1..20));
            let limit = limit(average, Span::seconds(1), burst);
            let (mut now, mut passed) = (0, 0);
            while now < 5_000_000 {
                now += rng.u64(0..20_000);
                passed += i64::from(!is_refused(&limit.take("a", now)));
            }
            // One may still be waiting for its token.
            let most = burst + average * 5 + 2;
            assert!(passed <= most, "{passed} of {most}");
        }
    }

    #[test]
    fn sources_are_bounded_and_busy_ones_stay() {
        let limit = limit(1, Span::seconds(3600), 1);
        for number in 0..200_000_u64 {
            limit.take(&number.to_string(), number + 1);
            if number % 1000 == 0 {
                limit.take("busy", number + 1);
            }
        }
        assert!(limit.buckets.len() <= MAX_SOURCES, "{}", limit.buckets.len());
        assert!(limit.buckets.len() > MAX_SOURCES / 2);
    }

    #[test]
    fn mistakes_are_said() {
        let error = |change: &dyn Fn(&mut wire::RateLimit)| {
            let mut written = wire::RateLimit::default();
            change(&mut written);
            RateLimit::new(&written).unwrap_err()
        };
        assert_eq!(
            error(&|it| it.period = Span::seconds(-1)),
            "negative value not valid for period: -1s"
        );
        assert_eq!(
            error(&|it| it.average = -5),
            "negative value not valid for average: -5"
        );
        assert!(error(&|it| it.redis = Some(wire::Redis::default())).starts_with("redis is not supported"));
    }

    #[test]
    fn durations_are_written_as_go_writes_them() {
        for (micros, expected) in [
            (0.0, "0s"),
            (0.5, "500ns"),
            (1.0, "1us"),
            (1500.0, "1.5ms"),
            (500_000.0, "500ms"),
            (59_500_000.0, "59.5s"),
            (90_000_000.0, "1m30s"),
            (3_600_000_000.0, "1h0m0s"),
        ] {
            assert_eq!(duration(micros), expected);
        }
    }
}
