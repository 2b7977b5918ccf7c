//! Clients as people have them, against the real binary: curl, nghttp, h2load, gRPC and WebSockets in Python.
//!
//! Where a client is missing, one line says so, and its tests pass.

// In tests a panic is the report; the helpers here are tests too, although no attribute says so.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(
    dead_code,
    unused_imports,
    reason = "the harness is that of the end-to-end tests; this is another user of it"
)]

#[path = "e2e"]
mod e2e {
    pub mod harness;
}

mod clients {
    // HTTP/1.1, HTTP/2 and TLS.
    mod curl;
    // Calls and streams, over HTTP/2 in the clear on both sides.
    mod grpc;
    // nghttp and h2load.
    mod nghttp2;
    // What is installed, and how it is run.
    mod tools;
    // A library's idea of WebSockets.
    mod websocket;
}

use e2e::harness;
