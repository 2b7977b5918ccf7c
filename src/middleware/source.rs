//! Whose request it is: `ipStrategy` and `sourceCriterion`.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use sha2::{Digest, Sha256};

use super::message::{Request, host, text};
use crate::config::dynamic::middleware::access::IpStrategy;
use crate::config::dynamic::middleware::flow::SourceCriterion;
use crate::request::target::canonical_host;

/// Longest source that is kept as it is, in bytes.
const LONGEST: usize = 64;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Which address is the client's.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    place: Place,
    /// Bits of an IPv6 address that count.
    subnet: Option<u8>,
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// That of the connection.
    Connection,
    /// So many from the right in `X-Forwarded-For`, from 1.
    Depth(usize),
    /// The first from the right there that is none of these.
    Except(Vec<IpNet>),
}

/// Networks from what was written.
pub(super) fn networks(written: &[String]) -> Result<Vec<IpNet>, String> {
    let network = |text: &String| {
        let text = text.trim();
        let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
        let network = text.parse::<IpNet>().ok().or_else(address);
        network.ok_or_else(|| {
            format!("cannot parse CIDR {text:?}; write an address or a network like 10.0.0.0/8")
        })
    };
    written.iter().map(network).collect()
}

impl Address {
    /// That of the connection.
    pub(super) const CONNECTION: Self = Self {
        place: Place::Connection,
        subnet: None,
    };

    /// From `ipStrategy`; `depth` comes before `excludedIPs`.
    pub(super) fn new(written: &IpStrategy) -> Result<Self, String> {
        let subnet = match written.ipv6_subnet {
            None => None,
            Some(bits @ 1..=128) => u8::try_from(bits).ok(),
            Some(bits) => {
                return Err(format!(
                    "invalid IPv6 subnet {bits} value, should be greater to 0 and lower or equal to 128"
                ));
            }
        };
        let depth = usize::try_from(written.depth);
        let depth = depth.map_err(|_| format!("depth {} is negative; count from 1", written.depth))?;
        let place = if depth > 0 {
            Place::Depth(depth)
        } else if written.excluded_ips.is_empty() {
            Place::Connection
        } else {
            Place::Except(networks(&written.excluded_ips)?)
        };
        Ok(Self { place, subnet })
    }

    /// The address as text; empty when there is none.
    pub(super) fn of<'r>(&self, fields: &'r HeaderMap, client: Option<IpAddr>) -> Cow<'r, str> {
        let found = match &self.place {
            Place::Connection => Cow::Owned(client.map(|client| client.to_string()).unwrap_or_default()),
            Place::Depth(depth) => Cow::Borrowed(entries(fields).nth(depth - 1).unwrap_or_default()),
            Place::Except(networks) => {
                let is_other = |entry: &&str| {
                    let address = parse(entry);
                    !entry.is_empty() && !address.is_some_and(|address| contain(networks, address))
                };
                Cow::Borrowed(entries(fields).find(is_other).unwrap_or_default())
            }
        };
        match (self.subnet, parse(&found)) {
            (Some(bits), Some(IpAddr::V6(address))) => Cow::Owned(network_of(address, bits)),
            _ => found,
        }
    }
}

/// What `X-Forwarded-For` lists, from the right; several fields are one list.
fn entries(fields: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = fields.get_all(&FOR).iter().rev();
    let values = values.filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.rsplit(',')).map(str::trim)
}

/// An address, with a port or without.
pub(super) fn parse(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.parse()
        .ok()
        .or_else(with_port)
        .map(|address: IpAddr| address.to_canonical())
}

/// Is the address in one of these?
pub(super) fn contain(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

fn network_of(address: Ipv6Addr, bits: u8) -> String {
    let kept = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
    Ipv6Addr::from_bits(address.to_bits() & kept).to_string()
}

/// Whose requests are counted together.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Those of one address.
    Address(Address),
    /// Those with the same value of this field.
    Field(HeaderName),
    /// Those for the same host.
    Host,
}

impl Source {
    /// From `sourceCriterion`; `usual` where nothing is said.
    pub(super) fn new(written: Option<&SourceCriterion>, usual: Self) -> Result<Self, String> {
        let Some(written) = written else {
            return Ok(usual);
        };
        let name = &written.request_header_name;
        match (&written.ip_strategy, name.as_str(), written.request_host) {
            (None, "", false) => Ok(usual),
            (None, "", true) => Ok(Self::Host),
            (Some(strategy), "", false) => Ok(Self::Address(Address::new(strategy)?)),
            (None, name, false) => {
                let name = HeaderName::from_bytes(name.as_bytes());
                name.map(Self::Field).map_err(|_| {
                    format!(
                        "requestHeaderName {:?} is no name of a field",
                        written.request_header_name
                    )
                })
            }
            (Some(_), _, true) => Err("iPStrategy and RequestHost are mutually exclusive".to_owned()),
            (Some(_), _, false) => Err("iPStrategy and RequestHeaderName are mutually exclusive".to_owned()),
            (None, _, true) => Err("requestHost and requestHeaderName are mutually exclusive".to_owned()),
        }
    }

