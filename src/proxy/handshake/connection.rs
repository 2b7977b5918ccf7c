//! A connection inside TLS, as Pingora knows connections.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use http::StatusCode;
use pingora::http::ResponseHeader;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::tls::SslDigest;
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, TimingDigest,
    UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_rustls::server::TlsStream;

use super::Agreed;
use crate::connection::Rewound;

/// What is inside TLS.
#[derive(Debug)]
pub(in crate::proxy) struct Connection {
    inside: TlsStream<Rewound>,
    tls: Arc<SslDigest>,
    /// The one place that every request is shown and that can carry anything; there is no proxy.
    agreed: Arc<ProxyDigest>,
    timing: TimingDigest,
}

impl Connection {
    /// To be called when the handshake is complete.
    ///
    /// # Errors
    /// None in practice.
    pub(super) fn new(inside: TlsStream<Rewound>, agreed: Agreed) -> io::Result<Self> {
        let (_, session) = inside.get_ref();
        let suite = session.negotiated_cipher_suite();
        let suite = suite.and_then(|suite| suite.suite().as_str());
        let version = session.protocol_version().and_then(|version| version.as_str());
        let tls = SslDigest::new(
            suite.unwrap_or_default(),
            version.unwrap_or_default(),
            None,
            None,
            Vec::new(),
        );
        let nothing = ResponseHeader::build(StatusCode::OK, None).map_err(io::Error::other)?;
        Ok(Self {
            tls: Arc::new(tls),
            agreed: Arc::new(ProxyDigest::new(Box::new(nothing), Some(Box::new(agreed)))),
            timing: TimingDigest::default(),
            inside,
        })
    }

    fn outside(&self) -> &Rewound {
        self.inside.get_ref().0
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inside).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inside).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inside).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.inside.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inside).poll_flush(context)
    }

    /// Says that nothing more will come: an end without that word could be anybody's.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inside).poll_shutdown(context)
    }
}

#[async_trait]
impl Shutdown for Connection {
    async fn shutdown(&mut self) {
        if let Err(error) = AsyncWriteExt::shutdown(self).await {
            tracing::debug!("a TLS connection ended without a word: {error}");
        }
    }
}

impl UniqueID for Connection {
    fn id(&self) -> UniqueIDType {
        self.outside().id()
    }
}

impl Ssl for Connection {
    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        Some(Arc::clone(&self.tls))
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        match self.inside.get_ref().1.alpn_protocol()? {
            b"h2" => Some(ALPN::H2),
            _ => Some(ALPN::H1),
        }
    }
}

impl GetTimingDigest for Connection {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        let mut layers = self.outside().get_timing_digest();
        layers.push(Some(self.timing.clone()));
        layers
    }

    fn get_read_pending_time(&self) -> Duration {
        self.outside().get_read_pending_time()
    }

    fn get_write_pending_time(&self) -> Duration {
        self.outside().get_write_pending_time()
    }
}

impl GetProxyDigest for Connection {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        Some(Arc::clone(&self.agreed))
    }
}

impl GetSocketDigest for Connection {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.outside().get_socket_digest()
    }
}

/// Nobody looks ahead inside TLS: the protocol is agreed on in the handshake.
impl Peek for Connection {}
