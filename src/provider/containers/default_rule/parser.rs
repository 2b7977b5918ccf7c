//! Template text to pieces.

use super::super::literal;
use super::{Expr, InvalidTemplate, Piece};

/// Longest template, in bytes.
const MAX_BYTES: usize = 16 * 1024;
/// Most functions and parentheses in one action: a bound of its depth, since reading and rendering recurse.
const MAX_STEPS: usize = 64;
/// What Go's trim marks take away.
const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];
/// What is known, for messages.
const KNOWN: &str = "known are .Name, .ContainerName, index .Labels \"key\", normalize, lower, trimPrefix, pipes and \
                     parentheses";

type Result<T> = std::result::Result<T, InvalidTemplate>;

/// Reads a whole template.
pub(super) fn parse(text: &str) -> Result<Vec<Piece>> {
    if text.len() > MAX_BYTES {
        let message = format!("the template has {} bytes, the limit is {MAX_BYTES}", text.len());
        return Err(invalid(MAX_BYTES, message));
    }
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let open = text.len() - after.len();
        let trims = after.starts_with('-') && after.get(1..).is_some_and(|next| next.starts_with(SPACE));
        push_text(
            &mut pieces,
            if trims {
                before.trim_end_matches(SPACE)
            } else {
                before
            },
        );
        let mut action = Action::new(text, open + usize::from(trims))?;
        if matches!(action.token, Token::Close { .. }) {
            return Err(action.unexpected("a value"));
        }
        pieces.push(Piece::Value(action.pipeline()?));
        let Token::Close { trims } = action.token else {
            return Err(action.unexpected("`|` or `}}`"));
        };
        rest = text.get(action.end..).unwrap_or_default();
        if trims {
            rest = rest.trim_start_matches(SPACE);
        }
    }
    push_text(&mut pieces, rest);
    Ok(pieces)
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token<'t> {
    /// A function, or a word of the language.
    Word(&'t str),
    /// `.Name` and the like, with the dot.
    Field(&'t str),
    Text(String),
    Open,
    Shut,
    Pipe,
    /// `}}` or ` -}}`.
    Close {
        trims: bool,
    },
    Stray(char),
    End,
}

/// What a function is given.
enum Argument {
    /// `.Labels`, which is no text.
    Labels,
    Value(Expr),
}

/// What stands between `{{` and `}}`, one token ahead.
struct Action<'t> {
    text: &'t str,
    /// Start of `token`.
    start: usize,
    /// What follows `token`.
    end: usize,
    token: Token<'t>,
    /// Functions and parentheses so far.
    steps: usize,
}

impl<'t> Action<'t> {
    fn new(text: &'t str, from: usize) -> Result<Self> {
        let mut action = Self {
            text,
            start: from,
            end: from,
            token: Token::End,
            steps: 0,
        };
        action.bump()?;
        Ok(action)
    }

