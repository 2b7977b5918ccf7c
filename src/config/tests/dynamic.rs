//! Whole dynamic files.

use std::path::Path;

use super::{config, lines, said};
use crate::config::dynamic::{self, Configuration};
use crate::config::{Notation, Span};

const ARTICLE_DEFAULTS: &str = r#"
http:
  services:
    my-service:
      loadBalancer:
        sticky:
          cookie: {}
        servers:
          - url: "http://127.0.0.1:8081"
          - url: "http://127.0.0.1:8082"
"#;

const ARTICLE_PRODUCTION: &str = r#"
http:
  services:
    my-service:
      loadBalancer:
        sticky:
          cookie:
            name: my_sticky_cookie
            secure: true
            httpOnly: true
            sameSite: none
            domain: example.com
            maxAge: 3600
        servers:
          - url: "http://127.0.0.1:8081"
          - url: "http://127.0.0.1:8082"
"#;

#[test]
fn the_articles_first_sample_is_sticky_by_default() {
    let configuration = config(ARTICLE_DEFAULTS);
    let balancer = configuration.http.services["my-service"]
        .load_balancer
        .as_ref()
        .unwrap();
    let cookie = balancer.sticky.as_ref().unwrap().cookie.as_ref().unwrap();
    assert_eq!(
        (cookie.name.as_str(), cookie.path.as_str(), cookie.secure),
        ("", "/", false)
    );
    let urls: Vec<_> = balancer
        .servers
        .iter()
        .map(|server| server.url.as_str())
        .collect();
    assert_eq!(urls, ["http://127.0.0.1:8081", "http://127.0.0.1:8082"]);
}

#[test]
fn the_articles_second_sample_sets_every_attribute() {
    let configuration = config(ARTICLE_PRODUCTION);
    let balancer = configuration.http.services["my-service"]
        .load_balancer
        .as_ref()
        .unwrap();
    let cookie = balancer.sticky.as_ref().unwrap().cookie.as_ref().unwrap();
    assert_eq!(cookie.name, "my_sticky_cookie");
    assert!(cookie.secure && cookie.http_only);
    assert_eq!(
        (cookie.same_site.as_str(), cookie.domain.as_str(), cookie.max_age),
        ("none", "example.com", 3600)
    );
}

#[test]
fn a_file_is_named_in_its_problems() {
    let problems = dynamic::read(b"http: {}", Notation::Yaml, Some(Path::new("conf/a.yml"))).unwrap_err();
    assert!(lines(&problems)[0].starts_with("conf/a.yml:1:7: error: http: "));
}

#[test]
fn static_keys_and_extensions_are_skipped() {
    let text = "entryPoints: {web: {address: ':80'}}\nAPI: {}\nproviders: {file: {filename: x}}\nthreads: 4\n\
        log: {level: DEBUG}\nocsp: {}\nx-anything: &a {rule: x}\nhttp: {routers: {a: *a}}\n";
    assert_eq!(config(text).http.routers["a"].rule, "x");
}

#[test]
fn another_root_key_is_a_warning_with_a_guess() {
    assert_eq!(
        said("htttp: {routers: {}}\nbanana: 1\n"),
        [
            r#"1:1: warning: htttp: unknown key "htttp" is ignored; did you mean "http"?"#,
            r#"2:1: warning: banana: unknown key "banana" is ignored; known at the top: http, tcp, udp, tls"#,
        ]
    );
}

#[test]
fn a_root_that_is_no_map_is_an_error() {
    assert_eq!(
        said("- a\n"),
        ["1:1: error: expected http, tcp, udp, tls at the top, found a list"]
    );
    assert_eq!(
        said("hello\n"),
        ["1:1: error: expected http, tcp, udp, tls at the top, found a single value"]
    );
}

#[test]
fn go_templates_are_refused_with_their_place() {
    let said = said("http:\n  routers:\n    a:\n      # \u{e4} {{ env \"X\" }}\n      rule: x\n");
    assert_eq!(said.len(), 1);
    assert!(
        said[0].starts_with("4:11: error: Go templates ({{ ... }}) are not supported"),
        "{said:?}"
    );
    assert!(
        said[0].contains("render the file before piton reads it"),
        "{said:?}"
    );
}

