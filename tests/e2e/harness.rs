//! What every test stands on.

// A server that does not accept.
mod black_hole;
// A client with a cookie jar.
mod browser;
// Exact bytes out, whole responses in.
mod client;
// Users under load, and the table.
pub mod crowd;
// Directories that go away, files that change atomically.
mod files;
// Servers with TLS and HTTP/2.
mod origin;
// A server that holds requests until they are let through.
mod gate;
// Points in time as a configuration writes them.
mod moment;
// The binary under test.
mod piton;
// A certificate authority.
mod pki;
// Ports that stay one's own.
mod port;
// Servers that behave, and servers that do not.
mod server;
// What the binary is started with.
mod setup;
// Clients that speak TLS.
mod tls;
// What `piton -t` says.
mod verdict;
// Conditions with a deadline.
mod wait;

pub use black_hole::BlackHole;
pub use browser::Browser;
pub use client::{Client, Response, get, get_as, request};
pub use files::{TempDir, swap};
pub use gate::Gate;
pub use moment::Moment;
pub use origin::{Https, Origin};
pub use piton::{Piton, run_to_end};
pub use pki::{Authority, Leaf};
pub use port::{reserve, reserve_at};
pub use server::{Received, Server, Then, respond, respond_with};
pub use setup::Setup;
pub use tls::{Curl, Inside, roots_of, s_client};
pub use verdict::{says, verdict};
pub use wait::{eventually, holds_for, within};

use std::fmt::Write as _;

/// A dynamic file with one service `app`, sticky by the cookie `sid`; `options` are more lines of its load
/// balancer, without indentation.
pub fn sticky_app(servers: &[&Server], options: &str) -> String {
    let urls: Vec<String> = servers.iter().map(|server| server.url()).collect();
    let entries: Vec<String> = urls.iter().map(|url| format!("url: {url}")).collect();
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    app_of(&entries, &format!("sticky: {{cookie: {{name: sid}}}}\n{options}"))
}

/// A dynamic file with one service `app`; each entry is the inside of a server (`url: x, weight: 1`).
pub fn app_of(entries: &[&str], options: &str) -> String {
    let mut text = "http:\n  services:\n    app:\n      loadBalancer:\n".to_owned();
    for line in options.lines().filter(|line| !line.is_empty()) {
        writeln!(text, "        {line}").unwrap();
    }
    text.push_str("        servers:\n");
    for entry in entries {
        writeln!(text, "          - {{{entry}}}").unwrap();
    }
    text
}

/// The sticky value of a server.
pub fn value_of(server: &Server) -> String {
    ::piton::sticky::CookieValue::of(&server.url()).to_string()
}

/// The `Cookie` header that binds to a server of [`sticky_app`].
pub fn cookie_of(server: &Server) -> String {
    format!("sid={}", value_of(server))
}
