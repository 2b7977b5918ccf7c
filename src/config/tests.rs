//! Facts about ring 0. One module per subject; a test's name is the fact.

// What each rule of Traefik's decoder does to a tree.
mod decode;
// Whole dynamic files: the article's samples, all kinds of blocks, both notations.
mod dynamic;
// What is printed as Traefik's API prints it: what is left out, what is hidden, and that it reads back.
mod encode;
// Whole static files: Traefik's keys, Pingora's keys, what is not supported.
mod install;
// What problems look like, and guesses.
mod problem;
// Nothing panics on any text; what is printed can be read back.
mod properties;
// Keys of signed cookies; no mistake shows one.
mod secret;
// Labels: their grammar, their dialect, whatever stands in them.
mod labels;
// Positions and text of TOML.
mod toml;
// Durations against Go's own vectors.
mod units;
// Positions, merge keys, duplicates, bounds of YAML.
mod yaml;

use super::dynamic::Configuration;
use super::{Notation, Problem};

/// Reads a dynamic file in YAML that is expected to be right, warnings included.
fn config(text: &str) -> Configuration {
    match super::dynamic::read(text.as_bytes(), Notation::Yaml, None) {
        Ok((configuration, warnings)) if warnings.is_empty() => configuration,
        Ok((_, problems)) | Err(problems) => panic!("{text}\n{}", super::Problems(problems)),
    }
}

/// What is printed about a dynamic file in YAML, line by line; empty when all is well.
fn said(text: &str) -> Vec<String> {
    match super::dynamic::read(text.as_bytes(), Notation::Yaml, None) {
        Ok((_, problems)) | Err(problems) => lines(&problems),
    }
}

fn lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}
