//! A probe as Pingora's `HealthCheck`: paces itself, asks, and writes the verdict.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http::{Uri, header};
use pingora::connectors::http::Connector;
use pingora::protocols::l4::socket::SocketAddr as Socket;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};
use pingora_load_balancing::Backend;
use pingora_load_balancing::health_check::HealthCheck;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until, timeout};

use super::grpc;
use super::plan::{HttpQuestion, Plan, Question};
use crate::balance::Server;
use crate::clock;
use crate::dial::Dialer;
use crate::resolve::address_of;
use crate::upstream::{Address, ServerUrl, Upstream};

/// Redirects followed in one probe, as Go's client does.
const MAX_REDIRECTS: usize = 10;
/// Most of an answer's body that is read before the connection is closed.
const MAX_BODY: usize = 64 * 1024;
/// Pingora's service only has to call again; the probe itself waits until it is due.
const PACE: Duration = Duration::from_millis(1);

/// The check of one server.
pub(super) struct Probe {
    plan: Arc<Plan>,
    server: Arc<Server>,
    connector: Arc<Connector<Dialer>>,
    /// The verdict so far.
    up: AtomicBool,
    /// Successes in a row that end a verdict of the process before this one; 0 when there is none. Pingora's
    /// registry does not know of it: it believes every server up at first.
    missing: AtomicUsize,
    /// When the last probe began; `None` before the first.
    last: Mutex<Option<Instant>>,
}

impl Probe {
    /// A probe that is due at once. It begins with what is known of the server: up, or a verdict adopted.
    pub(super) fn new(plan: Arc<Plan>, server: Arc<Server>, connector: Arc<Connector<Dialer>>) -> Self {
        let up = !server.state().is_probed_down();
        Self {
            missing: AtomicUsize::new(if up { 0 } else { plan.rise }),
            up: AtomicBool::new(up),
            plan,
            server,
            connector,
            last: Mutex::new(None),
        }
    }

    /// The target as Pingora wants one. The probe knows its server itself; a name has no address yet.
    pub(super) fn target(&self) -> Backend {
        let address = self.server.upstream().address().current();
        let address = address.unwrap_or(SocketAddr::from(([0, 0, 0, 0], 0)));
        Backend {
            addr: Socket::Inet(address),
            weight: 1,
            ext: Default::default(),
        }
    }

    pub(super) fn pace(&self) -> Duration {
        PACE
    }

    /// Waits until the probe is due: by the verdict of the last one, a tenth sooner or later, so that the
    /// servers of a restarted machine are not all asked at one moment.
    async fn wait(&self) {
        let mut last = self.last.lock().await;
        if let Some(last) = *last {
            let interval = if self.up.load(Ordering::Relaxed) {
                self.plan.interval
            } else {
                self.plan.unhealthy_interval
            };
            sleep_until(last + jittered(interval, clock::random())).await;
        }
        *last = Some(Instant::now());
    }

    /// The server answers well: up, and in its slow start if it was not.
    fn raise(&self) {
        if self.server.state().probed(true) {
            self.server.state().rose(clock::now());
        }
    }

    /// The adopted verdict holds until as many successes in a row as any other.
    fn count_for_adopted(&self, success: bool) {
        match (self.missing.load(Ordering::Relaxed), success) {
            (0, _) => {}
            (_, false) => self.missing.store(self.plan.rise, Ordering::Relaxed),
            (1, true) => {
                self.missing.store(0, Ordering::Relaxed);
                self.conclude(true);
            }
            (missing, true) => self.missing.store(missing - 1, Ordering::Relaxed),
        }
    }

    fn conclude(&self, up: bool) {
        self.up.store(up, Ordering::Relaxed);
        let Plan { service, server, .. } = &*self.plan;
        if up {
            self.raise();
            tracing::info!(service, server, "server is up");
        } else if self.server.state().probed(false) {
            tracing::warn!(service, server, "server is down: health check failed");
        }
    }

    async fn ask(&self) -> Result<(), String> {
        let asked = async {
            match self.plan.question.as_ref()? {
                Question::Http(question) => self.ask_http(question).await,
                Question::Grpc(url) => {
                    let peer = self.peer(url).await?;
                    grpc::ask(&self.connector, &peer, url.authority()).await
                }
            }
        };
        match timeout(self.plan.timeout, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {:?}", self.plan.timeout)),
        }
    }

