//! Middlewares that rewrite the path: `addPrefix`, `stripPrefix`, `stripPrefixRegex`, `replacePath`,
//! `replacePathRegex`. Servers see the new path; the routing decision stays.

use http::StatusCode;
use regex::Regex;

use super::answer::Answer;
use super::message::{FieldName, Request, set_path, value_of};
use super::replacement::Replacement;
use crate::config::dynamic::middleware::path as wire;
use crate::request::target::{behind, clean_path, decoded, escape};
use crate::rule::go_regexp;

const PREFIX: FieldName = FieldName::known("x-forwarded-prefix", "X-Forwarded-Prefix");
const REPLACED: FieldName = FieldName::known("x-replaced-path", "X-Replaced-Path");

/// A change of the path.
#[derive(Debug)]
pub(super) enum Rewrite {
    /// `addPrefix`: escaped, with a slash before it.
    Add(String),
    /// `stripPrefix`.
    Strip {
        /// The first that fits is taken.
        prefixes: Vec<String>,
        /// Leave at least a slash.
        force_slash: bool,
    },
    /// `stripPrefixRegex`.
    StripPattern(Vec<Regex>),
    /// `replacePath`: as written.
    Replace(String),
    /// `replacePathRegex`.
    ReplacePattern(Replacement),
}

impl Rewrite {
    /// From `addPrefix`.
    pub(super) fn add(written: &wire::AddPrefix) -> Result<Self, String> {
        if written.prefix.is_empty() {
            return Err("prefix cannot be empty".to_owned());
        }
        // Traefik puts it before the decoded path: a percent sign in it is one.
        let prefix = escape(&written.prefix.replace('%', "%25"))?;
        Ok(Self::Add(with_slash(&prefix)))
    }

    /// From `stripPrefix`.
    pub(super) fn strip(written: &wire::StripPrefix) -> Self {
        let prefixes = written.prefixes.iter().map(|prefix| prefix.trim().to_owned());
        Self::Strip {
            prefixes: prefixes.collect(),
            force_slash: written.force_slash == Some(true),
        }
    }

    /// From `stripPrefixRegex`.
    pub(super) fn strip_pattern(written: &wire::StripPrefixRegex) -> Result<Self, String> {
        let patterns = written.regex.iter().map(|pattern| go_regexp(pattern.trim()));
        Ok(Self::StripPattern(patterns.collect::<Result<_, _>>()?))
    }

    /// From `replacePath`.
    pub(super) fn replace(written: &wire::ReplacePath) -> Self {
        Self::Replace(written.path.clone())
    }

    /// From `replacePathRegex`.
    pub(super) fn replace_pattern(written: &wire::ReplacePathRegex) -> Result<Self, String> {
        let replacement = Replacement::new(&written.regex, &written.replacement);
        replacement.map(Self::ReplacePattern).map_err(|why| {
            format!(
                "error compiling regular expression {}: {why}",
                written.regex.trim()
            )
        })
    }

    /// Rewrites the path of `request`. `is_empty` says that nothing is left of it, which its target cannot say.
    pub(super) fn apply(&self, request: &mut dyn Request, is_empty: &mut bool) -> Result<(), Answer> {
        let path = if *is_empty { "" } else { request.uri().path() }.to_owned();
        let new = match self {
            Self::Add(prefix) => Some(format!("{prefix}{path}")),
            Self::Strip {
                prefixes,
                force_slash,
            } => {
                let found = prefixes
                    .iter()
                    .find_map(|prefix| Some((prefix, behind(&path, prefix)?)));
                match found {
                    Some((prefix, rest)) => {
                        request.add(&PREFIX, value_of(prefix));
                        let rest = stripped(rest)?;
                        let is_bare = *force_slash && rest.is_empty();
                        Some(if is_bare { "/".to_owned() } else { rest })
                    }
                    None => None,
                }
            }
            Self::StripPattern(patterns) => match matched(patterns, &path) {
                Some(prefix) => {
                    request.add(&PREFIX, value_of(&prefix));
                    behind(&path, &prefix).map(stripped).transpose()?
                }
                None => None,
            },
            Self::Replace(new) => {
                request.add(&REPLACED, value_of(&path));
                Some(with_slash(&escape(new).map_err(bad_escape)?))
            }
            Self::ReplacePattern(replacement) => match replacement.apply(&path) {
                Some(new) => {
                    request.add(&REPLACED, value_of(&path));
                    Some(with_slash(&escape(&new).map_err(bad_escape)?))
                }
                None => None,
            },
        };
        let Some(new) = new else {
            return Ok(());
        };
        *is_empty = new.is_empty();
        if set_path(request, &new) {
            Ok(())
        } else {
            Err(Answer::error(StatusCode::BAD_REQUEST, "Bad Request"))
        }
    }
}

