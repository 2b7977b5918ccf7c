//! `redirectScheme` and `redirectRegex`.

use http::{HeaderValue, Method, StatusCode};

use super::answer::Answer;
use super::message::{FieldName, Request, host, text};
use super::replacement::Replacement;
use crate::config::dynamic::middleware::path as wire;

/// Scheme, host, port and the rest of a URL: what `redirectScheme` takes apart.
const URL: &str = r"^(https?:\/\/)?(\[[\w:.]+\]|[\w\._-]+)?(:\d+)?(.*)$";
const LOCATION: FieldName = FieldName::known("location", "Location");
const PROTO: http::HeaderName = http::HeaderName::from_static("x-forwarded-proto");

/// Redirects where its pattern matches and the new URL is another.
#[derive(Debug)]
pub(super) struct Redirect {
    replacement: Replacement,
    permanent: bool,
    /// The URL is the one that the client has asked a proxy before for, and has no usual port.
    as_asked: bool,
}

impl Redirect {
    /// From `redirectScheme`.
    pub(super) fn to_scheme(written: &wire::RedirectScheme) -> Result<Self, String> {
        if written.scheme.is_empty() {
            return Err("you must provide a target scheme".to_owned());
        }
        let is_usual = match written.scheme.as_str() {
            "http" => written.port == "80",
            "https" => written.port == "443",
            _ => true,
        };
        let port = match written.port.as_str() {
            "" => String::new(),
            _ if is_usual => String::new(),
            port if port.bytes().all(|byte| byte.is_ascii_digit()) => format!(":{port}"),
            port => return Err(format!("port {port:?} is none; write a number")),
        };
        let scheme = written.scheme.replace('$', "$$");
        Ok(Self {
            replacement: Replacement::new(URL, &format!("{scheme}://${{2}}{port}${{4}}"))?,
            permanent: written.permanent,
            as_asked: true,
        })
    }

    /// From `redirectRegex`.
    pub(super) fn by_pattern(written: &wire::RedirectRegex) -> Result<Self, String> {
        Ok(Self {
            replacement: Replacement::new(&written.regex, &written.replacement)?,
            permanent: written.permanent,
            as_asked: false,
        })
    }

    /// The redirect, if this request gets one.
    pub(super) fn answer(&self, request: &dyn Request, is_tls: bool) -> Option<Answer> {
        let asked = self.url(request, is_tls);
        let location = self.replacement.apply(&asked)?;
        if location == asked {
            return None;
        }
        let status = match (self.permanent, *request.method() == Method::GET) {
            (false, true) => StatusCode::FOUND,
            (false, false) => StatusCode::TEMPORARY_REDIRECT,
            (true, true) => StatusCode::MOVED_PERMANENTLY,
            (true, false) => StatusCode::PERMANENT_REDIRECT,
        };
        Some(Answer::of_status(status).with(LOCATION, value(&location)))
    }

    fn url(&self, request: &dyn Request, is_tls: bool) -> String {
        let secure = match text(request.fields(), &PROTO).to_ascii_lowercase().as_str() {
            "http" | "ws" if self.as_asked => false,
            "https" | "wss" if self.as_asked => true,
            _ => is_tls,
        };
        let scheme = if secure { "https" } else { "http" };
        let usual = if secure { ":443" } else { ":80" };
        let host = host(request);
        let host = host.strip_suffix(usual).filter(|_| self.as_asked).unwrap_or(host);
        let target = request
            .uri()
            .path_and_query()
            .map_or("/", |target| target.as_str());
        format!("{scheme}://{host}{target}")
    }
}

