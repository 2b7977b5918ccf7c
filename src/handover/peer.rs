//! Whom the other end belongs to. `upgrade_sock` is in `/tmp` by default, where anybody may put a socket.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use tokio::net::UnixStream;

/// `EPROTOTYPE` of Linux: there is a socket, but of another type.
const OTHER_TYPE: i32 = 91;
const ROOT: u32 = 0;

/// Does somebody listen there, as this user or as root? Asked without connecting: a connection would be taken
/// for the hand-over itself.
///
/// # Errors
/// When it is somebody else's.
pub(super) fn is_listening(path: &Path) -> Result<bool, String> {
    // The kernel looks for the socket first and only then finds that a stream is no datagram socket.
    let asked = UnixDatagram::unbound().and_then(|socket| socket.connect(path));
    if !asked.is_err_and(|error| error.raw_os_error() == Some(OTHER_TYPE)) {
        return Ok(false);
    }
    let found = fs::symlink_metadata(path).map_err(|error| error.to_string())?;
    if found.file_type().is_socket() && is_trusted(found.uid(), own_user().map_err(|e| e.to_string())?) {
        Ok(true)
    } else {
        Err(format!("{path:?} belongs to user {}", found.uid()))
    }
}

/// Is the other end's user this one, or root?
pub(super) fn check(stream: &UnixStream) -> io::Result<()> {
    let user = stream.peer_cred()?.uid();
    if is_trusted(user, own_user()?) {
        Ok(())
    } else {
        Err(io::Error::other(format!("it is user {user}")))
    }
}

fn is_trusted(user: u32, own: u32) -> bool {
    user == own || user == ROOT
}

/// The user of this process: that of its directory in `/proc`.
fn own_user() -> io::Result<u32> {
    Ok(fs::metadata("/proc/self")?.uid())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_listener_is_seen_without_a_connection_and_a_dead_one_is_none() {
        let path = std::env::temp_dir().join(format!("piton-peer-{}.sock", std::process::id()));
        assert_eq!(is_listening(&path), Ok(false));
        let listener = UnixListener::bind(&path).unwrap();
        listener.set_nonblocking(true).unwrap();
        assert_eq!(is_listening(&path), Ok(true));
        assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(listener);
        assert_eq!(is_listening(&path), Ok(false), "only the file is left");
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn only_the_same_user_and_root_are_trusted() {
        assert!(is_trusted(1000, 1000) && is_trusted(ROOT, 1000));
        assert!(!is_trusted(1001, 1000) && !is_trusted(1000, ROOT));
    }
}
