//! Traefik's own cookies.

use super::*;

const fn known(index: usize, legacy: bool, renew: bool) -> Lookup {
    Lookup::Known {
        index,
        legacy,
        issued: None,
        renew,
    }
}

#[test]
fn default_cookie_is_written_as_traefik_writes_it() {
    let sticky = sticky(&Cookie::default());
    let line = |index| sticky.set_cookie(index, NOW, None);
    assert_eq!(line(0).unwrap(), "_4fcce=08d5f409490f61fc; Path=/");
    assert_eq!(line(1).unwrap(), "_4fcce=6bf4bc2f5d722cee; Path=/");
    assert_eq!(line(2), None);
}

#[test]
fn current_and_legacy_values_are_known_and_others_are_not() {
    let sticky = sticky(&Cookie::default());
    let lookup = |lines: &[&str]| lookup(&sticky, lines, 0);
    assert_eq!(lookup(&["_4fcce=6bf4bc2f5d722cee"]), known(1, false, false));
    assert_eq!(
        lookup(&["a=b", "_4fcce=http://127.0.0.1:8081"]),
        known(0, true, false)
    );
    assert_eq!(lookup(&["_4fcce=5a1cc52f3f46040d"]), known(0, true, false));
    assert_eq!(lookup(&["_4fcce=7d49894b220072d3"]), known(1, true, false));
    assert_eq!(lookup(&["_4fcce=6BF4BC2F5D722CEE"]), Lookup::Unknown);
    assert_eq!(lookup(&["_4fcce="]), Lookup::Unknown);
    assert_eq!(lookup(&["other=1"]), Lookup::Absent);
}

#[test]
fn renew_sends_every_known_cookie_again() {
    let sticky = sticky(&Cookie {
        renew: true,
        max_age: 3600,
        ..Cookie::default()
    });
    assert_eq!(says(&sticky, "6bf4bc2f5d722cee", NOW), known(1, false, true));
    assert_eq!(says(&sticky, "5a1cc52f3f46040d", NOW), known(0, true, true));
    assert_eq!(says(&sticky, "0123456789abcdef", NOW), Lookup::Unknown);
    assert_eq!(lookup(&sticky, &[], NOW), Lookup::Absent);
    let line = sticky.set_cookie(1, NOW, None).unwrap();
    assert_eq!(line, "_4fcce=6bf4bc2f5d722cee; Path=/; Max-Age=3600");
}

#[test]
fn a_plain_level_knows_no_signed_value_and_refuses_none() {
    let value = value(&sticky(&signed(&["k1"])), 0, NOW);
    let plain = sticky(&Cookie::default());
    assert_eq!(says(&plain, &value, NOW), Lookup::Unknown);
    assert_eq!(plain.refusals().by_name().map(|(_, count)| count).sum::<u64>(), 0);
}
