//! Rule text to tokens, by the rules of Go's scanner (traefik-core 4.2): a line break after an operand ends the
//! expression, comments are space.
//!
//! Tokens are made on demand, so that the parser can complain about `Host(my-app.io)` before this file stumbles
//! over the dash.

use super::{RuleError, literal};

/// One token and where it starts.
#[derive(Debug)]
pub(super) struct Lexeme<'t> {
    /// Bytes from the start of the rule.
    pub offset: usize,
    /// What it is.
    pub token: Token<'t>,
}

/// What a rule is made of.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// A matcher's name, or a bare word.
    Word(&'t str),
    /// A string, unquoted.
    Text(String),
    /// `(`
    Open,
    /// `)`
    Close,
    /// `,`
    Comma,
    /// `!`
    Bang,
    /// `&&`
    And,
    /// `||`
    Or,
    /// A line break after an operand: Go inserts a semicolon there.
    LineBreak,
    /// Anything that has no place in a rule.
    Stray(char),
    /// Nothing is left.
    End,
}

/// A position in a rule.
#[derive(Debug)]
pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
    /// The last token could end an expression, so a line break does.
    after_operand: bool,
}

impl<'t> Lexer<'t> {
    /// At the start of `text`.
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            after_operand: false,
        }
    }

    /// The text from `offset` on; empty beyond the end.
    pub(super) fn text_from(&self, offset: usize) -> &'t str {
        self.text.get(offset..).unwrap_or_default()
    }

    /// The next token; [`Token::End`] again and again at the end.
    pub(super) fn next(&mut self) -> Result<Lexeme<'t>, RuleError> {
        if let Some(offset) = self.skip_space()? {
            self.after_operand = false;
            return Ok(Lexeme {
                offset,
                token: Token::LineBreak,
            });
        }
        let offset = self.at;
        let token = self.token()?;
        self.after_operand = matches!(token, Token::Word(_) | Token::Text(_) | Token::Close);
        Ok(Lexeme { offset, token })
    }

    /// Skips space and comments up to a token, or to the line break that ends an expression: then its offset.
    fn skip_space(&mut self) -> Result<Option<usize>, RuleError> {
        loop {
            let rest = self.text_from(self.at);
            let start = self.at;
            let skipped = if rest.starts_with([' ', '\t', '\r', '\n']) {
                1
            } else if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                let end = rest.find("*/");
                end.ok_or_else(|| RuleError::new(start, "comment not terminated; close it with `*/`"))? + 2
            } else {
                return Ok(None);
            };
            self.at += skipped;
            let broke = rest.get(..skipped).is_some_and(|space| space.contains('\n'));
            if broke && self.after_operand {
                return Ok(Some(start));
            }
        }
    }

    fn token(&mut self) -> Result<Token<'t>, RuleError> {
        let start = self.at;
        let rest = self.text_from(start);
        let Some(first) = rest.chars().next() else {
            return Ok(Token::End);
        };
        self.at += first.len_utf8();
        let after = self.text_from(self.at);
        Ok(match first {
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '!' => Token::Bang,
            '&' if after.starts_with('&') => self.second_byte(Token::And),
            '|' if after.starts_with('|') => self.second_byte(Token::Or),
            '`' => self.string(literal::raw(start, after)?),
            '"' => self.string(literal::quoted(start, after)?),
            c if c == '_' || c.is_alphabetic() => Token::Word(self.word(rest)),
            c => Token::Stray(c),
        })
    }

    fn second_byte(&mut self, token: Token<'t>) -> Token<'t> {
        self.at += 1;
        token
    }

    fn string(&mut self, (value, consumed): (String, usize)) -> Token<'t> {
        self.at += consumed;
        Token::Text(value)
    }

    /// The whole word that `rest` starts with.
    fn word(&mut self, rest: &'t str) -> &'t str {
        let end = rest.find(|c: char| c != '_' && !c.is_alphanumeric());
        let word = end.and_then(|end| rest.get(..end)).unwrap_or(rest);
        self.at = self.text.len() - rest.len() + word.len();
        word
    }
}
