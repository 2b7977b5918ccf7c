//! How long a client may take with each part of a request, and how a WebSocket ends that nobody may go on with.
//!
//! ```text
//! Header: the first within `readTimeout` of the connection's begin, a later one of its own first byte; as long as none
//!         has come, until the process stops
//! Body:   until `readTimeout` after the header; while the server answers there is no limit
//! Rest:   what is left of a body when the answer is whole: `readTimeout` once more
//! Socket: until its server's drain is over, or the process is about to cut it: then a close, not a cut
//! ```

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::connection::Visit;

/// How much later than Pingora's own limit for a silent client the limit for the whole comes: a client that is silent
/// is told so, one that drips is cut.
const SLACK: Duration = Duration::from_secs(1);

/// How often a WebSocket is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a server has to answer the close of a WebSocket, and its client after that.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// Tells whether a WebSocket shall end.
pub(super) type IsOver = Box<dyn Fn() -> bool + Send>;

tokio::task_local! {
    static EXCHANGE: Exchange;
}

/// One request and its answer.
struct Exchange {
    visit: Arc<Visit>,
    stage: Cell<Stage>,
    /// The body is not complete.
    lacks_body: Cell<bool>,
    is_over: RefCell<Option<IsOver>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Header,
    Body,
    Rest,
    /// Nothing is asked of the client any more.
    Free,
    Socket,
}

/// The header is complete; a body follows, or not.
pub(super) fn header_came(has_body: bool) {
    let _ = EXCHANGE.try_with(|exchange| {
        exchange.visit.header_came();
        exchange.lacks_body.set(has_body);
        exchange
            .stage
            .set(if has_body { Stage::Body } else { Stage::Free });
    });
}

/// The body is complete.
pub(super) fn body_came() {
    let _ = EXCHANGE.try_with(|exchange| {
        exchange.lacks_body.set(false);
        exchange.stage.set(Stage::Free);
    });
}

/// The server has begun to answer: it may go on reading meanwhile.
pub(super) fn answer_began() {
    let _ = EXCHANGE.try_with(|exchange| exchange.stage.set(Stage::Free));
}

/// The answer is whole: nobody waits for what is left of the body.
pub(super) fn answer_ended() {
    let _ = EXCHANGE.try_with(|exchange| {
        if exchange.lacks_body.get() && exchange.stage.get() == Stage::Free {
            exchange.stage.set(Stage::Rest);
        }
    });
}

/// From here on it is a WebSocket, until `is_over` says so.
pub(super) fn socket(is_over: IsOver) {
    let _ = EXCHANGE.try_with(|exchange| {
        exchange.visit.upgraded();
        exchange.stage.set(Stage::Socket);
        exchange.is_over.replace(Some(is_over));
    });
}

/// The connection of the request.
pub(super) fn visit() -> Option<Arc<Visit>> {
    EXCHANGE.try_with(|exchange| Arc::clone(&exchange.visit)).ok()
}

/// What a client may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    /// For a whole request.
    pub(super) read: Option<Duration>,
    /// The header is still to come, and is the first of its connection.
    pub(super) awaited: Awaited,
}

/// What comes first in an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited {
    /// The first header of a connection.
    Greeting,
    /// The header after another.
    Header,
    /// It is there: HTTP/2 hands out whole ones.
    Nothing,
}

/// The outcome of the exchange; `None` when the client has had its time. Dropping the exchange closes the connection, or
/// resets the stream. `idle` ends the wait for a header that has not begun.
pub(super) async fn within<T>(
    allowance: Allowance,
    visit: Arc<Visit>,
    exchange: impl Future<Output = Option<T>>,
    idle: impl Future<Output = ()>,
) -> Option<T> {
    let state = Exchange {
        visit: Arc::clone(&visit),
        stage: Cell::new(Stage::Header),
        lacks_body: Cell::new(false),
        is_over: RefCell::new(None),
    };
    let (mut exchange, mut idle) = (pin!(exchange), pin!(idle));
    let mut alarm = Alarm::default();
    let both = poll_fn(|context| {
        loop {
            if let Poll::Ready(outcome) = exchange.as_mut().poll(context) {
                return Poll::Ready(outcome);
            }
            let stage = EXCHANGE.with(|state| state.stage.get());
            if stage == Stage::Header && idle.as_mut().poll(context).is_ready() {
                return Poll::Ready(None);
            }
            let alarm = alarm.set(stage, || match stage {
                Stage::Header => header_deadline(allowance, &visit),
                Stage::Body | Stage::Rest => allowance.read.map(|read| Instant::now() + read + SLACK),
                Stage::Free => None,
                Stage::Socket => Some(Instant::now() + LOOK_EVERY),
            });
            if alarm.poll(context).is_pending() {
                return Poll::Pending;
            }
            if stage != Stage::Socket {
                return Poll::Ready(None);
            }
            match alarm.look(&visit) {
                Some(again) => alarm.again(again),
                None => return Poll::Ready(None),
            }
        }
    });
    EXCHANGE.scope(state, both).await
}

