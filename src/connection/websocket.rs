//! Where the frames of a WebSocket end, so that one of piton's own fits between them (RFC 6455 section 5.2).

/// Opcode of a frame that closes, with the bit that says it is whole.
const CLOSE: u8 = 0x88;

/// Status 1001, "going away" (RFC 6455 section 7.4.1).
const GOING_AWAY: [u8; 2] = 1001_u16.to_be_bytes();

/// What a client says to end a WebSocket; a client's frames are masked, here with zeros.
pub(super) const CLOSE_BY_CLIENT: [u8; 8] = [CLOSE, 0x80 | 2, 0, 0, 0, 0, GOING_AWAY[0], GOING_AWAY[1]];

/// What a server says to end one.
pub(super) const CLOSE_BY_SERVER: [u8; 4] = [CLOSE, 2, GOING_AWAY[0], GOING_AWAY[1]];

/// Follows the frames of one direction.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// Bytes of the header of the next frame, as far as they came.
    header: [u8; 14],
    filled: usize,
    /// Bytes of the frame under way that are still to come.
    left: u64,
    closed: bool,
}

impl Frames {
    /// These bytes passed.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.left > 0 {
                let body = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                self.left -= body as u64;
                bytes = bytes.get(body..).unwrap_or_default();
                continue;
            }
            let Some((&first, rest)) = bytes.split_first() else {
                return;
            };
            if let Some(place) = self.header.get_mut(self.filled) {
                *place = first;
                self.filled += 1;
            }
            bytes = rest;
            if let Some(length) = self.whole_header() {
                self.closed |= self.header[0] & 0x0F == CLOSE & 0x0F;
                self.left = length;
                self.filled = 0;
            }
        }
    }

    /// Is the last frame whole?
    pub(super) fn is_between(&self) -> bool {
        self.left == 0 && self.filled == 0
    }

    /// Did a frame that closes pass?
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// The length of the payload, once the header is whole.
    fn whole_header(&self) -> Option<u64> {
        let [_, second, ..] = self.header;
        let masks = if second & 0x80 == 0 { 0 } else { 4 };
        let extended = match second & 0x7F {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if self.filled < 2 || self.filled < 2 + extended + masks {
            return None;
        }
        let written = self.header.get(2..2 + extended)?;
        Some(match extended {
            0 => u64::from(second & 0x7F),
            _ => written
                .iter()
                .fold(0, |length, &byte| length << 8 | u64::from(byte)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame with a payload of that length.
    fn frame(opcode: u8, masked: bool, length: usize) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let mut frame = vec![0x80 | opcode];
        match length {
            0..=125 => frame.push(mask | u8::try_from(length).unwrap()),
            126..=0xFFFF => {
                frame.push(mask | 126);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(mask | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend(vec![7; if masked { 4 } else { 0 } + length]);
        frame
    }

    #[test]
    fn the_end_of_each_frame_is_found_however_the_bytes_come() {
        for masked in [false, true] {
            for length in [0, 1, 125, 126, 127, 1000, 65_535, 65_536, 70_000] {
                let bytes = [frame(1, masked, length), frame(2, masked, 3)].concat();
                for step in [1, 2, 7, 4096, usize::MAX] {
                    let mut frames = Frames::default();
                    for chunk in bytes.chunks(step.min(bytes.len())) {
                        frames.pass(chunk);
                    }
                    assert!(frames.is_between(), "{length} in steps of {step}");
                }
                let mut frames = Frames::default();
                frames.pass(&bytes[..bytes.len() - 1]);
                assert!(!frames.is_between(), "{length}");
                assert!(!frames.is_closed());
            }
        }
    }

    #[test]
    fn a_frame_that_closes_is_noticed() {
        let mut frames = Frames::default();
        frames.pass(&frame(1, false, 8));
        assert!(!frames.is_closed());
        frames.pass(&CLOSE_BY_SERVER);
        assert!(frames.is_closed() && frames.is_between());
        let mut frames = Frames::default();
        frames.pass(&CLOSE_BY_CLIENT);
        assert!(frames.is_closed() && frames.is_between());
    }
}
