//! `ipAllowList`, and `ipWhiteList`, its deprecated name.

use std::net::IpAddr;

use http::{HeaderMap, StatusCode};
use ipnet::IpNet;

use super::answer::Answer;
use super::source::{Address, contain, networks, parse};
use crate::config::dynamic::middleware::access as wire;

/// Lets only some addresses in.
#[derive(Debug)]
pub(super) struct AllowList {
    networks: Vec<IpNet>,
    address: Address,
    rejected: StatusCode,
}

impl AllowList {
    /// From `ipAllowList`.
    pub(super) fn new(written: &wire::IpAllowList) -> Result<Self, String> {
        if written.source_range.is_empty() {
            return Err("sourceRange is empty, IPAllowLister not created".to_owned());
        }
        let status = match written.reject_status_code {
            0 => 403,
            code => code,
        };
        let known = StatusCode::from_u16(status).ok();
        let known = known.filter(|status| status.canonical_reason().is_some() && !status.is_informational());
        let address = written.ip_strategy.as_ref().map(Address::new).transpose()?;
        Ok(Self {
            networks: networks(&written.source_range)?,
            address: address.unwrap_or(Address::CONNECTION),
            rejected: known.ok_or_else(|| format!("invalid HTTP status code {status}"))?,
        })
    }

    /// The answer to those who may not come in.
    pub(super) fn answer(&self, fields: &HeaderMap, client: Option<IpAddr>) -> Option<Answer> {
        let address = if self.address == Address::CONNECTION {
            client
        } else {
            parse(&self.address.of(fields, client))
        };
        let is_in = address.is_some_and(|address| contain(&self.networks, address));
        (!is_in).then(|| Answer::of_status(self.rejected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AllowEmpty;

    fn list(range: &[&str], depth: i64, code: u16) -> Result<AllowList, String> {
        AllowList::new(&wire::IpAllowList {
            source_range: range.iter().map(|&text| text.to_owned()).collect(),
            ip_strategy: AllowEmpty::present(wire::IpStrategy {
                depth,
                ..wire::IpStrategy::default()
            }),
            reject_status_code: code,
        })
    }

    fn status(list: &AllowList, client: Option<&str>, forwarded: &str) -> Option<u16> {
        let fields = HeaderMap::from_iter([("x-forwarded-for".parse().unwrap(), forwarded.parse().unwrap())]);
        let client = client.map(|client| client.parse().unwrap());
        list.answer(&fields, client).map(|answer| answer.status.as_u16())
    }

    #[test]
    fn only_listed_addresses_get_in() {
        let direct = list(&["20.20.20.20", "10.0.0.0/8", "::1"], 0, 0).unwrap();
        for (client, expected) in [
            (Some("20.20.20.20"), None),
            (Some("10.9.9.9"), None),
            (Some("::1"), None),
            (Some("20.20.20.21"), Some(403)),
            (None, Some(403)),
        ] {
            assert_eq!(status(&direct, client, "20.20.20.20"), expected, "{client:?}");
        }
        let behind = list(&["20.20.20.20"], 1, 404).unwrap();
        for (forwarded, expected) in [
            ("1.1.1.1, 20.20.20.20", None),
            ("1.1.1.1, 20.20.20.20:4711", None),
            ("20.20.20.20, 1.1.1.1", Some(404)),
            ("", Some(404)),
            ("rubbish", Some(404)),
            (",,,", Some(404)),
        ] {
            assert_eq!(
                status(&behind, Some("20.20.20.20"), forwarded),
                expected,
                "{forwarded}"
            );
        }
    }

    #[test]
    fn mistakes_are_said() {
        for (list, words) in [
            (list(&[], 0, 0), "sourceRange is empty, IPAllowLister not created"),
            (list(&["foo"], 0, 0), "cannot parse CIDR \"foo\""),
            (list(&["10.0.0.0/33"], 0, 0), "cannot parse CIDR \"10.0.0.0/33\""),
            (list(&["::1"], 0, 600), "invalid HTTP status code 600"),
            (list(&["::1"], -2, 0), "depth -2 is negative"),
        ] {
            assert!(list.unwrap_err().starts_with(words));
        }
    }
}
