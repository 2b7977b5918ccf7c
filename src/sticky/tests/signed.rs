//! Signed cookies: values, time, rotation, migration.

use super::*;
use crate::config::Span;
use crate::sticky::{Issued, Refusal};

const SECONDS: u64 = 1000;
const ISSUED: Issued = Issued(1_700_000_000);

const fn known(index: usize, issued: Issued, renew: bool) -> Lookup {
    Lookup::Known {
        index,
        legacy: false,
        issued: Some(issued),
        renew,
    }
}

const fn legacy(index: usize) -> Lookup {
    Lookup::Known {
        index,
        legacy: true,
        issued: None,
        renew: false,
    }
}

/// A cookie signed with key `k1` and these limits, in seconds.
fn limited(max_idle: Option<i64>, max_life: Option<i64>) -> Cookie {
    let mut cookie = signed(&["k1"]);
    let sign = cookie.sign.as_mut().unwrap();
    sign.max_idle = max_idle.map(Span::seconds);
    sign.max_life = max_life.map(Span::seconds);
    cookie
}

/// The value of a session of server 0 that was issued at `issued` and is sent again at `now`.
fn again(sticky: &Sticky, now: u64, issued: Issued) -> String {
    let line = sticky.set_cookie(0, now, Some(issued)).unwrap();
    let line = line.to_str().unwrap().split(';').next().unwrap();
    line.split_once('=').unwrap().1.to_owned()
}

/// Made with Python's `hmac` and `hashlib`; the key is HMAC(secret, "piton sticky v1" 0x00 NAME).
#[test]
fn values_are_those_that_another_implementation_computes() {
    let with = |name: &str, id: &str, secret: &str| {
        let mut cookie = signed(&[id]);
        cookie.name = name.to_owned();
        cookie.sign.as_mut().unwrap().keys[0].secret = Secret::from(secret.to_owned());
        sticky(&cookie)
    };
    let golden = with("", "k1", "golden-secret-of-32-bytes-or-more!");
    assert_eq!(
        golden.set_cookie(0, NOW, None).unwrap(),
        "_4fcce=08d5f409490f61fc.k1.6553f100.6553f100.eZNg_P41ErvAS9jDSkmkI8BGpqiZuV7IQqlCkjymfgE; Path=/"
    );
    assert_eq!(
        golden.set_cookie(1, NOW + 60 * SECONDS, Some(ISSUED)).unwrap(),
        "_4fcce=6bf4bc2f5d722cee.k1.6553f100.6553f13c.Y9fbrZSBj6bFdzF2AsX0VJhh8XMkbsjzQRkqsjMF0kc; Path=/"
    );
    let longest = with("my-cookie", "Key_16-letters-x", &"s".repeat(100));
    assert_eq!(
        longest.set_cookie(1, u64::MAX, Some(Issued(0))).unwrap(),
        "my-cookie=6bf4bc2f5d722cee.Key_16-letters-x.00000000.ffffffff.kSRzfuKHNLNG9dH9U3VZlW-wVLU30taCa6GczX_1FBM; \
         Path=/"
    );
}

#[test]
fn a_signed_value_names_its_server_and_its_time_of_issue() {
    let level = sticky(&signed(&["k1"]));
    for index in [0, 1] {
        let value = value(&level, index, NOW + 999);
        assert_eq!(says(&level, &value, NOW), known(index, ISSUED, false));
        assert_eq!(
            says(&level, &value, u64::MAX),
            known(index, ISSUED, false),
            "no limits"
        );
    }
    assert_eq!(level.set_cookie(2, NOW, None), None);
    assert_eq!(lookup(&level, &["other=1"], NOW), Lookup::Absent);
}

#[test]
fn the_attributes_stand_behind_the_value() {
    let level = sticky(&Cookie {
        http_only: true,
        secure: true,
        max_age: 60,
        ..signed(&["k1"])
    });
    let line = level.set_cookie(0, NOW, None).unwrap();
    let line = line.to_str().unwrap();
    assert!(line.ends_with("; Path=/; Max-Age=60; HttpOnly; Secure"), "{line}");
}