#[test]
fn every_middleware_is_known() {
    let http = config(MIDDLEWARES).http;
    let kinds: Vec<_> = http
        .middlewares
        .values()
        .flat_map(|middleware| middleware.kinds())
        .collect();
    assert_eq!(kinds, http.middlewares.keys().collect::<Vec<_>>());
    assert_eq!(kinds.len(), 26);
    assert_eq!(
        http.middlewares["circuitBreaker"]
            .circuit_breaker
            .as_ref()
            .unwrap()
            .response_code,
        503
    );
    assert_eq!(
        http.middlewares["rateLimit"].rate_limit.as_ref().unwrap().period,
        Span::seconds(1)
    );
    assert_eq!(
        http.middlewares["retry"]
            .retry
            .as_ref()
            .unwrap()
            .max_request_body_bytes,
        2 * 1024 * 1024
    );
    assert_eq!(
        http.middlewares["forwardAuth"]
            .forward_auth
            .as_ref()
            .unwrap()
            .max_body_size,
        -1
    );
}

#[test]
fn a_middleware_of_two_kinds_names_both() {
    let http = config("http: {middlewares: {a: {addPrefix: {prefix: /x}, compress: {}}, b: {}}}").http;
    assert_eq!(http.middlewares["a"].kinds(), ["addPrefix", "compress"]);
    assert!(http.middlewares["b"].kinds().is_empty());
}

#[test]
fn an_unknown_middleware_is_an_error() {
    assert_eq!(
        said("http: {middlewares: {a: {stripPrefixes: {prefixes: [/x]}}}}"),
        [
            r#"1:26: error: http.middlewares.a.stripPrefixes: unknown key "stripPrefixes"; did you mean "stripPrefix"?"#
        ]
    );
}

#[test]
fn a_plugin_may_hold_anything() {
    let http =
        config("http: {middlewares: {a: {plugin: {p: {X: [1, {y: z}], n: ~}}, compress: false}}}").http;
    assert_eq!(http.middlewares["a"].kinds(), ["plugin"]);
    let plugin = &http.middlewares["a"].plugin.as_ref().unwrap()["p"];
    assert_eq!(plugin["X"][1]["y"].as_str(), Some("z"));
}

