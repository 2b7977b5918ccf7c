//! A stream of changes.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::status;
use super::store::{Change, selects, whole};
use super::wanted::Wanted;
use super::wire::{Stream, is_over};
use super::{Shared, Signal};

/// How often it is looked whether the client is still there.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long a watch is without `timeoutSeconds`, and at most.
const LONGEST: u64 = 300;

/// What one watch has to say next.
enum Next {
    Lines(Vec<Value>),
    /// The same, and then the end.
    Last(Vec<Value>),
    Nothing,
}

/// To its end; an error when the connection ends with it.
pub fn watch(shared: &Shared, stream: &mut Stream, wanted: &Wanted) -> io::Result<()> {
    let asked = wanted.parameter("resourceVersion").parse::<u64>().unwrap_or(0);
    let seconds = wanted
        .parameter("timeoutSeconds")
        .parse()
        .unwrap_or(LONGEST)
        .min(LONGEST);
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut heard, mut version, mut lines) = {
        let state = shared.state();
        let oldest = state.store.oldest;
        if asked > 0 && asked < oldest && state.refuses_old {
            let (code, page) = status::too_old(asked, oldest);
            drop(state);
            let body = page.to_string().into_bytes();
            return stream.answer(code, &body, body.len());
        }
        let mut lines = Vec::new();
        let mut version = asked;
        if asked == 0 || wanted.parameter("sendInitialEvents") == "true" {
            version = state.store.version;
            let present = state.store.list(wanted.resource, &wanted.namespace, None);
            let selected = present
                .iter()
                .filter(|object| selects(wanted.parameter("labelSelector"), object));
            lines.extend(selected.map(|object| line(wanted, "ADDED", object)));
            if wanted.parameter("sendInitialEvents") == "true" {
                lines.push(bookmark(wanted, version, true));
            }
        }
        (state.signals.len(), version, lines)
    };
    stream.begin_chunks()?;
    let open = Open::of(shared, wanted, stream.handle()?);
    loop {
        for line in lines.drain(..) {
            stream.chunk(format!("{line}\n").as_bytes())?;
        }
        let next = next(shared, wanted, &mut heard, &mut version, end);
        match next {
            Next::Lines(more) => lines = more,
            Next::Last(last) => {
                for line in last {
                    stream.chunk(format!("{line}\n").as_bytes())?;
                }
                return stream.chunk(b"");
            }
            Next::Nothing if shared.stopping.load(Ordering::SeqCst) || is_over(&open.handle) => {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            Next::Nothing => {}
        }
    }
}

fn next(shared: &Shared, wanted: &Wanted, heard: &mut usize, version: &mut u64, end: Instant) -> Next {
    let mut state = shared.state();
    let has_news = |state: &super::State, heard: usize, version: u64| {
        state.signals.len() > heard || (!state.is_quiet && state.store.version > version)
    };
    if !has_news(&state, *heard, *version) {
        let wait = LOOK_EVERY.min(end.saturating_duration_since(Instant::now()));
        (state, _) = shared.changed.wait_timeout(state, wait).unwrap();
    }
    if *version < state.store.oldest {
        return Next::Last(vec![expired(*version, state.store.oldest)]);
    }
    let mut lines = Vec::new();
    if !state.is_quiet {
        lines.extend(
            state
                .store
                .since(*version)
                .iter()
                .filter_map(|change| told(wanted, change)),
        );
        *version = state.store.version;
    }
    let signals = state.signals[*heard..].to_vec();
    *heard = state.signals.len();
    for signal in signals {
        match signal {
            Signal::Bookmark if wanted.parameter("allowWatchBookmarks") == "true" => {
                lines.push(bookmark(wanted, *version, false));
            }
            Signal::Bookmark => {}
            Signal::End => return Next::Last(lines),
            Signal::Expire => {
                lines.push(expired(*version, state.store.version));
                return Next::Last(lines);
            }
        }
    }
    if Instant::now() >= end {
        return Next::Last(lines);
    }
    if lines.is_empty() {
        return Next::Nothing;
    }
    Next::Lines(lines)
}

/// How this watch is told of a change, if at all.
fn told(wanted: &Wanted, change: &Change) -> Option<Value> {
    let namespace = change.object["metadata"]["namespace"]
        .as_str()
        .unwrap_or_default();
    if change.resource != wanted.resource || !(wanted.namespace.is_empty() || wanted.namespace == namespace) {
        return None;
    }
    let selector = wanted.parameter("labelSelector");
    let was = change
        .before
        .as_ref()
        .is_some_and(|before| selects(selector, before));
    let is = !change.is_deleted && selects(selector, &change.object);
    let kind = match (was, is) {
        (false, true) => "ADDED",
        (true, true) => "MODIFIED",
        (true, false) => "DELETED",
        (false, false) => return None,
    };
    Some(line(wanted, kind, &change.object))
}

fn line(wanted: &Wanted, kind: &str, object: &Arc<Value>) -> Value {
    json!({"type": kind, "object": whole(wanted.resource, object)})
}

fn bookmark(wanted: &Wanted, version: u64, is_first: bool) -> Value {
    let mut object = json!({"metadata": {"resourceVersion": version.to_string(), "creationTimestamp": null}});
    if is_first {
        object["metadata"]["annotations"] = json!({"k8s.io/initial-events-end": "true"});
    }
    json!({"type": "BOOKMARK", "object": whole(wanted.resource, &object)})
}

fn expired(asked: u64, oldest: u64) -> Value {
    json!({"type": "ERROR", "object": status::too_old(asked, oldest).1})
}

/// Counts as open until dropped.
struct Open<'a> {
    shared: &'a Shared,
    handle: Arc<TcpStream>,
}

impl<'a> Open<'a> {
    fn of(shared: &'a Shared, wanted: &Wanted, handle: TcpStream) -> Self {
        let handle = Arc::new(handle);
        let watch = (wanted.resource.plural, Arc::clone(&handle));
        shared.state().watching.push(watch);
        Self { shared, handle }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state
            .watching
            .retain(|(_, handle)| !Arc::ptr_eq(handle, &self.handle));
    }
}
