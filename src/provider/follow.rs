//! Following an engine for good: asked again when it goes away, and not too loud about it.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::Update;
use super::backoff::BackOff;
use super::engine::{Access, EngineError};
use crate::clock;

/// Somebody who follows an engine.
pub(super) trait Follower: Send {
    /// The part behind the `@`.
    const NAME: &str;

    /// The engine.
    fn access(&self) -> Arc<Access>;

    /// Follows the engine over one connection, to its end. Returns without an error only when there is nothing more to
    /// follow, and tells `trouble` when the engine answers.
    fn follow(
        &mut self,
        updates: &mpsc::Sender<Update>,
        trouble: &mut Trouble,
    ) -> impl Future<Output = Result<(), EngineError>> + Send;
}

/// Follows until nobody listens to `updates`, with a growing wait after each failure.
pub(super) async fn keep_following<F: Follower>(mut follower: F, updates: mpsc::Sender<Update>) {
    let access = follower.access();
    if access.is_exposed() {
        tracing::warn!(
            provider = F::NAME,
            engine = access.shown(),
            "the engine is asked without TLS: whoever is between can say where requests go; use https:// or tls"
        );
    }
    let mut back_off = BackOff::new();
    let mut trouble = Trouble::new(F::NAME, access.shown());
    while !updates.is_closed() {
        let begin = Instant::now();
        let follow = async {
            match follower.follow(&updates, &mut trouble).await {
                Ok(()) => updates.closed().await,
                Err(error) => {
                    trouble.met(&error);
                    sleep(back_off.after(begin.elapsed(), clock::random())).await;
                }
            }
        };
        tokio::select! {
            () = follow => {}
            () = updates.closed() => {}
        }
    }
}

/// What is said about an engine that does not answer: each reason once, and that it is back.
pub(super) struct Trouble {
    provider: &'static str,
    engine: String,
    /// The last reason said.
    reason: Option<String>,
}

impl Trouble {
    fn new(provider: &'static str, engine: &str) -> Self {
        Self {
            provider,
            engine: engine.to_owned(),
            reason: None,
        }
    }

    fn met(&mut self, error: &EngineError) {
        let reason = error.to_string();
        if self.reason.as_ref() == Some(&reason) {
            tracing::debug!(provider = self.provider, engine = self.engine, "still: {reason}");
            return;
        }
        // An error: with the default level of the log nobody would know why there are no routers.
        tracing::error!(
            provider = self.provider,
            engine = self.engine,
            "{reason}: asking again, the last configuration stays in use"
        );
        self.reason = Some(reason);
    }

    /// The engine answers.
    pub(super) fn is_over(&mut self) {
        if self.reason.take().is_some() {
            tracing::info!(
                provider = self.provider,
                engine = self.engine,
                "the engine answers again"
            );
        }
    }
}
