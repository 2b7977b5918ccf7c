//! From what is written to what works.

use std::sync::Arc;

use http::HeaderName;

use super::allow_list::AllowList;
use super::auth::Auth;
use super::chain::{Step, Work};
use super::characters::Characters;
use super::compress::Compress;
use super::headers::Headers;
use super::in_flight::InFlight;
use super::path::Rewrite;
use super::rate_limit::RateLimit;
use super::redirect::Redirect;
use super::retry::{Retry, is_too_many};
use crate::config::Files;
use crate::config::dynamic::Middleware;
use crate::config::dynamic::middleware::access::IpAllowList;

/// A middleware that can be used.
#[derive(Debug, Clone)]
pub enum Built {
    /// One step.
    Step(Arc<Step>),
    /// Others, by name as written.
    Chain(Vec<String>),
}

/// Why a middleware cannot be used, or what of it has no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where: the key path within the middleware; empty for all of it.
    pub key: String,
    /// What is wrong and what would be right.
    pub text: String,
}

/// Builds the middleware called `name`; `notes` is what of it has no effect.
///
/// # Errors
/// Why it cannot be used: those who name it must not run without it.
pub fn build(
    name: &Arc<str>,
    written: &Middleware,
    files: &dyn Files,
    notes: &mut Vec<Mistake>,
) -> Result<Built, Mistake> {
    let kind = match *written.kinds() {
        [kind] => kind,
        [] => return Err(mistake("", "the middleware does not have any type defined")),
        _ => {
            return Err(mistake(
                "",
                "cannot create middleware: multi-types middleware not supported, consider declaring two different \
                 pieces of middleware instead",
            ));
        }
    };
    if let Some(chain) = &written.chain {
        return Ok(Built::Chain(chain.middlewares.clone()));
    }
    let work =
        work(written, files).ok_or_else(|| mistake(kind, &format!("{kind} is not supported by piton")))?;
    warn(written, notes);
    let work = work.map_err(|text| mistake(kind, &text))?;
    Ok(Built::Step(Step::new(name, work)))
}

fn mistake(key: &str, text: &str) -> Mistake {
    Mistake {
        key: key.to_owned(),
        text: text.to_owned(),
    }
}

/// The work of a kind that piton has; `None` for the others.
fn work(written: &Middleware, files: &dyn Files) -> Option<Result<Work, String>> {
    if let Some(it) = &written.add_prefix {
        return Some(Rewrite::add(it).map(Work::Rewrite));
    }
    if let Some(it) = &written.strip_prefix {
        return Some(Ok(Work::Rewrite(Rewrite::strip(it))));
    }
    if let Some(it) = &written.strip_prefix_regex {
        return Some(Rewrite::strip_pattern(it).map(Work::Rewrite));
    }
    if let Some(it) = &written.replace_path {
        return Some(Ok(Work::Rewrite(Rewrite::replace(it))));
    }
    if let Some(it) = &written.replace_path_regex {
        return Some(Rewrite::replace_pattern(it).map(Work::Rewrite));
    }
    if let Some(it) = &written.redirect_scheme {
        return Some(Redirect::to_scheme(it).map(Work::Redirect));
    }
    if let Some(it) = &written.redirect_regex {
        return Some(Redirect::by_pattern(it).map(Work::Redirect));
    }
    if let Some(it) = &written.headers {
        return Some(Headers::new(it).map(Box::new).map(Work::Headers));
    }
    if let Some(it) = &written.ip_allow_list {
        return Some(AllowList::new(it).map(Work::AllowList));
    }
    if let Some(it) = &written.ip_white_list {
        let renamed = IpAllowList {
            source_range: it.source_range.clone(),
            ip_strategy: it.ip_strategy.clone(),
            reject_status_code: 0,
        };
        let text = |text: String| text.replace("IPAllowLister", "IPWhiteLister");
        return Some(AllowList::new(&renamed).map(Work::AllowList).map_err(text));
    }
    if let Some(it) = &written.basic_auth {
        return Some(Auth::new(it, files).map(Work::Auth));
    }
    if let Some(it) = &written.rate_limit {
        return Some(RateLimit::new(it).map(Box::new).map(Work::RateLimit));
    }
    if let Some(it) = &written.in_flight_req {
        return Some(InFlight::new(it).map(Work::InFlight));
    }
    if let Some(it) = &written.retry {
        return Some(Retry::new(it).map(Arc::new).map(Work::Retry));
    }
    if let Some(it) = written.compress.as_ref() {
        return Some(Compress::new(it).map(Work::Compress));
    }
    let characters = written.encoded_characters.as_ref()?;
    Some(Ok(Work::Characters(Characters::new(characters))))
}

