//! `constraints`: an expression over labels that a container has to satisfy (traefik-providers 2.5).

use std::collections::BTreeMap;

use regex::Regex;
use thiserror::Error;

use super::literal;
use crate::rule::go_regexp;

/// Longest expression, in bytes.
const MAX_BYTES: usize = 16 * 1024;
/// Deepest nesting of parentheses; parsing and asking recurse once per level.
const MAX_NESTING: usize = 64;

/// Which containers are used: ``Label(`key`, `value`)`` and ``LabelRegex(`key`, `pattern`)``, joined by `&&`, `||`, `!`
/// and parentheses. An empty expression lets every container in.
///
/// A label that is not there counts as empty. A pattern may match anywhere in the value. Traefik lets no container in
/// when the expression is bad, and none for a bad pattern; piton refuses both when they are read.
#[derive(Debug, Clone, Default)]
pub struct Constraints(Option<Expr>);

/// Why an expression is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("constraints: {message} (at byte {offset})")]
pub struct InvalidConstraints {
    /// Where in the expression, in bytes from its start.
    pub offset: usize,
    /// What is wrong there, and what would be right.
    pub message: String,
}

/// Chains are flat, so that the depth is that of the parentheses.
#[derive(Debug, Clone)]
enum Expr {
    All(Vec<Expr>),
    Any(Vec<Expr>),
    Not(Box<Expr>),
    Equals { key: String, value: String },
    Matches { key: String, pattern: Regex },
}

#[derive(Debug, PartialEq)]
enum Token<'t> {
    Word(&'t str),
    Text(String),
    /// `(`, `)`, `,`, `!`, `&&` or `||`.
    Sign(&'static str),
    /// What has no place in an expression.
    Stray(&'t str),
    End,
}

type Result<T, E = InvalidConstraints> = std::result::Result<T, E>;

// === impl Constraints ===

impl Constraints {
    /// Reads an expression; an empty one lets every container in.
    ///
    /// # Errors
    /// What is no expression, a regular expression that is none, and what exceeds the bounds of length and nesting.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_BYTES {
            let message = format!(
                "the expression has {} bytes, the limit is {MAX_BYTES}",
                text.len()
            );
            return Err(invalid(MAX_BYTES, message));
        }
        if text.trim().is_empty() {
            return Ok(Self(None));
        }
        let mut parser = Parser::new(text)?;
        let expr = parser.any(0)?;
        if parser.token != Token::End {
            return Err(parser.unexpected("`&&`, `||` or the end"));
        }
        Ok(Self(Some(expr)))
    }

    /// Does a container with these labels satisfy it?
    #[must_use]
    pub fn allow(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.as_ref().is_none_or(|expr| expr.holds(labels))
    }
}

impl Expr {
    fn holds(&self, labels: &BTreeMap<String, String>) -> bool {
        let value_of = |key: &str| labels.get(key).map_or("", String::as_str);
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(labels)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(labels)),
            Self::Not(part) => !part.holds(labels),
            Self::Equals { key, value } => value_of(key) == value,
            Self::Matches { key, pattern } => pattern.is_match(value_of(key)),
        }
    }
}

// === impl Parser ===

