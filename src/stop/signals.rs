//! Signals that end the process, and what each means.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use pingora::server::{ShutdownSignal, ShutdownSignalWatch};
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

use super::{LINGER, LINGER_HANDED_OVER, Stop};

/// A second SIGTERM sooner than this is taken for the first one: process managers send it twice.
const SAME_SIGNAL: Duration = Duration::from_millis(500);

/// Whoever takes over on SIGQUIT.
#[async_trait]
pub trait Successor: Send + Sync {
    /// Hands everything over. `false`: there is nobody who could serve instead, so this process goes on.
    async fn take_over(&self) -> bool;
}

/// Waits for SIGTERM, SIGINT and SIGQUIT in Pingora's place, from the moment it is made: one that comes while
/// the rest starts is neither lost nor the system's to handle.
///
/// Pingora would leave at SIGQUIT whether somebody takes over or not, and hears no second signal.
pub struct Signals<S> {
    stop: Arc<Stop>,
    accept_longer: Duration,
    successor: S,
    heard: Mutex<Option<Heard>>,
}

impl<S: Successor> Signals<S> {
    /// After SIGTERM connections are accepted for `accept_longer`.
    ///
    /// # Errors
    /// When the system does not let signals be heard.
    pub fn new(stop: Arc<Stop>, accept_longer: Duration, successor: S) -> io::Result<Self> {
        Ok(Self {
            stop,
            accept_longer,
            successor,
            heard: Mutex::new(Some(Heard::new()?)),
        })
    }

    async fn order(&self, mut heard: Heard) -> ShutdownSignal {
        let mut order = heard.next().await;
        loop {
            order = match order {
                Order::Now => {
                    tracing::info!("SIGINT: ending at once");
                    return ShutdownSignal::FastShutdown;
                }
                Order::Stop => break,
                // Whoever wants an end meanwhile does not want to wait for a successor.
                Order::HandOver => tokio::select! {
                    handed_over = self.successor.take_over() => {
                        if handed_over {
                            tracing::info!("sockets handed over: stopping when requests in flight are done");
                            self.stop.announce();
                            self.stop.leave(LINGER_HANDED_OVER);
                            tokio::spawn(hurry(heard));
                            return ShutdownSignal::GracefulTerminate;
                        }
                        heard.next().await
                    }
                    end = heard.end() => end,
                },
            };
        }
        tracing::info!("SIGTERM: stopping when requests in flight are done");
        self.stop.announce();
        tokio::spawn(hurry(heard));
        sleep(self.accept_longer).await;
        self.stop.leave(LINGER);
        ShutdownSignal::GracefulTerminate
    }
}

#[async_trait]
impl<S: Successor> ShutdownSignalWatch for Signals<S> {
    async fn recv(&self) -> ShutdownSignal {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner).take();
        match heard {
            Some(heard) => self.order(heard).await,
            // Pingora asks once.
            None => std::future::pending().await,
        }
    }
}

/// Ends the process at the next signal that asks for it.
async fn hurry(mut heard: Heard) {
    let begin = Instant::now();
    loop {
        match heard.next().await {
            Order::Now => break,
            Order::Stop if begin.elapsed() >= SAME_SIGNAL => break,
            Order::Stop | Order::HandOver => {}
        }
    }
    tracing::warn!("a second signal: ending at once");
    std::process::exit(0);
}

enum Order {
    Now,
    Stop,
    HandOver,
}

struct Heard {
    interrupt: Signal,
    terminate: Signal,
    quit: Signal,
}

impl Heard {
    /// In a runtime of its own without a thread: what listens outlives it, and a fork, and is driven by
    /// whichever runtime there is later.
    fn new() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let _entered = runtime.enter();
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    async fn next(&mut self) -> Order {
        tokio::select! {
            _ = self.interrupt.recv() => Order::Now,
            _ = self.terminate.recv() => Order::Stop,
            _ = self.quit.recv() => Order::HandOver,
        }
    }

    /// The next signal that asks for an end, with or without grace.
    async fn end(&mut self) -> Order {
        loop {
            match self.next().await {
                Order::HandOver => {}
                end => return end,
            }
        }
    }
}
