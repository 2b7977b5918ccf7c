//! `retry`: how often, when and after what a request is tried again. The trying is the proxy's business.

use http::{Method, StatusCode};

use crate::balance::Micros;
use crate::config::dynamic::middleware::flow as wire;

/// Most tries that piton makes, whatever is written: more would be another kind of attack on the servers.
const MAX_ATTEMPTS: i64 = 30;

/// When a request is tried again.
#[derive(Debug, PartialEq)]
pub struct Retry {
    /// Tries in all, the first included.
    attempts: u32,
    /// Microseconds before the second try.
    initial: Micros,
    /// Microseconds for all tries; `None` for no limit.
    timeout: Option<Micros>,
    /// Statuses, from and to.
    statuses: Vec<(u16, u16)>,
    max_body: Option<u64>,
    after_failed_connects: bool,
    any_method: bool,
}

impl Retry {
    /// From `retry`.
    pub(super) fn new(written: &wire::Retry) -> Result<Self, String> {
        let attempts = written.attempts;
        if attempts <= 0 {
            return Err(format!("incorrect (or empty) value for attempt ({attempts})"));
        }
        if written.disable_retry_on_network_error && written.status.is_empty() {
            return Err("retry middleware requires at least HTTP status codes or retry on TCP".to_owned());
        }
        let micros = |span: crate::config::Span, name: &str| {
            u64::try_from(span.as_nanoseconds() / 1000)
                .map_err(|_| format!("{name} is negative; write a duration like 100ms"))
        };
        let timeout = micros(written.timeout, "timeout")?;
        Ok(Self {
            attempts: u32::try_from(attempts.min(MAX_ATTEMPTS)).unwrap_or(1),
            initial: micros(written.initial_interval, "initialInterval")?,
            timeout: (timeout > 0).then_some(timeout),
            statuses: written
                .status
                .iter()
                .map(|text| statuses(text))
                .collect::<Result<_, _>>()?,
            max_body: u64::try_from(written.max_request_body_bytes).ok(),
            after_failed_connects: !written.disable_retry_on_network_error,
            any_method: written.retry_non_idempotent_method,
        })
    }

    /// May there be another try when so many have been made, in so many microseconds?
    #[must_use]
    pub fn goes_on(&self, tries: u32, elapsed: Micros) -> bool {
        tries < self.attempts && self.timeout.is_none_or(|timeout| elapsed < timeout)
    }

    /// May there be another one after a server could not be connected to?
    #[must_use]
    pub fn is_after_failed_connects(&self) -> bool {
        self.after_failed_connects
    }

    /// Is an answer with this status to be tried again, where it may be discarded?
    #[must_use]
    pub fn is_after(&self, status: StatusCode) -> bool {
        let code = status.as_u16();
        let mut statuses = self.statuses.iter();
        statuses.any(|(from, to)| (*from..=*to).contains(&code))
    }

    /// May an answer to a request of this method be discarded at all?
    #[must_use]
    pub fn is_for(&self, method: &Method) -> bool {
        let changes = matches!(method.as_str(), "POST" | "PATCH" | "LOCK");
        !self.statuses.is_empty() && (self.any_method || !changes)
    }

    /// Largest body that is kept to be sent again, in bytes; `None` for no limit.
    #[must_use]
    pub fn max_body(&self) -> Option<u64> {
        self.max_body
    }

    /// Microseconds to wait when so many tries have been made: they grow to twice the first over all tries, and each is
    /// half to one and a half of that, by `entropy`.
    #[must_use]
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a wait need not be exact"
    )]
    pub fn wait(&self, tries: u32, entropy: u64) -> Micros {
        if self.initial == 0 || tries == 0 {
            return 0;
        }
        let factor = 2_f64.powf(f64::from(tries - 1) / f64::from(self.attempts.max(2) - 1));
        let spread = 0.5 + (entropy >> 11) as f64 / (1_u64 << 53) as f64;
        (self.initial as f64 * factor * spread) as Micros
    }
}

/// Is `attempts` more than piton makes?
pub(super) fn is_too_many(attempts: i64) -> Option<String> {
    (attempts > MAX_ATTEMPTS).then(|| format!("attempts {attempts} is more than piton makes: {MAX_ATTEMPTS}"))
}

/// `500` or `500-504`.
fn statuses(text: &str) -> Result<(u16, u16), String> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let code = |text: &str| {
        text.trim()
            .parse::<u16>()
            .ok()
            .filter(|code| (100..600).contains(code))
    };
    match (code(from), code(to)) {
        (Some(from), Some(to)) if from <= to => Ok((from, to)),
        _ => Err(format!(
            "status {text:?} is none; write a code like 503 or a range like 500-504"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Span;

    fn written(attempts: i64, status: &[&str]) -> wire::Retry {
        wire::Retry {
            attempts,
            status: status.iter().map(|&text| text.to_owned()).collect(),
            ..wire::Retry::default()
        }
    }

    #[test]
    fn attempts_are_tries_in_all_and_time_ends_them() {
        let retry = Retry::new(&wire::Retry {
            timeout: Span::seconds(1),
            ..written(3, &[])
        })
        .unwrap();
        assert!(retry.goes_on(1, 0) && retry.goes_on(2, 999_999));
        assert!(!retry.goes_on(3, 0) && !retry.goes_on(1, 1_000_000));
        assert!(
            !Retry::new(&written(1, &[])).unwrap().goes_on(1, 0),
            "the only one"
        );
    }

    #[test]
    fn a_status_is_tried_again_by_method() {
        let (get, post) = (Method::GET, Method::POST);
        let status = |code| StatusCode::from_u16(code).unwrap();
        let retry = Retry::new(&written(2, &["503", "500-501"])).unwrap();
        assert!(retry.is_after(status(503)) && retry.is_after(status(501)) && !retry.is_after(status(502)));
        assert!(retry.is_for(&get) && retry.is_for(&Method::PUT) && !retry.is_for(&post));
        let any = wire::Retry {
            retry_non_idempotent_method: true,
            ..written(2, &["503"])
        };
        assert!(Retry::new(&any).unwrap().is_for(&post));
        assert!(!Retry::new(&written(2, &[])).unwrap().is_for(&get));
    }

    #[test]
    fn waits_grow_to_about_twice_the_first() {
        let retry = Retry::new(&wire::Retry {
            initial_interval: Span::milliseconds(100),
            ..written(5, &[])
        })
        .unwrap();
        let middle = 1 << 63;
        assert_eq!(retry.wait(1, middle), 100_000);
        assert!((168_000..169_000).contains(&retry.wait(4, middle)));
        assert_eq!((retry.wait(1, 0), retry.wait(1, u64::MAX) / 1000), (50_000, 150));
        assert_eq!(Retry::new(&written(2, &[])).unwrap().wait(1, 0), 0);
    }

    #[test]
    fn mistakes_are_said() {
        let network = wire::Retry {
            disable_retry_on_network_error: true,
            ..written(2, &[])
        };
        for (written, words) in [
            (written(0, &[]), "incorrect (or empty) value for attempt (0)"),
            (written(-2, &[]), "incorrect (or empty) value for attempt (-2)"),
            (
                network,
                "retry middleware requires at least HTTP status codes or retry on TCP",
            ),
            (written(2, &["abc"]), "status \"abc\" is none"),
            (written(2, &["504-500"]), "status \"504-500\" is none"),
        ] {
            assert!(Retry::new(&written).unwrap_err().starts_with(words));
        }
        assert!(is_too_many(31).is_some() && is_too_many(30).is_none());
    }
}
