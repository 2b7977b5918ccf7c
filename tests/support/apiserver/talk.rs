//! One connection: who asks, may they, and what goes wrong on demand.

use std::io;
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::answer::answer;
use super::status;
use super::wanted::Wanted;
use super::watch::watch;
use super::wire::{Request, Stream};
use super::{Asked, Fault, Shared};

/// Nothing is held for longer, so that a failed test ends.
const PATIENCE: Duration = Duration::from_secs(60);

/// To its end.
pub fn converse(shared: &Shared, tcp: TcpStream) {
    let Ok(mut stream) = Stream::over(tcp, &shared.tls) else {
        return;
    };
    while let Some(request) = stream.request() {
        if exchange(shared, &mut stream, &request).is_err() || shared.stopping.load(Ordering::SeqCst) {
            return;
        }
    }
}

fn exchange(shared: &Shared, stream: &mut Stream, request: &Request) -> io::Result<()> {
    let token = request
        .field("authorization")
        .strip_prefix("Bearer ")
        .unwrap_or_default();
    let (user, number, mut fault, wanted) = {
        let mut state = shared.state();
        let user = state.tokens.get(token).cloned();
        let wanted = Wanted::read(&request.method, &request.target);
        let number = state.asked.len();
        state
            .asked
            .push(Asked::of(request, user.as_deref(), wanted.as_ref()));
        let fault = wanted.as_ref().and_then(|wanted| state.fault(wanted));
        (user, number, fault, wanted)
    };
    let Some(wanted) = wanted else {
        if request.target == "/version" {
            let page =
                json!({"major": "1", "minor": "34", "gitVersion": "v1.34.4", "platform": "linux/amd64"});
            return reply(shared, stream, number, (200, page), None);
        }
        return reply(shared, stream, number, status::unknown_path(), None);
    };
    if fault == Some(Fault::Held) {
        hold(shared, &wanted);
        fault = None;
    }
    if fault == Some(Fault::Nothing) {
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    let mut state = shared.state();
    let refused = match (&user, fault) {
        (None, _) => Some(status::unauthorized()),
        (_, Some(Fault::Status(code))) => Some(status::status(
            code,
            "InternalError",
            "as the test asked",
            Value::Null,
        )),
        (Some(user), _) if state.denies(&wanted) => Some(status::forbidden(&wanted, user)),
        _ => None,
    };
    if refused.is_none() && wanted.verb == "watch" {
        drop(state);
        shared.state().asked[number].code = 200;
        return watch(shared, stream, &wanted);
    }
    let page = match refused {
        Some(refusal) => refusal,
        None => answer(&mut state, &wanted, request).unwrap_or_else(|refusal| refusal),
    };
    drop(state);
    reply(shared, stream, number, page, fault)
}

fn reply(
    shared: &Shared,
    stream: &mut Stream,
    number: usize,
    (code, page): (u16, Value),
    fault: Option<Fault>,
) -> io::Result<()> {
    shared.state().asked[number].code = code;
    shared.changed.notify_all();
    let body = page.to_string().into_bytes();
    if fault == Some(Fault::Half) {
        stream.answer(code, &body, body.len() / 2)?;
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    stream.answer(code, &body, body.len())
}

/// Waits until nobody wants this to be held any more.
fn hold(shared: &Shared, wanted: &Wanted) {
    let begin = Instant::now();
    let mut state = shared.state();
    while begin.elapsed() < PATIENCE
        && !shared.stopping.load(Ordering::SeqCst)
        && state.fault(wanted) == Some(Fault::Held)
    {
        let tick = Duration::from_millis(200);
        (state, _) = shared.changed.wait_timeout(state, tick).unwrap();
    }
}