#[test]
fn a_server_that_is_gone_is_unknown_and_not_refused() {
    let value = value(&sticky(&signed(&["k1"])), 1, NOW);
    let one = Sticky::new(
        &signed(&["k1"]),
        "my-service@file",
        &SERVERS[..1],
        &NoFiles,
        Arc::default(),
    );
    let one = one.unwrap();
    assert_eq!(says(&one, &value, NOW), Lookup::Unknown);
    assert_eq!(one.refusals().by_name().map(|(_, count)| count).sum::<u64>(), 0);
}

#[test]
fn a_signed_value_is_never_looked_up_among_legacy_ones() {
    // A child service may be called as another one's value is written; as a plain value that would name it.
    let level = |child: &str| {
        let level = Sticky::new(&signed(&["k1"]), "w@file", &[child], &NoFiles, Arc::default());
        level.unwrap()
    };
    let value = value(&level("appv1"), 0, NOW);
    assert!(value.starts_with("93ebfd1461592b6f."));
    assert_eq!(says(&level("93ebfd1461592b6f"), &value, NOW), Lookup::Unknown);
}

#[test]
fn another_secret_and_another_cookie_name_are_foreign() {
    let level = sticky(&signed(&["k1"]));
    let mut other = signed(&["k1"]);
    other.sign.as_mut().unwrap().keys[0].secret = Secret::from("x".repeat(32));
    let other = value(&sticky(&other), 0, NOW);
    let renamed = sticky(&Cookie {
        name: "other".to_owned(),
        ..signed(&["k1"])
    });
    let renamed = value(&renamed, 0, NOW);
    for foreign in [other, renamed] {
        let refused = Lookup::Refused(Refusal::BadSignature);
        assert_eq!(says(&level, &foreign, NOW), refused, "{foreign}");
    }
}

// === time ===

#[test]
fn a_session_ends_when_it_was_idle_or_lived_too_long() {
    let level = sticky(&limited(Some(600), Some(3600)));
    let fresh = value(&level, 0, NOW);
    let at = |seconds: u64| says(&level, &fresh, NOW + seconds * SECONDS);
    assert_eq!(at(59), known(0, ISSUED, false));
    assert_eq!(at(60), known(0, ISSUED, true));
    assert_eq!(at(600), known(0, ISSUED, true));
    assert_eq!(at(601), Lookup::Refused(Refusal::Idle));
    assert_eq!(at(3601), Lookup::Refused(Refusal::TooOld));
    assert_eq!(level.refusals().get(Refusal::Idle), 1);
    assert_eq!(level.refusals().get(Refusal::TooOld), 1);
}

#[test]
fn a_session_in_use_outlives_max_idle_but_not_max_life() {
    let level = sticky(&limited(Some(600), Some(3600)));
    let mut cookie = value(&level, 0, NOW);
    for minute in 1..=60 {
        let now = NOW + minute * 60 * SECONDS;
        assert_eq!(
            says(&level, &cookie, now),
            known(0, ISSUED, true),
            "minute {minute}"
        );
        cookie = again(&level, now, ISSUED);
    }
    let after = NOW + 3601 * SECONDS;
    assert_eq!(says(&level, &cookie, after), Lookup::Refused(Refusal::TooOld));
}

#[test]
fn a_clock_that_is_behind_by_a_minute_honours_a_new_cookie() {
    let level = sticky(&limited(Some(600), None));
    let ahead = value(&level, 0, NOW);
    assert_eq!(says(&level, &ahead, NOW - 60 * SECONDS), known(0, ISSUED, false));
    let refused = Lookup::Refused(Refusal::FromTheFuture);
    assert_eq!(says(&level, &ahead, NOW - 61 * SECONDS), refused);
    // Renewed by the replica that is behind, it is as good.
    let renewed = again(&level, NOW - 30 * SECONDS, ISSUED);
    assert_eq!(
        says(&level, &renewed, NOW - 30 * SECONDS),
        known(0, ISSUED, false)
    );
}

