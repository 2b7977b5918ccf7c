//! Annotations of Kubernetes to labels, and so to types (traefik-providers 5.3).
//!
//! An annotation is a label in other letters: `traefik.ingress.kubernetes.io/router.tls.domains.0.main` is
//! `traefik.router.tls.domains[0].main`. Problems name the annotation as it is written.

use serde::de::DeserializeOwned;

use super::labels;
use super::problem::Problem;

/// What annotations for routers and services begin with, in this case only.
pub const PREFIX: &str = "traefik.ingress.kubernetes.io/";

/// One annotation as a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// The key of the label.
    pub label: Box<str>,
    /// The value.
    pub value: Box<str>,
    /// The key of the annotation.
    pub written: Box<str>,
}

impl Annotation {
    /// The label that an annotation is; `None` when it is somebody else's.
    #[must_use]
    pub fn new(key: &str, value: &str) -> Option<Self> {
        let label = label(key.strip_prefix(PREFIX)?);
        Some(Self {
            label: label.into(),
            value: value.into(),
            written: key.into(),
        })
    }

    /// Is it one of `branch`, as `router` or `service`, by the rules of labels?
    #[must_use]
    pub fn is_of(&self, branch: &str) -> bool {
        let rest = self.label.strip_prefix("traefik.").unwrap_or_default();
        rest.split_once('.')
            .is_some_and(|(first, _)| first.eq_ignore_ascii_case(branch))
    }
}

/// `$1.$2[$3].$4` for what `(.+)\.(\w+)\.(\d+)\.(.+)` finds; what is greedy in it makes the last number the index.
fn label(rest: &str) -> String {
    let parts: Vec<&str> = rest.split('.').collect();
    let is_word = |part: &&&str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let index = (1..parts.len().saturating_sub(1)).rev().find(|&index| {
        parts.get(index).is_some_and(|part| is_number(part))
            && parts.get(index - 1).filter(is_word).is_some()
            && parts
                .get(index + 1..)
                .is_some_and(|after| after.iter().any(|part| !part.is_empty()) || after.len() > 1)
    });
    let mut label = "traefik".to_owned();
    for (place, part) in parts.iter().enumerate() {
        if Some(place) == index {
            label.extend(["[", part, "]"]);
        } else {
            label.extend([".", part]);
        }
    }
    label
}

/// Reads annotations that begin with one of `prefixes` as labels, as one value below `traefik`.
///
/// When there is an error among the problems, nothing of the value may be used.
pub fn read<'a, T: DeserializeOwned + Default>(
    annotations: impl IntoIterator<Item = &'a Annotation> + Clone,
    prefixes: &[&str],
) -> (T, Vec<Problem>) {
    let labels = annotations.clone().into_iter();
    let labels = labels.map(|annotation| (&*annotation.label, &*annotation.value));
    let (value, problems) = labels::read(labels, prefixes);
    let as_written = |problem: Problem| {
        let mut known = annotations.clone().into_iter();
        match known.find(|annotation| *annotation.label == *problem.key_path) {
            Some(annotation) => problem.about(&annotation.written),
            None if problem.key_path.is_empty() => problem,
            None => {
                let written = written(&problem.key_path);
                problem.about(&written)
            }
        }
    };
    (value, problems.into_iter().map(as_written).collect())
}

/// The annotation that a label, or the beginning of one, is.
#[must_use]
pub fn written(label: &str) -> String {
    let rest = label.strip_prefix("traefik.").unwrap_or(label);
    let dotted = rest.replace('[', ".").replace(']', "");
    format!("{PREFIX}{dotted}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_number_between_dots_is_an_index() {
        for (key, expected) in [
            ("router.tls", "traefik.router.tls"),
            ("router.tls.domains.0.main", "traefik.router.tls.domains[0].main"),
            ("service.a.1.b.2.c", "traefik.service.a.1.b[2].c"),
            ("service.a.1.2.c", "traefik.service.a.1[2].c"),
            ("service.a.1", "traefik.service.a.1"),
            ("service.a-b.1.c", "traefik.service.a-b.1.c"),
            ("0.a", "traefik.0.a"),
            ("Router.X", "traefik.Router.X"),
        ] {
            let annotation = Annotation::new(&format!("{PREFIX}{key}"), "").unwrap();
            assert_eq!(&*annotation.label, expected);
        }
        assert_eq!(
            Annotation::new("Traefik.ingress.kubernetes.io/router.tls", ""),
            None
        );
    }

    #[test]
    fn what_a_label_is_called_as_an_annotation() {
        assert_eq!(
            written("traefik.router.tls.domains[0].main"),
            "traefik.ingress.kubernetes.io/router.tls.domains.0.main"
        );
    }
}
