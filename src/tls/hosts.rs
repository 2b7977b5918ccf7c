//! Which options a host is served under: the routers' word on it, by the hosts in their rules.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::DEFAULT;
use crate::rule::HostPattern;

/// Names of options by host, for one entry point.
#[derive(Debug, Clone, Default)]
pub struct Hosts {
    exact: ByHost,
    wildcard: ByHost,
}

type ByHost = HashMap<Box<str>, Arc<str>, RandomState>;

/// Two routers want a host under different options.
#[derive(Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The host, `*.` and what follows included.
    pub host: String,
    /// The options, sorted.
    pub options: Vec<Arc<str>>,
}

impl Conflict {
    /// Is it this host that they disagree about?
    #[must_use]
    pub fn is_about(&self, host: &HostPattern) -> bool {
        match host {
            HostPattern::Exact(host) => *host == self.host,
            HostPattern::Wildcard(suffix) => self.host.strip_prefix("*.") == Some(suffix),
        }
    }
}

impl Hosts {
    /// What the routers say: a host and options, each. Where they disagree the default options count, as in Traefik.
    #[must_use]
    pub fn new<'r>(wishes: impl Iterator<Item = (&'r HostPattern, &'r Arc<str>)>) -> (Self, Vec<Conflict>) {
        let mut wanted: HashMap<&HostPattern, Vec<&Arc<str>>> = HashMap::new();
        for (host, options) in wishes {
            let all = wanted.entry(host).or_default();
            if !all.contains(&options) {
                all.push(options);
            }
        }
        let mut conflicts = Vec::new();
        let mut hosts = Self::default();
        if wanted.values().flatten().all(|options| &***options == DEFAULT) {
            return (hosts, conflicts);
        }
        let default: Arc<str> = DEFAULT.into();
        for (host, mut options) in wanted {
            let agreed = match options.as_slice() {
                [one] => Arc::clone(one),
                _ => {
                    options.sort_unstable();
                    conflicts.push(Conflict {
                        host: match host {
                            HostPattern::Exact(host) => host.clone(),
                            HostPattern::Wildcard(suffix) => format!("*.{suffix}"),
                        },
                        options: options.into_iter().cloned().collect(),
                    });
                    Arc::clone(&default)
                }
            };
            match host {
                HostPattern::Exact(host) => hosts.exact.insert(host.as_str().into(), agreed),
                HostPattern::Wildcard(suffix) => hosts.wildcard.insert(suffix.as_str().into(), agreed),
            };
        }
        conflicts.sort_unstable_by(|a, b| a.host.cmp(&b.host));
        (hosts, conflicts)
    }

    /// Name of the options of a host in canonical form; no host is one without routers. Allocates nothing.
    #[must_use]
    pub fn options_of(&self, host: &str) -> &str {
        if self.exact.is_empty() && self.wildcard.is_empty() {
            return DEFAULT;
        }
        let host = host.strip_suffix('.').unwrap_or(host);
        let wildcard = || self.wildcard.get(host.split_once('.')?.1);
        self.exact
            .get(host)
            .or_else(wildcard)
            .map_or(DEFAULT, |name| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(wishes: &[(&str, &str)]) -> (Hosts, Vec<Conflict>) {
        let wishes: Vec<(HostPattern, Arc<str>)> = wishes
            .iter()
            .map(|(host, options)| {
                let pattern = match host.strip_prefix("*.") {
                    Some(suffix) => HostPattern::Wildcard(suffix.to_owned()),
                    None => HostPattern::Exact((*host).to_owned()),
                };
                (pattern, Arc::from(*options))
            })
            .collect();
        Hosts::new(wishes.iter().map(|(host, options)| (host, options)))
    }

    #[test]
    fn a_host_has_the_options_of_its_routers_and_others_the_default_ones() {
        let (hosts, conflicts) = hosts(&[
            ("a.test", "modern@file"),
            ("a.test", "modern@file"),
            ("*.test", "old@file"),
            ("b.test", DEFAULT),
        ]);
        assert_eq!(conflicts, []);
        for (host, options) in [
            ("a.test", "modern@file"),
            ("a.test.", "modern@file"),
            ("b.test", DEFAULT),
            ("c.test", "old@file"),
            ("x.c.test", DEFAULT),
            ("test", DEFAULT),
            ("", DEFAULT),
        ] {
            assert_eq!(hosts.options_of(host), options, "{host}");
        }
    }

    #[test]
    fn a_host_that_routers_disagree_about_has_the_default_options() {
        let (hosts, conflicts) = hosts(&[
            ("a.test", "modern@file"),
            ("a.test", "old@file"),
            ("*.b.test", "modern@file"),
            ("*.b.test", DEFAULT),
        ]);
        assert_eq!(hosts.options_of("a.test"), DEFAULT);
        assert_eq!(hosts.options_of("x.b.test"), DEFAULT);
        let said: Vec<&str> = conflicts.iter().map(|conflict| conflict.host.as_str()).collect();
        assert_eq!(said, ["*.b.test", "a.test"]);
        assert_eq!(&*conflicts[1].options[0], "modern@file");
    }
}
