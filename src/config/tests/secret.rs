//! Keys of signed cookies: what is read, and that no mistake shows a secret.

use super::{config, lines};
use crate::config::dynamic::http::Sign;
use crate::config::{Notation, Span, dynamic};

const SECRET: &str = "correct-horse-battery-staple-0123456789";

/// A file with this `cookie` in YAML's flow style.
fn file(cookie: &str) -> String {
    format!("http: {{services: {{app: {{loadBalancer: {{sticky: {{cookie: {cookie}}}}}}}}}}}")
}

/// What is said about such a file, which is wrong.
fn said(cookie: &str) -> Vec<String> {
    let problems = dynamic::read(file(cookie).as_bytes(), Notation::Yaml, None);
    lines(&problems.expect_err(cookie))
}

#[test]
fn a_cookie_is_signed_and_renewed_as_written() {
    let configuration = config(&file(&format!(
        "{{renew: true, sign: {{maxIdle: 30m, maxLife: 43200, acceptPlain: true, \
         keys: [{{id: new, secret: {SECRET}}}, {{id: old, file: /run/key}}]}}}}"
    )));
    let balancer = configuration.http.services["app"].load_balancer.as_ref().unwrap();
    let cookie = balancer.sticky.as_ref().unwrap().cookie.as_ref().unwrap();
    let sign: &Sign = cookie.sign.as_ref().unwrap();
    assert!(cookie.renew && sign.accept_plain);
    assert_eq!(sign.max_idle, Some(Span::seconds(1800)));
    assert_eq!(sign.max_life, Some(Span::seconds(12 * 3600)));
    assert_eq!(
        (sign.keys[0].id.as_str(), sign.keys[0].secret.expose()),
        ("new", SECRET)
    );
    assert_eq!(
        (sign.keys[1].id.as_str(), sign.keys[1].file.as_str()),
        ("old", "/run/key")
    );
    assert!(sign.keys[1].secret.is_empty());
}

#[test]
fn nothing_is_signed_or_renewed_by_default() {
    let configuration = config(&file("{}"));
    let balancer = configuration.http.services["app"].load_balancer.as_ref().unwrap();
    let cookie = balancer.sticky.as_ref().unwrap().cookie.as_ref().unwrap();
    assert_eq!((cookie.renew, &cookie.sign), (false, &None));
}

#[test]
fn debug_of_a_whole_configuration_shows_no_secret() {
    let configuration = config(&file(&format!(
        "{{sign: {{keys: [{{id: k1, secret: {SECRET}}}]}}}}"
    )));
    let shown = format!("{configuration:?} {configuration:#?}");
    assert!(!shown.contains(SECRET), "{shown}");
    assert!(shown.contains("Secret(...)") && shown.contains("k1"), "{shown}");
}

#[test]
fn configurations_that_differ_in_a_secret_are_different() {
    let with = |secret: &str| {
        config(&file(&format!(
            "{{sign: {{keys: [{{id: a, secret: {secret}}}]}}}}"
        )))
    };
    assert_eq!(with("one"), with("one"));
    assert_ne!(with("one"), with("two"));
}

#[test]
fn misspelt_keys_are_refused_with_a_guess() {
    let guesses = [
        ("{renw: true}", "did you mean \"renew\"?"),
        ("{sing: {keys: []}}", "did you mean \"sign\"?"),
        ("{sign: {key: []}}", "did you mean \"keys\"?"),
        ("{sign: {maxidel: 1s}}", "did you mean \"maxIdle\"?"),
        ("{sign: {max_live: 1s}}", "did you mean \"maxLife\"?"),
        ("{sign: {acceptPlane: true}}", "did you mean \"acceptPlain\"?"),
        ("{sign: {keys: [{ids: a}]}}", "did you mean \"id\"?"),
        ("{sign: {keys: [{secrett: a}]}}", "did you mean \"secret\"?"),
        ("{sign: {keys: [{flie: a}]}}", "did you mean \"file\"?"),
    ];
    for (cookie, guess) in guesses {
        let said = said(cookie);
        assert!(said.len() == 1 && said[0].contains(guess), "{cookie}: {said:?}");
    }
}

#[test]
fn no_mistake_shows_a_secret() {
    let s = SECRET;
    let mistakes = [
        format!("{{sign: {s}}}"),
        format!("{{sign: [{s}]}}"),
        format!("{{sign: {{{s}: true}}}}"),
        format!("{{sign: {{secret:{s}}}}}"),
        format!("{{sign: {{keys: {s}}}}}"),
        format!("{{sign: {{keys: [{s}]}}}}"),
        format!("{{sign: {{keys: {{a: {s}}}}}}}"),
        format!("{{sign: {{keys: {{{s}: a}}}}}}"),
        format!("{{sign: {{keys: [[{s}]]}}}}"),
        format!("{{sign: {{keys: [{{id: a, secret: [{s}]}}]}}}}"),
        format!("{{sign: {{keys: [{{id: a, secret: {{{s}: 1}}}}]}}}}"),
        format!("{{sign: {{keys: [{{id: a, secret: {{a: {s}}}}}]}}}}"),
        format!("{{sign: {{keys: [{{id: a, secrt: {s}}}]}}}}"),
        format!("{{sign: {{keys: [{{id: a, password: {s}}}]}}}}"),
        format!("{{sign: {{keys: [{{id: a, secret:{s}}}]}}}}"),
        format!("{{sign: {{keys: [{{id: a, {s}: secret}}]}}}}"),
        format!("{{sign: {{keys: [{{id: a, secret: x,{s}}}]}}}}"),
        format!("{{sign: {{keys: [{{secret: {s}, Secret: {s}}}]}}}}"),
        format!("{{sign: {{keys: [{{secret: *{s}}}]}}}}"),
        format!("{{sign: {{keys: [{{secret: @{s}}}]}}}}"),
        format!("{{sign: {{keys: [{{secret: \"{s}}}]}}}}"),
        format!("{{sign: {{keys: [{{secret: \"\\q{s}\"}}]}}}}"),
    ];
    for mistake in mistakes {
        let said = said(&mistake);
        let shown = said
            .iter()
            .any(|line| line.contains("horse") || line.contains("0123"));
        assert!(!shown, "{mistake}: {said:#?}");
        assert!(said[0].starts_with("1:"), "has a place: {said:?}");
    }
}

#[test]
fn no_mistake_in_toml_shows_a_secret() {
    let values = [
        SECRET.to_owned(),
        format!("'{SECRET}"),
        format!("\"\\q{SECRET}\""),
        format!("[{SECRET}]"),
    ];
    for value in values {
        let text = format!("[[http.services.app.loadBalancer.sticky.cookie.sign.keys]]\nsecret = {value}\n");
        let said = lines(&dynamic::read(text.as_bytes(), Notation::Toml, None).expect_err(&text));
        assert!(!said.iter().any(|line| line.contains("horse")), "{said:?}");
    }
}
