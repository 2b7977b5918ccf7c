//! Go's regular expressions (RE2) for the `regex` crate: the same meaning in the other dialect's words.
//!
//! Both are linear-time and unanchored, but they part in ways that rules in the wild hit: in Go `{name}` is literal
//! text, `\d \w \s \b` are ASCII, `[a&&b]` and `[[]` are plain classes, `\<` is a `<`, and `\Q..\E` quotes. So the
//! pattern is read by Go's grammar (`regexp/syntax`, Perl flags) and written again without any of these. Groups
//! become non-capturing where it is only asked whether there is a match. One thing Go takes is refused: a
//! repetition straight after a group of flags, `a(?i)*`.

mod class;

use std::fmt::Write as _;

use regex::{Regex, RegexBuilder};

use self::class::{class, escaped_char, named_set};

/// Limit of a compiled program, and of the lazily built automaton, in bytes.
const SIZE_LIMIT: usize = 1 << 20;

/// Go's limit of a counted repetition.
const MAX_REPEAT: u32 = 1000;

/// Compiles a Go pattern; the error is one line for the user.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    build(&translate(pattern, &mut None)?, pattern)
}

/// Compiles a Go pattern with its groups; returns their names by number, the whole match being number 0.
pub(crate) fn compile_with_groups(pattern: &str) -> Result<(Regex, Vec<Option<String>>), String> {
    let mut groups = Some(vec![None]);
    let translated = translate(pattern, &mut groups)?;
    Ok((build(&translated, pattern)?, groups.unwrap_or_default()))
}

fn build(translated: &str, pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(translated)
        .size_limit(SIZE_LIMIT)
        .dfa_size_limit(SIZE_LIMIT)
        .build()
        .map_err(|error| one_line(&error, pattern))
}

/// The crate draws its message over several lines, below the rewritten pattern; only the last says why.
fn one_line(error: &regex::Error, pattern: &str) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    let why = last.trim_start_matches("error: ");
    format!("error parsing regexp: {why}: `{pattern}`")
}

/// The names of the groups so far; `None` when groups shall not capture.
type Groups = Option<Vec<Option<String>>>;

/// Rewrites a Go pattern.
fn translate(pattern: &str, groups: &mut Groups) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    let mut repeated = false;
    while let Some(first) = rest.chars().next() {
        match repetition(rest, first)? {
            Some(_) if repeated => return Err(invalid("nested repetition operator", rest)),
            Some((operator, after)) => {
                out.push_str(operator);
                rest = after;
                repeated = true;
            }
            None => {
                rest = element(rest, first, &mut out, groups)?;
                repeated = false;
            }
        }
    }
    Ok(out)
}

/// Reads a repetition with its `?`, if `rest` starts with one; the dialects agree on these.
fn repetition(rest: &str, first: char) -> Result<Option<(&str, &str)>, String> {
    let length = match first {
        '*' | '+' | '?' => 1,
        '{' => match counted(rest)? {
            Some(length) => length,
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    let lazy = rest.get(length..).is_some_and(|after| after.starts_with('?'));
    Ok(rest.split_at_checked(length + usize::from(lazy)))
}

/// The length of `{n}`, `{n,}` or `{n,m}`; any other brace is literal text.
fn counted(rest: &str) -> Result<Option<usize>, String> {
    let Some((inner, _)) = rest.strip_prefix('{').and_then(|after| after.split_once('}')) else {
        return Ok(None);
    };
    let (low, high) = inner.split_once(',').unwrap_or((inner, inner));
    let count = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits && (text.len() == 1 || !text.starts_with('0'))
    };
    if !count(low) || !(high.is_empty() && inner.contains(',') || count(high)) {
        return Ok(None);
    }
    // A number too large to parse is too large to repeat.
    let value = |text: &str| text.parse::<u32>().unwrap_or(u32::MAX);
    let (low, high) = (value(low), if high.is_empty() { value(low) } else { value(high) });
    if low > high || high > MAX_REPEAT {
        return Err(invalid("repeat count", rest));
    }
    Ok(Some(inner.len() + 2))
}

/// Rewrites anything but a repetition; returns what is left.
fn element<'p>(rest: &'p str, first: char, out: &mut String, groups: &mut Groups) -> Result<&'p str, String> {
    let after = tail(rest, first);
    match first {
        '\\' => return escape(after, out),
        '[' => return class(after, out),
        '(' => return group(after, out, groups),
        '^' | '$' | '.' | '|' | ')' => out.push(first),
        c => literal(c, out),
    }
    Ok(after)
}

