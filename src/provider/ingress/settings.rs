//! `service.*` of a Service and of the Ingresses that name it, as one.
//!
//! The Service's own count most, then those of Ingresses from the oldest on, then what ingress-nginx's annotations
//! stand for, again from the oldest on: field by field, a list as one field.

use std::collections::BTreeMap;

use super::Id;
use super::notes::Notes;
use super::object::Annotations;
use crate::config::annotations::Annotation;
use crate::config::did_you_mean;
use crate::config::dynamic::{ServiceAnnotations, service_annotations};

/// Annotations that one object gives to a service.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layer<'a> {
    /// The Ingress; `None` for the Service itself.
    pub ingress: Option<&'a Id>,
    /// What it says.
    pub annotations: &'a [Annotation],
}

/// All annotations below our prefix; says when one is written where nobody reads it.
pub(super) fn own(annotations: &Annotations, on: &str, notes: &mut Notes) -> Vec<Annotation> {
    let annotations = annotations.iter();
    let own: Vec<Annotation> = annotations
        .filter_map(|(key, value)| Annotation::new(key, value))
        .collect();
    for annotation in &own {
        if annotation.is_of("service") || (annotation.is_of("router") && on == "Ingress") {
            continue;
        }
        let written = &annotation.written;
        if annotation.is_of("router") {
            notes.warn(format!(
                "annotation {written} has no effect on a {on}; write it on the Ingress"
            ));
            continue;
        }
        let branch = annotation.label.split('.').nth(1).unwrap_or_default();
        if let Some(meant) = did_you_mean(branch, ["router", "service"]).filter(|meant| *meant != branch) {
            notes.warn(format!(
                "annotation {written}: nobody looks at it; did you mean {meant}.?"
            ));
        }
    }
    own
}

/// What a Service says of itself together with what Ingresses say of it; `None`, with the reasons noted, when something
/// cannot be read.
pub(super) fn settings(
    own: &[Annotation],
    layers: &[Layer<'_>],
    notes: &mut Notes,
) -> Option<ServiceAnnotations> {
    let cost = "cannot create service";
    let (settings, problems) = service_annotations(own);
    if notes.problems(&problems, cost) {
        return None;
    }
    if layers.is_empty() {
        return Some(settings);
    }
    let own = Layer {
        ingress: None,
        annotations: own,
    };
    let merged = merged(own, layers, notes);
    let (settings, problems) = service_annotations(merged);
    // What each says alone has been told with it.
    if problems.iter().any(|problem| problem.is_error()) {
        notes.problems(&problems, cost);
        return None;
    }
    Some(settings)
}

fn merged<'a>(own: Layer<'a>, layers: &[Layer<'a>], notes: &mut Notes) -> Vec<&'a Annotation> {
    let mut fields: BTreeMap<String, Given<'a>> = BTreeMap::new();
    // What two Ingresses disagree about, by the two.
    let mut disputes: BTreeMap<(&Id, &Id), Vec<&str>> = BTreeMap::new();
    for layer in [&own].into_iter().chain(layers) {
        let mut added: BTreeMap<String, Given<'a>> = BTreeMap::new();
        let services = layer.annotations.iter();
        for annotation in services.filter(|annotation| annotation.is_of("service")) {
            let field = field(&annotation.label);
            let Some((by, agrees)) = rival(&fields, &field, annotation) else {
                let given = added.entry(field).or_insert_with(|| Given {
                    by: layer.ingress,
                    annotations: Vec::new(),
                });
                given.annotations.push(annotation);
                continue;
            };
            if let (Some(winner), Some(loser), false) = (by, layer.ingress, agrees)
                && winner != loser
            {
                let about = disputes.entry((winner, loser)).or_default();
                about.push(&annotation.written);
            }
        }
        fields.append(&mut added);
    }
    for ((winner, loser), mut about) in disputes {
        about.dedup();
        notes.warn(format!(
            "ingress {winner} and ingress {loser} disagree about {}: what ingress {winner} says counts, which is older",
            about.join(", ")
        ));
    }
    fields.into_values().flat_map(|given| given.annotations).collect()
}

/// One field, as one object gives it.
struct Given<'a> {
    by: Option<&'a Id>,
    annotations: Vec<&'a Annotation>,
}

/// Who leaves no room for an annotation, and whether that one says the same: it gives the same field, or a part of the
/// block that the annotation switches on or off.
fn rival<'a>(
    fields: &BTreeMap<String, Given<'a>>,
    field: &str,
    annotation: &Annotation,
) -> Option<(Option<&'a Id>, bool)> {
    if let Some(given) = fields.get(field) {
        let says_the_same = |known: &Annotation| {
            known.label.eq_ignore_ascii_case(&annotation.label) && known.value == annotation.value
        };
        return Some((
            given.by,
            given.annotations.iter().any(|known| says_the_same(known)),
        ));
    }
    let below = format!("{field}.");
    let (_, part) = fields
        .range(below.clone()..)
        .next()
        .filter(|(part, _)| part.starts_with(&below))?;
    let switches_on = annotation.value.is_empty() || annotation.value.eq_ignore_ascii_case("true");
    Some((part.by, switches_on))
}

/// What is one thing to say: lists are given whole.
fn field(label: &str) -> String {
    let list = label.split('[').next().unwrap_or(label);
    list.to_ascii_lowercase()
}
