//! Bytes to text: what is checked before any notation is read.

use super::problem::{Position, Problem};

/// The largest configuration read, in bytes. Traefik has no limit; a file beyond this is a mistake or an attack.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;

/// The text of a file without its byte order mark. Errors: too big, not UTF-8, binary.
pub(super) fn of_bytes(bytes: &[u8]) -> Result<&str, Problem> {
    if bytes.len() > MAX_BYTES {
        let message = format!("the file has {} bytes; {MAX_BYTES} are allowed", bytes.len());
        return Err(Problem::error("", message));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error.valid_up_to()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.find('\0') {
        Some(byte) => {
            Err(Problem::error("", "the file is binary: it holds a zero byte")
                .at(Position::of_byte(text, byte)))
        }
        None => Ok(text),
    }
}

fn not_utf8(bytes: &[u8], valid: usize) -> Problem {
    let good = bytes.get(..valid).unwrap_or_default();
    let position = Position::of_byte(&String::from_utf8_lossy(good), valid);
    let hint = if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        "it looks like UTF-16; save it as UTF-8"
    } else {
        "save it as UTF-8"
    };
    Problem::error("", "the file is not UTF-8 text")
        .at(position)
        .hint(hint)
}
