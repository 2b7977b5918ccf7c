//! The header of the PROXY protocol, versions 1 and 2 (haproxy.org, doc/proxy-protocol.txt, sections 2.1 and 2.2).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Begins a header of version 2.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Begins a header of version 1.
const WORD: &[u8] = b"PROXY ";
/// Longest header of version 1, its line end included (section 2.1).
const MAX_LINE: usize = 107;
/// Most bytes of addresses and extensions that are read of version 2. Extensions in use are far smaller.
const MAX_BLOCK: usize = 4096;

/// What the first bytes of a connection are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// The beginning of a header, or too little to tell.
    Unfinished,
    /// No header: these are the client's own words.
    Absent,
    /// A header of so many bytes.
    Header {
        /// Its length in bytes.
        length: usize,
        /// Whom the connection comes from; `None` when the proxy speaks for itself, or does not know.
        source: Option<SocketAddr>,
    },
    /// It begins as a header and is none.
    Malformed(&'static str),
}

/// Looks at the first bytes of a connection.
#[must_use]
pub fn parse(bytes: &[u8]) -> Parsed {
    if bytes.starts_with(SIGNATURE) {
        binary(bytes)
    } else if bytes.starts_with(WORD) {
        text(bytes)
    } else if SIGNATURE.starts_with(bytes) || WORD.starts_with(bytes) {
        Parsed::Unfinished
    } else {
        Parsed::Absent
    }
}

fn text(bytes: &[u8]) -> Parsed {
    let window = bytes.get(..MAX_LINE).unwrap_or(bytes);
    let Some(end) = window.windows(2).position(|pair| pair == b"\r\n") else {
        return match window.len() {
            MAX_LINE => Parsed::Malformed("version 1: no end within 107 bytes"),
            _ => Parsed::Unfinished,
        };
    };
    let line = window.get(..end).and_then(|line| std::str::from_utf8(line).ok());
    let Some(line) = line else {
        return Parsed::Malformed("version 1: not text");
    };
    let length = end + 2;
    let words: Vec<&str> = line.split(' ').collect();
    let source = match *words.as_slice() {
        // What follows is to be ignored (section 2.1).
        ["PROXY", "UNKNOWN", ..] => None,
        [
            "PROXY",
            family,
            source,
            destination,
            source_port,
            destination_port,
        ] => {
            let ends = (
                endpoint(family, source, source_port),
                endpoint(family, destination, destination_port),
            );
            match ends {
                (Some(source), Some(_)) => Some(source),
                _ => return Parsed::Malformed("version 1: an address or port that is none"),
            }
        }
        _ => return Parsed::Malformed("version 1: not `PROXY TCP4|TCP6 source destination port port`"),
    };
    Parsed::Header { length, source }
}

fn endpoint(family: &str, address: &str, port: &str) -> Option<SocketAddr> {
    let address = match family {
        "TCP4" => IpAddr::V4(address.parse().ok()?),
        "TCP6" => IpAddr::V6(address.parse().ok()?),
        _ => return None,
    };
    // `parse` would take a sign.
    let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse().ok().filter(|_| is_number)?;
    Some(SocketAddr::new(address, port))
}

