//! `Set-Cookie` text, byte for byte as Go's `http.SetCookie` writes it (traefik-core 1.4).

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use http::HeaderValue;

use super::CookieValue;
use crate::config::dynamic::http::Cookie;

/// `SameSite` of a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// `None`.
    None,
    /// `Lax`.
    Lax,
    /// `Strict`.
    Strict,
}

impl SameSite {
    /// `none`, `lax`, `strict` in any case; anything else means that no attribute is written, without
    /// an error, as in Traefik (traefik-core 1.3).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [("none", Self::None), ("lax", Self::Lax), ("strict", Self::Strict)]
            .into_iter()
            .find_map(|(word, value)| word.eq_ignore_ascii_case(text).then_some(value))
    }
}

/// Everything after `NAME=VALUE`, rendered once.
#[derive(Debug, Clone)]
pub struct Attributes {
    text: String,
}

impl Attributes {
    /// Renders the attributes of `cookie` in Go's order. What would not be valid is left out, as Go does.
    #[must_use]
    pub fn new(cookie: &Cookie) -> Self {
        let mut text = String::new();
        if !cookie.path.is_empty() {
            let clean = cookie.path.bytes().filter(|&b| is_path_byte(b)).map(char::from);
            text.push_str("; Path=");
            text.extend(clean);
        }
        if is_domain(&cookie.domain) {
            text.push_str("; Domain=");
            text.push_str(cookie.domain.strip_prefix('.').unwrap_or(&cookie.domain));
        }
        if cookie.max_age != 0 {
            // Writing into a String cannot fail.
            let _ = write!(text, "; Max-Age={}", cookie.max_age.max(0));
        }
        for (present, attribute) in [(cookie.http_only, "; HttpOnly"), (cookie.secure, "; Secure")] {
            if present {
                text.push_str(attribute);
            }
        }
        text.push_str(match SameSite::parse(&cookie.same_site) {
            Some(SameSite::None) => "; SameSite=None",
            Some(SameSite::Lax) => "; SameSite=Lax",
            Some(SameSite::Strict) => "; SameSite=Strict",
            None => "",
        });
        if cookie.partitioned {
            text.push_str("; Partitioned");
        }
        Self { text }
    }

