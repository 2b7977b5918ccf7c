//! Points in time, as `drainUntil` has them.

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;

/// A time that a configuration can name: whole milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Moment(SystemTime);

impl Moment {
    /// So far ahead.
    pub fn ahead(time: Duration) -> Self {
        let since = (SystemTime::now() + time)
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        let milliseconds = u64::try_from(since.as_millis()).unwrap();
        Self(SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds))
    }

    /// Has it come?
    pub fn has_come(self) -> bool {
        SystemTime::now() >= self.0
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let time = OffsetDateTime::from(self.0);
        let (year, month, day) = time.to_calendar_date();
        let (hour, minute, second, milli) = time.to_hms_milli();
        let month = u8::from(month);
        write!(
            f,
            "{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z"
        )
    }
}
