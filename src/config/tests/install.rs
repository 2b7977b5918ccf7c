//! Whole static files.

use super::lines;
use crate::config::install::{self, Install, InvalidAddress, Protocol, keys, parse_address};
use crate::config::{Notation, Span, dynamic};

fn read(text: &str) -> (Install, Vec<String>) {
    match install::read(text.as_bytes(), Notation::Yaml, None) {
        Ok((install, warnings)) => (install, lines(&warnings)),
        Err(problems) => panic!("{text}\n{:#?}", lines(&problems)),
    }
}

fn refused(text: &str) -> Vec<String> {
    match install::read(text.as_bytes(), Notation::Yaml, None) {
        Ok((install, _)) => panic!("{text}\n{install:#?}"),
        Err(problems) => lines(&problems),
    }
}

const FULL: &str = r#"
# Pingora
version: 1
threads: 4
grace_period_seconds: 5
graceful_shutdown_timeout_seconds: 10
upstream_keepalive_pool_size: 256
pid_file: /run/piton.pid
upgrade_sock: /run/piton.sock
daemon: false
user: 1000
work_stealing: true
client_bind_to_ipv4: [10.0.0.1]
fast_timeout_to_tokio_threshold_seconds: null

# Traefik
global: {checkNewVersion: false, sendAnonymousUsage: false}
entryPoints:
  web:
    address: ":80"
    asDefault: true
    reusePort: true
    transport:
      lifeCycle: {requestAcceptGraceTimeout: 5s, graceTimeOut: 20}
      respondingTimeouts: {readTimeout: 0, writeTimeout: 30s, idleTimeout: 1m}
      keepAliveMaxTime: 1h
      keepAliveMaxRequests: 1000
    forwardedHeaders: {trustedIPs: [10.0.0.0/8], connection: [X-Foo], notAppendXForwardedFor: true}
    http:
      sanitizePath: false
      maxHeaderBytes: 65536
      underscoreHeadersStrategy: reject
    http2: {maxConcurrentStreams: 100}
    observability: {accessLogs: false}
  websecure:
    address: "[::1]:443"
serversTransport:
  insecureSkipVerify: true
  rootCAs: [ca.pem]
  forwardingTimeouts: {dialTimeout: 5s}
providers:
  providersThrottleDuration: 500ms
  precedence: [file, docker]
  file: {directory: /etc/piton/dynamic, watch: false}
log: {level: DEBUG, format: json, noColor: true, filePath: /var/log/piton.log}

# dynamic
http:
  routers: {this: {is: {not: looked at}}}
x-notes: free
"#;

#[test]
fn a_full_file_is_read() {
    let (install, warnings) = read(FULL);
    let key = |warning: &String| warning.split(": ").nth(2).unwrap_or_default().to_owned();
    let keys: Vec<String> = warnings.iter().map(key).collect();
    let without_effect: [&str; 0] = [];
    assert_eq!(keys, without_effect.map(|key| format!("entryPoints.web.{key}")));
    let web = &install.entry_points["web"];
    assert!(web.as_default && web.reuse_port);
    assert_eq!(web.transport.life_cycle.grace_time_out, Span::seconds(20));
    assert_eq!(web.transport.responding_timeouts.read_timeout, Span::ZERO);
    assert_eq!(web.transport.keep_alive_max_time, Span::seconds(3600));
    assert_eq!(web.forwarded_headers.trusted_ips, ["10.0.0.0/8"]);
    assert!(web.forwarded_headers.not_append_x_forwarded_for && !web.http.sanitize_path);
    assert_eq!(web.http2.max_concurrent_streams, 100);
    assert_eq!(web.observability.as_ref().unwrap().access_logs, Some(false));
    let file = install.providers.file.as_ref().unwrap();
    assert_eq!(
        (file.directory.as_str(), file.watch),
        ("/etc/piton/dynamic", false)
    );
    assert_eq!(
        install.providers.providers_throttle_duration,
        Span::milliseconds(500)
    );
    assert_eq!(
        (install.log.level.as_str(), install.log.no_color),
        ("DEBUG", true)
    );
    let transport: dynamic::http::ServersTransport = install.servers_transport.clone().unwrap().into();
    assert!(transport.insecure_skip_verify);
    assert_eq!(transport.max_idle_conns_per_host, 200);
    assert!(!install.global.check_new_version);
}

