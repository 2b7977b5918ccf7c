//! Labels (traefik-providers 2.1, 2.2): every rule once.

// How many, how long, and what no message shows.
mod bounds;
// Blocks with values, without keys, switched off, and what only files can say.
mod blocks;
// Which labels are read, and how their keys are taken apart.
mod grammar;
// Lists, the one server, sticky, single values.
mod values;

use super::lines;
use crate::config::dynamic::http::{LoadBalancer, Router};
use crate::config::dynamic::{Configuration, from_labels};

/// What labels mean that are expected to be right, warnings included.
fn config(labels: &[(&str, &str)]) -> Configuration {
    let (configuration, problems) = from_labels(labels.iter().copied());
    assert_eq!(lines(&problems), [""; 0], "{labels:?}");
    configuration
}

/// What is printed about labels, line by line.
fn said(labels: &[(&str, &str)]) -> Vec<String> {
    lines(&from_labels(labels.iter().copied()).1)
}

/// What labels with warnings alone mean.
fn in_spite_of_warnings(labels: &[(&str, &str)]) -> Configuration {
    let (configuration, problems) = from_labels(labels.iter().copied());
    assert!(
        !problems.is_empty() && !problems.iter().any(|problem| problem.is_error()),
        "{problems:?}"
    );
    configuration
}

/// Labels below `prefix`, as `key=value`.
fn below<'l>(prefix: &str, written: &[&'l str]) -> Vec<(String, &'l str)> {
    let label = |text: &&'l str| {
        let (key, value) = text.split_once('=').unwrap();
        (format!("{prefix}{key}"), value)
    };
    written.iter().map(label).collect()
}

fn borrowed<'l>(labels: &'l [(String, &'l str)]) -> Vec<(&'l str, &'l str)> {
    labels.iter().map(|(key, value)| (key.as_str(), *value)).collect()
}

const ROUTER: &str = "traefik.http.routers.app.";
const BALANCER: &str = "traefik.http.services.app.loadbalancer.";

fn router(written: &[&str]) -> Router {
    config(&borrowed(&below(ROUTER, written))).http.routers["app"]
        .as_ref()
        .clone()
}

fn router_said(written: &[&str]) -> Vec<String> {
    said(&borrowed(&below(ROUTER, written)))
}

fn balancer(written: &[&str]) -> LoadBalancer {
    let configuration = config(&borrowed(&below(BALANCER, written)));
    configuration.http.services["app"].load_balancer.clone().unwrap()
}

fn balancer_said(written: &[&str]) -> Vec<String> {
    said(&borrowed(&below(BALANCER, written)))
}