/// The key is the kind.
pub(super) const MIDDLEWARES: &str = r#"
http:
  middlewares:
    addPrefix: {addPrefix: {prefix: /x}}
    basicAuth: {basicAuth: {users: ["a:b"], usersFile: f, realm: r, removeHeader: true, headerField: h}}
    buffering: {buffering: {maxRequestBodyBytes: 1, memRequestBodyBytes: 2, maxResponseBodyBytes: 3, memResponseBodyBytes: 4, retryExpression: e}}
    chain: {chain: {middlewares: [a, b]}}
    circuitBreaker: {circuitBreaker: {expression: e, checkPeriod: 1s, fallbackDuration: 1s, recoveryDuration: 1s}}
    compress: {compress: {excludedContentTypes: [a], includedContentTypes: [b], minResponseBodyBytes: 1, encodings: [gzip], defaultEncoding: gzip}}
    contentType: {contentType: {autoDetect: true}}
    digestAuth: {digestAuth: {users: ["a:b:c"], usersFile: f, realm: r, removeHeader: true, headerField: h}}
    encodedCharacters: {encodedCharacters: {allowEncodedSlash: true, allowEncodedBackSlash: true, allowEncodedNullCharacter: true, allowEncodedSemicolon: true, allowEncodedPercent: true, allowEncodedQuestionMark: true, allowEncodedHash: true}}
    errors: {errors: {status: ["500-599"], statusRewrites: {"418": 404}, service: s, query: "/{status}", errorRequestHeaders: [a]}}
    forwardAuth:
      forwardAuth:
        address: http://auth
        tls: {ca: a, cert: b, key: c, insecureSkipVerify: true, caOptional: true}
        trustForwardHeader: true
        authResponseHeaders: [a]
        authResponseHeadersRegex: a
        authRequestHeaders: [a]
        addAuthCookiesToResponse: [a]
        headerField: h
        forwardBody: true
        maxResponseBodySize: 5
        preserveLocationHeader: true
        preserveRequestMethod: true
        authSigninURL: http://in
    grpcWeb: {grpcWeb: {allowOrigins: ["*"]}}
    headers:
      headers:
        customRequestHeaders: {X-A: b, X-Gone: ""}
        customResponseHeaders: {X-A: b}
        accessControlAllowCredentials: true
        accessControlAllowHeaders: [a]
        accessControlAllowMethods: [GET]
        accessControlAllowOriginList: ["*"]
        accessControlAllowOriginListRegex: [".*"]
        accessControlExposeHeaders: [a]
        accessControlMaxAge: 100
        addVaryHeader: true
        allowedHosts: [a]
        hostsProxyHeaders: [a]
        sslProxyHeaders: {X-Forwarded-Proto: https}
        stsSeconds: 1
        stsIncludeSubdomains: true
        stsPreload: true
        forceSTSHeader: true
        frameDeny: true
        customFrameOptionsValue: a
        contentTypeNosniff: true
        browserXssFilter: true
        customBrowserXSSValue: a
        contentSecurityPolicy: a
        contentSecurityPolicyReportOnly: a
        publicKey: a
        referrerPolicy: a
        permissionsPolicy: a
        isDevelopment: true
        featurePolicy: a
        sslRedirect: true
        sslTemporaryRedirect: true
        sslHost: a
        sslForceHost: true
    inFlightReq: {inFlightReq: {amount: 1, sourceCriterion: {requestHost: true}}}
    ipAllowList: {ipAllowList: {sourceRange: [10.0.0.0/8], ipStrategy: {depth: 1, excludedIPs: [a], ipv6Subnet: 64}, rejectStatusCode: 404}}
    ipWhiteList: {ipWhiteList: {sourceRange: [10.0.0.0/8], ipStrategy: {}}}
    passTLSClientCert:
      passTLSClientCert:
        pem: true
        info:
          notAfter: true
          notBefore: true
          sans: true
          serialNumber: true
          subject: {country: true, province: true, locality: true, organization: true, organizationalUnit: true, commonName: true, serialNumber: true, domainComponent: true}
          issuer: {country: true, province: true, locality: true, organization: true, commonName: true, serialNumber: true, domainComponent: true}
    plugin: {plugin: {anything: {foo: bar}}}
    rateLimit: {rateLimit: {average: 100, burst: 50, sourceCriterion: {ipStrategy: {depth: 1}, requestHeaderName: a}, redis: {endpoints: ["a:1"], tls: {ca: a}, username: a, password: b, db: 1, poolSize: 1, minIdleConns: 1, maxActiveConns: 1, readTimeout: 1s, writeTimeout: 1s, dialTimeout: 1s}}}
    redirectRegex: {redirectRegex: {regex: a, replacement: b, permanent: true}}
    redirectScheme: {redirectScheme: {scheme: https, port: 443, permanent: true}}
    replacePath: {replacePath: {path: /x}}
    replacePathRegex: {replacePathRegex: {regex: a, replacement: b}}
    retry: {retry: {attempts: 3, initialInterval: 100ms, timeout: 1s, status: ["503"], disableRetryOnNetworkError: true, retryNonIdempotentMethod: true}}
    stripPrefix: {stripPrefix: {prefixes: [/x], forceSlash: false}}
    stripPrefixRegex: {stripPrefixRegex: {regex: [a]}}
"#;

