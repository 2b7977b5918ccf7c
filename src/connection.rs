//! Connections before and below HTTP: who is let in, what their first bytes are, how long they may take.
//!
//! Pingora accepts; what it accepts comes here first. Its own limits are per read, its header limit answers 400, and it
//! knows neither the PROXY protocol nor entry points that speak TLS and plain text on one port (pingora-0.9 5.4, 5.6).
//!
//! ```text
//! accepted -> Crowd: is there room? -> arrive: PROXY header, TLS or plain or HTTP/2 by its preface
//!          -> Watched: bytes of a header counted, WebSocket frames followed -> Pingora's HTTP
//! ```

mod arrival;
mod crowd;
pub mod proxy_header;
mod rewound;
mod visit;
mod watched;
mod websocket;

pub use arrival::{Arrived, Kind, arrive};
pub use crowd::{Crowd, Place};
pub use rewound::Rewound;
pub use visit::{Bounds, Held, Visit};
pub use watched::Watched;