    /// The source of this request; what is longer than an address can be is named by its hash.
    pub(super) fn of<'r>(&self, request: &'r dyn Request, client: Option<IpAddr>) -> Cow<'r, str> {
        bounded(match self {
            Self::Address(address) => address.of(request.fields(), client),
            Self::Field(name) => Cow::Borrowed(text(request.fields(), name)),
            Self::Host => canonical_host(host(request)),
        })
    }
}

/// Sources are kept, by the tens of thousands: clients choose their values, but not their length.
fn bounded(source: Cow<'_, str>) -> Cow<'_, str> {
    if source.len() <= LONGEST {
        return source;
    }
    let hash = Sha256::digest(source.as_bytes());
    Cow::Owned(hash.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_takes_no_more_room_than_an_address() {
        assert_eq!(bounded(Cow::Borrowed("10.0.0.1")), "10.0.0.1");
        let (long, longer) = ("a".repeat(900_000), "a".repeat(900_001));
        assert_eq!(bounded(Cow::Borrowed(&long)).len(), 64);
        assert_ne!(bounded(Cow::Borrowed(&long)), bounded(Cow::Borrowed(&longer)));
    }

    fn strategy(depth: i64, excluded: &[&str], subnet: Option<i64>) -> Result<Address, String> {
        Address::new(&IpStrategy {
            depth,
            excluded_ips: excluded.iter().map(|&text| text.to_owned()).collect(),
            ipv6_subnet: subnet,
        })
    }

    fn found(address: &Address, lists: &[&str]) -> String {
        let mut fields = HeaderMap::new();
        for list in lists {
            fields.append(FOR, list.parse().unwrap());
        }
        address
            .of(&fields, Some("10.0.0.9".parse().unwrap()))
            .into_owned()
    }

    #[test]
    fn the_address_is_found_as_traefik_finds_it() {
        for (depth, excluded, lists, expected) in [
            (0, &[][..], &["1.1.1.1"][..], "10.0.0.9"),
            (1, &[], &["1.1.1.1, 2.2.2.2"], "2.2.2.2"),
            (2, &[], &["1.1.1.1, 2.2.2.2"], "1.1.1.1"),
            (2, &[], &["1.1.1.1", "2.2.2.2"], "1.1.1.1"),
            (3, &[], &["1.1.1.1, 2.2.2.2"], ""),
            (1, &[], &[], ""),
            (1, &["9.9.9.9"], &["1.1.1.1, 2.2.2.2"], "2.2.2.2"),
            (0, &["2.2.2.2"], &["1.1.1.1, 2.2.2.2"], "1.1.1.1"),
            (0, &["2.2.0.0/16", "1.1.1.1"], &["1.1.1.1, 2.2.2.2"], ""),
            (0, &["2.2.2.2"], &["1.1.1.1, , 2.2.2.2"], "1.1.1.1"),
            (0, &["2.2.2.2"], &["garbage, 2.2.2.2"], "garbage"),
        ] {
            let address = strategy(depth, excluded, None).unwrap();
            assert_eq!(found(&address, lists), expected, "{depth} {excluded:?} {lists:?}");
        }
    }

    #[test]
    fn a_subnet_of_ipv6_counts_as_one_and_ipv4_stays() {
        let address = strategy(1, &[], Some(64)).unwrap();
        assert_eq!(found(&address, &["2001:db8:1:2:3:4:5:6"]), "2001:db8:1:2::");
        assert_eq!(found(&address, &["1.2.3.4"]), "1.2.3.4");
        assert_eq!(found(&strategy(1, &[], Some(128)).unwrap(), &["::1"]), "::1");
    }

    #[test]
    fn mistakes_are_said() {
        for (depth, excluded, subnet, words) in [
            (-1, &[][..], None, "depth -1 is negative"),
            (0, &["foo"], None, "cannot parse CIDR \"foo\""),
            (0, &[], Some(0), "invalid IPv6 subnet 0 value"),
            (0, &[], Some(129), "invalid IPv6 subnet 129 value"),
        ] {
            let error = strategy(depth, excluded, subnet).unwrap_err();
            assert!(error.starts_with(words), "{error}");
        }
    }

    #[test]
    fn a_source_is_one_thing() {
        let written = |ip: bool, name: &str, request_host| SourceCriterion {
            ip_strategy: ip.then(IpStrategy::default),
            request_header_name: name.to_owned(),
            request_host,
        };
        let source = |written: SourceCriterion| Source::new(Some(&written), Source::Host);
        assert_eq!(Source::new(None, Source::Host), Ok(Source::Host));
        assert_eq!(source(written(false, "", false)), Ok(Source::Host));
        assert_eq!(
            source(written(true, "", false)),
            Ok(Source::Address(Address::CONNECTION))
        );
        assert!(matches!(
            source(written(false, "X-Key", false)),
            Ok(Source::Field(_))
        ));
        for (two, words) in [
            (written(true, "a", false), "iPStrategy and RequestHeaderName"),
            (written(true, "", true), "iPStrategy and RequestHost"),
            (written(false, "a", true), "requestHost and requestHeaderName"),
            (
                written(false, "a b", false),
                "requestHeaderName \"a b\" is no name",
            ),
        ] {
            assert!(source(two).unwrap_err().starts_with(words));
        }
    }
}
