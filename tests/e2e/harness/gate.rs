//! A server whose slow answers wait until they are let through, and which counts how many it works on.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::{Server, Then, respond};

/// Nobody is held longer, so that a failed test ends.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Default)]
struct Count {
    /// Tickets given to those who wait, and the first that may not pass yet: first come, first through.
    tickets: usize,
    passing: usize,
    working: usize,
    most: usize,
}

/// Where requests for `/slow` wait.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<(Mutex<Count>, Condvar)>);

impl Gate {
    /// A server behind a new gate. It answers with its name: `/slow` when let through, `/brief` after a few
    /// milliseconds, everything else at once.
    pub fn server(name: &'static str) -> (Server, Self) {
        let gate = Self::default();
        let inner = gate.clone();
        let server = Server::scripted(move |request, stream| {
            inner.enter();
            match request.target() {
                "/slow" => inner.wait(),
                "/brief" => std::thread::sleep(Duration::from_millis(4)),
                _ => {}
            }
            // Left before it is answered: the next one may come as soon as the answer is seen.
            inner.leave();
            respond(stream, 200, name);
            Then::Keep
        });
        (server, gate)
    }

    fn enter(&self) {
        let mut count = self.0.0.lock().unwrap();
        count.working += 1;
        count.most = count.most.max(count.working);
    }

    fn leave(&self) {
        self.0.0.lock().unwrap().working -= 1;
    }

    fn wait(&self) {
        let (count, changed) = &*self.0;
        let mut count = count.lock().unwrap();
        let ticket = count.tickets;
        count.tickets += 1;
        drop(
            changed
                .wait_timeout_while(count, PATIENCE, |count| ticket >= count.passing)
                .unwrap(),
        );
    }

    /// Lets so many through, at once.
    pub fn let_through(&self, passes: usize) {
        self.0.0.lock().unwrap().passing += passes;
        self.0.1.notify_all();
    }

    /// Requests it is working on now.
    pub fn working(&self) -> usize {
        self.0.0.lock().unwrap().working
    }

    /// The most it ever worked on at a time.
    pub fn most(&self) -> usize {
        self.0.0.lock().unwrap().most
    }
}
