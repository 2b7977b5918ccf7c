//! Paths, queries and pages.

use serde_json::json;

use super::list::{Query, page};
use super::*;

#[test]
fn parts_of_a_path_are_decoded_and_nonsense_is_none() {
    assert_eq!(percent_decoded("http%3A%2F%2Fa"), Some("http://a".to_owned()));
    assert_eq!(percent_decoded("a%2"), None);
    assert_eq!(percent_decoded("a%zz"), None);
    assert_eq!(percent_decoded("%ff"), None);
    assert_eq!(percent_decoded("%+1"), None);
}

#[test]
fn json_is_escaped_as_go_does_it() {
    assert_eq!(
        line_of(&json!({"a": "<&>\u{2028}\""})),
        "{\"a\":\"\\u003c\\u0026\\u003e\\u2028\\\"\"}\n"
    );
}

#[test]
fn the_last_page_points_to_the_first_and_there_is_none_after_it() {
    let items: Vec<Value> = (0..5).map(|n| json!({"name": format!("n{n}")})).collect();
    let next = |query| page(items.clone(), &Query::of(query)).map(|page| (page.items.len(), page.next));
    assert_eq!(next(""), Ok((5, 1)));
    assert_eq!(next("per_page=2"), Ok((2, 2)));
    assert_eq!(next("per_page=2&page=3"), Ok((1, 1)));
    assert_eq!(
        next("per_page=2&page=4"),
        Err("invalid request: page: 4, per_page: 2".to_owned())
    );
    assert_eq!(
        next("page=x"),
        Err("invalid request: page: x, per_page: 100".to_owned())
    );
    assert!(next("per_page=18446744073709551615&page=2").is_err());
    assert_eq!(next("search=N3"), Ok((1, 1)));
}
