//! All containers of an engine -> one configuration, and what there is to say.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::address::{Neighbours, Whereabouts};
use super::filter::usage;
use super::labels::in_words;
use super::merge::merge;
use super::part::{Maker, Part, service_name};
use super::remark::Notes;
use super::{Container, Flavour, Options, Remark};
use crate::config::dynamic::Configuration;

/// What containers mean.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Conversion {
    /// Everything they configure.
    pub configuration: Configuration,
    /// What there is to say, in a stable order.
    pub remarks: Vec<Remark>,
}

/// Converts all containers of an engine. Their order does not matter.
///
/// A mistake takes down the container it is in, nothing else: it contributes nothing, and a remark names it with the
/// label.
pub fn convert<'c>(containers: impl IntoIterator<Item = &'c Container>, options: &Options) -> Conversion {
    let containers: Vec<&Container> = containers.into_iter().collect();
    let neighbours = Neighbours::among(&containers);
    let mut named: Vec<Named<'_>> = containers.into_iter().map(Named::new).collect();
    named.sort_by(|one, other| one.key.cmp(&other.key));
    let mut remarks = Vec::new();
    let parts = named
        .iter()
        .filter_map(|named| named.part(options, &neighbours, &mut remarks));
    let parts: Vec<Part<'_>> = parts.collect();
    if options.provider == Flavour::Swarm {
        said_once(&named, &mut remarks);
    }
    let configuration = merge(&parts, &mut remarks);
    Conversion {
        configuration,
        remarks,
    }
}

/// A container with the name of its service, and what it is sorted by.
struct Named<'c> {
    container: &'c Container,
    name: Cow<'c, str>,
    key: String,
}

impl<'c> Named<'c> {
    fn new(container: &'c Container) -> Self {
        let name = service_name(container);
        Self {
            container,
            key: [&*name, "-", &container.id].concat(),
            name,
        }
    }

    /// What it contributes; `None`, with the reason noted, when that is nothing.
    fn part(
        &self,
        options: &'c Options,
        neighbours: &'c Neighbours<'c>,
        remarks: &mut Vec<Remark>,
    ) -> Option<Part<'c>> {
        let container = self.container;
        let mut notes = Notes::of(container, remarks);
        let extras = match container.labels.extras(options.provider) {
            Ok(extras) => extras,
            Err(why) => {
                notes.error(left_out(&why));
                return None;
            }
        };
        let usage = usage(container, &extras, options, &mut notes)?;
        if extras.deprecated {
            notes.warn(
                "labels traefik.docker.* are deprecated for services of a swarm; write traefik.swarm.*",
            );
        }
        let mut broken = false;
        for problem in container.labels.problems() {
            if problem.is_error() {
                broken = true;
                notes.error(left_out(&in_words(problem)));
            } else {
                notes.warn(in_words(problem));
            }
        }
        if broken {
            return None;
        }
        let maker = Maker {
            container,
            name: &self.name,
            usage,
            default_rule: &options.default_rule,
            whereabouts: Whereabouts::new(container, extras.network, options, neighbours),
            notes: Notes::of(container, remarks),
        };
        let made = maker.make();
        made.map_err(|why| Notes::of(container, remarks).error(left_out(&why)))
            .ok()
    }
}

/// Tasks share the labels of their service: what was said about one is not said about the next.
fn said_once(named: &[Named<'_>], remarks: &mut Vec<Remark>) {
    let services: HashMap<&str, &str> = named
        .iter()
        .map(|named| (named.container.title.as_str(), named.container.name.as_str()))
        .collect();
    let mut said = HashSet::new();
    remarks.retain(|remark| {
        let service = services.get(remark.about.as_str()).copied();
        said.insert((service, remark.level, remark.text.clone()))
    });
}

fn left_out(why: &str) -> String {
    format!("left out: {why}")
}
