//! Certificates that are replaced, in the ways in which they are, while everybody asks.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::*;
use crate::harness::{eventually, swap};

/// Clients that ask until they are told to stop: some keep their connection, some shake hands each time.
struct Users {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
}

impl Users {
    fn at(address: SocketAddr, roots: &RootCertStore) -> Self {
        let mut users = Self {
            stop: Arc::default(),
            asked: Arc::default(),
            threads: Vec::new(),
        };
        for keeps in [true, true, false, false] {
            let (stop, asked) = (Arc::clone(&users.stop), Arc::clone(&users.asked));
            let roots = roots.clone();
            let connect = move || Inside::connect(address, "a.test", &roots).expect("no handshake fails");
            users.threads.push(thread::spawn(move || {
                let mut connection = connect();
                while !stop.load(Ordering::Relaxed) {
                    if !keeps {
                        connection = connect();
                    }
                    let answer = connection.get("a.test").expect("no request is lost");
                    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            }));
        }
        users
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// Their panics are failures of the test.
    fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("a user without complaints");
        }
        self.asked.load(Ordering::Relaxed)
    }
}

fn served(address: SocketAddr, roots: &RootCertStore) -> CertificateDer<'static> {
    Inside::connect(address, "a.test", roots)
        .expect("a handshake")
        .certificate()
}

fn der(leaf: &Leaf) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(leaf.certificate.as_bytes()).unwrap()
}

/// A piton whose certificate is at `a.crt` and `a.key` in a directory.
fn serving(server: &Server, directory: &str) -> Piton {
    let setup = Setup::new("");
    let path = setup.dir().join(directory);
    let file = |name: &str| path.join(name).display().to_string();
    let tls = format!(
        "certificates: [{{certFile: {}, keyFile: {}}}]",
        file("a.crt"),
        file("a.key")
    );
    setup.dir().write("dynamic.yaml", &site(server, TO_A, &tls));
    setup.start()
}

fn put(directory: &Path, leaf: &Leaf) {
    fs::create_dir_all(directory).unwrap();
    let key = directory.join("a.key");
    fs::write(directory.join("a.crt"), &leaf.certificate).unwrap();
    fs::write(&key, &leaf.key).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
}

#[test]
fn a_certificate_renamed_over_the_old_one_is_served_and_no_request_fails() {
    let (server, authority) = (Server::named("app"), Authority::new("test"));
    let roots = roots_of(&authority);
    let piton = serving(&server, "certs");
    let certs = piton.dir().join("certs");
    let first = authority.sign(&["a.test"]);
    put(&certs, &first);
    eventually("the first certificate", || {
        Inside::connect(piton.address(), "a.test", &roots).is_ok()
    });
    let users = Users::at(piton.address(), &roots);
    let mut kept = Inside::connect(piton.address(), "a.test", &roots).unwrap();
    for round in 0..5 {
        let leaf = authority.sign(&["a.test"]);
        // One file after the other, as most programs do it; now and then piton sees the one without the other.
        swap(&certs.join("a.crt"), &leaf.certificate);
        if round % 2 == 0 {
            let seen = || piton.count(&["keyFile", "the one read before stays in use"]);
            eventually("half a pair is seen", || seen() > round / 2);
            let before = users.asked();
            eventually("requests meanwhile", || users.asked() > before + 20);
        }
        swap(&certs.join("a.key"), &leaf.key);
        eventually("the new certificate", || {
            served(piton.address(), &roots) == der(&leaf)
        });
        let before = users.asked();
        eventually("requests after it", || users.asked() > before + 20);
    }
    assert!(users.end() > 200);
    assert!(kept.get("a.test").is_ok(), "open connections live on");
    assert_eq!(kept.certificate(), der(&first));
}

#[test]
fn a_directory_swapped_by_a_link_is_served_and_an_emptied_one_changes_nothing() {
    let (server, authority) = (Server::named("app"), Authority::new("test"));
    let roots = roots_of(&authority);
    let piton = serving(&server, "certs");
    let dir = piton.dir().to_owned();
    let link = |to: &str| {
        symlink(to, dir.join("next")).unwrap();
        fs::rename(dir.join("next"), dir.join("certs")).unwrap();
    };
    let leaves = [authority.sign(&["a.test"]), authority.sign(&["a.test"])];
    for (name, leaf) in ["..one", "..two"].into_iter().zip(&leaves) {
        put(&dir.join(name), leaf);
        link(name);
        eventually("the certificate of the link", || {
            Inside::connect(piton.address(), "a.test", &roots)
                .is_ok_and(|inside| inside.certificate() == der(leaf))
        });
    }
    fs::remove_file(dir.join("..two/a.crt")).unwrap();
    piton.wait_for_line(&["WARN", "a.crt", "the one read before stays in use"]);
    assert_eq!(served(piton.address(), &roots), der(&leaves[1]));
    // A mistake in the file does not keep certificates from being renewed.
    swap(&piton.file(), "http: {routers: [");
    piton.wait_for_line(&["the last good one stays in use"]);
    link("..one");
    eventually("the certificate of the link", || {
        served(piton.address(), &roots) == der(&leaves[0])
    });
}

#[test]
fn a_key_that_everybody_may_read_is_warned_about() {
    let (server, authority) = (Server::named("app"), Authority::new("test"));
    let piton = serving(&server, "certs");
    let certs = piton.dir().join("certs");
    put(&certs, &authority.sign(&["a.test"]));
    eventually("the certificate", || {
        Inside::connect(piton.address(), "a.test", &roots_of(&authority)).is_ok()
    });
    assert_eq!(piton.count(&["readable by everybody"]), 0);
    fs::set_permissions(certs.join("a.key"), fs::Permissions::from_mode(0o644)).unwrap();
    piton.wait_for_line(&["WARN", "keyFile", "certs/a.key", "readable by everybody"]);
    assert!(piton.log().iter().all(|line| !line.contains("PRIVATE KEY-")));
}
