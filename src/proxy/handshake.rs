//! TLS on accepted connections: which options and certificate a client gets is decided by the name it asks for, by the
//! configuration of that moment. A connection stays under what its handshake agreed on.

mod connection;

use std::io;
use std::time::Duration;

use std::sync::Arc;

use arc_swap::ArcSwap;
use pingora::protocols::Stream;
use pingora_proxy::Session;
use rustls::server::Acceptor;
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;

use crate::routing::Snapshot;
use connection::Connection;

/// How long a handshake may take.
const AT_MOST: Duration = Duration::from_secs(10);

/// The first byte of a TLS record that begins a handshake; no request begins with it.
const HANDSHAKE: u8 = 0x16;

/// What a handshake was about.
#[derive(Debug)]
pub(super) struct Agreed {
    /// Qualified name of the options.
    pub(super) options: Arc<str>,
}

/// What was agreed on in the handshake of a request's connection; `None` for one without TLS.
pub(super) fn of(session: &Session) -> Option<&Agreed> {
    let digest = session.digest()?.proxy_digest.as_ref()?;
    digest.user_data.as_ref()?.downcast_ref()
}

/// The connection as requests come over it: what is inside TLS, where the client begins a handshake; else itself.
/// Waits for the first byte for as long as the caller lets it.
///
/// # Errors
/// Why there will be no request: the client has left, or the handshake failed.
pub(super) async fn open(
    mut stream: Stream,
    published: &ArcSwap<Snapshot>,
    entry_point: usize,
) -> io::Result<Stream> {
    let mut first = [0];
    let is_seen = stream.try_peek(&mut first).await?;
    if !is_seen || first != [HANDSHAKE] {
        return Ok(stream);
    }
    match timeout(AT_MOST, accept(stream, published, entry_point)).await {
        Ok(accepted) => accepted,
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the handshake took too long",
        )),
    }
}

/// Shakes hands on `stream`, under the options that `entry_point` has for the name that the client asks for.
///
/// # Errors
/// When there are none, or the client and they do not agree; it has been sent an alert.
async fn accept(stream: Stream, published: &ArcSwap<Snapshot>, entry_point: usize) -> io::Result<Stream> {
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
    let agreed = Agreed {
        options: Arc::clone(options.name()),
    };
    Ok(Box::new(Connection::new(inside, agreed)?))
}
