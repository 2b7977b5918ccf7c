//! piton: a sticky-session reverse proxy and load balancer on Pingora that speaks Traefik's configuration.
//!
//! # The rings
//! An arrow points to what is used; `tests/architecture.rs` fails on an import against it.
//!
//! ```text
//! main -> app -> ring 2 (edges) -> ring 1 (meaning, pure) -> ring 0 (what was written)
//! ```
//!
//! | ring | module | what it is |
//! |---|---|---|
//! | - | [`app`], [`cli`], [`logging`] | composition: arguments, checks, start, the demo |
//! | 2 | [`provider`] | reads the world, sends whole configurations |
//! | 2 | [`control`] | the one loop: throttle, merge, compile, publish |
//! | 2 | [`health`] | probes, led by the snapshot |
//! | 2 | [`listener`] | sockets, bound before Pingora starts |
//! | 2 | [`connection`] | connections below HTTP: PROXY header, first bytes, limits, WebSocket frames |
//! | 2 | [`proxy`] | Pingora's `ProxyHttp`: thin callbacks; what an entry point allows |
//! | 2 | [`api`] | what piton says about itself; servers drained at run time |
//! | 2 | [`observe`] | metrics, the access log, traces |
//! | 2 | [`dial`] | connections to servers that Pingora's own client cannot make |
//! | 2 | [`handover`] | binary upgrade: sockets and verdicts for the next process |
//! | 2 | [`stop`] | signals, lingering connections, the end of the process |
//! | 2 | [`clock`], [`disk`], [`resolve`] | what every edge may use: clock and randomness, files, host names |
//! | 1 | [`routing`] | merged configuration -> [`routing::Snapshot`] |
//! | 1 | [`middleware`] | what may happen to a request before its service, and to the answer after it |
//! | 1 | [`service`] | from a request to a server |
//! | 1 | [`balance`] | servers, live state, candidates, selectors, leases |
//! | 1 | [`meter`] | counters without contention, histograms, distinct clients |
//! | 1 | [`tls`] | TLS towards clients: certificates, options, which host is served under which |
//! | 1 | [`upstream`] | how a server is connected to |
//! | 1 | [`sticky`] | cookie name, value, look-up, `Set-Cookie` |
//! | 1 | [`rule`] | the router rule language |
//! | 0 | [`request`] | a request as rings 0 and 1 see it |
//! | 0 | [`config`] | static and dynamic configuration, positions, problems |
//!
//! # Life of a request
//! listener -> `request_filter`: normalise, route by the snapshot of now, through the router's middlewares -> choose a
//! server (cookie first, else candidates and selector; none: 503) -> `upstream_peer` -> connect failed: another server,
//! same request -> first byte: latency, passive health -> `Set-Cookie` on the final response -> back through the
//! middlewares -> lease dropped.
//!
//! # Life of a change
//! files, containers -> whole [`config::dynamic::Configuration`] -> throttle -> equal to the last? drop -> merge -> [`routing::compile`]
//! with the previous snapshot, whose live state goes on -> publish one pointer -> health and look-ups follow.

pub mod api;
pub mod app;
pub mod balance;
pub mod cli;
pub mod clock;
pub mod config;
pub mod connection;
pub mod control;
pub mod dial;
pub mod disk;
pub mod handover;
pub mod health;
pub mod listener;
pub mod logging;
pub mod meter;
pub mod middleware;
pub mod observe;
pub mod provider;
pub mod proxy;
pub mod request;
pub mod resolve;
pub mod routing;
pub mod rule;
pub mod service;
pub mod sticky;
pub mod stop;
pub mod tls;
pub mod upstream;