fn warn(written: &Middleware, notes: &mut Vec<Mistake>) {
    if written.ip_white_list.is_some() {
        notes.push(mistake(
            "ipWhiteList",
            "IPWhiteList is deprecated, please use IPAllowList instead",
        ));
    }
    if let Some(headers) = &written.headers {
        for (key, instead) in Headers::deprecated(headers) {
            let text = format!("{key} has no effect any more; use {instead}");
            notes.push(mistake(&format!("headers.{key}"), &text));
        }
    }
    let strip = written.strip_prefix.as_ref();
    if strip.is_some_and(|strip| strip.force_slash.is_some()) {
        notes.push(mistake(
            "stripPrefix.forceSlash",
            "forceSlash is deprecated; piton still follows it",
        ));
    }
    if let Some(text) = written
        .retry
        .as_ref()
        .and_then(|retry| is_too_many(retry.attempts))
    {
        notes.push(mistake("retry.attempts", &text));
    }
    let reads_framing = |name: &String| {
        let name = HeaderName::from_bytes(name.as_bytes());
        name.is_ok_and(|name| name == http::header::CONTENT_LENGTH || name == http::header::TRANSFER_ENCODING)
    };
    if let Some(headers) = &written.headers {
        let mut names = headers
            .custom_request_headers
            .keys()
            .chain(headers.custom_response_headers.keys());
        if names.any(reads_framing) {
            let text = "Content-Length and Transfer-Encoding frame a message; setting them is not followed";
            notes.push(mistake("headers", text));
        }
    }
}

/// Would `step` be the same if it were built now from the same words? Files that they name may hold something else.
///
/// # Errors
/// Why that cannot be told.
pub fn is_same_in_files(step: &Step, written: &Middleware, files: &dyn Files) -> Result<bool, String> {
    match (&step.work, &written.basic_auth) {
        (Work::Auth(auth), Some(written)) if !written.users_file.is_empty() => {
            auth.has_users_of(written, files)
        }
        _ => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::dynamic::{self};
    use crate::config::{NoFiles, Notation};

    fn built(yaml: &str) -> Result<(Built, Vec<Mistake>), Mistake> {
        let text = format!("http: {{middlewares: {{m: {yaml}}}}}");
        let (configuration, _) = dynamic::read(text.as_bytes(), Notation::Yaml, None).unwrap();
        let mut notes = Vec::new();
        let built = build(
            &"m@file".into(),
            &configuration.http.middlewares["m"],
            &NoFiles,
            &mut notes,
        )?;
        Ok((built, notes))
    }

    #[test]
    fn what_piton_does_not_have_is_refused_by_its_kind() {
        for (kind, written) in [
            ("forwardAuth", "{address: 'http://a'}"),
            ("errors", "{status: ['500'], service: s, query: /}"),
            ("buffering", "{maxRequestBodyBytes: 1}"),
            ("circuitBreaker", "{expression: 'NetworkErrorRatio() > 0.5'}"),
            ("digestAuth", "{users: ['a:b:c']}"),
            ("contentType", "{}"),
            ("grpcWeb", "{allowOrigins: ['*']}"),
            ("passTLSClientCert", "{pem: true}"),
            ("plugin", "{x: {y: z}}"),
        ] {
            let refused = built(&format!("{{{kind}: {written}}}")).unwrap_err();
            assert_eq!(
                (refused.key.as_str(), refused.text),
                (kind, format!("{kind} is not supported by piton"))
            );
        }
        let redis = built("{rateLimit: {average: 1, redis: {endpoints: ['a:1']}}}").unwrap_err();
        assert!(redis.text.starts_with("redis is not supported"), "{redis:?}");
    }

    #[test]
    fn exactly_one_kind_is_right() {
        assert!(built("{addPrefix: {prefix: /a}}").unwrap().1.is_empty());
        let two = built("{addPrefix: {prefix: /a}, stripPrefix: {prefixes: [/a]}}").unwrap_err();
        assert!(
            two.text
                .starts_with("cannot create middleware: multi-types middleware"),
            "{two:?}"
        );
        let none = build(&"m".into(), &Middleware::default(), &NoFiles, &mut Vec::new()).unwrap_err();
        assert_eq!(none.text, "the middleware does not have any type defined");
    }

    #[test]
    fn deprecated_keys_are_told() {
        for (yaml, key) in [
            ("{ipWhiteList: {sourceRange: ['::1']}}", "ipWhiteList"),
            (
                "{headers: {frameDeny: true, sslRedirect: true}}",
                "headers.sslRedirect",
            ),
            (
                "{stripPrefix: {prefixes: [/a], forceSlash: false}}",
                "stripPrefix.forceSlash",
            ),
            ("{retry: {attempts: 99}}", "retry.attempts"),
            (
                "{headers: {customResponseHeaders: {Content-Length: '1', X-A: a}}}",
                "headers",
            ),
        ] {
            let (_, notes) = built(yaml).unwrap();
            assert_eq!(
                notes.iter().map(|note| note.key.as_str()).collect::<Vec<_>>(),
                [key]
            );
        }
        let empty = built("{ipWhiteList: {sourceRange: []}}").unwrap_err();
        assert_eq!(empty.text, "sourceRange is empty, IPWhiteLister not created");
    }
}