/// One token ahead of what was read.
struct Parser<'t> {
    text: &'t str,
    /// Start of `token`.
    start: usize,
    /// What follows `token`.
    end: usize,
    token: Token<'t>,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Result<Self> {
        let mut parser = Self {
            text,
            start: 0,
            end: 0,
            token: Token::End,
        };
        parser.bump()?;
        Ok(parser)
    }

    /// Takes the token, and reads the next one.
    fn bump(&mut self) -> Result<Token<'t>> {
        let rest = self.text.get(self.end..).unwrap_or_default();
        let token_text = rest.trim_start();
        self.start = self.end + rest.len() - token_text.len();
        let (token, length) = token(token_text).map_err(|(at, message)| invalid(self.start + at, message))?;
        self.end = self.start + length;
        Ok(std::mem::replace(&mut self.token, token))
    }

    /// Takes the token if it is this sign.
    fn eat(&mut self, sign: &str) -> Result<bool> {
        let found = matches!(self.token, Token::Sign(ahead) if ahead == sign);
        if found {
            self.bump()?;
        }
        Ok(found)
    }

    fn any(&mut self, depth: usize) -> Result<Expr> {
        let mut parts = vec![self.all(depth)?];
        while self.eat("||")? {
            parts.push(self.all(depth)?);
        }
        Ok(Expr::Any(parts))
    }

    fn all(&mut self, depth: usize) -> Result<Expr> {
        let mut parts = vec![self.operand(depth)?];
        while self.eat("&&")? {
            parts.push(self.operand(depth)?);
        }
        Ok(Expr::All(parts))
    }

    fn operand(&mut self, depth: usize) -> Result<Expr> {
        let mut negated = false;
        while self.eat("!")? {
            negated = !negated;
        }
        let expr = if self.eat("(")? {
            if depth == MAX_NESTING {
                let message = format!("parentheses nest deeper than {MAX_NESTING}");
                return Err(invalid(self.start, message));
            }
            let inner = self.any(depth + 1)?;
            if !self.eat(")")? {
                return Err(self.unexpected("`&&`, `||` or `)`"));
            }
            inner
        } else {
            self.call()?
        };
        Ok(if negated { Expr::Not(Box::new(expr)) } else { expr })
    }

    fn call(&mut self) -> Result<Expr> {
        let Token::Word(name) = self.token else {
            return Err(self.unexpected("Label(`key`, `value`) or LabelRegex(`key`, `pattern`)"));
        };
        let regex = match name {
            "Label" => false,
            "LabelRegex" => true,
            _ => return Err(invalid(self.start, advice(name))),
        };
        self.bump()?;
        if !self.eat("(")? {
            return Err(self.unexpected(&format!("`(` after {name}")));
        }
        let key = self.string(name)?;
        if !self.eat(",")? {
            return Err(self.unexpected("`,` and a second string"));
        }
        let at = self.start;
        let value = self.string(name)?;
        if !self.eat(")")? {
            return Err(self.unexpected("`)`"));
        }
        if !regex {
            return Ok(Expr::Equals { key, value });
        }
        let pattern = go_regexp(&value).map_err(|why| invalid(at, why))?;
        Ok(Expr::Matches { key, pattern })
    }

    fn string(&mut self, function: &str) -> Result<String> {
        if !matches!(self.token, Token::Text(_)) {
            return Err(self.unexpected(&format!(
                "a string in backticks, as in {function}(`key`, `value`)"
            )));
        }
        match self.bump()? {
            Token::Text(value) => Ok(value),
            _ => Ok(String::new()),
        }
    }

    fn unexpected(&self, wanted: &str) -> InvalidConstraints {
        let (found, hint) = match &self.token {
            Token::Word(word) => (format!("`{word}`"), word_hint(word)),
            Token::Text(_) => ("a string".to_owned(), ""),
            Token::Sign(sign) => (format!("`{sign}`"), ""),
            Token::Stray(stray) => (format!("`{stray}`"), stray_hint(stray)),
            Token::End => ("the end".to_owned(), ""),
        };
        invalid(self.start, format!("expected {wanted}, found {found}{hint}"))
    }
}

// === tokens ===

/// The token that `text` starts with, and its length.
fn token(text: &str) -> std::result::Result<(Token<'_>, usize), literal::Fault> {
    let Some(first) = text.chars().next() else {
        return Ok((Token::End, 0));
    };
    if literal::opens(first) {
        let (value, length) = literal::read(text)?;
        return Ok((Token::Text(value), length));
    }
    let sign = ["(", ")", ",", "&&", "||"]
        .into_iter()
        .find(|sign| text.starts_with(sign));
    if let Some(sign) = sign.or((first == '!' && !text.starts_with("!=")).then_some("!")) {
        return Ok((Token::Sign(sign), sign.len()));
    }
    let (is_word, rest): (bool, fn(char) -> bool) = match first {
        c if c.is_alphanumeric() || c == '_' => (true, |c| c.is_alphanumeric() || c == '_'),
        _ => (false, |c| "=!<>&|+-*/%^~".contains(c)),
    };
    let after = text.get(first.len_utf8()..).unwrap_or_default();
    let length = text.len() - after.trim_start_matches(rest).len();
    let shown = text.get(..length).unwrap_or_default();
    Ok(if is_word {
        (Token::Word(shown), length)
    } else {
        (Token::Stray(shown), length)
    })
}

/// What to write instead of a function that is none.
fn advice(name: &str) -> String {
    let hint = match name {
        "Tag" | "TagRegex" => "it is for providers whose services have tags; containers have labels: use",
        "LabelRegexp" => "it is called LabelRegex:",
        _ => match word_hint(name) {
            "" => "use",
            hint => return format!("`{name}` has no place here{hint}"),
        },
    };
    format!("unsupported function `{name}`; {hint} Label(`key`, `value`) or LabelRegex(`key`, `pattern`)")
}

fn word_hint(word: &str) -> &'static str {
    match word.to_ascii_lowercase().as_str() {
        "and" => "; the operator is `&&`",
        "or" => "; the operator is `||`",
        "not" => "; the operator is `!`",
        _ => "",
    }
}

fn stray_hint(stray: &str) -> &'static str {
    match stray.chars().next() {
        Some('&') => "; the operator is `&&`",
        Some('|') => "; the operator is `||`",
        Some('\'') => "; single quotes do not make a string, use backticks",
        Some('=' | '!' | '<' | '>' | '~') => {
            "; there is no such operator, compare with Label(`key`, `value`)"
        }
        _ => "",
    }
}

/// The crate draws its message over several lines; only the last says why.
fn invalid(offset: usize, message: impl Into<String>) -> InvalidConstraints {
    InvalidConstraints {
        offset,
        message: message.into(),
    }
}

#[cfg(test)]
mod tests;
