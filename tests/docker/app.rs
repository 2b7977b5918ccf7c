//! The image: busybox, and an HTTP server of two scripts that answers its own name.

use crate::harness::TempDir;
use std::path::Path;

/// What the image is called.
pub const IMAGE: &str = "piton-test-app";

/// Without busybox of the static kind there is nothing to run.
pub const BUSYBOX: [&str; 2] = ["/usr/bin/busybox", "/bin/busybox"];

/// Answers with `$NAME`, or the host name, at `$PORT`. Ends `$GRACE` seconds after SIGTERM, at once without it, and by
/// itself after ten minutes.
const START: &str = r#"name=${NAME:-$(hostname)}
export name
trap 'sleep "${GRACE:-0}"; exit 0' TERM
timeout 600 nc -ll -p "${PORT:-80}" -e /bin/sh /bin/serve &
wait
"#;

/// One connection. Each answer is one write: who is killed has answered, or has not.
const SERVE: &str = r#"while IFS= read -r line; do
  [ "${#line}" -gt 1 ] && continue
  printf 'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s' "${#name}" "$name"
done
"#;

const DOCKERFILE: &str = r#"FROM scratch
COPY bin /bin
EXPOSE 80
ENTRYPOINT ["/bin/sh", "/bin/start"]
"#;

/// The busybox of this machine, if it can run alone.
pub fn busybox() -> Option<&'static Path> {
    let found = BUSYBOX.iter().map(Path::new).find(|path| path.exists())?;
    let ldd = std::process::Command::new("ldd").arg(found).output().ok()?;
    // "not a dynamic executable"; musl's says nothing of the kind, but fails as well.
    (!ldd.status.success()).then_some(found)
}

/// A directory to build the image from.
pub fn context() -> TempDir {
    let dir = TempDir::new();
    dir.write("Dockerfile", DOCKERFILE);
    dir.write("bin/start", START);
    dir.write("bin/serve", SERVE);
    std::fs::copy(busybox().expect("busybox-static"), dir.join("bin/busybox")).unwrap();
    std::os::unix::fs::symlink("busybox", dir.join("bin/sh")).unwrap();
    dir
}
