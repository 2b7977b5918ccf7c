//! What piton answers itself, where a router leads to it.

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{StatusCode, header};
use pingora::Result;
use pingora::http::ResponseHeader;
use pingora_proxy::Session;
use tokio::task::spawn_blocking;

use super::context::Context;
use super::page;
use super::ping::Ping;
use crate::api::{Api, Asked, Reply};
use crate::clock;
use crate::observe::Observer;
use crate::routing::{Reloads, Snapshot};
use crate::service::Internal;

/// Everything that piton answers itself.
pub struct Internals {
    /// `/ping`.
    pub ping: Ping,
    /// Who looks on.
    pub observer: &'static Observer,
    /// Publications of the configuration.
    pub reloads: Arc<Reloads>,
    /// Where the configuration of now is found.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// The API.
    pub api: Option<Arc<Api>>,
}

impl Internals {
    /// Answers; true, as Pingora wants to hear of a request that needs no server.
    ///
    /// # Errors
    /// When the client cannot be written to.
    pub(super) async fn answer(
        &self,
        internal: Internal,
        session: &mut Session,
        ctx: &mut Context,
    ) -> Result<bool> {
        match internal {
            Internal::Ping => self.ping.answer().send(session, ctx).await?,
            Internal::Noop => page::TEAPOT.send(session, ctx).await?,
            Internal::Api => match self.api(session).await {
                Some(reply) => send(session, ctx, reply).await?,
                None => page::NOT_FOUND.send(session, ctx).await?,
            },
            Internal::Prometheus => match self.metrics().await {
                Some(reply) => send(session, ctx, reply).await?,
                None => page::NOT_FOUND.send(session, ctx).await?,
            },
        }
        Ok(true)
    }

    /// The text of thousands of series takes its time: somebody else's.
    async fn metrics(&self) -> Option<Reply> {
        let metrics = self.observer.metrics.as_ref()?;
        let (snapshot, reloads) = (self.snapshot.load_full(), Arc::clone(&self.reloads));
        let text = spawn_blocking(move || metrics.text(&snapshot, &reloads, clock::now())).await;
        Some(Reply {
            status: StatusCode::OK,
            kind: "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
            next_page: None,
            body: text.ok()?,
        })
    }

    async fn api(&self, session: &Session) -> Option<Reply> {
        let api = Arc::clone(self.api.as_ref()?);
        let request = session.req_header();
        let bearer = request.headers.get(header::AUTHORIZATION);
        let client = session.client_addr().map(ToString::to_string);
        let asked = Asked {
            method: request.method.clone(),
            path: request.uri.path().to_owned(),
            query: request.uri.query().unwrap_or_default().to_owned(),
            bearer: bearer.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer ").map(str::to_owned)),
            is_trusted: false,
            who: client.unwrap_or_else(|| "-".to_owned()),
        };
        let snapshot = self.snapshot.load_full();
        spawn_blocking(move || api.answer(&asked, &snapshot)).await.ok()
    }
}

async fn send(session: &mut Session, ctx: &mut Context, reply: Reply) -> Result<()> {
    let mut response = ResponseHeader::build(reply.status, Some(4))?;
    response.insert_header(header::CONTENT_TYPE, reply.kind)?;
    if let Some(page) = reply.next_page {
        response.insert_header("X-Next-Page", page)?;
    }
    page::write(session, ctx, response, Bytes::from(reply.body)).await
}