    /// Takes the token, and reads the next one.
    fn bump(&mut self) -> Result<Token<'t>> {
        let rest = self.text.get(self.end..).unwrap_or_default();
        let token_text = rest.trim_start_matches(SPACE);
        let spaced = token_text.len() < rest.len();
        self.start = self.end + rest.len() - token_text.len();
        let (token, length) =
            token(token_text, spaced).map_err(|(at, message)| invalid(self.start + at, message))?;
        self.end = self.start + length;
        Ok(std::mem::replace(&mut self.token, token))
    }

    /// `a | b | c`: each gets what is before it as its last argument.
    fn pipeline(&mut self) -> Result<Expr> {
        let mut value = self.command(None)?;
        while self.token == Token::Pipe {
            self.bump()?;
            value = self.command(Some(value))?;
        }
        Ok(value)
    }

    fn command(&mut self, piped: Option<Expr>) -> Result<Expr> {
        let at = self.start;
        if let Token::Word(name) = self.token {
            self.bump()?;
            return self.call(at, name, piped);
        }
        if piped.is_some() {
            return Err(self.unexpected("a function after `|`"));
        }
        match self.argument()? {
            Some(Argument::Value(value)) if !self.starts_argument() => Ok(value),
            Some(Argument::Value(_)) => Err(invalid(at, "a value takes no arguments; only functions do")),
            Some(Argument::Labels) => {
                let message = "`.Labels` is no text; write index .Labels \"key\"";
                Err(invalid(at, message))
            }
            None => Err(self.unexpected("a value")),
        }
    }

    fn call(&mut self, at: usize, name: &str, piped: Option<Expr>) -> Result<Expr> {
        self.step()?;
        let mut arguments = Vec::new();
        while let Some(argument) = self.argument()? {
            arguments.push(argument);
        }
        arguments.extend(piped.map(Argument::Value));
        let wants = |what: &str| invalid(at, format!("{name} wants {what}"));
        let mut arguments = arguments.into_iter();
        let given = (arguments.next(), arguments.next(), arguments.next());
        use Argument::{Labels, Value};
        match (name, given) {
            ("normalize", (Some(Value(of)), None, _)) => Ok(Expr::Normalize(Box::new(of))),
            ("normalize", _) => Err(wants("one text, as in normalize .Name")),
            ("lower", (Some(Value(of)), None, _)) => Ok(Expr::Lower(Box::new(of))),
            ("lower", _) => Err(wants("one text, as in lower .Name")),
            ("trimPrefix", (Some(Value(prefix)), Some(Value(of)), None)) => Ok(Expr::TrimPrefix {
                prefix: Box::new(prefix),
                of: Box::new(of),
            }),
            ("trimPrefix", _) => Err(wants("two texts, as in trimPrefix \"my-\" .Name")),
            ("index", (Some(Labels), Some(Value(key)), None)) => Ok(Expr::Label(Box::new(key))),
            ("index", _) => Err(wants("labels and a key, as in index .Labels \"key\"")),
            _ => Err(invalid(at, format!("`{name}` is not supported; {KNOWN}"))),
        }
    }

    fn starts_argument(&self) -> bool {
        matches!(
            self.token,
            Token::Field(_) | Token::Text(_) | Token::Open | Token::Word(_)
        )
    }

    /// The next argument, if one is there.
    fn argument(&mut self) -> Result<Option<Argument>> {
        let at = self.start;
        let value = match self.token.clone() {
            Token::Text(text) => Expr::Text(text),
            Token::Field(".Name") => Expr::Name,
            Token::Field(".ContainerName") => Expr::ContainerName,
            Token::Field(".Labels") => {
                self.bump()?;
                return Ok(Some(Argument::Labels));
            }
            Token::Field(field) if field.starts_with(".Labels.") => {
                let key = field.trim_start_matches(".Labels.");
                let message = format!("`{field}` is not supported; write index .Labels {key:?}");
                return Err(invalid(at, message));
            }
            Token::Field(field) => {
                return Err(invalid(at, format!("`{field}` is not known; {KNOWN}")));
            }
            Token::Word(name) => {
                let message = format!("`{name}` cannot be an argument; put it in parentheses: ({name} …)");
                return Err(invalid(at, message));
            }
            Token::Open => return self.parenthesised().map(|value| Some(Argument::Value(value))),
            Token::Shut | Token::Pipe | Token::Close { .. } | Token::Stray(_) | Token::End => {
                return Ok(None);
            }
        };
        self.bump()?;
        Ok(Some(Argument::Value(value)))
    }

    fn parenthesised(&mut self) -> Result<Expr> {
        self.step()?;
        self.bump()?;
        let value = self.pipeline()?;
        if self.token != Token::Shut {
            return Err(self.unexpected("`|` or `)`"));
        }
        self.bump()?;
        Ok(value)
    }

    fn step(&mut self) -> Result<()> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            let message = format!("more than {MAX_STEPS} functions and parentheses in one action");
            return Err(invalid(self.start, message));
        }
        Ok(())
    }

    fn unexpected(&self, wanted: &str) -> InvalidTemplate {
        let found = match &self.token {
            Token::Word(text) | Token::Field(text) => format!("`{text}`"),
            Token::Text(_) => "a string".to_owned(),
            Token::Open => "`(`".to_owned(),
            Token::Shut => "`)`".to_owned(),
            Token::Pipe => "`|`".to_owned(),
            Token::Close { .. } => "`}}`".to_owned(),
            Token::Stray(c) => format!("`{}`; {KNOWN}", c.escape_debug()),
            Token::End => "the end; close the action with `}}`".to_owned(),
        };
        invalid(self.start, format!("expected {wanted}, found {found}"))
    }
}

/// The token that `text` starts with, and its length; `spaced` when white space was before it.
fn token(text: &str, spaced: bool) -> std::result::Result<(Token<'_>, usize), literal::Fault> {
    let is_name = |c: char| c == '_' || c.is_alphanumeric();
    let Some(first) = text.chars().next() else {
        return Ok((Token::End, 0));
    };
    if text.starts_with("}}") {
        return Ok((Token::Close { trims: false }, 2));
    }
    if spaced && text.starts_with("-}}") {
        return Ok((Token::Close { trims: true }, 3));
    }
    if literal::opens(first) {
        let (value, length) = literal::read(text)?;
        return Ok((Token::Text(value), length));
    }
    let until = |part: &dyn Fn(char) -> bool| {
        let end = text.find(|c: char| !part(c)).unwrap_or(text.len());
        (text.get(..end).unwrap_or_default(), end)
    };
    Ok(match first {
        '(' => (Token::Open, 1),
        ')' => (Token::Shut, 1),
        '|' => (Token::Pipe, 1),
        '.' => {
            let (field, length) = until(&|c| c == '.' || is_name(c));
            (Token::Field(field), length)
        }
        c if c == '_' || c.is_alphabetic() => {
            let (word, length) = until(&is_name);
            (Token::Word(word), length)
        }
        c => (Token::Stray(c), c.len_utf8()),
    })
}

fn invalid(offset: usize, message: impl Into<String>) -> InvalidTemplate {
    InvalidTemplate {
        offset,
        message: message.into(),
    }
}