pub(super) const YAML: &str = r#"
http:
  routers:
    app:
      rule: Host(`a.example.com`) && PathPrefix(`/`)
      service: app
      entryPoints: [web, websecure]
      middlewares: [strip@docker]
      priority: 42
      tls: {options: modern, certResolver: le, domains: [{main: a.example.com, sans: [b, c]}]}
      observability: {accessLogs: false, traceVerbosity: detailed}
  services:
    app:
      loadBalancer:
        strategy: p2c
        sticky: {cookie: {name: s, secure: true}}
        servers:
          - {url: "http://10.0.0.1:80", weight: 3, preservePath: true}
          - {url: "http://10.0.0.2:80"}
        healthCheck: {path: /health, interval: 10s, timeout: 3, headers: {X-Probe: "1"}}
        responseForwarding: {flushInterval: 1ms}
        serversTransport: strict
    canary:
      weighted: {services: [{name: app, weight: 9}, {name: next}], sticky: {cookie: {}}}
    hrw: {highestRandomWeight: {services: [{name: app}]}}
    mirror: {mirroring: {service: app, mirrorBody: false, maxBodySize: 1024, mirrors: [{name: next, percent: 10}]}}
    spare: {failover: {service: app, fallback: next, errors: {status: ["500-504"]}}}
  serversTransports:
    strict:
      serverName: a
      insecureSkipVerify: false
      rootCAs: [ca.pem]
      certificates: [{certFile: c.pem, keyFile: k.pem}]
      minVersion: VersionTLS12
      maxIdleConnsPerHost: 7
      disableHTTP2: true
      peerCertURI: u
      peerCertSANs: [{type: DNSName, value: a}]
      forwardingTimeouts: {dialTimeout: 5s, responseHeaderTimeout: 10, idleConnTimeout: 1m, readIdleTimeout: 1s, pingTimeout: 2s}
      spiffe: {ids: [a], trustDomain: b}
tcp:
  routers: {db: {rule: HostSNI(`*`), service: db, entryPoints: [db], tls: {passthrough: true}}}
  services:
    db: {loadBalancer: {servers: [{address: "10.0.0.1:5432", tls: true}], proxyProtocol: {}, healthCheck: {port: 1, send: a, expect: b}}}
    w: {weighted: {services: [{name: db, weight: 2}]}}
  middlewares: {limit: {inFlightConn: {amount: 10}}, allow: {ipAllowList: {sourceRange: [10.0.0.0/8]}}}
  serversTransports: {t: {dialTimeout: 1s, dialKeepAlive: 2s, terminationDelay: 3s, tls: {serverName: a, rootCAs: [x]}}}
udp:
  routers: {dns: {service: dns, entryPoints: [dns]}}
  services: {dns: {loadBalancer: {servers: [{address: "10.0.0.1:53"}]}}}
tls:
  certificates: [{certFile: a.pem, keyFile: a.key, stores: [default]}]
  stores: {default: {defaultCertificate: {certFile: d.pem, keyFile: d.key}, defaultGeneratedCert: {resolver: le, domain: {main: a, sans: [b]}}}}
  options:
    modern: {minVersion: VersionTLS13, cipherSuites: [a], curvePreferences: [X25519], sniStrict: true, alpnProtocols: [h2], disableSessionTickets: true, clientAuth: {caFiles: [ca.pem], clientAuthType: RequireAndVerifyClientCert}}
"#;

const TOML: &str = r#"
[http.routers.app]
rule = "Host(`a.example.com`) && PathPrefix(`/`)"
service = "app"
entryPoints = ["web", "websecure"]
middlewares = ["strip@docker"]
priority = 42
[http.routers.app.tls]
options = "modern"
certResolver = "le"
[[http.routers.app.tls.domains]]
main = "a.example.com"
sans = ["b", "c"]
[http.routers.app.observability]
accessLogs = false
traceVerbosity = "detailed"

[http.services.app.loadBalancer]
strategy = "p2c"
serversTransport = "strict"
[http.services.app.loadBalancer.sticky.cookie]
name = "s"
secure = true
[[http.services.app.loadBalancer.servers]]
url = "http://10.0.0.1:80"
weight = 3
preservePath = true
[[http.services.app.loadBalancer.servers]]
url = "http://10.0.0.2:80"
[http.services.app.loadBalancer.healthCheck]
path = "/health"
interval = "10s"
timeout = 3
headers = { X-Probe = "1" }
[http.services.app.loadBalancer.responseForwarding]
flushInterval = "1ms"

[http.services.canary.weighted.sticky.cookie]
[[http.services.canary.weighted.services]]
name = "app"
weight = 9
[[http.services.canary.weighted.services]]
name = "next"

[[http.services.hrw.highestRandomWeight.services]]
name = "app"

[http.services.mirror.mirroring]
service = "app"
mirrorBody = false
maxBodySize = 1024
mirrors = [{ name = "next", percent = 10 }]

