//! What piton answers itself, where a router leads to it.

use pingora::Result;
use pingora_proxy::Session;

use super::context::Context;
use super::page;
use super::ping::Ping;
use crate::service::Internal;

/// Answers; true, as Pingora wants to hear of a request that needs no server.
///
/// # Errors
/// When the client cannot be written to.
pub(super) async fn answer(
    internal: Internal,
    session: &mut Session,
    ctx: &mut Context,
    ping: &Ping,
) -> Result<bool> {
    let page = match internal {
        Internal::Ping => ping.answer(),
        Internal::Noop | Internal::Api | Internal::Prometheus => page::TEAPOT,
    };
    page.send(session, ctx).await?;
    Ok(true)
}