fn header_deadline(allowance: Allowance, visit: &Visit) -> Option<Instant> {
    let read = allowance.read?;
    match allowance.awaited {
        Awaited::Greeting => Some(visit.born() + read),
        Awaited::Header => visit.has_heard().then(|| Instant::now() + read),
        Awaited::Nothing => None,
    }
}

/// Rings when a stage has taken too long. One that ends in time costs no memory.
#[derive(Default)]
struct Alarm {
    stage: Option<Stage>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// How often a WebSocket was told to end.
    closes: u32,
}

impl Alarm {
    /// For `stage`, at `deadline` unless it was set for that stage before.
    fn set(&mut self, stage: Stage, deadline: impl FnOnce() -> Option<Instant>) -> &mut Self {
        if self.stage != Some(stage) {
            (self.stage, self.sleep) = (Some(stage), None);
        }
        if self.sleep.is_none() {
            self.sleep = deadline().map(|deadline| Box::pin(sleep_until(deadline)));
        }
        self
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().poll(context),
            None => Poll::Pending,
        }
    }

    fn again(&mut self, after: Duration) {
        if let Some(sleep) = &mut self.sleep {
            sleep.as_mut().reset(Instant::now() + after);
        }
    }

    /// Looks at a WebSocket: when to look again, `None` when it has had all its time.
    fn look(&mut self, visit: &Visit) -> Option<Duration> {
        let is_over = EXCHANGE.with(|state| state.is_over.borrow().as_ref().is_some_and(|is_over| is_over()));
        if self.closes == 0 && !is_over {
            return Some(LOOK_EVERY);
        }
        self.closes += 1;
        match self.closes {
            1 => visit.close(),
            2 => visit.close_at_once(),
            _ => return None,
        }
        Some(CLOSE_WITHIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::{Bounds, Crowd};
    use tokio::time::sleep;

    const READ: Duration = Duration::from_secs(10);

    fn visit() -> Arc<Visit> {
        let bounds = Bounds {
            header: 1,
            lines: 1,
            target: 1,
        };
        let place = Arc::new(Crowd::new(0, 0)).enter().unwrap();
        Arc::new(Visit::new(bounds, Instant::now(), place))
    }

    /// How long `exchange` was let go on, and whether it ended by itself.
    async fn lasted(awaited: Awaited, exchange: impl Future<Output = ()>) -> (Duration, bool) {
        let allowance = Allowance {
            read: Some(READ),
            awaited,
        };
        let begin = Instant::now();
        let exchange = async {
            exchange.await;
            Some(())
        };
        let outcome = within(allowance, visit(), exchange, std::future::pending()).await;
        (begin.elapsed(), outcome.is_some())
    }

    async fn for_ever() {
        sleep(Duration::from_secs(100_000)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_header_has_its_time_from_the_begin_of_the_connection() {
        let (time, ended) = lasted(Awaited::Greeting, for_ever()).await;
        assert!(!ended);
        assert_eq!(time.as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_header_has_its_time_from_its_first_byte() {
        let silent = async {
            sleep(Duration::from_secs(100)).await;
            EXCHANGE.with(|state| state.visit.await_header());
            for_ever().await;
        };
        let (_, ended) = lasted(Awaited::Header, silent).await;
        assert!(ended, "nobody has said anything");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_drips_is_cut_and_one_whose_server_answers_is_not() {
        let drips = async {
            header_came(true);
            loop {
                sleep(Duration::from_secs(1)).await;
            }
        };
        let (time, ended) = lasted(Awaited::Greeting, drips).await;
        assert!(!ended);
        assert_eq!(time.as_secs(), 11);
        let answered = async {
            header_came(true);
            sleep(Duration::from_secs(5)).await;
            answer_began();
            sleep(Duration::from_secs(1000)).await;
        };
        assert!(lasted(Awaited::Greeting, answered).await.1);
        let answered_whole = async {
            header_came(true);
            answer_began();
            sleep(Duration::from_secs(100)).await;
            answer_ended();
            for_ever().await;
        };
        let (time, ended) = lasted(Awaited::Greeting, answered_whole).await;
        assert!(!ended);
        assert_eq!(time.as_secs(), 111);
        let without = async {
            header_came(false);
            sleep(Duration::from_secs(1000)).await;
        };
        assert!(lasted(Awaited::Greeting, without).await.1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_websocket_goes_on_until_it_is_over_and_has_then_time_to_close() {
        let begin = Instant::now();
        let over = async {
            header_came(false);
            socket(Box::new(move || begin.elapsed() > Duration::from_secs(100)));
            for_ever().await;
        };
        let (time, ended) = lasted(Awaited::Greeting, over).await;
        assert!(!ended);
        assert!((102..=104).contains(&time.as_secs()), "{time:?}");
    }
}
