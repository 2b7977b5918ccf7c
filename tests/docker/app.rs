//! The image: busybox, and an HTTP server of two scripts that answers its own name.

use std::path::Path;

use crate::harness::TempDir;

/// What the image is called.
pub const IMAGE: &str = "piton-test-app";

/// Without busybox of the static kind there is nothing to run.
pub const BUSYBOX: [&str; 2] = ["/usr/bin/busybox", "/bin/busybox"];

/// The application of the example: answers with `$NAME` at `$PORT`, ends `$GRACE` seconds after SIGTERM.
const START: &str = include_str!("../../conf/examples/docker/app/start");
/// One connection of it.
const SERVE: &str = include_str!("../../conf/examples/docker/app/serve");

/// It ends by itself after ten minutes, so that nothing stays for good.
const DOCKERFILE: &str = r#"FROM scratch
COPY bin /bin
COPY start serve /srv/
ENV LIFE=600
EXPOSE 80
ENTRYPOINT ["/bin/sh", "/srv/start"]
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
    dir.write("start", START);
    dir.write("serve", SERVE);
    std::fs::create_dir(dir.join("bin")).unwrap();
    std::fs::copy(busybox().expect("busybox-static"), dir.join("bin/busybox")).unwrap();
    std::os::unix::fs::symlink("busybox", dir.join("bin/sh")).unwrap();
    dir
}
