//! The vectors of traefik-core 4.3 and 4.7, and facts about all paths.

use std::borrow::Cow;

use proptest::prelude::*;

use super::{BadTarget, canonical_host, clean_path, clean_query, routing_path};

#[track_caller]
fn cleans(path: &str, sanitize: bool, expected: &str) {
    assert_eq!(clean_path(path, sanitize).as_deref(), Ok(expected), "{path}");
}

fn borrowed<T>(value: Result<Cow<'_, str>, T>) -> bool {
    matches!(value, Ok(Cow::Borrowed(_)))
}

#[test]
fn sanitised_paths_are_those_of_traefik() {
    for (path, expected) in [
        ("/a/b/..", "/a"),
        ("/a/b/../", "/a/"),
        ("/../../b/", "/b/"),
        ("/..///b///", "/b/"),
        ("/a/../c/../../b", "/b"),
        ("/a/../b/%41%42%43//%2f/", "/b/ABC/%2F/"),
        ("/a/%2E%2E/%2E%2E/b/", "/b/"),
        ("/a/%252E%252E/%252E%252E/b/", "/a/%252E%252E/%252E%252E/b/"),
        ("/a/..%2Fb/", "/a/..%2Fb/"),
        ("/foo%20%2Fbar", "/foo%20%2Fbar"),
        ("/", "/"),
        ("", "/"),
        ("//", "/"),
        ("/.", "/"),
        ("/..", "/"),
        ("/a/.", "/a"),
        ("/a/./", "/a/"),
        ("/a/.b/..c/...", "/a/.b/..c/..."),
    ] {
        cleans(path, true, expected);
    }
}

#[test]
fn without_sanitising_segments_stay() {
    cleans("/a//./%2e%2E/b/", false, "/a//./../b/");
    cleans("//evil.example/", false, "//evil.example/");
}

#[test]
fn unreserved_escapes_are_decoded_and_the_rest_is_upper_case() {
    cleans("/%61%7e%2d%5F%30/%c3%a9/%3a%2b", true, "/a~-_0/%C3%A9/%3A%2B");
    cleans("/%2f", true, "/%2F");
}

#[test]
fn characters_that_no_path_may_hold_are_encoded() {
    cleans(
        "/{a}|\"<>\\^`é ?",
        true,
        "/%7Ba%7D%7C%22%3C%3E%5C%5E%60%C3%A9%20%3F",
    );
    cleans("/:@!$&'()*+,;=[]-._~", true, "/:@!$&'()*+,;=[]-._~");
}

#[test]
fn bad_targets_are_told_apart() {
    for (path, expected) in [
        ("/a#b", BadTarget::Fragment),
        ("/%", BadTarget::MalformedEscape),
        ("/%f", BadTarget::MalformedEscape),
        ("/%zz", BadTarget::MalformedEscape),
        ("/%+1", BadTarget::MalformedEscape),
        ("/%é", BadTarget::MalformedEscape),
        ("/\0", BadTarget::NotOriginForm),
        ("/a\nb", BadTarget::NotOriginForm),
        ("/\x7f", BadTarget::NotOriginForm),
        ("*", BadTarget::NotOriginForm),
        ("a/b", BadTarget::NotOriginForm),
        ("http://a/b", BadTarget::NotOriginForm),
    ] {
        assert_eq!(clean_path(path, true), Err(expected), "{path:?}");
    }
}

#[test]
fn an_encoded_nul_passes() {
    cleans("/a%00b", true, "/a%00b");
    assert_eq!(routing_path("/a%00b").as_deref(), Ok("/a\0b"));
}

#[test]
fn nothing_is_copied_when_nothing_changes() {
    assert!(borrowed(clean_path("/a/b%2F%20/", true)));
    assert!(borrowed(clean_path("/a//b", false)));
    assert!(borrowed(routing_path("/a/b")));
    assert!(matches!(clean_query("a=b&c"), Cow::Borrowed(_)));
    assert!(matches!(
        canonical_host(" example.com:80 "),
        Cow::Borrowed("example.com")
    ));
    assert!(!borrowed(clean_path("/a//b", true)));
}

