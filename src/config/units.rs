//! Units as Traefik writes them: durations in Go's syntax, booleans in Go's spelling.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// A duration as written: nanoseconds, negative allowed.
///
/// Source: Traefik's `ptypes.Duration` (traefik-providers 1.1). A bare integer counts **seconds**; everything else is Go's
/// `time.ParseDuration`: `1h30m`, `1.5s`, `100ms`, `-2us`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(i64);

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSpan {
    /// Nothing, or nothing but a sign.
    #[error("{0:?} is not a duration")]
    NotADuration(String),
    /// A number without its unit, as in `1h30`.
    #[error("{0:?} is not a duration: a number has no unit")]
    MissingUnit(String),
    /// A unit Go does not know, as in `1d`.
    #[error("{text:?} is not a duration: {unit:?} is not a unit")]
    UnknownUnit {
        /// The whole text.
        text: String,
        /// The unit found in it.
        unit: String,
    },
    /// More than 63 bits of nanoseconds, about 292 years.
    #[error("{0:?} is too long a duration (292 years at most)")]
    TooLong(String),
}

impl Span {
    /// The name by which the decoder recognises this type.
    pub(crate) const NAME: &'static str = "piton::Span";
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// That many seconds; saturates at about 292 years.
    pub const fn seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(NANOS_PER_SECOND))
    }

    /// That many milliseconds; saturates at about 292 years.
    pub const fn milliseconds(milliseconds: i64) -> Self {
        Self(milliseconds.saturating_mul(1_000_000))
    }

    /// That many nanoseconds.
    pub const fn nanoseconds(nanoseconds: i64) -> Self {
        Self(nanoseconds)
    }

    /// The whole span in nanoseconds.
    pub const fn as_nanoseconds(self) -> i64 {
        self.0
    }

    /// The span as a time to wait; `None` when it is zero or negative, which Traefik reads as "no limit" or as an error.
    pub const fn positive(self) -> Option<Duration> {
        if self.0 > 0 {
            Some(Duration::from_nanos(self.0.unsigned_abs()))
        } else {
            None
        }
    }
}

// === parsing ===

impl FromStr for Span {
    type Err = InvalidSpan;

    /// Digits alone are seconds, all else is Go's `time.ParseDuration`.
    fn from_str(text: &str) -> Result<Self, InvalidSpan> {
        let (negative, magnitude) = match text.strip_prefix('-') {
            Some(magnitude) => (true, magnitude),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if magnitude.is_empty() {
            return Err(InvalidSpan::NotADuration(text.to_owned()));
        }
        let too_long = || InvalidSpan::TooLong(text.to_owned());
        let nanos = if magnitude.bytes().all(|byte| byte.is_ascii_digit()) {
            let seconds: u64 = magnitude.parse().map_err(|_| too_long())?;
            seconds
                .checked_mul(NANOS_PER_SECOND.unsigned_abs())
                .ok_or_else(too_long)?
        } else {
            sum_of_parts(text, magnitude)?
        };
        signed(nanos, negative).map(Self).ok_or_else(too_long)
    }
}

/// Adds up `1h30m1.5s`; `text` is the whole input, for the error.
fn sum_of_parts(text: &str, mut rest: &str) -> Result<u64, InvalidSpan> {
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (nanos, after) = one_part(text, rest)?;
        total = total
            .checked_add(nanos)
            .ok_or_else(|| InvalidSpan::TooLong(text.to_owned()))?;
        rest = after;
    }
    Ok(total)
}

/// Reads one `number unit` from the front of `rest`; returns its nanoseconds and what follows.
fn one_part<'a>(text: &str, rest: &'a str) -> Result<(u64, &'a str), InvalidSpan> {
    let (whole, after_whole) = split_while(rest, |c| c.is_ascii_digit());
    let (fraction, after_number) = match after_whole.strip_prefix('.') {
        Some(after_dot) => split_while(after_dot, |c| c.is_ascii_digit()),
        None => ("", after_whole),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(InvalidSpan::NotADuration(text.to_owned()));
    }
    let (unit, after) = split_while(after_number, |c| c != '.' && !c.is_ascii_digit());
    if unit.is_empty() {
        return Err(InvalidSpan::MissingUnit(text.to_owned()));
    }
    let scale = unit_nanos(unit).ok_or_else(|| InvalidSpan::UnknownUnit {
        text: text.to_owned(),
        unit: unit.to_owned(),
    })?;
    let nanos = whole_nanos(whole, scale)
        .and_then(|nanos| nanos.checked_add(fraction_nanos(fraction, scale)))
        .ok_or_else(|| InvalidSpan::TooLong(text.to_owned()))?;
    Ok((nanos, after))
}

