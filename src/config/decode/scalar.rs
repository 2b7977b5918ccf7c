//! Text to numbers, durations and lists, with refusals in people's words.

use std::num::IntErrorKind;

use crate::config::node::{Node, Value};
use crate::config::problem::Position;
use crate::config::units::Span;

/// Names listed in a hint at most.
const LISTED: usize = 12;
/// Parts of a list written as one text at most: beyond it is no list, and each part costs far more than its comma.
const MAX_PARTS: usize = 100_000;

/// Why a text was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// What is wrong.
    pub(super) message: String,
    /// What would be right.
    pub(super) hint: Option<String>,
}

impl Refusal {
    fn new(message: String) -> Self {
        Self { message, hint: None }
    }
}

/// A whole number within bounds, in decimal as Go's `strconv.ParseInt` reads it.
pub(super) fn signed(text: &str, min: i64, max: i64) -> Result<i64, Refusal> {
    match text.parse::<i64>() {
        Ok(number) if (min..=max).contains(&number) => Ok(number),
        Err(error) if is_no_number(error.kind()) => Err(no_number(text)),
        _ => Err(out_of_range(text, &min, &max)),
    }
}

/// The same without a sign.
pub(super) fn unsigned(text: &str, max: u64) -> Result<u64, Refusal> {
    let is_negative = text
        .strip_prefix('-')
        .is_some_and(|rest| rest.parse::<u64>().is_ok());
    match text.parse::<u64>() {
        Ok(number) if number <= max => Ok(number),
        Err(error) if is_no_number(error.kind()) && !is_negative => Err(no_number(text)),
        _ => Err(out_of_range(text, &0, &max)),
    }
}

/// A number.
pub(super) fn float(text: &str) -> Result<f64, Refusal> {
    text.parse()
        .map_err(|_| Refusal::new(format!("{text:?} is not a number")))
}

/// A duration.
pub(super) fn span(text: &str) -> Result<Span, Refusal> {
    text.parse().map_err(|error: crate::config::InvalidSpan| Refusal {
        message: error.to_string(),
        hint: Some("write it like 30s, 1m30s or 500ms; a bare number counts seconds".to_owned()),
    })
}

/// The parts of a list written as one text: `web, websecure`. Empty text is an empty list; `None` means too many parts.
pub(super) fn split_list(text: &str, at: Position) -> Option<Vec<Node>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    if text.bytes().filter(|byte| *byte == b',').count() >= MAX_PARTS {
        return None;
    }
    let parts = text
        .split(',')
        .map(|part| Node::new(at, Value::Scalar(part.trim().to_owned())));
    Some(parts.collect())
}

/// `a, b, c`; long lists are cut.
pub(super) fn listed(names: &[&str]) -> String {
    let mut listed: Vec<&str> = Vec::new();
    for name in names {
        // An alias in another case is no news.
        if !listed.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            listed.push(name);
        }
    }
    if listed.is_empty() {
        return "nothing".to_owned();
    }
    let cut = listed.len() > LISTED;
    listed.truncate(LISTED);
    let mut text = listed.join(", ");
    if cut {
        text.push_str(" ...");
    }
    text
}

const fn is_no_number(kind: &IntErrorKind) -> bool {
    matches!(kind, IntErrorKind::Empty | IntErrorKind::InvalidDigit)
}

fn no_number(text: &str) -> Refusal {
    Refusal::new(format!("{text:?} is not a whole number"))
}

fn out_of_range(text: &str, min: &dyn std::fmt::Display, max: &dyn std::fmt::Display) -> Refusal {
    Refusal {
        message: format!("{text} is out of range"),
        hint: Some(format!("{min} to {max} is allowed")),
    }
}