/// The text at the start of the path that the first fitting pattern matches.
fn matched(patterns: &[Regex], path: &str) -> Option<String> {
    let path = decoded(path);
    let matches = patterns.iter().filter_map(|pattern| pattern.find(&path));
    let at_start = |found: &regex::Match<'_>| found.start() == 0 && !found.is_empty();
    matches
        .into_iter()
        .find(at_start)
        .map(|found| found.as_str().to_owned())
}

/// What is left of a path: empty, or with a slash before it. What would mean another place is refused: a prefix
/// `/api` makes a `/../x` of `/api../x`.
fn stripped(rest: &str) -> Result<String, Answer> {
    if rest.is_empty() {
        return Ok(String::new());
    }
    let rest = with_slash(rest);
    match clean_path(&rest, true) {
        Ok(clean) if clean == rest => Ok(rest),
        _ => Err(Answer::error(StatusCode::BAD_REQUEST, "Bad Request")),
    }
}

fn with_slash(path: &str) -> String {
    if path.starts_with('/') || path.is_empty() {
        path.to_owned()
    } else {
        format!("/{path}")
    }
}

fn bad_escape(escape: String) -> Answer {
    let text = format!("invalid URL escape {escape:?}");
    Answer::error(StatusCode::INTERNAL_SERVER_ERROR, &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Target, `X-Forwarded-Prefix` and `X-Replaced-Path` afterwards, or the status of an answer.
    fn after(rewrite: &Rewrite, target: &str) -> Result<(String, String, String), u16> {
        let request = http::Request::builder().uri(target).body(()).unwrap();
        let mut request = request.into_parts().0;
        let applied = rewrite.apply(&mut request, &mut false);
        applied.map_err(|answer| answer.status.as_u16())?;
        let field = |name: &str| {
            let value = request.headers.get(name).map(|value| value.as_bytes().to_vec());
            String::from_utf8(value.unwrap_or_default()).unwrap()
        };
        Ok((
            request.uri.to_string(),
            field("x-forwarded-prefix"),
            field("x-replaced-path"),
        ))
    }

    fn strip(prefixes: &[&str]) -> Rewrite {
        Rewrite::strip(&wire::StripPrefix {
            prefixes: prefixes.iter().map(|&prefix| prefix.to_owned()).collect(),
            force_slash: None,
        })
    }

    #[test]
    fn a_prefix_is_stripped_as_traefik_strips_it() {
        for (prefixes, target, expected, prefix) in [
            (&["/stat"][..], "/norules", "/norules", ""),
            (&["/"], "/norules", "/norules", "/"),
            (&["/stat"], "/stat", "/", "/stat"),
            (&["/stat"], "/stat/us?a=b", "/us?a=b", "/stat"),
            (&["/stat"], "/status", "/us", "/stat"),
            (&["/stat", "/stat/us"], "/stat/us", "/us", "/stat"),
            (&[" /stat "], "/stat/us", "/us", "/stat"),
            (&["/stat/"], "/stat/us", "/us", "/stat/"),
            (&["/stat"], "/stat/a%2Fb", "/a%2Fb", "/stat"),
            (&["/a b"], "/a%20b/c", "/c", "/a b"),
            (&["/a/b"], "/a%2Fb/c", "/c", "/a/b"),
            (&["/é"], "/%C3%A9/c", "/c", "/é"),
            (&["/stat"], "/stat%2Fus", "/%2Fus", "/stat"),
        ] {
            let expected = (expected.to_owned(), prefix.to_owned(), String::new());
            assert_eq!(
                after(&strip(prefixes), target),
                Ok(expected),
                "{prefixes:?} {target}"
            );
        }
    }

    #[test]
    fn a_rest_that_leads_elsewhere_is_refused() {
        for target in ["/api../admin", "/api./admin", "/api/../x"] {
            assert_eq!(after(&strip(&["/api"]), target), Err(400), "{target}");
        }
        let pattern = wire::StripPrefixRegex {
            regex: vec!["^/api".into()],
        };
        assert_eq!(
            after(&Rewrite::strip_pattern(&pattern).unwrap(), "/api../admin"),
            Err(400)
        );
    }

    #[test]
    fn a_pattern_is_stripped_where_it_matches_at_the_start() {
        let pattern = |regex: &[&str]| {
            let regex = regex.iter().map(|&regex| regex.to_owned()).collect();
            Rewrite::strip_pattern(&wire::StripPrefixRegex { regex })
        };
        let rewrite = pattern(&["/a/api/", "/b/([a-z0-9]+)/", "/c/[a-z0-9]+/[0-9]+/"]).unwrap();
        for (target, expected, prefix) in [
            ("/a/test", "/a/test", ""),
            ("/a/test/a/api/", "/a/test/a/api/", ""),
            ("/a/api/test", "/test", "/a/api/"),
            ("/b/api/", "/", "/b/api/"),
            ("/b/api/test1", "/test1", "/b/api/"),
            ("/b/api2/test2", "/test2", "/b/api2/"),
            ("/c/api/123/", "/", "/c/api/123/"),
            ("/c/api/123/test4", "/test4", "/c/api/123/"),
            ("/c/api/abc/test5", "/c/api/abc/test5", ""),
            ("/a/api/a%2Ftest2", "/a%2Ftest2", "/a/api/"),
        ] {
            let expected = (expected.to_owned(), prefix.to_owned(), String::new());
            assert_eq!(after(&rewrite, target), Ok(expected), "{target}");
        }
        assert!(pattern(&["("]).is_err());
    }

    #[test]
    fn a_prefix_is_added_and_an_empty_one_is_a_mistake() {
        let add = |prefix: &str| {
            Rewrite::add(&wire::AddPrefix {
                prefix: prefix.into(),
            })
        };
        for (prefix, target, expected) in [
            ("/a", "/b?c=d", "/a/b?c=d"),
            ("a", "/b", "/a/b"),
            ("/a", "/b%2Fc", "/a/b%2Fc"),
            ("/ä b", "/", "/%C3%A4%20b/"),
        ] {
            assert_eq!(after(&add(prefix).unwrap(), target).unwrap().0, expected);
        }
        assert_eq!(add("").unwrap_err(), "prefix cannot be empty");
    }

    #[test]
    fn a_path_of_which_nothing_is_left_gets_a_prefix_without_a_slash_behind() {
        let request = http::Request::builder().uri("/stat").body(()).unwrap();
        let (mut request, mut is_empty) = (request.into_parts().0, false);
        strip(&["/stat"]).apply(&mut request, &mut is_empty).unwrap();
        let add = Rewrite::add(&wire::AddPrefix { prefix: "/x".into() }).unwrap();
        add.apply(&mut request, &mut is_empty).unwrap();
        assert_eq!((request.uri.to_string().as_str(), is_empty), ("/x", false));
    }

    #[test]
    fn a_path_is_replaced_and_the_old_one_is_told() {
        let replace = |path: &str| Rewrite::replace(&wire::ReplacePath { path: path.into() });
        for (path, target, expected, old) in [
            ("/new", "/old?a=b", "/new?a=b", "/old"),
            ("new", "/old", "/new", "/old"),
            ("/new%2Fer", "/o%2Fld", "/new%2Fer", "/o%2Fld"),
        ] {
            let expected = (expected.to_owned(), String::new(), old.to_owned());
            assert_eq!(after(&replace(path), target), Ok(expected));
        }
        assert_eq!(after(&replace("/%zz"), "/"), Err(500));
    }

    #[test]
    fn a_path_is_replaced_by_pattern_only_where_it_matches() {
        let rewrite = |regex: &str, replacement: &str| {
            let (regex, replacement) = (regex.into(), replacement.into());
            Rewrite::replace_pattern(&wire::ReplacePathRegex { regex, replacement })
        };
        for (regex, replacement, target, expected, old) in [
            (
                r"^/whoami/(.*)",
                "/who-am-i/$1",
                "/whoami/and/whoami",
                "/who-am-i/and/whoami",
                "/whoami/and/whoami",
            ),
            (
                r"/whoami",
                "/who-am-i",
                "/and/whoami?x",
                "/and/who-am-i?x",
                "/and/whoami",
            ),
            (r"^/a/(\w+)/b", "/$1", "/else", "/else", ""),
            (r"^/f%2Fo/(.*)", "/$1", "/f%2Fo/b%2Fr", "/b%2Fr", "/f%2Fo/b%2Fr"),
            (r"^/(.*)", "/a?$1", "/x", "/a%3Fx", "/x"),
        ] {
            let expected = (expected.to_owned(), String::new(), old.to_owned());
            assert_eq!(
                after(&rewrite(regex, replacement).unwrap(), target),
                Ok(expected),
                "{regex}"
            );
        }
        let broken = rewrite("(", "").unwrap_err();
        assert!(
            broken.starts_with("error compiling regular expression (: "),
            "{broken}"
        );
    }
}
