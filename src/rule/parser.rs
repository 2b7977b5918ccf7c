//! Tokens to a compiled expression: `!` binds tighter than `&&`, `&&` tighter than `||` (traefik-core 4.2).
//!
//! Negations are pushed down while parsing, so that `!(a && b)` is built as `!a || !b`. Only parentheses recurse,
//! and their depth is bounded.

use super::lexer::{Lexeme, Lexer, Token};
use super::matcher::Matcher;
use super::names::Kind;
use super::{Expr, MAX_NESTING, RuleError};

/// Compiles a whole rule.
pub(super) fn parse(text: &str) -> Result<Expr, RuleError> {
    let mut lexer = Lexer::new(text);
    let ahead = lexer.next()?;
    if ahead.token == Token::End {
        return Err(RuleError::new(
            0,
            "empty rule; write for example Host(`example.com`)",
        ));
    }
    let mut parser = Parser {
        lexer,
        ahead,
        depth: 0,
    };
    let expr = parser.alternatives(false)?;
    parser.end()?;
    Ok(expr)
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    /// The next token.
    ahead: Lexeme<'t>,
    /// Open parentheses.
    depth: usize,
}

impl<'t> Parser<'t> {
    /// Takes the next token.
    fn bump(&mut self) -> Result<Lexeme<'t>, RuleError> {
        let next = self.lexer.next()?;
        Ok(std::mem::replace(&mut self.ahead, next))
    }

    /// Takes the next token if it is `token`.
    fn eat(&mut self, token: &Token<'_>) -> Result<bool, RuleError> {
        let found = self.ahead.token == *token;
        if found {
            self.bump()?;
        }
        Ok(found)
    }

    /// `a || b || ..`
    fn alternatives(&mut self, negated: bool) -> Result<Expr, RuleError> {
        let first = self.conjunction(negated)?;
        self.chain(first, &Token::Or, negated, Self::conjunction)
    }

    /// `a && b && ..`
    fn conjunction(&mut self, negated: bool) -> Result<Expr, RuleError> {
        let first = self.operand(negated)?;
        self.chain(first, &Token::And, negated, Self::operand)
    }

    /// The rest of a flat chain of one operator.
    fn chain(
        &mut self,
        first: Expr,
        operator: &Token<'_>,
        negated: bool,
        part: fn(&mut Self, bool) -> Result<Expr, RuleError>,
    ) -> Result<Expr, RuleError> {
        let mut parts = vec![first];
        while self.eat(operator)? {
            parts.push(part(self, negated)?);
        }
        match parts.pop() {
            Some(only) if parts.is_empty() => return Ok(only),
            last => parts.extend(last),
        }
        // De Morgan: behind a negation the operators change places.
        if (*operator == Token::Or) != negated {
            Ok(Expr::Any(parts))
        } else {
            Ok(Expr::All(parts))
        }
    }

    /// `!`s, then a group or a matcher.
    fn operand(&mut self, mut negated: bool) -> Result<Expr, RuleError> {
        while self.eat(&Token::Bang)? {
            negated = !negated;
        }
        let Lexeme { offset, token } = self.bump()?;
        match token {
            Token::Open => self.group(offset, negated),
            Token::Word(name) => {
                let matcher = self.call(offset, name)?;
                Ok(if negated {
                    Expr::Not(matcher)
                } else {
                    Expr::Is(matcher)
                })
            }
            token => Err(unexpected(
                offset,
                &token,
                "a matcher such as Host(`example.com`)",
            )),
        }
    }

    /// The inside of parentheses, and the closing one.
    fn group(&mut self, offset: usize, negated: bool) -> Result<Expr, RuleError> {
        if self.depth == MAX_NESTING {
            let message = format!("parentheses nest deeper than {MAX_NESTING}; simplify the rule");
            return Err(RuleError::new(offset, message));
        }
        self.depth += 1;
        let inner = self.alternatives(negated)?;
        self.depth -= 1;
        if self.eat(&Token::Close)? {
            return Ok(inner);
        }
        Err(self.misplaced("`&&`, `||` or `)`"))
    }

    /// A matcher's arguments, and the compiled matcher.
    fn call(&mut self, offset: usize, name: &str) -> Result<Matcher, RuleError> {
        if !self.eat(&Token::Open)? {
            let hint = match name.to_ascii_lowercase().as_str() {
                "and" => "use `&&`".to_string(),
                "or" => "use `||`".to_string(),
                "not" => "use `!`".to_string(),
                _ => "a matcher needs arguments in parentheses, as in Host(`example.com`)".to_string(),
            };
            return Err(RuleError::new(offset, format!("bare word `{name}`; {hint}")));
        }
        let Some(kind) = Kind::called(name) else {
            let advice = Kind::advice(name);
            return Err(RuleError::new(
                offset,
                format!("unsupported function: {name}; {advice}"),
            ));
        };
        let args = self.arguments(kind)?;
        Matcher::build(kind, &args).map_err(|message| RuleError::new(offset, message))
    }

    /// Strings up to the closing parenthesis; as in Go a comma may trail.
    fn arguments(&mut self, kind: Kind) -> Result<Vec<String>, RuleError> {
        let mut args = Vec::new();
        loop {
            // Judged before it is taken: taking it would read on into text that is not a rule.
            match &self.ahead.token {
                Token::Close | Token::Text(_) => {}
                Token::Word(_) | Token::Stray(_) => return Err(self.unquoted(kind)),
                _ => return Err(self.misplaced("a string in backticks or `)`")),
            }
            match self.bump()?.token {
                Token::Text(value) => args.push(value),
                _ => return Ok(args),
            }
            if !self.eat(&Token::Comma)? && self.ahead.token != Token::Close {
                return Err(self.misplaced("`,` or `)`"));
            }
        }
    }

    /// The end of the rule; one line break may come before it.
    fn end(&mut self) -> Result<(), RuleError> {
        let end = match self.ahead.token {
            Token::LineBreak => self.lexer.next()?.token == Token::End,
            Token::End => true,
            _ => false,
        };
        if end {
            Ok(())
        } else {
            Err(self.misplaced("`&&`, `||` or the end of the rule"))
        }
    }

    /// The error of an argument without quotes. The argument is quoted back up to the next comma or parenthesis.
    fn unquoted(&self, kind: Kind) -> RuleError {
        let offset = self.ahead.offset;
        let text = self.lexer.text_from(offset);
        let shown = text
            .split([',', ')', '\n', '`'])
            .next()
            .unwrap_or_default()
            .trim();
        let name = kind.name();
        if shown.starts_with('\'') {
            let inner = shown.trim_matches('\'');
            let message = format!("single quotes do not make a string; use backticks: {name}(`{inner}`)");
            return RuleError::new(offset, message);
        }
        let message = format!("expected literal, got `{shown}`; put it in backticks: {name}(`{shown}`)");
        RuleError::new(offset, message)
    }

    /// The error of the token ahead, which should have been `wanted`.
    fn misplaced(&self, wanted: &str) -> RuleError {
        if self.ahead.token != Token::LineBreak {
            return unexpected(self.ahead.offset, &self.ahead.token, wanted);
        }
        let offset = self.ahead.offset;
        // `end` may have read past the break already; reading again from the same place tells what follows.
        let mut again = Lexer::new(self.lexer.text_from(offset));
        let next = match again.next() {
            Ok(next) => next.token,
            Err(error) => return RuleError::new(offset + error.offset, error.message),
        };
        let message = match next {
            Token::End => format!("expected {wanted}, found the end of the rule"),
            next => format!(
                "expected {wanted}, found a line break: as in Go it ends the expression, so {} cannot start \
                 the next line; break the line after an operator, a comma or `(`",
                describe(&next)
            ),
        };
        RuleError::new(offset, message)
    }
}

/// The error of a token in the wrong place.
fn unexpected(offset: usize, token: &Token<'_>, wanted: &str) -> RuleError {
    let hint = match token {
        Token::Stray('\'') => "; single quotes do not make a string, use backticks",
        Token::Stray('&') => "; the operator is `&&`",
        Token::Stray('|') => "; the operator is `||`",
        _ => "",
    };
    let message = format!("expected {wanted}, found {}{hint}", describe(token));
    RuleError::new(offset, message)
}

/// A token in the words of an error message.
fn describe(token: &Token<'_>) -> String {
    match token {
        Token::Word(word) => format!("`{word}`"),
        Token::Text(_) => "a string".into(),
        Token::Open => "`(`".into(),
        Token::Close => "`)`".into(),
        Token::Comma => "`,`".into(),
        Token::Bang => "`!`".into(),
        Token::And => "`&&`".into(),
        Token::Or => "`||`".into(),
        Token::LineBreak => "a line break".into(),
        Token::Stray(c) => format!("`{}`", c.escape_debug()),
        Token::End => "the end of the rule".into(),
    }
}
