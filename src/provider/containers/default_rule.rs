//! `defaultRule`: the template of the rule of routers that have none (traefik-providers 2.4, 2.6).

mod parser;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;

use thiserror::Error;

use crate::config::name::normalize;

/// A template: the part of Go's that people use in rules.
///
/// | written | gives |
/// |---|---|
/// | `{{ .Name }}` | name of the service, normalised |
/// | `{{ .ContainerName }}` | name of the container; of a task that of its service |
/// | `{{ index .Labels "key" }}` | value of a label, empty when it is not there |
/// | `normalize x`, `lower x`, `trimPrefix "p" x` | what becomes of `x` |
/// | `{{ .Name \| lower }}`, `(…)` | pipes and parentheses |
/// | `{{-` and `-}}` | trim white space before or after |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultRule {
    pieces: Vec<Piece>,
}

/// Why a template is none that piton knows.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("defaultRule: {message} (at byte {offset})")]
pub struct InvalidTemplate {
    /// Where in the template, in bytes from its start.
    pub offset: usize,
    /// What is wrong there, and what is known.
    pub message: String,
}

/// What a template may ask of a container.
#[derive(Debug, Clone, Copy)]
pub(super) struct Model<'c> {
    pub name: &'c str,
    pub container_name: &'c str,
    pub labels: &'c BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(Expr),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Expr {
    Text(String),
    Name,
    ContainerName,
    Label(Box<Expr>),
    Normalize(Box<Expr>),
    Lower(Box<Expr>),
    TrimPrefix { prefix: Box<Expr>, of: Box<Expr> },
}

// === impl DefaultRule ===

impl DefaultRule {
    /// Reads a template.
    ///
    /// # Errors
    /// Anything of Go's templates that is not in the table above, and what exceeds the bounds of length and depth.
    pub fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        parser::parse(text).map(|pieces| Self { pieces })
    }

    /// The rule of one container.
    pub(super) fn render(&self, model: Model<'_>) -> String {
        let mut rule = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => rule += text,
                Piece::Value(value) => rule += &value.of(model),
            }
        }
        rule
    }
}

// === impl Expr ===

impl Expr {
    fn of<'m>(&'m self, model: Model<'m>) -> Cow<'m, str> {
        match self {
            Self::Text(text) => text.into(),
            Self::Name => model.name.into(),
            Self::ContainerName => model.container_name.into(),
            Self::Label(key) => {
                let value = model.labels.get(key.of(model).as_ref());
                value.map_or("", String::as_str).into()
            }
            Self::Normalize(inner) => normalize(&inner.of(model)).into(),
            Self::Lower(inner) => inner.of(model).to_lowercase().into(),
            Self::TrimPrefix { prefix, of } => {
                let (prefix, value) = (prefix.of(model), of.of(model));
                match value.strip_prefix(prefix.as_ref()) {
                    Some(rest) => rest.to_owned().into(),
                    None => value,
                }
            }
        }
    }
}
