//! The names of all metrics, in one place. Those that begin with `traefik_` are Traefik's, so that its dashboards work
//! unchanged (traefik-core 9.1).

/// A metric's name and what it says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name(pub(super) &'static str, pub(super) &'static str);

pub(super) const RELOADS: Name = Name("traefik_config_reloads_total", "Config reloads");
pub(super) const LAST_RELOAD: Name = Name("traefik_config_last_reload_success", "Last config reload success");
pub(super) const CONNECTIONS: Name = Name(
    "traefik_open_connections",
    "How many open connections exist, by entryPoint and protocol",
);
pub(super) const SERVER_UP: Name = Name(
    "traefik_service_server_up",
    "service server is up, described by gauge value of 0 or 1.",
);

/// The five of an entry point, a router or a service.
#[derive(Debug, Clone, Copy)]
pub(super) struct Five {
    pub(super) requests: Name,
    pub(super) tls: Name,
    pub(super) durations: Name,
    pub(super) request_bytes: Name,
    pub(super) response_bytes: Name,
}

pub(super) const ENTRY_POINT: Five = Five {
    requests: Name(
        "traefik_entrypoint_requests_total",
        "How many HTTP requests processed on an entrypoint, partitioned by status code, protocol, and method.",
    ),
    tls: Name(
        "traefik_entrypoint_requests_tls_total",
        "How many HTTP requests with TLS processed on an entrypoint, partitioned by TLS Version and TLS cipher Used.",
    ),
    durations: Name(
        "traefik_entrypoint_request_duration_seconds",
        "How long it took to process the request on an entrypoint, partitioned by status code, protocol, and method.",
    ),
    request_bytes: Name(
        "traefik_entrypoint_requests_bytes_total",
        "The total size of requests in bytes handled by an entrypoint, partitioned by status code, protocol, and method.",
    ),
    response_bytes: Name(
        "traefik_entrypoint_responses_bytes_total",
        "The total size of responses in bytes handled by an entrypoint, partitioned by status code, protocol, and method.",
    ),
};

pub(super) const ROUTER: Five = Five {
    requests: Name(
        "traefik_router_requests_total",
        "How many HTTP requests are processed on a router, partitioned by service, status code, protocol, and method.",
    ),
    tls: Name(
        "traefik_router_requests_tls_total",
        "How many HTTP requests with TLS are processed on a router, partitioned by service, TLS Version, and TLS cipher Used.",
    ),
    durations: Name(
        "traefik_router_request_duration_seconds",
        "How long it took to process the request on a router, partitioned by service, status code, protocol, and method.",
    ),
    request_bytes: Name(
        "traefik_router_requests_bytes_total",
        "The total size of requests in bytes handled by a router, partitioned by service, status code, protocol, and method.",
    ),
    response_bytes: Name(
        "traefik_router_responses_bytes_total",
        "The total size of responses in bytes handled by a router, partitioned by service, status code, protocol, and method.",
    ),
};

pub(super) const SERVICE: Five = Five {
    requests: Name(
        "traefik_service_requests_total",
        "How many HTTP requests processed on a service, partitioned by status code, protocol, and method.",
    ),
    tls: Name(
        "traefik_service_requests_tls_total",
        "How many HTTP requests with TLS processed on a service, partitioned by TLS version and TLS cipher.",
    ),
    durations: Name(
        "traefik_service_request_duration_seconds",
        "How long it took to process the request on a service, partitioned by status code, protocol, and method.",
    ),
    request_bytes: Name(
        "traefik_service_requests_bytes_total",
        "The total size of requests in bytes received by a service, partitioned by status code, protocol, and method.",
    ),
    response_bytes: Name(
        "traefik_service_responses_bytes_total",
        "The total size of responses in bytes returned by a service, partitioned by status code, protocol, and method.",
    ),
};

pub(super) const STICKY: Name = Name(
    "piton_sticky_requests_total",
    "What became of the sticky cookie of a service's requests.",
);
pub(super) const MOVED: Name = Name(
    "piton_sessions_moved_total",
    "Requests whose session was served by another server than its own, by the reason.",
);
pub(super) const SEEN: Name = Name(
    "piton_sessions_seen",
    "About how many different clients (by address and User-Agent) a server answered in the last 5 minutes.",
);
pub(super) const ELSEWHERE: Name = Name(
    "piton_service_retries_elsewhere_total",
    "Attempts at another server, after one was tried in vain.",
);
pub(super) const PICKS: Name = Name("piton_server_picks_total", "Attempts that were made at a server.");
pub(super) const IN_FLIGHT: Name = Name(
    "piton_server_in_flight",
    "Requests in flight at a server, WebSockets included.",
);
pub(super) const RELOAD_RESULTS: Name = Name(
    "piton_reloads_total",
    "Configurations that were published: complete, or with something in them that does not work.",
);
pub(super) const CONNECT: Name = Name(
    "piton_upstream_connect_seconds",
    "How long new connections to servers took, TLS included.",
);
pub(super) const FIRST_BYTE: Name = Name(
    "piton_upstream_first_byte_seconds",
    "From the sending of a request to the first byte of its answer.",
);
pub(super) const DROPPED_LINES: Name = Name(
    "piton_access_log_dropped_total",
    "Lines of the access log that were not written: whoever takes them was too slow.",
);
pub(super) const DROPPED_SPANS: Name = Name(
    "piton_spans_dropped_total",
    "Spans that did not reach the collector of traces: it was too slow, or not there.",
);
