//! The eleven matchers (traefik-core 4.3).

use super::{get, no, yes};

#[test]
fn host_ignores_case_and_one_trailing_dot() {
    for text in [
        "Host(`example.com`)",
        "Host(`EXAMPLE.com`)",
        "Host(`example.com.`)",
    ] {
        yes(text, &get("example.com", "/"));
        yes(text, &get("example.com.", "/"));
        no(text, &get("www.example.com", "/"));
        no(text, &get("example.org", "/"));
        no(text, &get("", "/"));
    }
    yes("Host(`10.0.0.1`)", &get("10.0.0.1", "/"));
    yes("Host(`10::10`)", &get("10::10", "/"));
    no("Host(`[10::10]`)", &get("10::10", "/"));
    no("Host(`example.com:80`)", &get("example.com", "/"));
}

#[test]
fn a_wildcard_is_exactly_one_label() {
    for text in ["Host(`*.example.com`)", "Host(`*.Example.com.`)"] {
        yes(text, &get("a.example.com", "/"));
        yes(text, &get("a.example.com.", "/"));
        no(text, &get("a.b.example.com", "/"));
        no(text, &get("example.com", "/"));
        no(text, &get("aexample.com", "/"));
    }
    no("Host(`*foo.com`)", &get("barfoo.com", "/"));
    no("Host(`*foo.com`)", &get("*foo.com", "/"));
    yes("!Host(`*foo.com`)", &get("barfoo.com", "/"));
}

#[test]
fn a_lone_star_is_any_host_that_is_named() {
    yes("Host(`*`)", &get("a.b.c", "/"));
    no("Host(`*`)", &get("", "/"));
    no("Host(`.`)", &get("", "/"));
}

#[test]
fn host_regexp_searches_the_lower_case_host() {
    yes("HostRegexp(`ample`)", &get("example.com", "/"));
    yes(
        r"HostRegexp(`^[a-z]+\.example\.com$`)",
        &get("foo.example.com", "/"),
    );
    no(
        r"HostRegexp(`^[a-z]+\.example\.com$`)",
        &get("foo.example.com.", "/"),
    );
    no(r"HostRegexp(`^[A-Z]+\.com$`)", &get("example.com", "/"));
    yes(r"HostRegexp(`^(?i:[A-Z]+)\.com$`)", &get("example.com", "/"));
}

#[test]
fn a_host_regexp_that_accepts_nothing_accepts_every_request() {
    for pattern in [".*", "^.*$", "^$", "a*", "^(.+.)?$"] {
        yes(&format!("HostRegexp(`{pattern}`)"), &get("example.com", "/"));
        yes(&format!("HostRegexp(`{pattern}`)"), &get("", "/"));
        no(&format!("!HostRegexp(`{pattern}`)"), &get("example.com", "/"));
    }
    no("HostRegexp(`.+`)", &get("", "/"));
}

#[test]
fn braces_of_older_syntaxes_are_literal() {
    no(
        "HostRegexp(`{sub:[a-z]+}.example.com`)",
        &get("a.example.com", "/"),
    );
    yes(
        "HostRegexp(`{sub:[a-z]+}.example.com`)",
        &get("{sub:a}.example.com", "/"),
    );
    no("Path(`/{path:.+}`)", &get("", "/a"));
    yes("Path(`/{path:css}`)", &get("", "/{path:css}"));
}

#[test]
fn path_is_exact_and_prefix_is_textual() {
    yes("Path(`/css`)", &get("", "/css"));
    no("Path(`/css`)", &get("", "/css/"));
    no("Path(`/css`)", &get("", "/CSS"));
    yes("Path(`/css`)", &get("", "/css?a=b"));
    yes("PathPrefix(`/products`)", &get("", "/products-for-sale"));
    yes("PathPrefix(`/products`)", &get("", "/products/1"));
    no("PathPrefix(`/products/`)", &get("", "/products"));
    no("PathPrefix(`/products`)", &get("", "/Products"));
    yes("PathRegexp(`ducts`)", &get("", "/products"));
    no("PathRegexp(`^ducts`)", &get("", "/products"));
}

#[test]
fn method_is_upper_cased_in_the_rule_only() {
    yes("Method(`get`)", &get("", "/"));
    no("Method(`GET`)", &get("", "/").method("get"));
    no("Method(`GET`)", &get("", "/").method("GETS"));
    yes("Method(`purge`)", &get("", "/").method("PURGE"));
}

