//! The new process's part.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use super::{MAX_STATE, READY, peer, state_path, verdicts};
use crate::clock;
use crate::routing::Snapshot;

/// How long the old process has to connect, and again to tell what it knows. It has connected before it
/// sent the sockets.
const PATIENCE: Duration = Duration::from_secs(2);

/// A new process that is to take over.
pub struct Arrival {
    path: PathBuf,
    listener: io::Result<net::UnixListener>,
}

impl Arrival {
    /// Listens for the old process; to be called before the sockets come, and before a fork.
    #[must_use]
    pub fn expected(upgrade_sock: &str) -> Self {
        let path = state_path(upgrade_sock);
        Self {
            listener: listen(&path),
            path,
        }
    }

    /// Adopts what the old process knows about the servers of `snapshot`. Without it everything works too,
    /// but has to be learned again.
    pub async fn receive(self, snapshot: &Snapshot) -> Welcome {
        let mut welcome = Welcome::default();
        let adopted = match self.listener.and_then(UnixListener::from_std) {
            Ok(listener) => adopt(&listener, snapshot, &mut welcome).await,
            Err(error) => Err(error.to_string()),
        };
        // It may belong to the user who started this process; the next upgrade removes it then.
        let _ = fs::remove_file(&self.path);
        match adopted {
            Ok(servers) => tracing::info!(servers, "verdicts of the old process adopted"),
            Err(reason) => {
                tracing::warn!(
                    "verdicts of the old process are not known: {:?}: {reason}",
                    self.path
                )
            }
        }
        welcome
    }
}

/// The old process, which waits to hear that it may go.
#[derive(Debug, Default)]
pub struct Welcome(Vec<UnixStream>);

impl Welcome {
    /// Says that this process accepts connections.
    pub fn ready(self) {
        for old in self.0 {
            // So few bytes always fit.
            if old.try_write(READY).is_err() {
                tracing::warn!("the old process waits no more: end it, if it is still there");
            }
        }
    }
}

fn listen(path: &Path) -> io::Result<net::UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = net::UnixListener::bind(path)?;
    // The old process may have given up root, which this one still has. Who connects is looked at.
    fs::set_permissions(path, Permissions::from_mode(0o666))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn adopt(listener: &UnixListener, snapshot: &Snapshot, welcome: &mut Welcome) -> Result<usize, String> {
    let accepted = timeout(PATIENCE, trusted(listener, welcome)).await;
    let old = accepted.map_err(|_| "nobody told them")??;
    let mut written = Vec::new();
    let mut reader = old.take(MAX_STATE + 1);
    let read = timeout(PATIENCE, reader.read_to_end(&mut written)).await;
    welcome.0.push(reader.into_inner());
    read.map_err(|_| "they did not end")?
        .map_err(|error| error.to_string())?;
    if written.len() as u64 > MAX_STATE {
        return Err("they are too long".to_owned());
    }
    verdicts::adopt(&written, snapshot, clock::now())
}

/// The first connection of a user who may tell this process something.
async fn trusted(listener: &UnixListener, welcome: &mut Welcome) -> Result<UnixStream, String> {
    loop {
        let (stream, _) = listener.accept().await.map_err(|error| error.to_string())?;
        match peer::check(&stream) {
            Ok(()) => return Ok(stream),
            Err(error) => {
                tracing::warn!("somebody else's verdicts are not listened to: {error}");
                // It may be the old process all the same, under a user of its own: it shall hear the end.
                welcome.0.push(stream);
            }
        }
    }
}
