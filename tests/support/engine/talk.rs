//! One connection of the fake engine.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::wire::{Stream, answer, begin_chunks, chunk, next_head};
use super::{Answer, Asked, Shared, State};

/// Nothing is held, or goes on, for longer, so that a failed test ends.
const PATIENCE: Duration = Duration::from_secs(60);
/// How much of an endless answer is sent at most.
const ENDLESS: usize = 512 << 20;

/// To its end.
pub fn converse(shared: &Shared, mut stream: Box<dyn Stream>) {
    let mut buffer = Vec::new();
    while let Some(head) = next_head(&mut *stream, &mut buffer) {
        let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let mood = {
            let mut state = shared.state();
            state.asked.push(Asked {
                target: target.clone(),
                head,
            });
            let mood = state.moods.iter().find(|(part, _)| target.contains(part));
            mood.map(|(_, answer)| answer.clone())
        };
        let ended = match mood {
            None => right(shared, &mut *stream, &target),
            Some(Answer::Held) => {
                hold(shared, &target);
                right(shared, &mut *stream, &target)
            }
            Some(mood) => wrong(shared, &mut *stream, &target, &mood),
        };
        if ended.is_err() || shared.stopping.load(Ordering::SeqCst) {
            return;
        }
    }
}

/// Waits until nobody wants this to be held any more.
fn hold(shared: &Shared, target: &str) {
    let begin = Instant::now();
    let mut state = shared.state();
    while begin.elapsed() < PATIENCE
        && !shared.stopping.load(Ordering::SeqCst)
        && state.moods.iter().any(|(part, _)| target.contains(part))
    {
        (state, _) = shared
            .changed
            .wait_timeout(state, Duration::from_millis(200))
            .unwrap();
    }
}

fn right(shared: &Shared, stream: &mut dyn Stream, target: &str) -> io::Result<()> {
    let path = path_of(target);
    if path == "/events" {
        return events(shared, stream);
    }
    let (status, page) = page(&shared.state(), path);
    let kind = "application/json";
    // An engine sends long answers in chunks.
    let body = format!("{page}\n").into_bytes();
    if status == 200 && path == "/containers/json" {
        begin_chunks(stream)?;
        for part in body.chunks(64 << 10) {
            chunk(stream, part)?;
        }
        return chunk(stream, b"");
    }
    answer(stream, status, kind, &body)
}

fn wrong(shared: &Shared, stream: &mut dyn Stream, target: &str, mood: &Answer) -> io::Result<()> {
    match mood {
        Answer::Status(status, kind, body) => return answer(stream, *status, kind, body.as_bytes()),
        Answer::Bytes(bytes) => stream.write_all(bytes)?,
        Answer::Endless => {
            begin_chunks(stream)?;
            chunk(stream, b"[")?;
            let part = format!("{{\"Id\":\"{}\"}},", "0".repeat(64)).repeat(512);
            for _ in 0..ENDLESS / part.len() {
                chunk(stream, part.as_bytes())?;
            }
        }
        Answer::Half => {
            let body = page(&shared.state(), path_of(target)).1.to_string();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            stream.write_all(head.as_bytes())?;
            stream.write_all(&body.as_bytes()[..body.len() / 2])?;
        }
        Answer::Nothing | Answer::Held => {}
    }
    stream.flush()?;
    Err(io::ErrorKind::ConnectionAborted.into())
}

/// Without version and query.
fn path_of(target: &str) -> &str {
    let path = target.split('?').next().unwrap_or_default();
    match path
        .strip_prefix("/v1.")
        .and_then(|rest| rest.find('/').map(|at| &rest[at..]))
    {
        Some(rest) => rest,
        None => path,
    }
}

fn page(state: &State, path: &str) -> (u16, Value) {
    if let Some(page) = state.pages.get(path) {
        return (200, page.clone());
    }
    match path {
        "/_ping" => return (200, json!("OK")),
        "/version" => {
            let page =
                json!({"Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12", "Os": "linux"});
            return (200, page);
        }
        "/info" => {
            let swarm = json!({"NodeID": "", "LocalNodeState": "inactive", "ControlAvailable": false});
            return (200, json!({"ID": "FAKE", "Name": "fake", "Swarm": swarm}));
        }
        "/services" | "/tasks" | "/nodes" => {
            let words = "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect \
                         this node to swarm and try again.";
            return (503, json!({"message": words}));
        }
        "/containers/json" => {
            // The newest first, as an engine does.
            let mut containers: Vec<_> = state.containers.values().collect();
            containers.sort_by_key(|container| std::cmp::Reverse(container.created));
            return (
                200,
                containers.into_iter().map(super::Container::summary).collect(),
            );
        }
        _ => {}
    }
    let wanted = path
        .strip_prefix("/containers/")
        .and_then(|rest| rest.strip_suffix("/json"));
    let found = wanted.and_then(|wanted| {
        let mut all = state.containers.values();
        all.find(|container| container.id == wanted || container.name == wanted)
    });
    match (wanted, found) {
        (_, Some(found)) => (200, found.inspection()),
        (Some(wanted), None) => (404, json!({"message": format!("No such container: {wanted}")})),
        (None, None) => (404, json!({"message": "page not found"})),
    }
}

/// The stream of events, until it is cut.
fn events(shared: &Shared, stream: &mut dyn Stream) -> io::Result<()> {
    let (sender, receiver) = channel();
    shared.state().listeners.push(sender);
    begin_chunks(stream)?;
    let begin = Instant::now();
    while begin.elapsed() < 10 * PATIENCE {
        match receiver.recv_timeout(Duration::from_millis(500)) {
            Ok(line) => chunk(stream, &line)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    Err(io::ErrorKind::ConnectionAborted.into())
}