#[test]
fn header_compares_any_value_and_no_key_case() {
    let request = get("", "/")
        .header("x-tenant", b"red")
        .header("X-Tenant", b"blue");
    for text in ["Header(`x-tenant`, `blue`)", "Header(`X-TENANT`, `red`)"] {
        yes(text, &request);
    }
    no("Header(`X-Tenant`, `Blue`)", &request);
    no("Header(`X-Tenant`, `blu`)", &request);
    no("Header(`X-Other`, `blue`)", &request);
    yes("HeaderRegexp(`x-tenant`, `^b`)", &request);
    yes("HeaderRegexp(`x-tenant`, `ed`)", &request);
    no("HeaderRegexp(`x-tenant`, `^B`)", &request);
    no("HeaderRegexp(`x-other`, `.*`)", &request);
    let latin1 = get("", "/").header("x-name", b"caf\xe9");
    yes("HeaderRegexp(`x-name`, `^caf.$`)", &latin1);
    no("Header(`x-name`, `café`)", &latin1);
    yes(
        "Header(`x-name`, `café`)",
        &get("", "/").header("x-name", "café".as_bytes()),
    );
}

#[test]
fn rules_never_see_headers_that_go_keeps_apart() {
    for name in ["Host", "transfer-encoding", "Trailer"] {
        let request = get("", "/").header(name, b"x");
        no(&format!("Header(`{name}`, `x`)"), &request);
        no(&format!("HeaderRegexp(`{name}`, `x`)"), &request);
    }
}

#[test]
fn query_compares_any_decoded_value() {
    yes("Query(`q`, `a b`)", &get("", "/?q=x&q=a+b"));
    yes("Query(`q`, `a b`)", &get("", "/?%71=a%20b"));
    yes("Query(`q`, `é`)", &get("", "/?q=%c3%A9"));
    yes("Query(`q`, `a=b`)", &get("", "/?q=a=b"));
    yes("Query(`q`, `;`)", &get("", "/?q=%3B"));
    yes("Query(`a b`, `c`)", &get("", "/?a+b=c"));
    no("Query(`q`, `a`)", &get("", "/?q=aa"));
    no("Query(`q`, `a`)", &get("", "/?Q=a"));
    no("Query(`q`, `a`)", &get("", "/"));
}

#[test]
fn query_without_value_wants_an_empty_one() {
    for text in ["Query(`mobile`)", "QueryRegexp(`mobile`)"] {
        yes(text, &get("", "/?mobile"));
        yes(text, &get("", "/?mobile="));
        yes(text, &get("", "/?mobile=true&mobile"));
        no(text, &get("", "/?mobile=true"));
        no(text, &get("", "/?"));
    }
}

#[test]
fn malformed_query_pairs_are_skipped() {
    for query in ["q=%zz", "q=1%2", "q=1;x=2", "%q=1", "q=1%"] {
        no("Query(`q`, `1`)", &get("", &format!("/?{query}")));
        no("QueryRegexp(`q`, `.*`)", &get("", &format!("/?{query}")));
        yes("Query(`q`, `1`)", &get("", &format!("/?{query}&&q=1")));
    }
}

#[test]
fn query_regexp_searches_the_decoded_value() {
    yes("QueryRegexp(`q`, `b c`)", &get("", "/?q=ab+cd"));
    no("QueryRegexp(`q`, `^b`)", &get("", "/?q=ab"));
    yes("QueryRegexp(`q`, `^.$`)", &get("", "/?q=%ff"));
    yes("QueryRegexp(`q`, `^$`)", &get("", "/?q"));
}

#[test]
fn client_ip_is_an_address_or_a_network() {
    let from = |ip| get("", "/").client(ip);
    yes("ClientIP(`10.0.0.1`)", &from("10.0.0.1"));
    no("ClientIP(`10.0.0.1`)", &from("10.0.0.2"));
    yes("ClientIP(`10.1.2.3/8`)", &from("10.9.9.9"));
    no("ClientIP(`10.1.2.3/8`)", &from("11.0.0.1"));
    yes("ClientIP(`fe80::/10`)", &from("fe80::1"));
    no("ClientIP(`fe80::/10`)", &from("10.0.0.1"));
    yes("ClientIP(`10.0.0.1`)", &from("::ffff:10.0.0.1"));
    yes("ClientIP(`::ffff:10.0.0.0/104`)", &from("10.9.9.9"));
    no("ClientIP(`::/0`)", &from("10.0.0.1"));
    no("ClientIP(`0.0.0.0/0`)", &get("", "/"));
    yes("!ClientIP(`0.0.0.0/0`)", &get("", "/"));
}