[http.services.spare.failover]
service = "app"
fallback = "next"
errors = { status = ["500-504"] }

[http.serversTransports.strict]
serverName = "a"
insecureSkipVerify = false
rootCAs = ["ca.pem"]
minVersion = "VersionTLS12"
maxIdleConnsPerHost = 7
disableHTTP2 = true
peerCertURI = "u"
[[http.serversTransports.strict.certificates]]
certFile = "c.pem"
keyFile = "k.pem"
[[http.serversTransports.strict.peerCertSANs]]
type = "DNSName"
value = "a"
[http.serversTransports.strict.forwardingTimeouts]
dialTimeout = "5s"
responseHeaderTimeout = 10
idleConnTimeout = "1m"
readIdleTimeout = "1s"
pingTimeout = "2s"
[http.serversTransports.strict.spiffe]
ids = ["a"]
trustDomain = "b"

[tcp.routers.db]
rule = "HostSNI(`*`)"
service = "db"
entryPoints = ["db"]
tls = { passthrough = true }
[tcp.services.db.loadBalancer]
proxyProtocol = {}
healthCheck = { port = 1, send = "a", expect = "b" }
servers = [{ address = "10.0.0.1:5432", tls = true }]
[tcp.services.w.weighted]
services = [{ name = "db", weight = 2 }]
[tcp.middlewares]
limit.inFlightConn.amount = 10
allow.ipAllowList.sourceRange = ["10.0.0.0/8"]
[tcp.serversTransports.t]
dialTimeout = "1s"
dialKeepAlive = "2s"
terminationDelay = "3s"
tls = { serverName = "a", rootCAs = ["x"] }

[udp.routers.dns]
service = "dns"
entryPoints = ["dns"]
[[udp.services.dns.loadBalancer.servers]]
address = "10.0.0.1:53"

[[tls.certificates]]
certFile = "a.pem"
keyFile = "a.key"
stores = ["default"]
[tls.stores.default.defaultCertificate]
certFile = "d.pem"
keyFile = "d.key"
[tls.stores.default.defaultGeneratedCert]
resolver = "le"
domain = { main = "a", sans = ["b"] }
[tls.options.modern]
minVersion = "VersionTLS13"
cipherSuites = ["a"]
curvePreferences = ["X25519"]
sniStrict = true
alpnProtocols = ["h2"]
disableSessionTickets = true
clientAuth = { caFiles = ["ca.pem"], clientAuthType = "RequireAndVerifyClientCert" }
"#;

#[test]
fn toml_and_yaml_of_one_configuration_are_equal() {
    let from_toml: (Configuration, _) = dynamic::read(TOML.as_bytes(), Notation::Toml, None)
        .unwrap_or_else(|problems| panic!("{:#?}", lines(&problems)));
    assert_eq!(from_toml.1, []);
    assert_eq!(from_toml.0, config(YAML));
    assert!(!from_toml.0.is_empty());
}

#[test]
fn rules_are_the_same_in_toml() {
    let problems = dynamic::read(
        b"[http.routers.app]\nrulee = 'x'\npriority = 1.5\n[http.services]\n",
        Notation::Toml,
        None,
    )
    .unwrap_err();
    assert_eq!(
        lines(&problems),
        [
            r#"2:1: error: http.routers.app.rulee: unknown key "rulee"; did you mean "rule"?"#,
            r#"3:12: error: http.routers.app.priority: "1.5" is not a whole number"#,
            r#"4:7: error: http.services: "services" cannot be a standalone element; write names and values below it, or remove it"#,
        ]
    );
}

#[test]
fn the_notation_follows_the_extension_in_any_case() {
    for (path, expected) in [
        ("a.yml", Some(Notation::Yaml)),
        ("a.YAML", Some(Notation::Yaml)),
        ("dir.d/a.Toml", Some(Notation::Toml)),
        (".hidden.yml", Some(Notation::Yaml)),
        ("a.json", None),
        ("yaml", None),
        (".yaml", Some(Notation::Yaml)),
    ] {
        assert_eq!(Notation::of_path(Path::new(path)), expected, "{path}");
    }
}
