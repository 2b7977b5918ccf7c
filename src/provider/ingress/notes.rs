//! What is said while something is made, in the order in which it is found.

use crate::config::{Level, Problem, Remark};

/// Remarks about one object.
#[derive(Debug, Default)]
pub(super) struct Notes(pub Vec<Remark>);

impl Notes {
    pub(super) fn add(&mut self, level: Level, text: impl Into<String>) {
        let remark = Remark {
            level,
            text: text.into(),
        };
        if !self.0.contains(&remark) {
            self.0.push(remark);
        }
    }

    pub(super) fn error(&mut self, text: impl Into<String>) {
        self.add(Level::Error, text);
    }

    pub(super) fn warn(&mut self, text: impl Into<String>) {
        self.add(Level::Warn, text);
    }

    /// Notes problems with annotations; errors say what they cost. Is there one?
    pub(super) fn problems(&mut self, problems: &[Problem], cost: &str) -> bool {
        for problem in problems {
            if problem.is_error() {
                self.error(format!("{cost}: {}", in_words(problem)));
            } else {
                self.warn(in_words(problem));
            }
        }
        problems.iter().any(Problem::is_error)
    }
}

/// A problem that names its annotation.
fn in_words(problem: &Problem) -> String {
    let hint = problem.hint.as_ref();
    let hint = hint.map_or(String::new(), |hint| format!("; {hint}"));
    let message = &problem.message;
    match problem.key_path.as_str() {
        "" => format!("{message}{hint}"),
        annotation => format!("annotation {annotation}: {message}{hint}"),
    }
}