#[test]
fn pingoras_keys_have_the_types_it_wants() {
    let (install, _) = read(FULL);
    let text = serde_yaml::to_string(&install.server).unwrap();
    assert_eq!(
        text,
        "version: 1\nthreads: 4\ngrace_period_seconds: 5\ngraceful_shutdown_timeout_seconds: 10\n\
         upstream_keepalive_pool_size: 256\npid_file: /run/piton.pid\nupgrade_sock: /run/piton.sock\ndaemon: false\n\
         user: '1000'\nwork_stealing: true\nclient_bind_to_ipv4:\n- 10.0.0.1\n\
         fast_timeout_to_tokio_threshold_seconds: null\n"
    );
}

#[test]
fn pingoras_keys_are_checked_and_match_in_any_case() {
    assert_eq!(read("Threads: 2\nuser:\n").0.server.len(), 1);
    assert_eq!(
        refused(
            "threads: four\ndaemon: maybe\npid_file: [a]\nclient_bind_to_ipv6: x\ndaemon_ready_timeout_seconds: 0\nThreads: 1\n"
        ),
        [
            r#"1:10: error: threads: expected a whole number from 1, found "four""#,
            r#"2:9: error: daemon: expected true or false, found "maybe""#,
            r#"3:11: error: pid_file: expected a text, found a list"#,
            r#"4:22: error: client_bind_to_ipv6: expected a list of texts, found "x""#,
            r#"5:31: error: daemon_ready_timeout_seconds: expected a whole number from 1, found "0""#,
        ]
    );
    assert_eq!(
        refused("threads: 1\nThreads: 2\n"),
        [r#"2:1: error: Threads: "Threads" is given twice"#]
    );
}

#[test]
fn nothing_at_all_is_one_entry_point_on_port_80() {
    for text in ["", "# nothing\n", "entryPoints:\n", "log: {}\n"] {
        let (install, warnings) = read(text);
        assert_eq!((install, warnings.len()), (Install::default(), 0), "{text:?}");
    }
    let install = Install::default();
    assert_eq!(install.entry_points.keys().collect::<Vec<_>>(), ["http"]);
    assert_eq!(install.entry_points["http"].address, ":80");
}

#[test]
fn an_entry_point_has_traefiks_defaults() {
    let (install, _) = read("entryPoints: {web: {address: ':80'}}");
    let web = &install.entry_points["web"];
    assert_eq!(web.transport.life_cycle.grace_time_out, Span::seconds(10));
    let times = &web.transport.responding_timeouts;
    assert_eq!(
        (times.read_timeout, times.write_timeout, times.idle_timeout),
        (Span::seconds(60), Span::ZERO, Span::seconds(180))
    );
    assert!(web.http.sanitize_path && !web.as_default);
    assert_eq!(
        (web.http.max_header_bytes, web.http2.max_concurrent_streams),
        (1_048_576, 250)
    );
    assert_eq!(web.udp.timeout, Span::seconds(3));
}

#[test]
fn what_is_not_supported_yet_is_one_warning_each_and_is_not_looked_at() {
    let text = "\
entryPoints:
  web:
    address: ':80'
    http3: {}
    proxyProtocol: {insecure: true}
    http:
      tls: {}
      middlewares: [a@file]
      redirections: {entryPoint: {to: ':443'}}
      encodedCharacters: {allowEncodedSlash: false}
spiffe: {insecure: true, bananas: 5}
metrics: {datadog: {}, otlp: {}}
accessLog: {otlp: {}}
tracing: {otlp: {grpc: {endpoint: x, bananas: 5}}}
certificatesResolvers: {le: {acme: {}}}
tcpServersTransport: {}
providers: {consul: {endpoint: x, bananas: 5}, kubernetesCRD: {}, file: {filename: a.yml}}
experimental: false
core:
";
    let (install, warnings) = read(text);
    assert_eq!(
        warnings,
        [
            r#"4:5: warning: entryPoints.web.http3: "http3" is not supported yet and has no effect"#,
            r#"11:1: warning: spiffe: "spiffe" is not supported yet and has no effect"#,
            r#"12:11: warning: metrics.datadog: "datadog" is not supported yet and has no effect"#,
            r#"12:24: warning: metrics.otlp: "otlp" is not supported yet and has no effect"#,
            r#"13:13: warning: accessLog.otlp: "otlp" is not supported yet and has no effect"#,
            r#"14:18: warning: tracing.otlp.grpc: not supported, use otlp.http: nothing is traced"#,
            r#"15:1: warning: certificatesResolvers: "certificatesResolvers" is not supported yet and has no effect"#,
            r#"16:1: warning: tcpServersTransport: "tcpServersTransport" is not supported yet and has no effect"#,
            r#"17:13: warning: providers.consul: "consul" is not supported yet and has no effect"#,
            r#"17:48: warning: providers.kubernetesCRD: "kubernetesCRD" is not supported yet and has no effect"#,
        ]
    );
    assert_eq!(install.tracing, None);
    assert_eq!(install.providers.file.unwrap().filename, "a.yml");
    let redirect = install.entry_points["web"]
        .http
        .redirections
        .as_ref()
        .unwrap()
        .entry_point
        .as_ref()
        .unwrap();
    assert_eq!(
        (redirect.to.as_str(), redirect.scheme.as_str(), redirect.permanent),
        (":443", "https", true)
    );
}

#[test]
fn a_redirection_that_leads_nowhere_is_an_error() {
    for (to, why) in [
        (
            "{entryPoint: {to: nowhere}}",
            "'to' entry point \"nowhere\" does not exist",
        ),
        (
            "{entryPoint: {to: web}}",
            "'to' entry point \"web\" is the entry point itself",
        ),
        (
            "{entryPoint: {to: ':http'}}",
            "'to' entry point \":http\" does not exist",
        ),
        (
            "{entryPoint: {to: ':0'}}",
            "'to' entry point \":0\" does not exist",
        ),
        ("{entryPoint: {permanent: false}}", "'to' is empty"),
    ] {
        let text = format!("entryPoints:\n  web:\n    address: ':80'\n    http: {{redirections: {to}}}\n");
        let found = refused(&text);
        assert_eq!(found.len(), 1, "{to}: {found:?}");
        assert!(found[0].contains(why), "{to}: {found:?}");
    }
}

#[test]
fn providers_that_are_all_unsupported_leave_no_empty_block() {
    let (install, warnings) = read("providers: {consul: {}}");
    assert_eq!(warnings.len(), 1);
    assert_eq!(install.providers, install::Providers::default());
}

#[test]
fn engines_are_asked_by_traefiks_defaults() {
    let (install, warnings) = read("providers: {docker: {}, swarm: true}");
    assert_eq!(warnings, [""; 0]);
    let docker = install.providers.docker.into_inner().unwrap();
    assert_eq!(docker, install::Docker::default());
    assert_eq!(docker.endpoint, "unix:///var/run/docker.sock");
    assert!(docker.exposed_by_default && docker.watch);
    assert_eq!(docker.default_rule, "Host(`{{ normalize .Name }}`)");
    let swarm = install.providers.swarm.into_inner().unwrap();
    assert_eq!(swarm.refresh_seconds, Span::seconds(15));
    assert!(
        install::read(b"providers: {docker: false}", Notation::Yaml, None)
            .unwrap()
            .0
            .providers
            .docker
            .is_none()
    );
}

#[test]
fn every_option_of_an_engine_is_read() {
    let options = "endpoint: 'tcp://engine:2376', username: me, password: hunter2, tls: {ca: ca.pem, cert: c.pem, \
                   key: k.pem, insecureSkipVerify: true}, httpClientTimeout: 5, exposedByDefault: false, constraints: \
                   'Label(`a`,`b`)', allowEmptyServices: true, network: front, useBindPortIP: true, watch: false, \
                   defaultRule: 'Host(`x`)'";
    let (install, _) = read(&format!(
        "providers: {{docker: {{{options}}}, swarm: {{{options}, refreshSeconds: 3s}}}}"
    ));
    let docker = install.providers.docker.into_inner().unwrap();
    assert_eq!(docker.password.expose(), "hunter2");
    assert_eq!(docker.http_client_timeout, Span::seconds(5));
    assert!(docker.use_bind_port_ip && docker.allow_empty_services && !docker.watch);
    assert!(docker.tls.as_ref().unwrap().insecure_skip_verify);
    assert!(!format!("{docker:?}").contains("hunter2"));
    let swarm = install.providers.swarm.into_inner().unwrap();
    assert_eq!(swarm.refresh_seconds, Span::seconds(3));
    assert_eq!(swarm.network, docker.network);
}

#[test]
fn a_key_of_traefik_2_is_told_what_it_is_today() {
    let problems = refused("providers: {docker: {swarmMode: true}}");
    assert!(
        problems[0].contains("swarmMode") && problems[0].contains("use providers.swarm"),
        "{problems:?}"
    );
}

#[test]
fn a_password_in_a_wrong_place_is_not_repeated() {
    let problems = refused("providers: {docker: {password:hunter2}}");
    assert!(
        !problems.iter().any(|problem| problem.contains("hunter2")),
        "{problems:?}"
    );
}

#[test]
fn an_unknown_root_key_is_an_error_with_a_guess_from_both_families() {
    assert_eq!(
        refused("threds: 4\nentryPoint: {}\ngrace_period_second: 1\nhttps: {}\nbanana: 1\n"),
        [
            r#"1:1: error: threds: unknown key "threds"; did you mean "threads"?"#,
            r#"2:1: error: entryPoint: unknown key "entryPoint"; did you mean "entryPoints"?"#,
            r#"3:1: error: grace_period_second: unknown key "grace_period_second"; did you mean "grace_period_seconds"?"#,
            r#"4:1: error: https: unknown key "https"; did you mean "http"?"#,
            r#"5:1: error: banana: unknown key "banana"; known at the top: entryPoints, providers, log, serversTransport, global, ping, metrics, accessLog, api, tracing, keys of Pingora's server configuration, and http, tcp, udp, tls of the dynamic configuration"#,
        ]
    );
}

#[test]
fn an_empty_file_provider_is_an_error() {
    assert_eq!(
        refused("providers: {file: {}}"),
        [
            r#"1:19: error: providers.file: "file" cannot be a standalone element; write filename, directory, watch, debugLogGeneratedTemplate below it, or remove it"#
        ]
    );
    assert_eq!(
        refused("providers: {file: {watch: true}}"),
        [
            "1:19: error: providers.file: neither filename nor directory is given; write filename: or directory: below it"
        ]
    );
    assert!(refused("providers: {file: true}")[0].contains("cannot be a standalone element"));
}

#[test]
fn a_directory_wins_over_a_filename_with_a_warning() {
    let (_, warnings) = read("providers: {file: {filename: a, directory: b}}");
    assert_eq!(
        warnings,
        ["1:19: warning: providers.file: both filename and directory are given; directory is used"]
    );
}

#[test]
fn addresses_are_checked_where_they_stand() {
    assert_eq!(
        refused(
            "entryPoints:\n  a: {address: '80'}\n  b: {}\n  c: {address: ':http'}\n  d: {address: [x]}\n"
        ),
        [
            r#"2:16: error: entryPoints.a.address: "80" has no port; write it as [host]:port, for example ":80" or "[::1]:8080""#,
            r#"3:3: error: entryPoints.b: an entry point without an address; write address: ":80" below it"#,
            r#"4:16: error: entryPoints.c.address: ":http" has an invalid port: "http" is not a number from 0 to 65535; write it as [host]:port, for example ":80" or "[::1]:8080""#,
            r#"5:16: error: entryPoints.d.address: expected a single value, found a list"#,
        ]
    );
    assert_eq!(
        read("entryPoints: {dns: {address: ':53/udp'}}").1,
        ["1:30: warning: entryPoints.dns.address: UDP entry points are not supported yet and have no effect"]
    );
}

#[test]
fn an_address_is_host_port_and_protocol() {
    for (text, host, port, protocol, shown) in [
        (":80", "", 80, Protocol::Tcp, ":80"),
        (":0", "", 0, Protocol::Tcp, ":0"),
        (
            "127.0.0.1:8080",
            "127.0.0.1",
            8080,
            Protocol::Tcp,
            "127.0.0.1:8080",
        ),
        ("localhost:1/tcp", "localhost", 1, Protocol::Tcp, "localhost:1"),
        (":53/UDP", "", 53, Protocol::Udp, ":53"),
        ("[::1]:443", "::1", 443, Protocol::Tcp, "[::1]:443"),
        ("[::]:65535/udp", "::", 65535, Protocol::Udp, "[::]:65535"),
        (
            "[fe80::1%eth0]:80",
            "fe80::1%eth0",
            80,
            Protocol::Tcp,
            "[fe80::1%eth0]:80",
        ),
    ] {
        let address = parse_address(text).unwrap();
        assert_eq!(
            (address.host.as_str(), address.port, address.protocol),
            (host, port, protocol),
            "{text}"
        );
        assert_eq!(address.to_string(), shown);
    }
}

#[test]
fn a_bad_address_says_what_is_bad() {
    for (text, bad) in [
        ("", "port"),
        ("80", "port"),
        ("localhost", "port"),
        (":", "port"),
        (":65536", "port"),
        (":-1", "port"),
        (":+1", "port"),
        (":http", "port"),
        ("::1:80", "host"),
        ("[::1:80", "host"),
        ("[1.2.3.4]:80", "host"),
        ("a b:80", "host"),
        (":80/sctp", "protocol"),
        (":80/", "protocol"),
        (":80/tcp/udp", "protocol"),
    ] {
        let error = parse_address(text).unwrap_err();
        let what = match error {
            InvalidAddress::NoPort(_) | InvalidAddress::Port { .. } => "port",
            InvalidAddress::Host(_) => "host",
            InvalidAddress::Protocol { .. } => "protocol",
        };
        assert_eq!(what, bad, "{text}: {error}");
    }
}

#[test]
fn problems_of_both_families_come_in_file_order() {
    let said = refused("log: {levl: x}\nthreads: x\nbanana: 1\nentryPoints: {web: {address: 1}}\n");
    let places: Vec<_> = said.iter().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(places, ["1", "2", "3", "4"]);
}

#[test]
fn a_static_file_in_toml_is_the_same() {
    let text = "threads = 4\n[entryPoints.web]\naddress = ':80'\n[entryPoints.web.transport.lifeCycle]\ngraceTimeOut = 5\n";
    let (install, warnings) = install::read(text.as_bytes(), Notation::Toml, None).unwrap();
    assert!(warnings.is_empty());
    assert_eq!(
        install.entry_points["web"].transport.life_cycle.grace_time_out,
        Span::seconds(5)
    );
    assert_eq!(install.server["threads"].as_u64(), Some(4));
}

#[test]
fn the_same_file_serves_both_configurations() {
    let text = "threads: 4\nentryPoints: {web: {address: ':80'}}\nx-a: 1\nhttp: {routers: {a: {rule: x}}}\n";
    assert!(read(text).1.is_empty());
    let (dynamic, warnings) = dynamic::read(text.as_bytes(), Notation::Yaml, None).unwrap();
    assert!(warnings.is_empty());
    assert_eq!(dynamic.http.routers.len(), 1);
}

#[test]
fn no_key_belongs_to_two_families() {
    let mut all: Vec<_> = keys::all_static()
        .map(str::to_lowercase)
        .chain(["http", "tcp", "udp", "tls"].map(str::to_owned))
        .collect();
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
}

#[test]
fn ping_is_answered_on_an_entry_point_that_exists_or_on_its_own() {
    let (install, warnings) = read("entryPoints: {web: {address: ':80'}}\nping: {}\n");
    assert!(warnings.is_empty());
    assert_eq!(install.entry_points["traefik"].address, ":8080");
    let (install, _) = read("entryPoints: {web: {address: ':80'}}\nping: {entryPoint: web}\n");
    assert_eq!(install.entry_points.len(), 1);
    let (install, _) = read("entryPoints: {traefik: {address: ':9000'}}\nping: true\n");
    assert_eq!(install.entry_points["traefik"].address, ":9000");
    assert_eq!(
        refused("entryPoints: {web: {address: ':80'}}\nping: {entryPoint: wbe, terminatingStatusCode: 7}\n"),
        [
            "2:20: error: ping.entryPoint: there is no entry point \"wbe\"; write one of web; without a name it is \
             answered on port 8080",
            "2:48: error: ping.terminatingStatusCode: 7 is no status; write one like 503",
        ]
    );
}

#[test]
fn metrics_access_log_and_api_have_traefiks_defaults_and_an_entry_point_where_one_is_needed() {
    let (install, warnings) = read("metrics: {prometheus: {}}\naccessLog: {}\napi: {}\n");
    assert!(warnings.is_empty(), "{warnings:?}");
    let prometheus = install.metrics.unwrap().prometheus.into_inner().unwrap();
    assert_eq!(prometheus.buckets, [0.1, 0.3, 1.2, 5.0]);
    assert!(prometheus.add_entry_points_labels && prometheus.add_services_labels);
    assert!(!prometheus.add_routers_labels && !prometheus.manual_routing);
    assert_eq!(install.access_log.unwrap().format, "common");
    assert_eq!(install.api.unwrap().base_path, "/");
    assert_eq!(install.entry_points["traefik"].address, ":8080");
    for without in [
        "metrics: {prometheus: {manualRouting: true}}\n",
        "metrics: {prometheus: {entryPoint: http}}\nentryPoints: {http: {address: ':80'}}\n",
        "api: {}\n",
    ] {
        assert!(!read(without).0.entry_points.contains_key("traefik"), "{without}");
    }
    assert!(
        read("api: {insecure: true}\n")
            .0
            .entry_points
            .contains_key("traefik")
    );
}

#[test]
fn what_cannot_be_observed_is_refused_with_its_place() {
    assert_eq!(
        refused(
            "metrics:
  prometheus:
    buckets: [0.3, 0.1]
    entryPoint: wbe
    headerLabels: {code: A, ok: 'a b'}
accessLog:
  format: jsn
  filters: {statusCodes: ['200', '5xx']}
  fields: {defaultMode: kep}
api: {basePath: x, write: {tokenFile: a, socket: b}}
entryPoints: {web: {address: ':80'}}
"
        ),
        [
            "3:14: error: metrics.prometheus.buckets: these are no bounds of buckets; write seconds above 0, each \
             larger than the one before, such as [0.1, 0.3, 1.2, 5]",
            "4:17: error: metrics.prometheus.entryPoint: there is no entry point \"wbe\"; write one of web; without a \
             name it is answered on port 8080",
            "5:26: error: metrics.prometheus.headerLabels.code: \"code\" is no name of a label; write letters, digits \
             and _, such as user_agent",
            "5:33: error: metrics.prometheus.headerLabels.ok: \"a b\" is no name of a header; write one such as \
             User-Agent",
            "7:11: error: accessLog.format: format \"jsn\" is unknown; did you mean \"json\"?",
            "8:26: error: accessLog.filters.statusCodes: \"5xx\" is neither a status nor a range of them; write 503 or \
             500-504",
            "9:25: error: accessLog.fields.defaultMode: \"kep\" is not one of keep, drop, redact; did you mean \"keep\"?",
            "10:17: error: api.basePath: \"x\" is no path; write one that begins with /, such as /piton",
            "10:27: error: api.write: who may write is told by exactly one of tokenFile and socket; write tokenFile: \
             /path/of/a/file with a token in it, or socket: /path/of/a/socket",
        ]
    );
}

#[test]
fn tracing_may_stand_alone_and_says_what_is_wrong_with_it() {
    let (install, warnings) = read("tracing: {}");
    let tracing = install.tracing.unwrap();
    assert_eq!(warnings, [""; 0]);
    assert_eq!(
        (tracing.service_name.as_str(), tracing.http().endpoint.as_str()),
        ("piton", "http://localhost:4318/v1/traces")
    );
    assert!((tracing.sample_rate - 1.0).abs() < f64::EPSILON);
    let (install, warnings) =
        read("tracing: {otlp: {grpc: {}, http: {endpoint: 'http://c:1', tls: {ca: x}}}}");
    assert_eq!(install.tracing.unwrap().http().endpoint, "http://c:1");
    assert_eq!(
        warnings,
        [
            r#"1:18: warning: tracing.otlp.grpc: not supported, otlp.http is used"#,
            r#"1:59: warning: tracing.otlp.http.tls: "tls" is not supported yet and has no effect"#,
        ]
    );
    let wrong = "\
tracing:
  sampleRate: 2
  capturedRequestHeaders: [a b]
  otlp:
    http:
      endpoint: https://c/v1/traces
      headers: {X-Key: \"geheim\\n\"}
";
    let errors = refused(wrong);
    assert_eq!(errors.len(), 4, "{errors:?}");
    assert!(
        errors[0].starts_with("2:15: error: tracing.sampleRate: 2 is no share"),
        "{errors:?}"
    );
    assert!(
        errors[2].contains("https towards a collector is not supported yet"),
        "{errors:?}"
    );
    assert!(errors.iter().all(|error| !error.contains("geheim")), "{errors:?}");
}