    /// The text, from the first semicolon on.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The whole header value. `name` shall come from [`super::cookie_name`], so that it is a token.
    #[must_use]
    pub fn render(&self, name: &str, value: &CookieValue) -> HeaderValue {
        // Name, value and attributes are visible ASCII by construction; were they not, Go would drop the
        // cookie, and an empty value is the nearest thing that cannot harm.
        HeaderValue::from_str(&format!("{name}={value}{}", self.text))
            .unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

fn is_path_byte(byte: u8) -> bool {
    (0x20..0x7f).contains(&byte) && byte != b';'
}

/// Go's `validCookieDomain`: a host name with at least one letter, or an IPv4 address.
fn is_domain(domain: &str) -> bool {
    is_domain_name(domain) || domain.parse::<Ipv4Addr>().is_ok()
}

fn is_domain_name(domain: &str) -> bool {
    if domain.is_empty() || domain.len() > 255 {
        return false;
    }
    let name = domain.strip_prefix('.').unwrap_or(domain);
    let labels: Vec<&str> = name.strip_suffix('.').unwrap_or(name).split('.').collect();
    labels.iter().all(|label| is_label(label)) && name.bytes().any(|b| b.is_ascii_alphabetic())
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Why a browser would refuse this cookie, in words; `name` is the effective name.
///
/// Sources: RFC 6265bis section 5.7 (name prefixes, SameSite=None), the CHIPS proposal (Partitioned).
#[must_use]
pub fn browser_objections(cookie: &Cookie, name: &str) -> Vec<String> {
    let same_site = SameSite::parse(&cookie.same_site);
    let lower = name.to_ascii_lowercase();
    let host_prefix = lower.starts_with("__host-");
    [
        (
            same_site == Some(SameSite::None) && !cookie.secure,
            "browsers drop a cookie with `sameSite: none` that is not `secure: true`".to_owned(),
        ),
        (
            cookie.partitioned && !cookie.secure,
            "browsers drop a `partitioned` cookie that is not `secure: true`".to_owned(),
        ),
        (
            lower.starts_with("__secure-") && !cookie.secure,
            format!("browsers drop {name:?} unless it is `secure: true`"),
        ),
        (
            host_prefix && !cookie.secure,
            format!("browsers drop {name:?} unless it is `secure: true`"),
        ),
        (
            host_prefix && !cookie.domain.is_empty(),
            format!("browsers drop {name:?} when `domain` is set"),
        ),
        (
            host_prefix && cookie.path != "/",
            format!("browsers drop {name:?} unless `path` is \"/\""),
        ),
        (
            cookie.renew && cookie.max_age <= 0,
            "`renew` changes nothing without `maxAge`: browsers keep such a cookie until they are closed"
                .to_owned(),
        ),
        (
            !cookie.same_site.is_empty() && same_site.is_none(),
            format!(
                "sameSite {:?} is none of none, lax, strict: the attribute is left out",
                cookie.same_site
            ),
        ),
        (
            !cookie.domain.is_empty() && !is_domain(&cookie.domain),
            format!(
                "domain {:?} is not a valid host name: the attribute is left out",
                cookie.domain
            ),
        ),
    ]
    .into_iter()
    .filter_map(|(objects, reason)| objects.then_some(reason))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(cookie: &Cookie) -> String {
        let name = super::super::cookie_name(&cookie.name, "my-service@file");
        let value = CookieValue::of("http://127.0.0.1:8081");
        let line = Attributes::new(cookie).render(&name, &value);
        line.to_str().unwrap().to_owned()
    }

    #[test]
    fn all_attributes_come_in_gos_order() {
        let cookie = Cookie {
            name: "test".into(),
            secure: true,
            http_only: true,
            same_site: "None".into(),
            max_age: 42,
            path: "/foo".into(),
            domain: "foo.com".into(),
            partitioned: true,
            ..Cookie::default()
        };
        assert_eq!(
            line(&cookie),
            "test=08d5f409490f61fc; Path=/foo; Domain=foo.com; Max-Age=42; HttpOnly; Secure; SameSite=None; Partitioned"
        );
    }

    #[test]
    fn path_loses_what_may_not_stand_there_and_an_empty_one_is_left_out() {
        let with = |path: &str| {
            line(&Cookie {
                path: path.into(),
                ..Cookie::default()
            })
        };
        assert_eq!(with(""), "_4fcce=08d5f409490f61fc");
        assert_eq!(with("/a;b\u{e9}\n"), "_4fcce=08d5f409490f61fc; Path=/ab");
        assert_eq!(with("x"), "_4fcce=08d5f409490f61fc; Path=x");
    }

    #[test]
    fn max_age_is_left_out_at_zero_and_zero_when_negative() {
        let with = |max_age| {
            line(&Cookie {
                max_age,
                path: String::new(),
                ..Cookie::default()
            })
        };
        assert_eq!(with(0), "_4fcce=08d5f409490f61fc");
        assert_eq!(with(-5), "_4fcce=08d5f409490f61fc; Max-Age=0");
        assert_eq!(with(7), "_4fcce=08d5f409490f61fc; Max-Age=7");
    }

    #[test]
    fn domains_are_checked_as_go_checks_them() {
        for good in [
            "example.com",
            ".example.com",
            "a-b.c",
            "10.0.0.1",
            "example.com.",
            "x",
        ] {
            assert!(is_domain(good), "{good}");
        }
        let long = "a".repeat(64);
        for bad in [
            "", "a_b.com", "foo;bar", "::1", "10", "-a.com", "a-.com", "a..b", ".", "1.2", &long,
        ] {
            assert!(!is_domain(bad), "{bad}");
        }
        let cookie = Cookie {
            domain: ".example.com".into(),
            ..Cookie::default()
        };
        assert_eq!(
            line(&cookie),
            "_4fcce=08d5f409490f61fc; Path=/; Domain=example.com"
        );
    }

    #[test]
    fn same_site_is_read_in_any_case_and_unknown_words_are_left_out() {
        assert_eq!(SameSite::parse("NONE"), Some(SameSite::None));
        assert_eq!(SameSite::parse("lAx"), Some(SameSite::Lax));
        assert_eq!(SameSite::parse("strict"), Some(SameSite::Strict));
        assert_eq!(SameSite::parse("default"), None);
    }

    #[test]
    fn what_a_browser_would_drop_is_said() {
        let objections = |cookie: Cookie| browser_objections(&cookie, &cookie.name).len();
        let named = |name: &str| Cookie {
            name: name.into(),
            ..Cookie::default()
        };
        assert_eq!(objections(named("a")), 0);
        assert_eq!(
            objections(Cookie {
                same_site: "none".into(),
                ..named("a")
            }),
            1
        );
        assert_eq!(
            objections(Cookie {
                same_site: "none".into(),
                secure: true,
                ..named("a")
            }),
            0
        );
        assert_eq!(
            objections(Cookie {
                partitioned: true,
                ..named("a")
            }),
            1
        );
        assert_eq!(objections(named("__Secure-a")), 1);
        assert_eq!(objections(named("__Host-a")), 1);
        let host = Cookie {
            secure: true,
            ..named("__Host-a")
        };
        assert_eq!(objections(host.clone()), 0);
        assert_eq!(
            objections(Cookie {
                domain: "a.b".into(),
                ..host.clone()
            }),
            1
        );
        assert_eq!(
            objections(Cookie {
                path: "/x".into(),
                ..host
            }),
            1
        );
        assert_eq!(
            objections(Cookie {
                same_site: "laks".into(),
                ..named("a")
            }),
            1
        );
    }
}
