//! Finding one cookie in the request, in place, by the rules of Go's `Request.Cookie` (traefik-core 1.5).

/// More cookies than this over all lines and none counts (Go's `httpcookiemaxnum`).
const MAX_COOKIES: usize = 3000;

/// The value of the first valid cookie called `name` over all `Cookie` lines, unquoted.
///
/// `lines` is called once to count and once to search. HTTP/2 clients may send one field per cookie
/// (RFC 9113 section 8.2.3): each is a line.
pub fn find_cookie<'h, L>(lines: impl Fn() -> L, name: &[u8]) -> Option<&'h [u8]>
where
    L: Iterator<Item = &'h [u8]>,
{
    if too_many(&lines) {
        return None;
    }
    lines().find_map(|line| find_in_line(line, name))
}

/// A cookie needs at least the byte that separates it: short headers, the usual ones, are not counted.
fn too_many<'h, L>(lines: &impl Fn() -> L) -> bool
where
    L: Iterator<Item = &'h [u8]>,
{
    let upper_bound: usize = lines().map(|line| line.len() + 1).sum();
    let count = || -> usize {
        lines()
            .map(|line| memchr::memchr_iter(b';', line).count() + 1)
            .sum()
    };
    upper_bound > MAX_COOKIES && count() > MAX_COOKIES
}

/// Jumps from one place where the name stands to the next: most of a long line is never taken apart.
fn find_in_line<'h>(line: &'h [u8], name: &[u8]) -> Option<&'h [u8]> {
    memchr::memmem::find_iter(line, name).find_map(|at| {
        let (before, rest) = line.split_at_checked(at)?;
        let begins_a_part = matches!(before.trim_ascii_end(), [] | [.., b';']);
        let end = begins_a_part.then(|| memchr::memchr(b';', rest).unwrap_or(rest.len()))?;
        value_if_named(rest.get(..end)?.trim_ascii(), name)
    })
}

/// The value of `part` if it is a valid cookie called `name`; a part without `=` has an empty value.
fn value_if_named<'h>(part: &'h [u8], name: &[u8]) -> Option<&'h [u8]> {
    let tail = part.strip_prefix(name)?;
    let value = match tail.trim_ascii_start() {
        [] => &[],
        [b'=', value @ ..] => value,
        _ => return None,
    };
    let value = match value {
        [b'"', inner @ .., b'"'] => inner,
        bare => bare,
    };
    value.iter().all(|&byte| is_value_byte(byte)).then_some(value)
}

fn is_value_byte(byte: u8) -> bool {
    (0x20..0x7f).contains(&byte) && !matches!(byte, b'"' | b';' | b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn find(lines: &[&str]) -> Option<String> {
        let value = find_cookie(|| lines.iter().map(|line| line.as_bytes()), b"s");
        value.map(|value| String::from_utf8_lossy(value).into_owned())
    }

    #[test]
    fn the_first_valid_cookie_of_the_name_wins() {
        assert_eq!(find(&["a=1; s=x; s=y"]).as_deref(), Some("x"));
        assert_eq!(find(&["a=1", "s=x", "s=y"]).as_deref(), Some("x"));
        assert_eq!(find(&["s=b\\ad; s=good"]).as_deref(), Some("good"));
        assert_eq!(find(&["s=unknown; s=known"]).as_deref(), Some("unknown"));
    }

    #[test]
    fn space_is_trimmed_around_parts_and_names_but_not_after_the_equals_sign() {
        assert_eq!(find(&["a=1;\ts=x ;b=2"]).as_deref(), Some("x"));
        assert_eq!(find(&["s =x"]).as_deref(), Some("x"));
        assert_eq!(find(&["s= x"]).as_deref(), Some(" x"));
    }

    #[test]
    fn names_are_compared_whole_and_with_case() {
        assert_eq!(find(&["xs=1; S=2; ss=3"]), None);
        assert_eq!(find(&["x=s=1"]), None);
        assert_eq!(find(&[""]), None);
    }

    #[test]
    fn one_pair_of_quotes_is_removed_and_a_bare_name_is_empty() {
        assert_eq!(find(&["s=\"x y,z\""]).as_deref(), Some("x y,z"));
        assert_eq!(find(&["s=\""]), None);
        assert_eq!(find(&["s=\"\""]).as_deref(), Some(""));
        assert_eq!(find(&["s"]).as_deref(), Some(""));
        assert_eq!(find(&["s="]).as_deref(), Some(""));
    }

    #[test]
    fn three_thousand_cookies_count_and_one_more_is_too_many() {
        let many = |n: usize| format!("{}s=x", "a=1;".repeat(n - 1));
        assert_eq!(find(&[&many(3000)]).as_deref(), Some("x"));
        assert_eq!(find(&[&many(3001)]), None);
        let bare = format!("{}s=x", ";".repeat(3000));
        assert_eq!(find(&[&bare]), None);
        let half = "a=1;".repeat(1499);
        assert_eq!(find(&[&half, &half, "s=x"]), None, "lines are summed");
    }

    proptest! {
        #[test]
        fn any_bytes_are_searched_without_panic(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..4)) {
            if let Some(value) = find_cookie(|| lines.iter().map(Vec::as_slice), b"s") {
                prop_assert!(value.iter().all(|&b| is_value_byte(b)));
            }
        }

        #[test]
        fn jumping_finds_what_taking_every_part_finds(line in "[s=; \"\\\\a\t]{0,40}", name in "(s|ss|as)") {
            let mut parts = line.as_bytes().split(|&byte| byte == b';');
            let plain = parts.find_map(|part| value_if_named(part.trim_ascii(), name.as_bytes()));
            prop_assert_eq!(find_in_line(line.as_bytes(), name.as_bytes()), plain);
        }

        #[test]
        fn a_cookie_among_others_is_found(before in "([a-r]{1,8}=[a-z0-9]{0,8}; ?){0,40}", value in "[a-f0-9]{16}") {
            let line = format!("{before}s={value}");
            prop_assert_eq!(find(&[&line]), Some(value));
        }
    }
}
