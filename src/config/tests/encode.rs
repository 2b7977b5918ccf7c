//! What is printed as Traefik's API prints it.

use proptest::prelude::*;
use serde_json::{Value as Json, json, to_string, to_value};

use super::config;
use super::dynamic::{MIDDLEWARES, YAML};
use crate::config::dynamic::{self, Configuration, read};
use crate::config::encode::Shown;
use crate::config::node::{Node, Value};
use crate::config::{Notation, decode, yaml};

fn shown(configuration: &Configuration) -> Json {
    to_value(Shown(configuration)).unwrap()
}

/// The one service of a load balancer written like this.
fn balancer(text: &str) -> Json {
    let text = format!("http: {{services: {{app: {{loadBalancer: {text}}}}}}}");
    shown(&config(&text))["http"]["services"]["app"]["loadBalancer"].clone()
}

fn middleware(text: &str) -> Json {
    let text = format!("http: {{middlewares: {{it: {text}}}}}");
    shown(&config(&text))["http"]["middlewares"]["it"].clone()
}

#[test]
fn a_load_balancer_is_printed_as_traefiks_api_prints_it() {
    let found = balancer(
        "{sticky: {cookie: {name: _fb0b0}}, servers: [{url: 'http://127.0.0.1:8081'}, {url: 'http://127.0.0.1:8082', \
         weight: 2}], healthCheck: {path: /health, timeout: 1m30s}}",
    );
    let expected = json!({
        "sticky": {"cookie": {"name": "_fb0b0", "path": "/"}},
        "servers": [{"url": "http://127.0.0.1:8081"}, {"url": "http://127.0.0.1:8082", "weight": 2}],
        "strategy": "wrr",
        "healthCheck": {
            "mode": "http", "path": "/health", "interval": "30s", "timeout": "1m30s", "followRedirects": true
        },
        "passHostHeader": true,
        "responseForwarding": {"flushInterval": "100ms"},
    });
    assert_eq!(found, expected);
}

#[test]
fn what_is_zero_and_usual_is_left_out_and_what_is_zero_and_unusual_is_not() {
    let found = balancer(
        "{passHostHeader: false, maxWait: 0, sticky: {onLoss: rebind, cookie: {path: '', maxAge: 0}}, servers: [{url: x, \
         weight: 0, drain: false}], responseForwarding: {flushInterval: 0}}",
    );
    let expected = json!({
        "strategy": "wrr",
        "passHostHeader": false,
        "maxWait": "0s",
        "sticky": {"cookie": {"path": ""}},
        "servers": [{"url": "x", "weight": 0}],
        "responseForwarding": {"flushInterval": "0s"},
    });
    assert_eq!(found, expected);
}

#[test]
fn pitons_keys_are_printed_where_they_say_something() {
    let found = balancer(
        "{slowStart: 10s, maxInFlight: 7, sticky: {onLoss: detour, cookie: {partitioned: true}}, servers: [{url: x, id: a, \
         drainUntil: 2030-01-01T01:00:00+01:00}], healthCheck: {rise: 2, fall: 1}}",
    );
    let expected = json!({
        "strategy": "wrr",
        "passHostHeader": true,
        "responseForwarding": {"flushInterval": "100ms"},
        "slowStart": "10s",
        "maxInFlight": 7,
        "sticky": {"onLoss": "detour", "cookie": {"path": "/", "partitioned": true}},
        "servers": [{"url": "x", "id": "a", "drainUntil": "2030-01-01T00:00:00Z"}],
        "healthCheck": {"mode": "http", "interval": "30s", "timeout": "5s", "followRedirects": true, "rise": 2},
    });
    assert_eq!(found, expected);
}

#[test]
fn a_block_whose_presence_is_its_meaning_is_printed_empty_and_others_with_their_zeros() {
    assert_eq!(middleware("{compress: true}"), json!({"compress": {}}));
    assert_eq!(
        middleware("{addPrefix: {prefix: ''}}"),
        json!({"addPrefix": {"prefix": ""}})
    );
    assert_eq!(
        shown(&config("http: {routers: {a: {rule: x, tls: {}}, b: {}}}")),
        json!({"http": {"routers": {"a": {"rule": "x", "tls": {}}, "b": {}}}})
    );
    assert_eq!(shown(&Configuration::default()), json!({}));
}

#[test]
fn order_of_keys_is_that_of_the_model() {
    let text = to_string(&Shown(&config(
        "http: {routers: {b: {rule: x, service: s}, a: {priority: 3}}}",
    )))
    .unwrap();
    assert_eq!(
        text,
        r#"{"http":{"routers":{"a":{"priority":3},"b":{"service":"s","rule":"x"}}}}"#
    );
}