#[test]
fn an_older_cookie_of_a_session_is_good_until_its_own_limits() {
    let level = sticky(&limited(Some(600), Some(3600)));
    let first = value(&level, 0, NOW);
    let second = again(&level, NOW + 300 * SECONDS, ISSUED);
    let at = NOW + 590 * SECONDS;
    assert_eq!(
        says(&level, &first, at),
        known(0, ISSUED, true),
        "nothing is remembered"
    );
    assert_eq!(says(&level, &second, at), known(0, ISSUED, true));
    let later = NOW + 700 * SECONDS;
    assert_eq!(says(&level, &first, later), Lookup::Refused(Refusal::Idle));
    assert_eq!(says(&level, &second, later), known(0, ISSUED, true));
}

#[test]
fn a_tenth_of_max_age_renews_only_with_renew() {
    let with = |renew| {
        let level = sticky(&Cookie {
            max_age: 3600,
            renew,
            ..signed(&["k1"])
        });
        let fresh = value(&level, 0, NOW);
        [359, 360].map(|seconds| says(&level, &fresh, NOW + seconds * SECONDS))
    };
    assert_eq!(with(true), [known(0, ISSUED, false), known(0, ISSUED, true)]);
    assert_eq!(with(false), [known(0, ISSUED, false); 2]);
}

// === rotation ===

#[test]
fn the_first_key_signs_all_verify_and_a_removed_one_is_unknown() {
    let old = sticky(&signed(&["old"]));
    let both = sticky(&signed(&["new", "old"]));
    let new = sticky(&signed(&["new"]));
    let before = value(&old, 0, NOW);
    assert_eq!(
        says(&both, &before, NOW),
        known(0, ISSUED, true),
        "to be signed with the new key"
    );
    let after = again(&both, NOW, ISSUED);
    assert!(after.contains(".new."), "{after}");
    assert_eq!(says(&both, &after, NOW), known(0, ISSUED, false));
    assert_eq!(says(&new, &after, NOW), known(0, ISSUED, false));
    assert_eq!(says(&new, &before, NOW), Lookup::Refused(Refusal::UnknownKey));
    assert_eq!(new.refusals().get(Refusal::UnknownKey), 1);
    let early = sticky(&signed(&["old", "new"]));
    assert_eq!(
        says(&early, &after, NOW),
        known(0, ISSUED, true),
        "a replica that is not there yet"
    );
}

#[test]
fn counts_go_on_over_a_reload() {
    let level = sticky(&signed(&["k1"]));
    assert_eq!(says(&level, "x", NOW), Lookup::Refused(Refusal::Malformed));
    let refusals = Arc::clone(level.refusals());
    let next = Sticky::new(&signed(&["k2"]), "my-service@file", &SERVERS, &NoFiles, refusals).unwrap();
    assert_eq!(says(&next, "y", NOW), Lookup::Refused(Refusal::Malformed));
    assert_eq!(next.refusals().get(Refusal::Malformed), 2);
}

// === migration ===

#[test]
fn plain_values_count_only_while_they_are_accepted() {
    let strict = sticky(&signed(&["k1"]));
    let mut cookie = signed(&["k1"]);
    cookie.sign.as_mut().unwrap().accept_plain = true;
    let migrating = sticky(&cookie);
    let plain = Lookup::Refused(Refusal::Plain);
    let malformed = Lookup::Refused(Refusal::Malformed);
    for (value, refused, accepted) in [
        ("08d5f409490f61fc", plain, legacy(0)),
        ("6bf4bc2f5d722cee", plain, legacy(1)),
        ("5a1cc52f3f46040d", plain, legacy(0)),
        ("http://127.0.0.1:8082", plain, legacy(1)),
        ("0123456789abcdef", plain, Lookup::Unknown),
        ("08D5F409490F61FC", malformed, malformed),
        ("", malformed, malformed),
        ("....", malformed, malformed),
    ] {
        assert_eq!(says(&strict, value, NOW), refused, "{value}");
        assert_eq!(says(&migrating, value, NOW), accepted, "{value}");
    }
    let rewritten = value(&migrating, 0, NOW);
    assert_eq!(says(&strict, &rewritten, NOW), known(0, ISSUED, false));
}