fn binary(bytes: &[u8]) -> Parsed {
    let Some(&[command, family, high, low]) = bytes.get(SIGNATURE.len()..SIGNATURE.len() + 4) else {
        return Parsed::Unfinished;
    };
    let block = usize::from(u16::from_be_bytes([high, low]));
    if block > MAX_BLOCK {
        return Parsed::Malformed("version 2: longer than 4096 bytes");
    }
    let is_proxied = match command {
        0x20 => false,
        0x21 => true,
        _ => return Parsed::Malformed("version 2: unknown version or command"),
    };
    let begin = SIGNATURE.len() + 4;
    let Some(block) = bytes.get(begin..begin + block) else {
        return Parsed::Unfinished;
    };
    let source = match (is_proxied, family) {
        // A connection of the proxy's own, or one of a family without addresses.
        (false, _) | (true, 0x00 | 0x31 | 0x32) => None,
        (true, 0x11 | 0x12) => match *block {
            [a, b, c, d, _, _, _, _, high, low, _, _, ..] => Some(SocketAddr::new(
                Ipv4Addr::new(a, b, c, d).into(),
                u16::from_be_bytes([high, low]),
            )),
            _ => return Parsed::Malformed("version 2: too short for its addresses"),
        },
        (true, 0x21 | 0x22) => match (block.first_chunk::<16>(), block.get(32..36)) {
            (Some(source), Some(&[high, low, _, _])) => Some(SocketAddr::new(
                Ipv6Addr::from(*source).into(),
                u16::from_be_bytes([high, low]),
            )),
            _ => return Parsed::Malformed("version 2: too short for its addresses"),
        },
        _ => return Parsed::Malformed("version 2: unknown family"),
    };
    Parsed::Header {
        length: begin + block.len(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(length: usize, source: &str) -> Parsed {
        Parsed::Header {
            length,
            source: Some(source.parse().unwrap()),
        }
    }

    fn v2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let length = u16::try_from(block.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, family], &length, block].concat()
    }

    #[test]
    fn version_1_names_the_client() {
        let line = b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\nGET / HTTP/1.1\r\n";
        assert_eq!(parse(line), header(45, "192.0.2.7:56324"));
        let line = b"PROXY TCP6 2001:db8::7 2001:db8::1 1 443\r\n";
        assert_eq!(parse(line), header(42, "[2001:db8::7]:1"));
    }

    #[test]
    fn version_1_may_not_know_the_client() {
        let nobody = |length| Parsed::Header { length, source: None };
        assert_eq!(parse(b"PROXY UNKNOWN\r\n"), nobody(15));
        assert_eq!(parse(b"PROXY UNKNOWN what ever\r\n"), nobody(25));
    }

    #[test]
    fn version_2_names_the_client() {
        let block = [192, 0, 2, 7, 198, 51, 100, 1, 0xDC, 0x04, 1, 0xBB];
        assert_eq!(parse(&v2(0x21, 0x11, &block)), header(28, "192.0.2.7:56324"));
        // With an extension after the addresses.
        let long = [&block[..], &[4, 0, 1, 9]].concat();
        assert_eq!(parse(&v2(0x21, 0x11, &long)), header(32, "192.0.2.7:56324"));
        let mut six = [0; 36];
        six[..2].copy_from_slice(&[0x20, 0x01]);
        six[32..34].copy_from_slice(&80_u16.to_be_bytes());
        assert_eq!(parse(&v2(0x21, 0x21, &six)), header(52, "[2001::]:80"));
    }

    #[test]
    fn a_proxy_that_speaks_for_itself_names_nobody() {
        let nobody = |length| Parsed::Header { length, source: None };
        assert_eq!(parse(&v2(0x20, 0x11, &[0; 12])), nobody(28));
        assert_eq!(parse(&v2(0x20, 0, &[])), nobody(16));
        assert_eq!(parse(&v2(0x21, 0, &[])), nobody(16));
        assert_eq!(parse(&v2(0x21, 0x31, &[0; 216])), nobody(232));
    }

    #[test]
    fn every_beginning_of_a_header_is_unfinished() {
        let text = b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n".to_vec();
        let binary = v2(0x21, 0x11, &[1; 12]);
        for whole in [text, binary] {
            for end in 0..whole.len() {
                assert_eq!(parse(&whole[..end]), Parsed::Unfinished, "{end}");
            }
            assert!(matches!(parse(&whole), Parsed::Header { length, .. } if length == whole.len()));
        }
    }

    #[test]
    fn what_begins_otherwise_is_no_header() {
        for words in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"PROPFIND / HTTP/1.1\r\n",
            b"\x16\x03\x01",
            b"PRI * HTTP/2.0",
        ] {
            assert_eq!(parse(words), Parsed::Absent);
        }
    }

    #[test]
    fn what_is_almost_a_header_is_refused() {
        let long = [&b"PROXY TCP4 "[..], &[b'1'; 200]].concat();
        for bytes in [
            &b"PROXY TCP4 192.0.2.7 198.51.100.1 56324\r\n"[..],
            b"PROXY TCP4 192.0.2.7 198.51.100.1 +5 443\r\n",
            b"PROXY TCP4 192.0.2.7 198.51.100.1 99999 443\r\n",
            b"PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
            b"PROXY TCP5 192.0.2.7 198.51.100.1 1 2\r\n",
            b"PROXY  TCP4 192.0.2.7 198.51.100.1 1 2\r\n",
            b"PROXY TCP4 192.0.2.7\xff 198.51.100.1 1 2\r\n",
            &long,
            &v2(0x31, 0x11, &[0; 12]),
            &v2(0x22, 0x11, &[0; 12]),
            &v2(0x21, 0x41, &[0; 12]),
            &v2(0x21, 0x11, &[0; 11]),
            &v2(0x21, 0x21, &[0; 35]),
            &v2(0x21, 0x11, &[0; 5000]),
        ] {
            assert!(matches!(parse(bytes), Parsed::Malformed(_)), "{bytes:?}");
        }
    }
}