/// A URL as a field: what may not be in one is percent-encoded.
fn value(url: &str) -> HeaderValue {
    let mut safe = String::with_capacity(url.len());
    for byte in url.bytes() {
        if byte.is_ascii_graphic() && !br#""<>\^`{|}"#.contains(&byte) {
            safe.push(char::from(byte));
        } else {
            safe.push_str(&format!("%{byte:02X}"));
        }
    }
    HeaderValue::from_str(&safe).unwrap_or_else(|_| HeaderValue::from_static("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(method: &str, target: &str, fields: &[(&str, &str)]) -> http::request::Parts {
        let mut request = http::Request::builder().method(method).uri(target);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn scheme(scheme: &str, port: &str, permanent: bool) -> Redirect {
        Redirect::to_scheme(&wire::RedirectScheme {
            scheme: scheme.into(),
            port: port.into(),
            permanent,
        })
        .unwrap()
    }

    fn sent(
        redirect: &Redirect,
        request: &http::request::Parts,
        is_tls: bool,
    ) -> Option<(u16, String, String)> {
        let answer = redirect.answer(request, is_tls)?;
        Some((
            answer.status.as_u16(),
            answer.fields[0].1.to_str().unwrap().to_owned(),
            String::from_utf8(answer.body.to_vec()).unwrap(),
        ))
    }

    #[test]
    fn a_scheme_is_redirected_with_traefiks_status_and_port() {
        for (to, port, host, proto, is_tls, expected) in [
            ("https", "", "a.test", "", false, Some("https://a.test/x?y=1")),
            (
                "https",
                "443",
                "a.test:80",
                "",
                false,
                Some("https://a.test/x?y=1"),
            ),
            (
                "https",
                "8443",
                "a.test:80",
                "",
                false,
                Some("https://a.test:8443/x?y=1"),
            ),
            ("http", "80", "a.test", "", true, Some("http://a.test/x?y=1")),
            (
                "http",
                "8080",
                "a.test:8443",
                "",
                true,
                Some("http://a.test:8080/x?y=1"),
            ),
            ("https", "", "[::1]:8080", "", false, Some("https://[::1]/x?y=1")),
            ("https", "", "a.test", "https", false, None),
            ("https", "", "a.test", "wss", false, None),
            ("https", "", "a.test", "http", true, Some("https://a.test/x?y=1")),
            ("https", "", "a.test", "bar", false, Some("https://a.test/x?y=1")),
            ("https", "", "a.test", "", true, None),
            ("https", "443", "a.test:443", "", true, None),
        ] {
            let request = parts("GET", "/x?y=1", &[("host", host), ("x-forwarded-proto", proto)]);
            let sent = sent(&scheme(to, port, false), &request, is_tls);
            assert_eq!(
                sent.map(|(_, to, _)| to).as_deref(),
                expected,
                "{to} {port} {host} {proto}"
            );
        }
        assert_eq!(
            Redirect::to_scheme(&wire::RedirectScheme::default()).unwrap_err(),
            "you must provide a target scheme"
        );
    }

    #[test]
    fn the_status_depends_on_method_and_permanence() {
        for (method, permanent, status, body) in [
            ("GET", false, 302, "Found"),
            ("HEAD", false, 307, "Temporary Redirect"),
            ("POST", false, 307, "Temporary Redirect"),
            ("GET", true, 301, "Moved Permanently"),
            ("HEAD", true, 308, "Permanent Redirect"),
        ] {
            let request = parts(method, "/", &[("host", "a")]);
            let (found, _, text) = sent(&scheme("https", "", permanent), &request, false).unwrap();
            assert_eq!((found, text.as_str()), (status, body), "{method} {permanent}");
        }
    }

    #[test]
    fn a_pattern_sees_the_whole_url_and_its_groups_are_kept() {
        let redirect = |regex: &str, replacement: &str| {
            let written = wire::RedirectRegex {
                regex: regex.into(),
                replacement: replacement.into(),
                permanent: false,
            };
            Redirect::by_pattern(&written)
        };
        let request = parts(
            "GET",
            "/path?q=1",
            &[("host", "foo.com:8080"), ("x-forwarded-proto", "https")],
        );
        let to =
            |regex, replacement| sent(&redirect(regex, replacement).unwrap(), &request, false).map(|it| it.1);
        assert_eq!(
            to(
                r"^(?:http?:\/\/)(foo)(\.com)(:\d+)(.*)$",
                "https://${1}bar$2:443$4"
            )
            .as_deref(),
            Some("https://foobar.com:443/path?q=1")
        );
        assert_eq!(
            to("^https://.*", "http://x"),
            None,
            "the scheme is the connection's"
        );
        assert_eq!(to("nothing", "x"), None);
        assert_eq!(to("^(.*)$", "$1"), None, "the same URL");
        assert_eq!(
            to("^.*$", "http://x/ \"é").as_deref(),
            Some("http://x/%20%22%C3%A9")
        );
        assert!(redirect("(", "").is_err());
    }
}
