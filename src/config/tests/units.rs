//! Durations and booleans.

use std::time::Duration;

use crate::config::{InvalidSpan, Span, parse_bool};

fn nanos(text: &str) -> i64 {
    text.parse::<Span>()
        .map(Span::as_nanoseconds)
        .unwrap_or_else(|error| panic!("{error}"))
}

const S: i64 = 1_000_000_000;

/// From the table of Go's `time` package tests.
#[test]
fn go_durations_mean_what_they_mean_in_go() {
    let cases = [
        ("5s", 5 * S),
        ("30s", 30 * S),
        ("1478s", 1478 * S),
        ("-5s", -5 * S),
        ("+5s", 5 * S),
        ("5.0s", 5 * S),
        ("5.6s", 5 * S + S / 10 * 6),
        ("5.s", 5 * S),
        (".5s", S / 2),
        ("1.0s", S),
        ("1.00s", S),
        ("1.004s", S + 4_000_000),
        ("1.0040s", S + 4_000_000),
        ("100.00100s", 100 * S + 1_000_000),
        ("10ns", 10),
        ("11us", 11_000),
        ("12\u{b5}s", 12_000),
        ("12\u{3bc}s", 12_000),
        ("13ms", 13_000_000),
        ("14s", 14 * S),
        ("15m", 15 * 60 * S),
        ("16h", 16 * 3600 * S),
        ("3h30m", (3 * 3600 + 30 * 60) * S),
        ("10.5s4m", (4 * 60 + 10) * S + S / 2),
        ("-2m3.4s", -((2 * 60 + 3) * S + S / 10 * 4)),
        ("1h2m3s4ms5us6ns", 3723 * S + 4_005_006),
        ("39h9m14.425s", (39 * 3600 + 9 * 60 + 14) * S + S / 1000 * 425),
        ("52763797000ns", 52_763_797_000),
        ("0.3333333333333333333h", 20 * 60 * S - 1),
        ("9007199254740993ns", 9_007_199_254_740_993),
        ("9223372036854775807ns", i64::MAX),
        ("9223372036854775.807us", i64::MAX),
        ("9223372036s854ms775us807ns", i64::MAX),
        ("-9223372036854775808ns", i64::MIN),
        ("0.100000000000000000000h", 360 * S),
        ("0.9223372036854775807h", 3_320_413_933_267),
    ];
    for (text, expected) in cases {
        // Go computes fractions in floating point; a nanosecond of an odd third is not worth copying that.
        let difference = nanos(text).abs_diff(expected);
        assert!(difference <= 1, "{text}: {} instead of {expected}", nanos(text));
    }
}

#[test]
fn a_bare_number_counts_seconds() {
    assert_eq!(nanos("0"), 0);
    assert_eq!(nanos("15"), 15 * S);
    assert_eq!(nanos("-3"), -3 * S);
    assert_eq!(nanos("+3"), 3 * S);
}

#[test]
fn what_go_refuses_is_refused() {
    for text in [
        "",
        "3m-",
        "-",
        "+",
        "s",
        ".",
        "-.",
        ".s",
        "+.s",
        "1d",
        "10 s",
        " 1s",
        "1h30",
        "1.5",
        "\u{85}\u{85}",
        "1s ",
        "--1s",
        "1e3s",
    ] {
        assert!(text.parse::<Span>().is_err(), "{text:?}");
    }
}

#[test]
fn a_refusal_says_why() {
    assert_eq!(
        "1d".parse::<Span>().unwrap_err().to_string(),
        r#""1d" is not a duration: "d" is not a unit"#
    );
    assert_eq!(
        "1h30".parse::<Span>().unwrap_err().to_string(),
        r#""1h30" is not a duration: a number has no unit"#
    );
    assert_eq!(
        "".parse::<Span>().unwrap_err().to_string(),
        r#""" is not a duration"#
    );
}

#[test]
fn overflow_is_an_error() {
    for text in [
        "9223372036854775810ns",
        "9223372036854775808ns",
        "-9223372036854775809ns",
        "9223372036854776us",
        "3000000h",
        "9223372037",
        "99999999999999999999",
        "100000000000000000000ns",
        "106751991167300d",
    ] {
        assert!(text.parse::<Span>().is_err(), "{text:?}");
    }
    assert!(matches!(
        "9223372037".parse::<Span>(),
        Err(InvalidSpan::TooLong(_))
    ));
}

#[test]
fn spans_print_as_in_go() {
    let cases = [
        (0, "0s"),
        (1, "1ns"),
        (1_100, "1.1\u{b5}s"),
        (2_200_000, "2.2ms"),
        (3_300_000_000, "3.3s"),
        (4 * 60 * S + 5 * S, "4m5s"),
        (4 * 60 * S + 5_001_000_000, "4m5.001s"),
        (5 * 3600 * S + 6 * 60 * S + 7_001_000_000, "5h6m7.001s"),
        (8 * 60 * S + 1, "8m0.000000001s"),
        (30 * S, "30s"),
        (90 * S, "1m30s"),
        (3600 * S, "1h0m0s"),
        (100_000_000, "100ms"),
        (-90 * S, "-1m30s"),
        (i64::MAX, "2562047h47m16.854775807s"),
        (i64::MIN, "-2562047h47m16.854775808s"),
    ];
    for (nanos, expected) in cases {
        assert_eq!(Span::nanoseconds(nanos).to_string(), expected);
    }
}

#[test]
fn only_a_positive_span_is_a_time_to_wait() {
    assert_eq!(
        Span::milliseconds(100).positive(),
        Some(Duration::from_millis(100))
    );
    assert_eq!(Span::ZERO.positive(), None);
    assert_eq!(Span::seconds(-1).positive(), None);
}

#[test]
fn constructors_saturate() {
    assert_eq!(Span::seconds(i64::MAX).as_nanoseconds(), i64::MAX);
    assert_eq!(Span::milliseconds(i64::MIN).as_nanoseconds(), i64::MIN);
}

#[test]
fn booleans_are_spelled_as_in_go() {
    for text in ["1", "t", "T", "TRUE", "true", "True"] {
        assert_eq!(parse_bool(text), Some(true));
    }
    for text in ["0", "f", "F", "FALSE", "false", "False"] {
        assert_eq!(parse_bool(text), Some(false));
    }
    for text in ["", "yes", "no", "on", "off", "tRuE", " true", "2"] {
        assert_eq!(parse_bool(text), None, "{text:?}");
    }
}
