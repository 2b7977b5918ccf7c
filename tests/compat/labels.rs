//! Labels of one container: what they mean, or why the container is skipped.

use std::collections::BTreeMap;

use piton::config::Notation;
use piton::config::dynamic::{self, Configuration};
use serde::Deserialize;

use crate::{Differences, expect, expect_printed_and_read};

/// `rows`: labels with what they mean or what is said about them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    rows: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// Each as `key=value`, the way compose files write them.
    labels: Vec<String>,
    /// A file in YAML that means the same; empty for the empty configuration. Without it the container is skipped.
    means: Option<String>,
    /// What files cannot say of a service's server: its scheme and port.
    #[serde(default)]
    reached: BTreeMap<String, Reached>,
    /// Every problem, errors and warnings, as printed.
    #[serde(default)]
    says: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reached {
    #[serde(default)]
    scheme: String,
    #[serde(default)]
    port: String,
}

pub fn labels(case: Labels) -> Differences {
    let mut differences = Vec::new();
    for row in case.rows {
        let what = row.labels.join("\n      ");
        let labels = row
            .labels
            .iter()
            .map(|label| label.split_once('=').unwrap_or((label, "")));
        let (configuration, problems) = dynamic::from_labels(labels);
        // Port and scheme of a server are those of its container, and no part of what is printed.
        if row.reached.is_empty() {
            expect_printed_and_read(&mut differences, &what, &configuration);
        }
        let refused = problems.iter().any(|problem| problem.is_error());
        expect(
            &mut differences,
            &what,
            row.means.as_deref().map(|yaml| meaning(yaml, &row.reached)),
            (!refused).then_some(configuration),
        );
        let said = problems.iter().map(ToString::to_string).collect();
        expect(&mut differences, &what, row.says, said);
    }
    differences
}

fn meaning(yaml: &str, reached: &BTreeMap<String, Reached>) -> Configuration {
    let (mut configuration, _) = dynamic::read(yaml.as_bytes(), Notation::Yaml, None)
        .unwrap_or_else(|problems| panic!("`means` is wrong itself: {problems:?}"));
    for (service, Reached { scheme, port }) in reached {
        let service = configuration.http.services.get_mut(service).unwrap();
        let server = &mut service.load_balancer.as_mut().unwrap().servers[0];
        (server.scheme, server.port) = (scheme.clone(), port.clone());
    }
    configuration
}
