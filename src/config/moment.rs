//! A point in time as RFC 3339 writes it.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A point in time, in milliseconds of Unix time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// That many milliseconds after 1970 began.
    #[must_use]
    pub const fn unix_milliseconds(milliseconds: u64) -> Self {
        Self(milliseconds)
    }

    /// Milliseconds of Unix time.
    #[must_use]
    pub const fn as_unix_milliseconds(self) -> u64 {
        self.0
    }

    /// Reads `2026-11-22T12:00:00Z` or `2026-11-22T13:00:00+01:00`; years before 1970 count as 1970.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        let milliseconds = time.unix_timestamp_nanos() / 1_000_000;
        Some(Self(u64::try_from(milliseconds).unwrap_or(0)))
    }
}

impl fmt::Display for Moment {
    /// RFC 3339 in UTC; the fraction only where there is one. The last moment it can say is the end of the year 9999.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = i128::from(self.0) * 1_000_000;
        let Ok(time) = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds) else {
            return f.write_str("9999-12-31T23:59:59.999Z");
        };
        let (year, month, day) = time.to_calendar_date();
        let (hour, minute, second, milli) = time.to_hms_milli();
        let month = u8::from(month);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        )?;
        match milli {
            0 => f.write_str("Z"),
            _ => write!(f, ".{milli:03}Z"),
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(MomentVisitor)
    }
}

struct MomentVisitor;

impl Visitor<'_> for MomentVisitor {
    type Value = Moment;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time like 2026-11-22T12:00:00Z")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Moment, E> {
        Moment::parse(text).ok_or_else(|| {
            E::custom(format!(
                "{text:?} is not a time; write it like 2026-11-22T12:00:00Z"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_printed_as_they_are_read() {
        for text in [
            "2026-11-22T12:00:00Z",
            "1970-01-01T00:00:00.005Z",
            "9999-12-31T23:59:59.999Z",
        ] {
            assert_eq!(Moment::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Moment(u64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn times_are_read_with_their_offset_and_fraction() {
        let milliseconds = |text| Moment::parse(text).map(Moment::as_unix_milliseconds);
        assert_eq!(milliseconds("1970-01-01T00:00:01Z"), Some(1000));
        assert_eq!(milliseconds("2026-11-22T12:00:00Z"), Some(1_795_348_800_000));
        assert_eq!(
            milliseconds("2026-11-22T13:00:00.5+01:00"),
            Some(1_795_348_800_500)
        );
        assert_eq!(milliseconds("1960-01-01T00:00:00Z"), Some(0));
        for bad in [
            "",
            "2026-11-22",
            "2026-11-22T12:00:00",
            "tomorrow",
            "1795348800",
            "2026-02-30T00:00:00Z",
        ] {
            assert_eq!(milliseconds(bad), None, "{bad}");
        }
    }
}
