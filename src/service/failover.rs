//! A service and a spare (traefik-core 2.7).

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::{Ask, Choice, Refusal, Service};

/// One service, and another for when it cannot serve.
#[derive(Debug)]
pub struct Failover {
    main: Arc<Service>,
    fallback: Arc<Service>,
    on_error: Option<Arc<OnError>>,
}

/// Answers of the main service that count as failure.
#[derive(Debug, PartialEq, Eq)]
pub struct OnError {
    statuses: Vec<RangeInclusive<u16>>,
    max_body: Option<u64>,
}

/// A status or range that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a status nor a range of them; write 503 or 500-504")]
pub struct InvalidStatus(pub String);

impl OnError {
    /// Reads statuses and ranges as written: `500`, `500-504`. Request bodies larger than `max_body` bytes
    /// are refused, since they could not be sent again; negative means no limit of its own.
    ///
    /// # Errors
    /// The first text that is none.
    pub fn new<S: AsRef<str>>(statuses: &[S], max_body: i64) -> Result<Self, InvalidStatus> {
        let statuses = statuses.iter().map(|text| range(text.as_ref()));
        Ok(Self {
            statuses: statuses.collect::<Result<_, _>>()?,
            max_body: u64::try_from(max_body).ok(),
        })
    }

    /// Does an answer with this status count as failure?
    #[must_use]
    pub fn matches(&self, status: u16) -> bool {
        self.statuses.iter().any(|range| range.contains(&status))
    }

    /// Largest request body, in bytes.
    #[must_use]
    pub fn max_body(&self) -> Option<u64> {
        self.max_body
    }
}

fn range(text: &str) -> Result<RangeInclusive<u16>, InvalidStatus> {
    let invalid = || InvalidStatus(text.to_owned());
    let status = |text: &str| -> Result<u16, InvalidStatus> {
        let status = text.trim().parse().map_err(|_| invalid())?;
        if (100..=999).contains(&status) {
            Ok(status)
        } else {
            Err(invalid())
        }
    };
    let range = match text.split_once('-') {
        Some((from, to)) => status(from)?..=status(to)?,
        None => status(text)?..=status(text)?,
    };
    if range.is_empty() {
        Err(invalid())
    } else {
        Ok(range)
    }
}

impl Failover {
    /// `fallback` serves what `main` cannot, and, with `on_error`, what it answers with an error.
    #[must_use]
    pub fn new(main: Arc<Service>, fallback: Arc<Service>, on_error: Option<Arc<OnError>>) -> Self {
        Self {
            main,
            fallback,
            on_error,
        }
    }

    /// The service that normally answers.
    #[must_use]
    pub fn main(&self) -> &Arc<Service> {
        &self.main
    }

    /// The spare.
    #[must_use]
    pub fn fallback(&self) -> &Arc<Service> {
        &self.fallback
    }

    /// Answers that count as failure.
    #[must_use]
    pub fn on_error(&self) -> Option<&Arc<OnError>> {
        self.on_error.as_ref()
    }

    pub(super) fn choose(&self, ask: &Ask<'_>, home: Option<&str>) -> Result<Choice, Refusal> {
        let has_failed = self
            .on_error
            .as_ref()
            .is_some_and(|failover| ask.attempts.has_failed_over(failover));
        if has_failed {
            return self.fallback.choose_as(ask, home);
        }
        match self.main.choose_as(ask, home) {
            Ok(mut choice) => {
                if let Some(on_error) = &self.on_error {
                    choice.extra.watched.push(Arc::clone(on_error));
                }
                Ok(choice)
            }
            Err(Refusal::NoServer(_)) => self.fallback.choose_as(ask, home),
            Err(refusal) => Err(refusal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_and_ranges_are_read_and_anything_else_is_refused() {
        let on_error = OnError::new(&["500", "502-504", " 429 "], -1).unwrap();
        for (status, fails) in [
            (499, false),
            (500, true),
            (501, false),
            (502, true),
            (504, true),
            (505, false),
            (429, true),
        ] {
            assert_eq!(on_error.matches(status), fails, "{status}");
        }
        assert_eq!(on_error.max_body(), None);
        assert_eq!(OnError::new(&["500"], 0).unwrap().max_body(), Some(0));
        for bad in [
            "",
            "5xx",
            "504-500",
            "500-",
            "-500",
            "50",
            "1000",
            "500-1000",
            "500-502-504",
        ] {
            assert_eq!(
                OnError::new(&[bad], -1),
                Err(InvalidStatus(bad.to_owned())),
                "{bad}"
            );
        }
    }
}