fn whole_nanos(digits: &str, scale: u64) -> Option<u64> {
    if digits.is_empty() {
        return Some(0);
    }
    digits.parse::<u64>().ok()?.checked_mul(scale)
}

/// The fraction in whole nanoseconds, rounded down; digits beyond a nanosecond of an hour cannot matter.
fn fraction_nanos(digits: &str, scale: u64) -> u64 {
    let (mut value, mut power) = (0_u128, 1_u128);
    for digit in digits.bytes().take(18) {
        value = value * 10 + u128::from(digit.saturating_sub(b'0'));
        power *= 10;
    }
    u64::try_from(value * u128::from(scale) / power).unwrap_or(u64::MAX)
}

fn unit_nanos(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60 * 1_000_000_000,
        "h" => 3600 * 1_000_000_000,
        _ => return None,
    })
}

fn signed(nanos: u64, negative: bool) -> Option<i64> {
    if negative {
        0_i64.checked_sub_unsigned(nanos)
    } else {
        i64::try_from(nanos).ok()
    }
}

fn split_while(text: &str, keep: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !keep(c)).unwrap_or(text.len());
    text.split_at(end)
}

// === printing ===

impl fmt::Display for Span {
    /// Go's `Duration.String`: `0s`, `100ms`, `1.5s`, `1m30s`, `1h0m0s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        match nanos {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{nanos}ns"),
            1_000..1_000_000 => write_decimal(f, nanos, 1_000, "\u{b5}s"),
            1_000_000..1_000_000_000 => write_decimal(f, nanos, 1_000_000, "ms"),
            _ => write_clock(f, nanos),
        }
    }
}

fn write_clock(f: &mut fmt::Formatter<'_>, nanos: u64) -> fmt::Result {
    let minute = 60 * NANOS_PER_SECOND.unsigned_abs();
    let (minutes, rest) = (nanos / minute, nanos % minute);
    if minutes >= 60 {
        write!(f, "{}h", minutes / 60)?;
    }
    if minutes > 0 {
        write!(f, "{}m", minutes % 60)?;
    }
    write_decimal(f, rest, NANOS_PER_SECOND.unsigned_abs(), "s")
}

/// `nanos / scale` with the digits of the fraction that count.
fn write_decimal(f: &mut fmt::Formatter<'_>, nanos: u64, scale: u64, unit: &str) -> fmt::Result {
    write!(f, "{}", nanos / scale)?;
    let fraction = nanos % scale;
    if fraction > 0 {
        let width = scale.ilog10() as usize;
        let digits = format!("{fraction:0width$}");
        write!(f, ".{}", digits.trim_end_matches('0'))?;
    }
    f.write_str(unit)
}

// === serde ===

impl<'de> Deserialize<'de> for Span {
    /// From an integer (seconds) or a text.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(Self::NAME, SpanVisitor)
    }
}

impl Serialize for Span {
    /// As Go prints it. Zero comes as the first variant of an enum, which is how `encode` knows it.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::ZERO => serializer.serialize_unit_variant(Self::NAME, 0, "0s"),
            _ => serializer.collect_str(self),
        }
    }
}

struct SpanVisitor;

impl<'de> Visitor<'de> for SpanVisitor {
    type Value = Span;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as 30s, 1m30s or 500ms")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Span, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Span, E> {
        self.visit_str(&seconds.to_string())
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Span, E> {
        self.visit_str(&seconds.to_string())
    }
}

/// A boolean in the spellings of Go's `strconv.ParseBool`; `None` for anything else, `yes` and the empty text included.
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}
