//! Go's `Regexp.ReplaceAllString`: a pattern and a template with `$1`, `${1}` and `${name}`.

use regex::{Captures, Regex};

use crate::rule::go_regexp_with_groups;

/// A pattern with what is put in the place of each match.
#[derive(Debug)]
pub(super) struct Replacement {
    regex: Regex,
    parts: Vec<Part>,
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Group(usize),
}

impl Replacement {
    /// Compiles both; both are trimmed, as Traefik does it.
    pub(super) fn new(pattern: &str, template: &str) -> Result<Self, String> {
        let (regex, names) = go_regexp_with_groups(pattern.trim())?;
        Ok(Self {
            regex,
            parts: parts(template.trim(), &names),
        })
    }

    /// `text` with every match replaced; `None` when there is none.
    pub(super) fn apply(&self, text: &str) -> Option<String> {
        if !self.regex.is_match(text) {
            return None;
        }
        let replaced = self.regex.replace_all(text, |groups: &Captures<'_>| {
            let part = |part: &Part| match part {
                Part::Text(text) => text.clone(),
                Part::Group(number) => groups.get(*number).map_or("", |group| group.as_str()).to_owned(),
            };
            self.parts.iter().map(part).collect::<String>()
        });
        Some(replaced.into_owned())
    }
}

/// Reads a template by the rules of Go's `Regexp.Expand`: the longest word is the name, an unknown one is empty, and a
/// dollar that begins nothing is a dollar.
fn parts(template: &str, names: &[Option<String>]) -> Vec<Part> {
    let (mut parts, mut literal, mut rest) = (Vec::new(), String::new(), template);
    while let Some((before, after)) = rest.split_once('$') {
        literal.push_str(before);
        if let Some(doubled) = after.strip_prefix('$') {
            literal.push('$');
            rest = doubled;
            continue;
        }
        let Some((name, behind)) = name(after) else {
            literal.push('$');
            rest = after;
            continue;
        };
        let by_name = |name: &str| names.iter().position(|known| known.as_deref() == Some(name));
        let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
        let number = if is_number {
            name.parse().ok()
        } else {
            by_name(name)
        };
        if !literal.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut literal)));
        }
        parts.extend(number.map(Part::Group));
        rest = behind;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Text(literal));
    }
    parts
}

/// The name behind a dollar, in braces or not, and what follows.
fn name(text: &str) -> Option<(&str, &str)> {
    let is_word = |letter: char| letter == '_' || letter.is_alphanumeric();
    let (name, rest) = match text.strip_prefix('{') {
        Some(braced) => braced.split_once('}')?,
        None => {
            let end = text.find(|letter| !is_word(letter)).unwrap_or(text.len());
            text.split_at_checked(end)?
        }
    };
    (!name.is_empty() && name.chars().all(is_word)).then_some((name, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_read_as_go_reads_them() {
        for (pattern, template, text, expected) in [
            ("^/a/(.*)", "/b/$1", "/a/c", "/b/c"),
            ("^/a/(.*)", "/b/${1}x", "/a/c", "/b/cx"),
            ("^/a/(.*)", "/b/$1x", "/a/c", "/b/"),
            ("^/(?P<first>[^/]+)/(.*)", "/$2/${first}", "/a/b", "/b/a"),
            ("^/(?P<1st>[^/]+)", "/x${1st}", "/a", "/xa"),
            ("a", "$$", "/a/a", "/$/$"),
            ("a", "$", "/a", "/$"),
            ("a", "$ {1}", "/a", "/$ {1}"),
            ("(?:a)(b)", "$1", "ab", "b"),
            ("(a)", "$0$9$none", "a", "a"),
            ("(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)", "${10}$1", "abcdefghij", "ja"),
            (" a ", " b ", "a", "b"),
        ] {
            let replacement = Replacement::new(pattern, template).unwrap();
            assert_eq!(
                replacement.apply(text).as_deref(),
                Some(expected),
                "{pattern} {template}"
            );
        }
        assert_eq!(Replacement::new("x", "y").unwrap().apply("a"), None);
        assert!(Replacement::new("(", "y").is_err());
    }
}
