//! A failover that takes over after an answer (traefik-core 2.7, error mode).
//!
//! Usually Pingora sends the request again: it keeps bodies up to 64 KiB. A larger one was kept by piton and is
//! sent by piton's own client, since Pingora's proxy cannot begin a second time with a body that it does not
//! have any more.

use std::sync::Arc;

use arc_swap::ArcSwap;
use http::{Method, StatusCode, header};
use pingora::http::ResponseHeader;
use pingora::{Error, ErrorType, Result};
use pingora_proxy::{FailToProxy, Session};

use super::client::{Answer, Broken, Client, Stage};
use super::context::Context;
use super::failure::{Failure, is_final};
use super::kept::{Body, Budgets, Kept};
use super::retry::promises_to_change_nothing;
use super::{rewrite, through};
use crate::routing::Snapshot;

/// Failures after which nobody else is tried.
const MAX_SERVERS: usize = 3;

/// The client has its answer.
pub(super) const DONE: FailToProxy = FailToProxy {
    error_code: 0,
    can_reuse_downstream: false,
};

/// Ends an exchange whose answer is discarded: nothing of it has been written.
pub(super) fn discarded(status: StatusCode) -> Box<Error> {
    Error::explain(
        ErrorType::Custom("FailOver"),
        format!("the main service answered {status}, its fallback takes over"),
    )
    .into_up()
}

/// Can the request be sent again after an answer that is to be discarded? By whom, is decided then.
pub(super) fn is_possible(session: &Session, ctx: &Context) -> bool {
    let is_untouched = !session
        .response_written()
        .is_some_and(|response| is_final(response.status));
    is_untouched && (!session.as_ref().retry_buffer_truncated() || body(ctx) != Some(Body::Lost))
}

/// Sends the kept request to the fallback and passes its answer on. An answer that another failover on the way
/// discards is discarded here, too.
pub(super) async fn answer(
    client: &Client,
    session: &mut Session,
    ctx: &mut Context,
    budgets: &Budgets,
    published: &ArcSwap<Snapshot>,
) -> Result<(), Failure> {
    read_the_rest(session, ctx).await?;
    let may_repeat = promises_to_change_nothing(session);
    let (mut failure, mut failed, mut had_stale) = (None, 0, false);
    loop {
        ctx.pause().await;
        // That everybody left was tried in vain is told by what the last of them did.
        let placed = ctx.place(&session.req_header().headers, budgets, published).await;
        placed.map_err(|denial| failure.unwrap_or(denial.into()))?;
        let Broken { error, stage } = match unless_left(session, from_server(client, ctx)).await? {
            Err(broken) => broken,
            Ok(answer) => {
                let status = answer.session.response_header().map(|response| response.status);
                match status.filter(|status| ctx.is_watched(*status)) {
                    None => return pass_on(client, session, ctx, answer).await,
                    Some(status) => ctx.discard(status),
                }
                continue;
            }
        };
        failure = Some(Failure::of_server(error.etype()));
        failed += 1;
        let again = match stage {
            Stage::Unsent => true,
            // A connection that the server had closed says nothing about it: once more, on a new one.
            Stage::Sent { reused: true } if !had_stale => {
                had_stale = true;
                continue;
            }
            Stage::Sent { .. } => may_repeat,
        };
        ctx.give_up_server();
        if !again || failed >= MAX_SERVERS || !ctx.may_try_again() {
            return Err(failure.unwrap_or(Failure::BadGateway));
        }
    }
}

/// What `work` gives, unless the client leaves first: nobody else watches for that here.
async fn unless_left<T>(session: &mut Session, work: impl Future<Output = T>) -> Result<T, Failure> {
    tokio::select! {
        done = work => Ok(done),
        left = session.as_mut().read_body_or_idle(true) => match left {
            Err(error) => Err(Failure::of(&error.into_down())),
            Ok(_) => Err(Failure::ClientLeft),
        },
    }
}

fn body(ctx: &Context) -> Option<Body> {
    ctx.kept().map(Kept::body)
}

/// The client may still be sending: the main service answered before it had all.
async fn read_the_rest(session: &mut Session, ctx: &mut Context) -> Result<(), Failure> {
    while body(ctx) == Some(Body::Open) {
        let part = session.as_mut().read_request_body().await;
        let part = part.map_err(|error| Failure::of(&error.into_down()))?;
        let is_last = part.is_none() || session.as_mut().is_body_done();
        ctx.keep(part.as_ref(), is_last)?;
    }
    if body(ctx) == Some(Body::Whole) {
        Ok(())
    } else {
        Err(Failure::BadGateway)
    }
}

async fn from_server(client: &Client, ctx: &mut Context) -> Result<Answer, Broken> {
    let nothing = || {
        Broken::unsent(Error::explain(
            ErrorType::InternalError,
            "there is nothing to send",
        ))
    };
    let server = Arc::clone(ctx.server().ok_or_else(nothing)?);
    let head = ctx.kept().and_then(Kept::head).cloned();
    let mut head = head.ok_or_else(nothing)?;
    ctx.trace_attempt();
    ctx.trace_request(&mut head).map_err(Broken::unsent)?;
    let kept = ctx.kept().ok_or_else(nothing)?;
    client.send(&server, head, kept.chunks(), kept.length()).await
}

async fn pass_on(
    client: &Client,
    session: &mut Session,
    ctx: &mut Context,
    mut answer: Answer,
) -> Result<(), Failure> {
    let left = |error: Box<Error>| Failure::of(&error.into_down());
    let cut = |_| Failure::ClientLeft;
    let header = answer.session.response_header().cloned();
    let mut response = header.ok_or(Failure::Unusable)?;
    ctx.answered(response.status);
    let has_no_body = session.req_header().method == Method::HEAD || answer.session.response_done();
    rewrite::response(&mut response);
    frame(session, &mut response, has_no_body).map_err(left)?;
    rewrite::add_cookies(&mut response, ctx.take_cookies()).map_err(left)?;
    through::leave(session, ctx.passage_mut(), &mut response).map_err(left)?;
    rewrite::for_old_clients(session.req_header().version, &mut response);
    // Pingora closes the connection after a failed exchange; the client is told.
    session.set_keepalive(None);
    session
        .write_response_header(Box::new(response), has_no_body)
        .await
        .map_err(left)?;
    // From here on a break can only be passed on as one.
    while let Some(part) = unless_left(session, answer.session.read_response_body())
        .await?
        .map_err(cut)?
    {
        let part = match ctx.passage_mut() {
            Some(passage) => through::pass(passage, Some(part), false).map_err(cut)?,
            None => Some(part),
        };
        if part.is_some() {
            session.write_response_body(part, false).await.map_err(left)?;
        }
    }
    if !has_no_body {
        let rest = match ctx.passage_mut() {
            Some(passage) => through::pass(passage, None, true).map_err(cut)?,
            None => None,
        };
        session.write_response_body(rest, true).await.map_err(left)?;
    }
    client.release(answer).await;
    Ok(())
}

/// A body without a length is chunked, as Pingora's proxy does it; one that is over with the header has none.
fn frame(session: &Session, response: &mut ResponseHeader, is_over: bool) -> Result<()> {
    let has_body = session.req_header().method != Method::HEAD
        && !matches!(response.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let is_framed = response.headers.contains_key(header::CONTENT_LENGTH)
        || response.headers.contains_key(header::TRANSFER_ENCODING);
    match has_body && !is_framed {
        true if is_over => response.insert_header(header::CONTENT_LENGTH, "0"),
        true => response.insert_header(header::TRANSFER_ENCODING, "chunked"),
        false => Ok(()),
    }
}
