//! Dynamic files: what they mean, or why they are refused.

use std::collections::BTreeMap;
use std::path::Path;

use piton::config::dynamic::{self, Configuration};
use piton::config::{Notation, Problem};
use piton::provider::file::Source;
use serde::Deserialize;

use crate::{Differences, expect, expect_printed_and_read};

/// `rows`: files with what they mean or what is said about them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Loads {
    #[serde(default)]
    toml: bool,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    file: String,
    /// YAML that means the same; empty for the empty configuration. Without it the file is refused.
    means: Option<String>,
    /// Every problem, errors and warnings, as printed; a `*` at the end stands for any rest.
    #[serde(default)]
    says: Vec<String>,
}

pub fn loads(case: Loads) -> Differences {
    let notation = if case.toml { Notation::Toml } else { Notation::Yaml };
    let mut differences = Vec::new();
    for row in case.rows {
        let (means, problems) = match dynamic::read(row.file.as_bytes(), notation, None) {
            Ok((configuration, warnings)) => (Some(configuration), warnings),
            Err(problems) => (None, problems),
        };
        if let Some(means) = &means {
            expect_printed_and_read(&mut differences, &row.file, means);
        }
        expect(
            &mut differences,
            &row.file,
            row.means.as_deref().map(meaning),
            means,
        );
        said(&mut differences, &row.file, &row.says, &problems);
    }
    differences
}

fn meaning(yaml: &str) -> Configuration {
    match dynamic::read(yaml.as_bytes(), Notation::Yaml, None) {
        Ok((configuration, _)) => configuration,
        Err(problems) => panic!("`means` is wrong itself: {problems:?}"),
    }
}

fn said(differences: &mut Differences, what: &str, expected: &[String], problems: &[Problem]) {
    let found: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let fits = |(expected, found): (&String, &String)| match expected.strip_suffix('*') {
        Some(start) => found.starts_with(start),
        None => found == expected,
    };
    if expected.len() != found.len() || !expected.iter().zip(&found).all(fits) {
        expect(differences, what, expected.to_vec(), found);
    }
}

/// `files` by path in one directory, what they mean together, and what is said with `DIR` for the
/// directory.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    files: BTreeMap<String, String>,
    /// Link to target, as written.
    #[serde(default)]
    links: BTreeMap<String, String>,
    means: Option<String>,
    #[serde(default)]
    says: Vec<String>,
}

pub fn directory(case: Directory) -> Differences {
    let root = std::env::temp_dir().join(format!(
        "piton-compat-{}-{}",
        std::process::id(),
        fastrand::u64(..)
    ));
    for (path, text) in &case.files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    for (link, target) in &case.links {
        std::os::unix::fs::symlink(target, root.join(link)).unwrap();
    }
    let differences = loaded(&case, &root);
    std::fs::remove_dir_all(&root).unwrap();
    differences
}

fn loaded(case: &Directory, root: &Path) -> Differences {
    let mut differences = Vec::new();
    let (means, problems) = match Source::Directory(root.to_owned()).load() {
        Ok(loaded) => (Some(loaded.configuration), loaded.warnings),
        Err(problems) => (None, problems),
    };
    let says: Vec<String> = case
        .says
        .iter()
        .map(|line| line.replace("DIR", &root.to_string_lossy()))
        .collect();
    expect(
        &mut differences,
        "the directory",
        case.means.as_deref().map(meaning),
        means,
    );
    said(&mut differences, "the directory", &says, &problems);
    differences
}
