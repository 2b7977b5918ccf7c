//! What may happen to a request before its service, and to the answer on its way back (traefik-core 7).
//!
//! ```text
//! config::dynamic::middleware --build--> Step --chain--> Chain --one request--> Passage
//! ```
//!
//! A [`Step`] is one middleware, ready to work, with what it has to remember of requests: buckets, requests in flight,
//! passwords it has verified. That lives as long as the middleware is written the same, whatever else a reload
//! changes, and is shared by all routers that name it. A [`Chain`] is the steps of one router, a [`Passage`] one
//! request on its way through them: forwards with the request, backwards with the answer, whoever it is from.
//!
//! Pure: the time, the client's address and randomness come in with an [`Ask`]; what takes time is handed back to the
//! caller as a [`Progress`].

mod allow_list;
mod answer;
mod auth;
mod build;
mod chain;
mod characters;
mod compress;
mod headers;
mod in_flight;
mod message;
mod passage;
mod path;
mod rate_limit;
mod redirect;
mod replacement;
mod retry;
mod shards;
mod source;

pub use answer::Answer;
pub use auth::Trial;
pub use build::{Built, Mistake, build, is_same_in_files};
pub use chain::{Chain, MAX_STEPS, Step};
pub use characters::Characters;
pub use message::{FieldName, Fields, Request};
pub use passage::{Ask, Passage, Progress};
pub use retry::Retry;
