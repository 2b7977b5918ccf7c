//! An engine that is none: it answers as Docker does, does what a real one does not do on demand, and
//! remembers what it was asked.
#![allow(dead_code, reason = "every test and bench uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a panic is the report"
)]

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

use rustls::ServerConfig;
use serde_json::Value;

#[path = "engine/container.rs"]
mod container;
#[path = "engine/events.rs"]
mod events;
#[path = "engine/talk.rs"]
mod talk;
#[path = "engine/wire.rs"]
mod wire;

pub use container::Container;
use wire::{Handle, Listening};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Path and query.
    pub target: String,
    /// Request line and fields.
    pub head: String,
}

impl Asked {
    /// The value of a field.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let found = fields.find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim())
    }
}

/// What comes instead of the right answer.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Nothing, until [`Engine::behave`]; then the right one.
    Held,
    /// A status and a body of this type.
    Status(u16, &'static str, &'static str),
    /// These bytes, then the connection ends.
    Bytes(Vec<u8>),
    /// A list that never ends.
    Endless,
    /// The right answer, but only its first half; then the connection ends.
    Half,
    /// The connection ends.
    Nothing,
}

/// Everything that a test may change while it is asked.
#[derive(Default)]
struct State {
    containers: BTreeMap<String, Container>,
    /// Further pages by their path without version and query.
    pages: BTreeMap<String, Value>,
    /// By what the target contains.
    moods: Vec<(String, Answer)>,
    asked: Vec<Asked>,
    listeners: Vec<Sender<Vec<u8>>>,
    /// Counts events, so that each has its own time.
    events: u64,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    stopping: AtomicBool,
    open: Mutex<Vec<Arc<Handle>>>,
    tls: Option<Arc<ServerConfig>>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

#[derive(Debug, Clone)]
enum Place {
    Unix(PathBuf),
    Tcp(SocketAddr),
}

/// The engine; it ends when dropped.
pub struct Engine {
    place: Place,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Engine {
    /// Behind a socket at this path.
    pub fn at(path: &Path) -> Self {
        let mut engine = Self::away(path);
        engine.come_back();
        engine
    }

    /// Behind a socket at this path, once [`Engine::come_back`] is called.
    pub fn away(path: &Path) -> Self {
        Self::new(Place::Unix(path.to_owned()), None)
    }

    /// At a port of 127.0.0.1.
    pub fn tcp(tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut engine = Self::new(Place::Tcp(listener.local_addr().unwrap()), tls);
        engine.accept(Listening::Tcp(listener, engine.shared.tls.clone()));
        engine
    }

    fn new(place: Place, tls: Option<Arc<ServerConfig>>) -> Self {
        let shared = Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            stopping: AtomicBool::new(false),
            open: Mutex::default(),
            tls,
        };
        Self {
            place,
            shared: Arc::new(shared),
            accepting: None,
        }
    }

    /// Its `endpoint`, as the configuration has it; `scheme` is that of a port.
    pub fn endpoint(&self, scheme: &str) -> String {
        match &self.place {
            Place::Unix(path) => format!("unix://{}", path.display()),
            Place::Tcp(address) => format!("{scheme}://{address}"),
        }
    }

    /// Ends every connection, and lets nobody in.
    pub fn leave(&mut self) {
        let Some(accepting) = self.accepting.take() else {
            return;
        };
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.shared.state().listeners.clear();
        self.shared.changed.notify_all();
        // Wakes the thread that accepts; its listener closes with it.
        match &self.place {
            Place::Unix(path) => {
                let _ = UnixStream::connect(path);
                let _ = std::fs::remove_file(path);
            }
            Place::Tcp(address) => drop(TcpStream::connect(address)),
        }
        accepting.join().expect("the accepting thread");
        self.cut();
    }

    /// Listens again.
    pub fn come_back(&mut self) {
        self.shared.stopping.store(false, Ordering::SeqCst);
        let listening = match &self.place {
            Place::Unix(path) => Listening::Unix(UnixListener::bind(path).unwrap()),
            Place::Tcp(address) => {
                Listening::Tcp(TcpListener::bind(address).unwrap(), self.shared.tls.clone())
            }
        };
        self.accept(listening);
    }

    fn accept(&mut self, listening: Listening) {
        let shared = Arc::clone(&self.shared);
        self.accepting = Some(thread::spawn(move || {
            loop {
                let accepted = listening.accept();
                if shared.stopping.load(Ordering::SeqCst) {
                    return;
                }
                let Ok((stream, handle)) = accepted else { continue };
                let handle = Arc::new(handle);
                shared.open.lock().unwrap().push(Arc::clone(&handle));
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    talk::converse(&shared, stream);
                    // The second handle keeps it open otherwise.
                    handle.end();
                });
            }
        }));
    }

    /// Ends every connection, the event stream among them; new ones may come.
    pub fn cut(&self) {
        self.shared.state().listeners.clear();
        for handle in self.shared.open.lock().unwrap().drain(..) {
            handle.end();
        }
    }

    /// Answers requests whose target contains `part` otherwise from now on.
    pub fn misbehave(&self, part: &str, answer: Answer) {
        self.shared.state().moods.push((part.to_owned(), answer));
    }

    /// Answers everything as it should; what was held goes out.
    pub fn behave(&self) {
        self.shared.state().moods.clear();
        self.shared.changed.notify_all();
    }

    /// The page at a path without version and query, such as `/services`.
    pub fn page(&self, path: &str, page: Value) {
        self.shared.state().pages.insert(path.to_owned(), page);
    }

    /// Everything asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.state().asked.clone()
    }

    /// How many targets contain `part`.
    pub fn count(&self, part: &str) -> usize {
        let state = self.shared.state();
        state
            .asked
            .iter()
            .filter(|asked| asked.target.contains(part))
            .count()
    }

    /// The names of the containers that were inspected since [`Engine::forget`], in order.
    pub fn inspected(&self) -> Vec<String> {
        let state = self.shared.state();
        let name = |asked: &Asked| {
            let path = asked.target.split('?').next().unwrap_or_default();
            let id = path.strip_suffix("/json")?.rsplit('/').next()?;
            (id != "containers").then(|| {
                state
                    .containers
                    .get(id)
                    .map_or("?", |found| &found.name)
                    .to_owned()
            })
        };
        state.asked.iter().filter_map(name).collect()
    }

    /// Forgets what it was asked.
    pub fn forget(&self) {
        self.shared.state().asked.clear();
    }

    /// How many event streams are open, as far as it knows.
    pub fn listeners(&self) -> usize {
        self.shared.state().listeners.len()
    }

    /// Puts containers in place without telling anybody.
    pub fn put(&self, containers: impl IntoIterator<Item = Container>) {
        let mut state = self.shared.state();
        for container in containers {
            state.containers.insert(container.id.clone(), container);
        }
    }

    /// Takes a container away without telling anybody.
    pub fn take(&self, name: &str) -> Container {
        let id = self.find(name).id;
        self.shared.state().containers.remove(&id).unwrap()
    }

    /// Changes a container without telling anybody.
    pub fn change(&self, name: &str, change: impl FnOnce(&mut Container)) {
        let id = self.find(name).id;
        change(self.shared.state().containers.get_mut(&id).unwrap());
    }

    /// The container of that name.
    pub fn find(&self, name: &str) -> Container {
        let state = self.shared.state();
        let found = state.containers.values().find(|container| container.name == name);
        found.unwrap_or_else(|| panic!("no container {name}")).clone()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.leave();
    }
}
