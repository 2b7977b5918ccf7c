//! Whose word counts: `trustedIPs` and `insecure`.

use std::net::IpAddr;

use ipnet::IpNet;

/// An address list that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}.trustedIPs: {text:?} is neither an address nor a network like 10.0.0.0/8")]
pub struct InvalidTrust {
    key: &'static str,
    text: String,
}

/// Addresses that are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    all: bool,
    networks: Vec<IpNet>,
}

impl Trust {
    /// Everybody where `all`, else those in `written`, which stands below `key`.
    ///
    /// # Errors
    /// When something is no address and no network.
    pub fn new(key: &'static str, all: bool, written: &[String]) -> Result<Self, InvalidTrust> {
        let network = |text: &String| {
            let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
            let network = text.parse::<IpNet>().ok().or_else(address);
            network.ok_or_else(|| InvalidTrust {
                key,
                text: text.clone(),
            })
        };
        let networks = written.iter().map(network).collect::<Result<_, _>>()?;
        Ok(Self { all, networks })
    }

    /// Is this address believed?
    #[must_use]
    pub fn includes(&self, address: IpAddr) -> bool {
        self.all || self.networks.iter().any(|network| network.contains(&address))
    }

    /// Is everybody, even one whose address is not known?
    #[must_use]
    pub fn is_blind(&self) -> bool {
        self.all
    }
}
