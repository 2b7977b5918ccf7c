//! End to end: the real binary, real sockets, ports of the kernel's choice.
//!
//! Every test starts its own piton and its own servers, so all of them run at once. Nothing sleeps in the
//! hope that something has happened by then: what must become true is waited for, with a deadline.

// In tests a panic is the report; the helpers here are tests too, although no attribute says so.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

// The binary, scripted servers, raw clients, files; no assertion about piton lives there.
mod harness;
// An engine that misbehaves on demand.
#[path = "../support/engine.rs"]
mod fake;
// An API server of Kubernetes that misbehaves on demand.
#[path = "../support/apiserver.rs"]
mod apiserver;

// A line for each request: its bytes, its rules, its file.
mod access_log;
// What piton says about itself, and who may drain.
mod api;
// The samples of the article that started it all, unchanged, and the cookies they give.
mod article;
// `piton -t`: everything wrong at once, each with its place.
mod check;
// Starting and stopping: failures to start, the demo, `piton cookie`, a real traefik.yml.
mod command_line;
// Cookie headers as bad as they come.
mod cookies;
// `providers.docker` follows an engine.
mod engine;
// Which engine, and how it is asked.
mod engine_access;
// A slow engine, a huge one, a talkative one.
mod engine_load;
// Nonsense from an engine, and wrong labels.
mod engine_trouble;
// HTTP/2 from clients, over TLS or not, and what one connection of it may cost.
mod http2;
// Failovers that take over after an answer.
mod error_failover;
// Servers that die: moved within the request, retried when safe, never in a loop.
mod failover;
// Files that change: renames, rewrites, links, directories, bad ones.
mod file_provider;
// Files that are no configuration: fifos, loops, monsters.
mod file_trouble;
// X-Forwarded-*: set, dropped, trusted.
mod forwarded;
// Servers that leave the configuration while requests are on their way.
mod gone;
// Active and passive health checks.
mod health;
// `providers.kubernetesIngress` follows a cluster.
mod kubernetes;
// What one client may cost: sizes, times, counts.
mod limits;
// Bytes that are not quite HTTP, and what a server gets to see of them.
mod malformed;
// What is counted, under which names.
mod metrics;
// Middlewares: what happens to requests and answers on their way.
mod middlewares;
// Copies of requests for mirrors.
mod mirroring;
// Answers that piton writes itself, byte by byte.
mod pages;
// Paths and targets: what is rewritten, what is kept.
mod paths;
// Whether the process wants requests.
mod ping;
// Servers with a limit, and servers that start slowly.
mod places;
// The PROXY protocol.
mod proxy_header;
// `piton render`: what objects become, before anything serves.
mod render;
// Responses on their way back: informational ones, upgrades, chunks, hop-by-hop fields, broken bodies.
mod responses;
// Replacing every server under load; two pitons that never talked to each other.
mod rolling;
// Sessions: drained, lost, moved with an id.
mod sessions;
// Signed cookies: migration, rotation, limits, forgeries.
mod signed;
// SIGTERM, SIGINT: what is in flight finishes, nobody hangs, nobody waits longer than needed.
mod stop;
// Load: a killed server, a storm of reloads; nobody notices.
mod storm;
// `providers.swarm` follows a manager.
mod swarm;
// Traces: what is told a collector, and what servers are told.
mod traces;
// Servers transports: trust, versions, HTTP/2, and that no connection serves another trust.
mod transport;
// TLS on entry points.
mod tls;
// Limits of time towards servers and clients.
mod timeouts;
// Services of services: cookies on every level, lost children, circles.
mod tree;
// Binary upgrade: sockets and verdicts go to the next process; nobody notices, and nobody is left alone.
mod upgrade;
// WebSockets: sticky, counted, closed and not cut.
mod websocket;