/// Rewrites the opening of a group; `rest` starts behind the parenthesis.
fn group<'p>(rest: &'p str, out: &mut String, groups: &mut Groups) -> Result<&'p str, String> {
    let Some(special) = rest.strip_prefix('?') else {
        open(None, out, groups);
        return Ok(rest);
    };
    if let Some(named) = special.strip_prefix("P<").or_else(|| special.strip_prefix('<')) {
        let word = |name: &str| !name.is_empty() && name.chars().all(|c| c == '_' || c.is_alphanumeric());
        let Some((name, after)) = named.split_once('>').filter(|(name, _)| word(name)) else {
            return Err(invalid("named capture", rest));
        };
        open(Some(name), out, groups);
        return Ok(after);
    }
    let length = special.find([':', ')']).map(|end| end + 1);
    let Some((flags, after)) = length.and_then(|length| special.split_at_checked(length)) else {
        return Err("error parsing regexp: missing argument to `(?`".into());
    };
    if !flags.chars().all(|c| "imsU-:)".contains(c)) {
        return Err(format!(
            "error parsing regexp: invalid or unsupported Perl syntax: `(?{flags}`"
        ));
    }
    // `(?)` sets nothing; Go takes it, the crate does not.
    if flags != ")" {
        out.push_str("(?");
        out.push_str(flags);
    }
    Ok(after)
}

/// Opens a group: one that captures, where groups do. Names are kept aside, since Go allows others than the crate.
fn open(name: Option<&str>, out: &mut String, groups: &mut Groups) {
    match groups {
        Some(groups) => {
            groups.push(name.map(str::to_owned));
            out.push('(');
        }
        None => out.push_str("(?:"),
    }
}

/// Rewrites an escape outside of a class; `rest` starts behind the backslash.
fn escape<'p>(rest: &'p str, out: &mut String) -> Result<&'p str, String> {
    if let Some(quoted) = rest.strip_prefix('Q') {
        let (text, after) = quoted.split_once("\\E").unwrap_or((quoted, ""));
        text.chars().for_each(|c| literal(c, out));
        return Ok(after);
    }
    let Some(letter) = rest.chars().next() else {
        return Err("error parsing regexp: trailing backslash at end of expression".into());
    };
    let after = tail(rest, letter);
    match letter {
        'A' | 'z' => out.extend(['\\', letter]),
        'b' => out.push_str(r"(?-u:\b)"),
        'B' => out.push_str(r"(?-u:\B)"),
        _ => {
            if let Some((set, after)) = named_set(rest)? {
                // Written as a class of its own, so that a range like `0-9` stays one.
                let _ = write!(out, "[{set}]");
                return Ok(after);
            }
            let (c, after) = escaped_char(rest)?;
            literal(c, out);
            return Ok(after);
        }
    }
    Ok(after)
}

/// Writes a character that stands for itself, in a class or outside.
fn literal(c: char, out: &mut String) {
    if c.is_ascii() && !c.is_ascii_alphanumeric() {
        let _ = write!(out, "\\x{{{:x}}}", u32::from(c));
    } else {
        out.push(c);
    }
}

/// What follows `first` in `rest`, which starts with it.
fn tail(rest: &str, first: char) -> &str {
    rest.get(first.len_utf8()..).unwrap_or_default()
}

/// Go's words for a bad piece of a pattern.
fn invalid(what: &str, rest: &str) -> String {
    format!("error parsing regexp: invalid {what}: `{rest}`")
}
