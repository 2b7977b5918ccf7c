//! What is wrong with a configuration, where, and what would be right.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A place in a text: line and column, both counted from 1, columns in characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1; 0 when unknown.
    pub line: u32,
    /// Column in characters, from 1; 0 when unknown.
    pub column: u32,
}

impl Position {
    /// No place: a label, an annotation, a default.
    pub const UNKNOWN: Self = Self { line: 0, column: 0 };

    /// A place, from line and column counted from 1.
    pub const fn new(line: u32, column: u32) -> Self {
        Self { line, column }
    }

    /// The place, unless it is unknown.
    pub const fn known(self) -> Option<Self> {
        if self.line == 0 { None } else { Some(self) }
    }

    /// The place of a byte in a text; the end of the text when the byte lies beyond it.
    pub fn of_byte(text: &str, byte: usize) -> Self {
        let bytes = text.as_bytes();
        let before = bytes.get(..byte).unwrap_or(bytes);
        let line_start = before
            .iter()
            .rposition(|&b| b == b'\n')
            .map_or(0, |newline| newline + 1);
        let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
        // A character starts at every byte that does not continue one.
        let column = before
            .get(line_start..)
            .map_or(0, |line| line.iter().filter(|&&b| b & 0xc0 != 0x80).count())
            + 1;
        Self::new(saturate(line), saturate(column))
    }
}

fn saturate(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// It can be used, but not all of it has an effect.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Error or warning.
    pub severity: Severity,
    /// The file, when there is one.
    pub file: Option<Arc<Path>>,
    /// The place in it, when it is known.
    pub position: Option<Position>,
    /// `http.services.app.loadBalancer.servers[1].url`; empty for the whole document.
    pub key_path: String,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
}

impl Problem {
    /// Something that makes the configuration unusable.
    pub fn error(key_path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            file: None,
            position: None,
            key_path: masked(key_path.into()),
            message: masked(message.into()),
            hint: None,
        }
    }

    /// Something that has no effect.
    pub fn warning(key_path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(key_path, message)
        }
    }

    /// The same, at a place; an unknown place changes nothing.
    #[must_use]
    pub fn at(mut self, position: Position) -> Self {
        self.position = position.known();
        self
    }

    /// The same, with what would be right.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, with what would be right, if that is known.
    #[must_use]
    pub fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// The same, in a file.
    #[must_use]
    pub fn in_file(mut self, file: &Arc<Path>) -> Self {
        self.file = Some(Arc::clone(file));
        self
    }

    /// The same, about another key.
    #[must_use]
    pub(super) fn about(mut self, key_path: &str) -> Self {
        self.key_path = masked(key_path.to_owned());
        self
    }

    /// Does it make the configuration unusable?
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Problem {
    /// `path:12:7: error: http.routers.app.rulee: unknown key "rulee"; did you mean "rule"?`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}:", file.display())?;
        }
        if let Some(position) = self.position {
            write!(f, "{position}:")?;
        }
        if self.file.is_some() || self.position.is_some() {
            f.write_str(" ")?;
        }
        write!(f, "{}: ", self.severity)?;
        if !self.key_path.is_empty() {
            write!(f, "{}: ", self.key_path)?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong, as one error value: one line each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Is there an error among them?
    pub fn any_error(&self) -> bool {
        self.0.iter().any(Problem::is_error)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl From<Vec<Problem>> for Problems {
    fn from(problems: Vec<Problem>) -> Self {
        Self(problems)
    }
}

/// The outcome of reading a file: the value and its warnings, or everything that was found, in file order.
pub(super) fn settle<T>(
    value: T,
    problems: Vec<Problem>,
    file: Option<&Path>,
) -> Result<(T, Vec<Problem>), Vec<Problem>> {
    let problems = in_file_order(problems, file);
    if problems.iter().any(Problem::is_error) {
        Err(problems)
    } else {
        Ok((value, problems))
    }
}

/// Problems of one file, in the order of their places.
pub(super) fn in_file_order(mut problems: Vec<Problem>, file: Option<&Path>) -> Vec<Problem> {
    // Problems without a place, such as "there are more", come last.
    problems.sort_by_key(|problem| (problem.position.is_none(), problem.position));
    if let Some(file) = file {
        let file: Arc<Path> = Arc::from(file);
        problems = problems
            .into_iter()
            .map(|problem| problem.in_file(&file))
            .collect();
    }
    problems
}

/// The candidate that `word` was probably meant to be: same letters but for case, `_`, `-` and about one slip in four.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Nobody mistypes a long text, and distance costs the product of the lengths.
    if word.len() > 64 {
        return None;
    }
    let word = letters(word);
    let allowed = (word.chars().count() / 4).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &letters(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn letters(text: &str) -> String {
    text.chars()
        .filter(|c| !matches!(c, '_' | '-'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Longest line that a log is given, in bytes: what is quoted in one may be a megabyte.
const MAX_LINE: usize = 1000;

/// A line for a log: one line whatever is quoted in it, and cut where it is too long.
#[must_use]
pub fn cut(line: &str) -> Cow<'_, str> {
    if line.len() <= MAX_LINE {
        return in_one_line(line);
    }
    let end = (0..=MAX_LINE).rev().find(|&end| line.is_char_boundary(end));
    let start = line.get(..end.unwrap_or_default()).unwrap_or_default();
    format!("{} ... ({} bytes)", in_one_line(start), line.len()).into()
}

/// Whoever writes a configuration shall not write lines of a log.
fn in_one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return text.into();
    }
    let shown = |letter: char| match letter.is_control() {
        true => letter.escape_default().to_string(),
        false => letter.to_string(),
    };
    text.chars().map(shown).collect::<String>().into()
}

/// Shorter words are no keys that anybody should use.
const SECRET: usize = 24;

/// Hides what may be a key that was written in a wrong place: a long word of letters and digits, as tools that make
/// keys print them, and what follows the word "secret" without a space.
pub(super) fn masked(text: String) -> String {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'=');
    let is_secret = |word: &str| {
        let has = |kind: fn(&u8) -> bool| word.as_bytes().iter().any(kind);
        word.len() >= SECRET && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
    };
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let glued = rest
            .strip_prefix("secret:")
            .filter(|after| after.starts_with(|c: char| c.is_ascii_alphanumeric()));
        if let Some(after) = glued {
            let end = after
                .find(|c: char| c.is_whitespace() || c == '"')
                .unwrap_or(after.len());
            shown += "secret:(not shown)";
            rest = after.get(end..).unwrap_or_default();
            continue;
        }
        let length = rest.bytes().take_while(|&byte| is_word(byte)).count();
        let length = if length > 0 {
            length
        } else {
            rest.chars().next().map_or(1, char::len_utf8)
        };
        let (word, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        shown += if is_secret(word) { "(not shown)" } else { word };
        rest = after;
    }
    shown
}