#[test]
fn nothing_that_lets_somebody_in_is_printed() {
    let pem = "-----BEGIN EC PRIVATE KEY-----\\nK33P\\n-----END EC PRIVATE KEY-----\\n";
    let text = format!(
        r#"
http:
  middlewares:
    basic: {{basicAuth: {{users: ["ann:K33P", "K33P"]}}}}
    digest: {{digestAuth: {{users: ["ann:realm:K33P"]}}}}
    forward: {{forwardAuth: {{address: "http://ann:K33P@auth/x?y", tls: {{cert: "{pem}", key: "{pem}"}}}}}}
    fields:
      headers:
        customRequestHeaders: {{Authorization: Basic K33P, X-Api-Key: K33P, X-Gone-Token: "", X-Plain: open}}
        customResponseHeaders: {{Set-Cookie: K33P}}
    limit: {{rateLimit: {{redis: {{username: ann, password: K33P}}}}}}
    more: {{plugin: {{one: {{token: K33P, deep: [{{at: K33P}}]}}}}}}
  services:
    app:
      loadBalancer:
        servers: [{{url: "http://ann:K33P@10.0.0.1:80"}}]
        healthCheck: {{headers: {{Authorization: Bearer K33P}}}}
        sticky: {{cookie: {{sign: {{keys: [{{id: a, secret: "K33P-K33P-K33P-K33P-K33P-K33P-K33P"}}, {{id: b, file: /run/key}}]}}}}}}
  serversTransports:
    strict: {{rootCAs: ["{pem}"], certificates: [{{certFile: "CERT\n{pem}", keyFile: "{pem}"}}]}}
tcp:
  serversTransports: {{strict: {{tls: {{certificates: [{{certFile: a.pem, keyFile: "{pem}"}}]}}}}}}
tls:
  certificates: [{{certFile: "-----BEGIN CERTIFICATE-----\nSHOWN\n", keyFile: "{pem}"}}, {{certFile: a.pem, keyFile: /run/a.key}}, {{certFile: a.pem, keyFile: MHcCAQEEIK33Pw5tZ9f4tTx1q6b3Zq8n0v}}]
  stores: {{default: {{defaultCertificate: {{certFile: a.pem, keyFile: "{pem}"}}}}}}
"#
    );
    let configuration = config(&text);
    let shown = to_string(&Shown(&configuration)).unwrap();
    for secret in ["K33P", "PRIVATE"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    for part in [
        r#""users":["ann:(secret)","(secret)"]"#,
        r#""address":"http://ann:(secret)@auth/x?y""#,
        r#""X-Gone-Token":"","X-Plain":"open""#,
        r#""username":"ann","password":"(secret)""#,
        r#""plugin":{"one":{"#,
        r#"{"id":"a","secret":"(secret)"},{"id":"b","file":"/run/key"}"#,
        "-----BEGIN CERTIFICATE-----\\nSHOWN\\n",
        r#"{"certFile":"a.pem","keyFile":"/run/a.key"}"#,
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
}

/// Reads what is printed: it means the same, and is printed the same.
fn comes_back(configuration: &Configuration) -> Result<(), String> {
    let printed = to_string(&Shown(configuration)).unwrap();
    let (again, _) = read(printed.as_bytes(), Notation::Yaml, None)
        .map_err(|problems| format!("{printed}\n{problems:?}"))?;
    let is_same = printed.contains("(secret)") || again == *configuration;
    let printed_again = to_string(&Shown(&again)).unwrap();
    match is_same && printed == printed_again {
        true => Ok(()),
        false => Err(format!(
            "{printed}\n{printed_again}\n{configuration:?}\n{again:?}"
        )),
    }
}

const EVERYTHING: [&str; 3] = [
    MIDDLEWARES,
    YAML,
    include_str!("../../../conf/examples/all-options/dynamic.yaml"),
];

#[test]
fn what_is_printed_of_complete_files_can_be_read_again() {
    for text in EVERYTHING {
        comes_back(&config(text)).unwrap();
    }
}

/// What a choice makes of a node: some of its parts are gone, some are zero or something else.
fn changed(node: &Node, random: &mut impl FnMut(u32) -> u32) -> Node {
    let value = match &node.value {
        Value::Scalar(text) => Value::Scalar(match random(12) {
            0 => String::new(),
            1 => "0".to_owned(),
            2 => "false".to_owned(),
            3 => "true".to_owned(),
            4 => "é \"\\\u{1}\u{7f}\u{85} & <\u{2028}\u{1f600}".to_owned(),
            _ => text.clone(),
        }),
        Value::Seq(items) => Value::Seq(items.iter().map(|item| changed(item, random)).collect()),
        Value::Map(entries) => {
            let few = random(4) == 0;
            let kept = entries.iter().filter_map(|entry| {
                let stays = random(8) < if few { 2 } else { 6 };
                stays.then(|| {
                    let mut entry = entry.clone();
                    entry.node = changed(&entry.node, random);
                    entry
                })
            });
            Value::Map(kept.collect())
        }
        Value::Null => Value::Null,
    };
    Node::new(node.at, value)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_printed_of_any_part_of_them_can_be_read_again(which in 0..3_usize, seed in any::<u64>()) {
        let mut generator = fastrand::Rng::with_seed(seed);
        let whole = yaml::parse(EVERYTHING[which].as_bytes()).unwrap();
        let node = changed(&whole, &mut |bound| generator.u32(..bound));
        let configuration: dynamic::Configuration = decode::decode(&node, "", &mut Vec::new());
        prop_assert_eq!(comes_back(&configuration), Ok(()));
    }
}
