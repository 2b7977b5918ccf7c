//! The root keys of a static file: Traefik's and Pingora's.

/// Traefik's, read by piton.
pub const TRAEFIK: &[&str] = &[
    "entryPoints",
    "providers",
    "log",
    "serversTransport",
    "global",
    "ping",
    "metrics",
    "accessLog",
    "api",
    "tracing",
];

/// Traefik's, known and not supported yet: one warning each, their content is not looked at.
pub const TRAEFIK_UNSUPPORTED: &[&str] = &[
    "certificatesResolvers",
    "hostResolver",
    "experimental",
    "core",
    "spiffe",
    "ocsp",
    "tcpServersTransport",
];

/// Providers that Traefik knows and piton does not support yet.
pub const PROVIDERS_UNSUPPORTED: &[&str] = &[
    "kubernetesIngressNGINX",
    "kubernetesCRD",
    "kubernetesGateway",
    "knative",
    "rest",
    "consulCatalog",
    "nomad",
    "ecs",
    "consul",
    "etcd",
    "zooKeeper",
    "redis",
    "http",
    "plugin",
];

/// The same of `metrics`.
pub const METRICS_UNSUPPORTED: &[&str] = &["datadog", "statsD", "influxDB2", "otlp"];

/// The same of `accessLog`.
pub const ACCESS_LOG_UNSUPPORTED: &[&str] = &["otlp"];

/// The same of `tracing.otlp.http`: plain HTTP needs none.
pub const OTLP_HTTP_UNSUPPORTED: &[&str] = &["tls"];

/// Keys of an entry point that are decoded, but without effect yet, by the block they stand in.
pub const ENTRY_POINT_UNSUPPORTED: &[(&[&str], &[&str])] = &[
    (&[], &["allowACMEByPass", "http3", "udp"]),
    (&["http", "tls"], &["certResolver", "domains"]),
    (&["http2"], &["maxEncoderHeaderTableSize"]),
];

/// The same of `log`.
pub const LOG_UNSUPPORTED: &[&str] = &["maxSize", "maxAge", "maxBackups", "compress"];

/// What kind of value a key of Pingora's takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole number from 0.
    Count,
    /// A whole number from 1.
    Positive,
    /// A whole number from 0, or null, which means "never".
    CountOrNull,
    /// True or false.
    Switch,
    /// A text.
    Text,
    /// A list of texts.
    Texts,
}

/// Pingora's: `ServerConf` of pingora-core 0.9 with the features piton uses.
pub const PINGORA: &[(&str, Kind)] = &[
    ("version", Kind::Count),
    ("daemon", Kind::Switch),
    ("error_log", Kind::Text),
    ("pid_file", Kind::Text),
    ("upgrade_sock", Kind::Text),
    ("user", Kind::Text),
    ("group", Kind::Text),
    ("working_directory", Kind::Text),
    ("threads", Kind::Positive),
    ("listener_tasks_per_fd", Kind::Positive),
    ("work_stealing", Kind::Switch),
    ("runtime_enable_alt_timer", Kind::Switch),
    ("ca_file", Kind::Text),
    ("grace_period_seconds", Kind::Count),
    ("graceful_shutdown_timeout_seconds", Kind::Count),
    ("client_bind_to_ipv4", Kind::Texts),
    ("client_bind_to_ipv6", Kind::Texts),
    ("upstream_keepalive_pool_size", Kind::Count),
    ("upstream_connect_offload_threadpools", Kind::Count),
    ("upstream_connect_offload_thread_per_pool", Kind::Count),
    ("downstream_tls_offload_threadpools", Kind::Count),
    ("downstream_tls_offload_thread_per_pool", Kind::Count),
    ("upstream_debug_ssl_keylog", Kind::Switch),
    ("max_retries", Kind::Positive),
    ("upgrade_sock_connect_accept_max_retries", Kind::Count),
    ("max_blocking_threads", Kind::Count),
    ("blocking_threads_ttl_seconds", Kind::Count),
    ("fast_timeout_to_tokio_threshold_seconds", Kind::CountOrNull),
    ("runtime_metrics_poll_time_histogram", Kind::Switch),
    ("runtime_metrics_poll_time_histogram_scale", Kind::Text),
    (
        "runtime_metrics_poll_time_histogram_resolution_micros",
        Kind::Count,
    ),
    ("runtime_metrics_poll_time_histogram_buckets", Kind::Count),
    ("daemon_wait_for_ready", Kind::Switch),
    ("daemon_ready_timeout_seconds", Kind::Positive),
    ("daemon_notify_timeout_seconds", Kind::Positive),
];

/// Is the key in the list, in any case?
pub fn contains(list: &[&str], key: &str) -> bool {
    list.iter().any(|known| known.eq_ignore_ascii_case(key))
}

/// Is the key an extension (`x-...`), which is nobody's business but the author's?
pub fn is_extension(key: &str) -> bool {
    key.starts_with("x-")
}

/// The key of Pingora's that this one is, in any case, and what it takes.
pub fn of_pingora(key: &str) -> Option<(&'static str, Kind)> {
    PINGORA
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(key))
        .copied()
}

/// Does the key belong to a static file?
pub fn is_static(key: &str) -> bool {
    is_extension(key) || all_static().any(|known| known.eq_ignore_ascii_case(key))
}

/// All root keys of a static file, Traefik's first.
pub fn all_static() -> impl Iterator<Item = &'static str> {
    let pingora = PINGORA.iter().map(|(key, _)| *key);
    TRAEFIK.iter().chain(TRAEFIK_UNSUPPORTED).copied().chain(pingora)
}
