//! TLS on accepted connections: which options and certificate a client gets is decided by the name it asks for, by the
//! configuration of that moment. A connection stays under what its handshake agreed on.

mod connection;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use pingora::protocols::GetSocketDigest;
use pingora_proxy::Session;
use rustls::server::Acceptor;
use tokio_rustls::LazyConfigAcceptor;

use super::entry_point::EntryPoint;
use crate::connection::Rewound;
use crate::meter::Tls;
use crate::routing::Snapshot;
use crate::tls::{Options, agreed_words};
use connection::Connection;

/// How long a handshake may take, if the first header may take as long.
pub(super) const AT_MOST: Duration = Duration::from_secs(10);

/// What a handshake was about.
#[derive(Debug)]
pub(super) struct Agreed {
    /// The options.
    pub(super) options: Arc<Options>,
    /// Version and cipher suite, as Traefik writes them.
    pub(super) words: Tls,
}

/// What was agreed on in the handshake of a request's connection; `None` for one without TLS.
pub(super) fn of(session: &Session) -> Option<&Agreed> {
    let digest = session.digest()?.proxy_digest.as_ref()?;
    digest.user_data.as_ref()?.downcast_ref()
}

/// Shakes hands on `stream`, under the options that `entry_point` has for the name that the client asks for; what is
/// inside. `None` when there are none, or the client and they do not agree: it has been sent an alert.
pub(super) async fn accept(
    stream: Rewound,
    published: &ArcSwap<Snapshot>,
    entry_point: &EntryPoint,
) -> Option<Connection> {
    let inside = shake(stream, published, entry_point.index()).await;
    let entry_point = entry_point.name();
    inside
        .inspect_err(|error| tracing::debug!(entry_point, "a TLS handshake failed: {error}"))
        .ok()
}

async fn shake(stream: Rewound, published: &ArcSwap<Snapshot>, entry_point: usize) -> io::Result<Connection> {
    let begun = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    let name = begun.client_hello().server_name().map(str::to_ascii_lowercase);
    let options = published
        .load()
        .handshake(entry_point, name.as_deref())
        .cloned()
        .ok_or_else(|| io::Error::other("there are no options for it"))?;
    let local = begun.io.get_socket_digest();
    let local = local.as_ref().and_then(|digest| digest.local_addr()?.as_inet());
    let config = match local.filter(|_| name.is_none()) {
        Some(local) => options.config_at(local.ip()),
        None => options.config(),
    };
    let inside = begun.into_stream(config).await?;
    let (_, tls) = inside.get_ref();
    let words = agreed_words(tls.protocol_version(), tls.negotiated_cipher_suite());
    let agreed = Agreed { options, words };
    Connection::new(inside, agreed)
}
