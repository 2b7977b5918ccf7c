//! W3C Trace Context: who a request says its trace is, and what the server is told (`traceparent`, version 00).

use http::{HeaderMap, HeaderValue};

/// The field that names trace and parent.
pub const TRACEPARENT: &str = "traceparent";

/// The field of the tracing systems on the way; it means nothing without the other.
pub const TRACESTATE: &str = "tracestate";

/// Flag: the trace is sent to a collector.
const SAMPLED: u8 = 1;

/// Flag: the trace's number is random. Whoever goes on with a trace keeps it.
const RANDOM: u8 = 2;

/// Bytes of a `traceparent` of version 00.
const LENGTH: usize = 55;

/// What a client says about the trace that its request belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parent {
    pub(super) trace: u128,
    pub(super) span: u64,
    pub(super) flags: Flags,
}

/// The flags that piton knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flags(u8);

impl Flags {
    /// Of a trace with a random number that begins here.
    pub(super) fn new(is_sampled: bool) -> Self {
        Self(RANDOM | if is_sampled { SAMPLED } else { 0 })
    }

    pub(super) fn is_sampled(self) -> bool {
        self.0 & SAMPLED != 0
    }

    pub(super) fn bits(self) -> u8 {
        self.0
    }
}

impl Parent {
    /// Who the fields name; `None` when it is nobody, or more than one, or cannot be read.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut fields = headers.get_all(TRACEPARENT).iter();
        let field = fields.next()?;
        match fields.next() {
            Some(_) => None,
            None => Self::parse(field.as_bytes()),
        }
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let (known, rest) = text.split_at_checked(LENGTH)?;
        let [version, trace, span, flags] = parts(known)?;
        let version = number(version)?;
        // Later versions begin as this one does, and may go on.
        let goes_on_well = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.is_empty() || rest.starts_with(b"-"),
        };
        let parent = Self {
            trace: number(trace)?,
            span: u64::try_from(number(span)?).ok()?,
            flags: Flags(u8::try_from(number(flags)?).ok()? & (SAMPLED | RANDOM)),
        };
        (goes_on_well && parent.trace != 0 && parent.span != 0).then_some(parent)
    }

    /// As a field, for whoever is below `self.span`.
    pub(super) fn field(self) -> Option<HeaderValue> {
        let Self { trace, span, flags } = self;
        let text = format!("00-{trace:032x}-{span:016x}-{:02x}", flags.bits());
        HeaderValue::try_from(text).ok()
    }
}

/// The four parts of a field of the right length.
fn parts(known: &[u8]) -> Option<[&[u8]; 4]> {
    let mut parts = known.split(|byte| *byte == b'-');
    let all = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    let lengths = all.map(<[u8]>::len);
    (lengths == [2, 32, 16, 2] && parts.next().is_none()).then_some(all)
}

/// A number in hexadecimal digits; capital ones are not allowed.
fn number(digits: &[u8]) -> Option<u128> {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if !digits.iter().all(is_digit) {
        return None;
    }
    u128::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_field_is_read_and_written_the_same() {
        let parent = Parent::parse(GOOD.as_bytes()).unwrap();
        assert_eq!(parent.trace, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!(parent.span, 0x00f0_67aa_0ba9_02b7);
        assert!(parent.flags.is_sampled());
        assert_eq!(parent.field().unwrap(), GOOD);
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let later = GOOD.replacen("00", "cc", 1);
        assert!(Parent::parse(later.as_bytes()).is_some());
        assert!(Parent::parse(format!("{later}-what").as_bytes()).is_some());
        assert!(Parent::parse(format!("{later}.what").as_bytes()).is_none());
    }

    #[test]
    fn what_is_no_field_is_nobody() {
        for bad in [
            String::new(),
            GOOD[..54].to_owned(),
            format!("{GOOD}-00"),
            GOOD.to_uppercase(),
            GOOD.replacen("00", "ff", 1),
            GOOD.replacen("4b", "+b", 1),
            GOOD.replace('-', "_"),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01".to_owned(),
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01".to_owned(),
        ] {
            assert_eq!(Parent::parse(bad.as_bytes()), None, "{bad}");
        }
        let mut twice = HeaderMap::new();
        twice.append(TRACEPARENT, HeaderValue::from_static(GOOD));
        assert!(Parent::of(&twice).is_some());
        twice.append(TRACEPARENT, HeaderValue::from_static(GOOD));
        assert_eq!(Parent::of(&twice), None);
    }
}
