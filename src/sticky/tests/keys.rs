//! What becomes of keys that are written.

use super::*;
use crate::config::{Files, Span};
use crate::sticky::SignProblem;

/// One file, `/run/key`.
#[derive(Debug)]
struct OneFile(Vec<u8>);

impl Files for OneFile {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        match path {
            "/run/key" => Ok(self.0.clone()),
            _ => Err(format!("{path:?} cannot be read: not there")),
        }
    }
}

fn problems_with(sign: Sign, files: &dyn Files) -> Vec<SignProblem> {
    let cookie = Cookie {
        sign: Some(sign),
        ..Cookie::default()
    };
    let built = Sticky::new(&cookie, "my-service@file", &SERVERS, files, Arc::default());
    built.err().unwrap_or_default()
}

/// Key and text of each problem with these keys.
fn said(keys: Vec<SignKey>, files: &dyn Files) -> Vec<(String, String)> {
    let sign = Sign {
        keys,
        ..Sign::default()
    };
    let problems = problems_with(sign, files).into_iter();
    problems.map(|problem| (problem.key, problem.text)).collect()
}

fn in_file(id: &str, file: &str) -> SignKey {
    SignKey {
        id: id.to_owned(),
        file: file.to_owned(),
        ..SignKey::default()
    }
}

#[test]
fn every_problem_is_told_with_its_key_and_without_its_content() {
    let secret = |id: &str, secret: &str| SignKey {
        secret: Secret::from(secret.to_owned()),
        ..in_file(id, "")
    };
    let keys = vec![
        key("ok"),
        secret("", &"x".repeat(32)),
        secret("with.dot", &"x".repeat(32)),
        secret("seventeen-letters", &"x".repeat(32)),
        key("ok"),
        in_file("none", ""),
        SignKey {
            file: "/run/key".to_owned(),
            ..key("both")
        },
        secret("short", "hunter2-hunter2-hunter2-hunter2"),
        in_file("gone", "hunter2-written-into-the-wrong-field"),
        in_file("file", "/run/key"),
    ];
    let said = said(keys, &OneFile(b"hunter2\n".to_vec()));
    let found: Vec<(&str, &str)> = said
        .iter()
        .map(|(key, text)| (key.as_str(), text.as_str()))
        .collect();
    let letters = "write 1 to 16 letters, digits, \"_\" or \"-\"";
    assert_eq!(
        found,
        [
            ("sign.keys[1].id", letters),
            ("sign.keys[2].id", letters),
            ("sign.keys[3].id", letters),
            ("sign.keys[4].id", "another key before has this id"),
            ("sign.keys[5]", "secret or file is missing"),
            ("sign.keys[6]", "write either secret or file, not both"),
            (
                "sign.keys[7].secret",
                "the key has 31 bytes, 32 are needed; make one with: openssl rand -base64 32"
            ),
            ("sign.keys[8].file", "the file cannot be read: not there"),
            (
                "sign.keys[9].file",
                "the key has 7 bytes, 32 are needed; make one with: openssl rand -base64 32"
            ),
        ]
    );
}

#[test]
fn no_key_at_all_is_a_problem_and_not_an_unsigned_level() {
    let expected = (
        "sign.keys".to_owned(),
        "at least one key is needed to sign".to_owned(),
    );
    assert_eq!(said(Vec::new(), &NoFiles), [expected]);
}

#[test]
fn limits_are_checked_together_with_the_keys() {
    let sign = Sign {
        max_idle: Some(Span::ZERO),
        ..Sign::default()
    };
    let keys: Vec<_> = problems_with(sign, &NoFiles)
        .into_iter()
        .map(|problem| problem.key)
        .collect();
    assert_eq!(keys, ["sign.keys", "sign.maxIdle"]);
}

#[test]
fn a_file_is_read_without_its_last_line_end() {
    let inline = sticky(&signed(&["k1"]));
    let value = value(&inline, 0, NOW);
    let secret = key("k1").secret.expose().to_owned();
    for (end, same) in [
        ("", true),
        ("\n", true),
        ("\r\n", true),
        ("\n\n", false),
        (" ", false),
    ] {
        let cookie = Cookie {
            sign: Some(Sign {
                keys: vec![in_file("k1", "/run/key")],
                ..Sign::default()
            }),
            ..Cookie::default()
        };
        let files = OneFile(format!("{secret}{end}").into_bytes());
        let level = Sticky::new(&cookie, "my-service@file", &SERVERS, &files, Arc::default()).unwrap();
        let known = matches!(says(&level, &value, NOW), Lookup::Known { index: 0, .. });
        assert_eq!(known, same, "{end:?}");
    }
}

#[test]
fn another_key_in_the_same_file_is_noticed() {
    let cookie = Cookie {
        sign: Some(Sign {
            keys: vec![in_file("k1", "/run/key")],
            ..Sign::default()
        }),
        ..Cookie::default()
    };
    let (old, new) = (OneFile(vec![b'o'; 32]), OneFile(vec![b'n'; 32]));
    let level = Sticky::new(&cookie, "my-service@file", &SERVERS, &old, Arc::default()).unwrap();
    assert!(level.has_keys_of(&cookie, &old));
    assert!(!level.has_keys_of(&cookie, &new));
    assert!(!level.has_keys_of(&cookie, &NoFiles));
    assert!(!level.has_keys_of(&Cookie::default(), &old));
    assert!(sticky(&Cookie::default()).has_keys_of(&Cookie::default(), &NoFiles));
}

#[test]
fn debug_of_a_level_shows_ids_and_no_key() {
    let cookie = signed(&["k1", "k2"]);
    let shown = format!("{:?}", sticky(&cookie));
    let secret = key("k1").secret.expose().to_owned();
    assert!(shown.contains("[\"k1\", \"k2\"]"), "{shown}");
    assert!(!shown.contains(&secret) && !shown.contains("mac"), "{shown}");
}
