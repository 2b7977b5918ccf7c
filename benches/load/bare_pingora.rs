//! The floor under piton: the least a Pingora proxy can do and still balance.
//!
//! `make load` compares piton with this program, because the difference between the two is what
//! piton itself costs. It is written the way a careful user of Pingora would write it (peers built
//! once, connections kept, no compression module, piton's allocator and release profile), and
//! everything else is left as Pingora ships it. It has no health checks, no retries, no
//! stickiness and no configuration to reload.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use clap::Parser;
use pingora::Result;
use pingora::modules::http::HttpModules;
use pingora::proxy::{ProxyHttp, Session, http_proxy_service};
use pingora::server::Server;
use pingora::server::configuration::ServerConf;
use pingora::upstreams::peer::HttpPeer;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Idle upstream connections kept; far above the concurrency of any load used here, so that no
/// request pays for a new connection.
const KEPT_CONNECTIONS: usize = 1024;

/// How long an idle upstream connection is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// A bare Pingora round-robin proxy.
#[derive(Parser)]
struct Args {
    /// Address to listen on
    #[arg(long)]
    listen: SocketAddr,
    /// Worker threads
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Address of an upstream server; give one per server
    #[arg(long = "upstream", required = true)]
    upstreams: Vec<SocketAddr>,
}

/// Takes the servers in turn.
struct RoundRobin {
    /// The servers, ready to be cloned into requests; never empty.
    peers: Box<[HttpPeer]>,
    /// Requests given out so far; modulo the number of peers, whose turn it is.
    turn: AtomicUsize,
}

impl RoundRobin {
    fn new(upstreams: &[SocketAddr]) -> Self {
        RoundRobin {
            peers: upstreams.iter().copied().map(peer).collect(),
            turn: AtomicUsize::new(0),
        }
    }
}

#[async_trait]
impl ProxyHttp for RoundRobin {
    type CTX = ();

    fn new_ctx(&self) -> Self::CTX {}

    /// Leaves out the compression module that Pingora would add, switched off, to every request.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    #[allow(clippy::indexing_slicing, reason = "the index is taken modulo the length")]
    async fn upstream_peer(&self, _session: &mut Session, _ctx: &mut Self::CTX) -> Result<Box<HttpPeer>> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(self.peers[turn % self.peers.len()].clone()))
    }
}

/// A plain-text HTTP/1.1 peer whose idle connections are reused.
fn peer(address: SocketAddr) -> HttpPeer {
    let mut peer = HttpPeer::new(address, false, String::new());
    peer.options.idle_timeout = Some(IDLE_TIMEOUT);
    peer
}

fn main() {
    let args = Args::parse();
    let conf = ServerConf {
        threads: args.threads,
        upstream_keepalive_pool_size: KEPT_CONNECTIONS,
        ..ServerConf::default()
    };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();

    let mut proxy = http_proxy_service(
        &Arc::clone(&server.configuration),
        RoundRobin::new(&args.upstreams),
    );
    proxy.add_tcp(&args.listen.to_string());
    server.add_service(proxy);
    server.run_forever();
}
