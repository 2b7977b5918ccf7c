//! Containers of an engine, as its inspection prints them: what they configure, and what is said about them.

use std::sync::Arc;

use piton::config::decode::decode;
use piton::config::dynamic::{self, Configuration};
use piton::config::install::{Docker, Meaning, Swarm};
use piton::config::{Notation, Problem};
use piton::provider::containers::{
    Constraints, Container, Conversion, DefaultRule, Flavour, Level, Options, convert,
};
use piton::provider::engine::wire::{Inspect, Network, Node, Service};
use piton::provider::swarm::{self, Meanings};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_yaml::Value;

use crate::{Differences, expect, expect_printed_and_read};

/// `rows`: what an engine tells, with what it means by the options of a provider.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Containers {
    provider: Provider,
    rows: Vec<Row>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Provider {
    Docker,
    Swarm,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// What is special here.
    #[serde(default)]
    when: String,
    /// As below `providers.docker`.
    #[serde(default)]
    options: Value,
    /// Docker: `GET /containers/{id}/json` of each.
    #[serde(default)]
    containers: Vec<Value>,
    /// Swarm: `GET /services`.
    #[serde(default)]
    services: Vec<Value>,
    /// Swarm: `GET /tasks`.
    #[serde(default)]
    tasks: Vec<Value>,
    /// Swarm: `GET /nodes`.
    #[serde(default)]
    nodes: Vec<Value>,
    /// Swarm: `GET /networks`.
    #[serde(default)]
    networks: Vec<Value>,
    /// YAML that means the same; empty for nothing at all.
    #[serde(default)]
    means: String,
    /// Every remark as `level: about: text`; a `*` at the end stands for any rest.
    #[serde(default)]
    says: Vec<String>,
    /// Why the options are refused; a `*` at the end stands for any rest.
    #[serde(default)]
    refused: Option<String>,
}

pub fn containers(case: Containers) -> Differences {
    let mut differences = Vec::new();
    for (index, row) in case.rows.into_iter().enumerate() {
        let what = format!("row {index} {}", row.when);
        let refused = match options(case.provider, &row.options) {
            Ok(options) => {
                converted(&mut differences, &what, &row, &options);
                None
            }
            Err(why) => Some(why),
        };
        let fits = match (&row.refused, &refused) {
            (Some(expected), Some(found)) => said(expected, found),
            (expected, found) => expected.is_none() && found.is_none(),
        };
        if !fits {
            expect(&mut differences, &what, row.refused, refused);
        }
    }
    differences
}

fn converted(differences: &mut Differences, what: &str, row: &Row, options: &Options) {
    let mut containers: Vec<Arc<Container>> = match options.provider {
        Flavour::Docker => row
            .containers
            .iter()
            .map(|json| Arc::new(read::<Inspect>(json).into_container()))
            .collect(),
        Flavour::Swarm => {
            let networks: Vec<Network> = row.networks.iter().map(read).collect();
            let services: Vec<Service> = row.services.iter().map(read).collect();
            let nodes: Vec<Node> = row.nodes.iter().map(read).collect();
            let tasks = swarm::alive(row.tasks.iter().map(read).collect(), &nodes);
            swarm::containers(&Meanings::default().of(services), tasks, &networks)
        }
    };
    let converted = convert(containers.iter().map(|container| &**container), options);
    containers.reverse();
    let reversed = convert(containers.iter().map(|container| &**container), options);
    expect(
        differences,
        &format!("{what}, in another order"),
        &converted,
        &reversed,
    );
    let Conversion {
        configuration,
        remarks,
    } = converted;
    expect_printed_and_read(differences, what, &configuration);
    expect(differences, what, meaning(&row.means), configuration);
    let level = |level| match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
    };
    let remarks = remarks.iter();
    let found: Vec<String> = remarks
        .map(|remark| format!("{}: {}: {}", level(remark.level), remark.about, remark.text))
        .collect();
    let all = row.says.iter().zip(&found);
    if row.says.len() != found.len() || !all.into_iter().all(|(expected, found)| said(expected, found)) {
        expect(differences, what, row.says.clone(), found);
    }
}

fn said(expected: &str, found: &str) -> bool {
    match expected.strip_suffix('*') {
        Some(start) => found.starts_with(start),
        None => found == expected,
    }
}

fn read<T: DeserializeOwned>(json: &Value) -> T {
    let mut json = json.clone();
    json.apply_merge().unwrap();
    serde_yaml::from_value(json).unwrap()
}

fn options(provider: Provider, written: &Value) -> Result<Options, String> {
    match provider {
        Provider::Docker => understood(Flavour::Docker, &decoded::<Docker>(written)?.meaning()),
        Provider::Swarm => understood(Flavour::Swarm, &decoded::<Swarm>(written)?.meaning()),
    }
}

fn decoded<T: DeserializeOwned + Default>(written: &Value) -> Result<T, String> {
    if written.is_null() {
        return Ok(T::default());
    }
    let yaml = serde_yaml::to_string(written).unwrap();
    let node = Notation::Yaml.parse(yaml.as_bytes()).unwrap();
    let mut problems: Vec<Problem> = Vec::new();
    let decoded = decode(&node, "", &mut problems);
    problems
        .first()
        .map_or(Ok(decoded), |problem| Err(problem.to_string()))
}

fn understood(provider: Flavour, written: &Meaning<'_>) -> Result<Options, String> {
    Ok(Options {
        provider,
        exposed_by_default: written.exposed_by_default,
        constraints: Constraints::parse(written.constraints).map_err(|error| error.to_string())?,
        default_rule: DefaultRule::parse(written.default_rule).map_err(|error| error.to_string())?,
        network: written.network.to_owned(),
        use_bind_port_ip: written.use_bind_port_ip,
        allow_empty_services: written.allow_empty_services,
        host: [192, 0, 2, 1].into(),
    })
}

fn meaning(yaml: &str) -> Configuration {
    match dynamic::read(yaml.as_bytes(), Notation::Yaml, None) {
        Ok((configuration, _)) => configuration,
        Err(problems) => panic!("`means` is wrong itself: {problems:?}"),
    }
}
