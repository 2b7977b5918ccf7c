//! The API on a unix socket: whoever may open it may change something.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};

use super::{Api, Asked};
use crate::routing::Snapshot;

/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);

/// Wait after the system could not accept.
const PAUSE: Duration = Duration::from_millis(100);

/// Binds a socket at `path` that only this user may open. One that is there already is replaced: the process before
/// this one, if it lives, goes on with those it has accepted.
///
/// # Errors
/// What the system said.
pub fn bind(path: &Path) -> io::Result<net::UnixListener> {
    let is_other = path
        .symlink_metadata()
        .is_ok_and(|it| !std::os::unix::fs::FileTypeExt::is_socket(&it.file_type()));
    if is_other {
        return Err(io::Error::other("something that is no socket is there"));
    }
    // Under another name until nobody else may open it.
    let mut hidden = path.as_os_str().to_owned();
    hidden.push(format!(".{}", std::process::id()));
    let hidden = Path::new(&hidden);
    let _ = fs::remove_file(hidden);
    let listener = net::UnixListener::bind(hidden)?;
    fs::set_permissions(hidden, Permissions::from_mode(0o600))?;
    fs::rename(hidden, path)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Answers on `listener` for ever.
pub async fn serve(listener: net::UnixListener, api: Arc<Api>, published: Arc<ArcSwap<Snapshot>>) {
    let listener = match UnixListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!("api.write.socket cannot be served: {error}");
            return std::future::pending().await;
        }
    };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(talk(
                stream,
                Arc::clone(&api),
                Arc::clone(&published),
            ))),
            Err(error) => {
                tracing::warn!("api.write.socket: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn talk(stream: UnixStream, api: Arc<Api>, published: Arc<ArcSwap<Snapshot>>) {
    let who = match stream.peer_cred() {
        Ok(peer) => format!("uid {}", peer.uid()),
        Err(_) => "socket".to_owned(),
    };
    let answer = service_fn(move |request: Request<Incoming>| {
        let asked = Asked {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            bearer: None,
            is_trusted: true,
            who: who.clone(),
        };
        let reply = api.answer(&asked, &published.load());
        let mut response = Response::new(Full::new(Bytes::from(reply.body)));
        *response.status_mut() = reply.status;
        let fields = response.headers_mut();
        fields.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(reply.kind));
        if let Some(page) = reply.next_page {
            fields.insert("x-next-page", page.into());
        }
        async move { Ok::<_, std::convert::Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), answer);
    if let Err(error) = connection.await {
        tracing::debug!("api.write.socket: {error}");
    }
}