#[test]
fn semicolons_of_a_query_become_ampersands() {
    assert_eq!(clean_query("a=1;b=2;%3B"), "a=1&b=2&%3B");
}

#[test]
fn routing_keeps_reserved_characters_encoded() {
    for (path, expected) in [
        ("/foo%20bar", "/foo bar"),
        ("/foo%2Fbar", "/foo%2Fbar"),
        ("/foo%20bar%2Fbaz%23qux", "/foo bar%2Fbaz%23qux"),
        ("/%7Bpath:css%7D", "/{path:css}"),
        ("/%3a%2f%3f%23%5b%5d%40", "/%3A%2F%3F%23%5B%5D%40"),
        (
            "/%21%24%26%27%28%29%2A%2B%2C%3B%3D%25",
            "/%21%24%26%27%28%29%2A%2B%2C%3B%3D%25",
        ),
        ("/%C3%A9", "/é"),
        ("/%252F", "/%252F"),
    ] {
        assert_eq!(routing_path(path).as_deref(), Ok(expected), "{path}");
    }
    assert_eq!(routing_path("/%f"), Err(BadTarget::MalformedEscape));
}

#[test]
fn bytes_that_are_no_utf8_stay_encoded_for_routing() {
    assert_eq!(routing_path("/%C3%A9%FF%20%e2%82").as_deref(), Ok("/é%FF %E2%82"));
}

#[test]
fn hosts_lose_port_brackets_and_case() {
    for (raw, expected) in [
        ("example.com", "example.com"),
        ("Example.COM:8080", "example.com"),
        ("example.com.", "example.com."),
        ("example.com:", "example.com"),
        (" example.com ", "example.com"),
        ("127.0.0.1:80", "127.0.0.1"),
        ("[::1]:80", "::1"),
        ("[::1]", "::1"),
        ("[FE80::1]", "fe80::1"),
        ("::1", "::1"),
        ("", ""),
        (":80", ""),
        ("[::1]x", "[::1]x"),
        ("[::1", "[::1"),
        ("a:b:c", "a:b:c"),
    ] {
        assert_eq!(canonical_host(raw), expected, "{raw:?}");
    }
}

/// Paths made of the pieces that matter, and of anything else.
fn paths() -> impl Strategy<Value = String> {
    let pieces = [
        "/", "/", "/", ".", "..", "%2e", "%2E", "%2F", "%5C", "\\", "a", "%41", "%25", "%ff", "%C3%A9", "é",
        "{", "%", "~", ";", "?", " ", "%00",
    ];
    let made =
        prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..16).prop_map(|all| all.concat());
    prop_oneof![made, any::<String>()].prop_map(|rest| format!("/{rest}"))
}

proptest! {
    #[test]
    fn no_dots_and_no_doubles_survive_sanitising(path in paths()) {
        if let Ok(clean) = clean_path(&path, true) {
            prop_assert!(clean.starts_with('/') && !clean.contains("//"), "{}", clean);
            prop_assert!(clean.split('/').all(|segment| !matches!(segment, "." | "..")), "{}", clean);
            prop_assert!(clean.is_ascii() && !clean.contains(['?', '#', '\\', ' ']), "{}", clean);
        }
    }

    #[test]
    fn cleaning_twice_changes_nothing(path in paths(), sanitize in any::<bool>()) {
        if let Ok(clean) = clean_path(&path, sanitize) {
            prop_assert!(borrowed(clean_path(&clean, sanitize)), "{}", clean);
        }
    }

    #[test]
    fn a_clean_path_has_a_routing_path_with_the_same_segments(path in paths()) {
        if let Ok(clean) = clean_path(&path, true) {
            let routing = routing_path(&clean);
            prop_assert_eq!(routing.map(|path| path.split('/').count()), Ok(clean.split('/').count()));
        }
    }

    #[test]
    fn no_host_makes_canonicalising_panic(raw in any::<String>(), odd in r"[\[\]:.a-cA-C ]{0,12}") {
        let _ = canonical_host(&raw);
        let _ = canonical_host(&odd);
    }
}