    async fn ask_http(&self, question: &HttpQuestion) -> Result<(), String> {
        let peer = self.peer(&question.url).await?;
        let mut target = question.target.clone();
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.exchange(question, &peer, &target).await?;
            match answer.redirect {
                Some(next) if question.follow_redirects => target = next,
                _ if question.accepts(answer.status) => return Ok(()),
                _ => return Err(format!("received status {}", answer.status)),
            }
        }
        Err(format!("more than {MAX_REDIRECTS} redirects"))
    }

    async fn exchange(
        &self,
        question: &HttpQuestion,
        peer: &HttpPeer,
        target: &str,
    ) -> Result<Answer, String> {
        let words = |error: Box<Error>| error.to_string();
        let request = question.request(target)?;
        let (mut session, _) = self.connector.get_http_session(peer).await.map_err(words)?;
        session
            .write_request_header(Box::new(request))
            .await
            .map_err(words)?;
        session.finish_request_body().await.map_err(words)?;
        session.read_response_header().await.map_err(words)?;
        let response = session.response_header().ok_or("no response header")?;
        let answer = Answer {
            status: response.status.as_u16(),
            redirect: redirect(question, response),
        };
        // The body is of no interest, but a server may log an error when it cannot be sent.
        let mut read = 0;
        while let Ok(Some(part)) = session.read_response_body().await {
            read += part.len();
            if read > MAX_BODY {
                break;
            }
        }
        session.shutdown().await;
        Ok(answer)
    }

    /// A peer for `url` at the server's own addresses; the port may be another.
    async fn peer(&self, url: &ServerUrl) -> Result<HttpPeer, String> {
        let address = match (url.ip(), self.server.upstream().address()) {
            (Some(ip), _) => SocketAddr::new(ip, url.port()),
            (None, address) => {
                let found = address_of(address).await.ok_or("host name not found")?;
                SocketAddr::new(found.ip(), url.port())
            }
        };
        let upstream = Upstream::new(url, &self.plan.transport, Address::Fixed(address), false);
        let mut peer = upstream.map_err(|error| error.to_string())?.peer(address);
        // Asked rarely: a connection of its own each time also checks that connecting works.
        peer.options.idle_timeout = Some(Duration::ZERO);
        peer.options.max_h2_streams = 1;
        Ok(peer)
    }
}

struct Answer {
    status: u16,
    redirect: Option<String>,
}

/// Where a redirect leads, if it stays on the server that is being checked.
fn redirect(question: &HttpQuestion, response: &pingora::http::ResponseHeader) -> Option<String> {
    if !matches!(response.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers.get(header::LOCATION)?.to_str().ok()?;
    let uri: Uri = location.parse().ok()?;
    let elsewhere = uri
        .authority()
        .is_some_and(|authority| authority.as_str() != question.url.authority());
    let target = uri.path_and_query().filter(|_| !elsewhere)?.as_str();
    Some(if target.starts_with('/') {
        target.to_owned()
    } else {
        format!("/{target}")
    })
}

fn jittered(interval: Duration, entropy: u64) -> Duration {
    // 0.9 to 1.1 of the interval.
    let share = 0.9 + 0.2 * (entropy >> 32) as f64 / f64::from(u32::MAX);
    interval.mul_f64(share)
}

#[async_trait]
impl HealthCheck for Probe {
    async fn check(&self, _target: &Backend) -> Result<()> {
        self.wait().await;
        let answer = self.ask().await;
        self.count_for_adopted(answer.is_ok());
        if answer.is_ok() && self.up.load(Ordering::Relaxed) {
            // Ends what live traffic may have concluded meanwhile.
            self.raise();
        }
        answer.map_err(|reason| {
            tracing::debug!(
                service = self.plan.service,
                server = self.plan.server,
                "health check failed: {reason}"
            );
            Error::explain(ErrorType::Custom("HealthCheck"), reason)
        })
    }

    async fn health_status_change(&self, _target: &Backend, healthy: bool) {
        // From its first verdict on the registry counts.
        self.missing.store(0, Ordering::Relaxed);
        self.conclude(healthy);
    }

    fn backend_summary(&self, _target: &Backend) -> String {
        format!("{} of {}", self.plan.server, self.plan.service)
    }

    fn health_threshold(&self, success: bool) -> usize {
        if success { self.plan.rise } else { self.plan.fall }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_within_a_tenth() {
        let interval = Duration::from_secs(10);
        assert_eq!(jittered(interval, 0), Duration::from_secs(9));
        let most = jittered(interval, u64::MAX);
        assert!(most > Duration::from_millis(10_900) && most <= Duration::from_millis(11_001));
    }
}
