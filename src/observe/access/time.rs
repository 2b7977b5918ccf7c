//! Times as the formats write them, in UTC.

use std::io::Write;

use crate::balance::Wall;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A date of the Gregorian calendar.
struct Date {
    year: u64,
    /// From 1.
    month: u64,
    day: u64,
}

/// The date so many days after 1970 began (Hinnant's algorithm).
fn date(days: u64) -> Date {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    Date {
        year: year + era * 400 + u64::from(month <= 2),
        month,
        day,
    }
}

/// `02/Jan/2006:15:04:05 +0000`
pub(super) fn write_clf(line: &mut Vec<u8>, wall: Wall) {
    let seconds = wall / 1000;
    let Date { year, month, day } = date(seconds / 86_400);
    let month = MONTHS.get(month as usize - 1).copied().unwrap_or_default();
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let _ = write!(
        line,
        "{day:02}/{month}/{year}:{hour:02}:{minute:02}:{second:02} +0000"
    );
}

/// `2006-01-02T15:04:05.123Z`, without zeros at the end, as Go writes it.
pub(super) fn write_rfc3339(line: &mut Vec<u8>, wall: Wall, with_millis: bool) {
    let (seconds, mut fraction) = (wall / 1000, wall % 1000);
    let Date { year, month, day } = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let _ = write!(
        line,
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
    );
    if with_millis && fraction > 0 {
        let mut digits = 3;
        while fraction % 10 == 0 {
            fraction /= 10;
            digits -= 1;
        }
        let _ = write!(line, ".{fraction:0digits$}");
    }
    line.push(b'Z');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut line = Vec::new();
        write(&mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn times_are_those_of_go() {
        let clf = |wall| text(|line| write_clf(line, wall));
        assert_eq!(clf(0), "01/Jan/1970:00:00:00 +0000");
        assert_eq!(clf(951_782_399_000), "28/Feb/2000:23:59:59 +0000");
        assert_eq!(clf(951_868_799_000), "29/Feb/2000:23:59:59 +0000");
        assert_eq!(clf(1_795_305_600_000), "22/Nov/2026:00:00:00 +0000");
        let rfc = |wall| text(|line| write_rfc3339(line, wall, true));
        assert_eq!(rfc(1_795_305_600_000), "2026-11-22T00:00:00Z");
        assert_eq!(rfc(1_795_305_600_120), "2026-11-22T00:00:00.12Z");
        assert_eq!(rfc(1_795_305_600_007), "2026-11-22T00:00:00.007Z");
    }
}
