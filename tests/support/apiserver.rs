//! An API server of Kubernetes that is none: objects, lists, watches, leases, events and refusals as a real one (1.34) has
//! them, over HTTPS with a token; and what a real one does not do on demand.
#![allow(dead_code, reason = "every test and bench uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic is the report"
)]

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use base64::Engine as _;
use rustls::ServerConfig;
use serde_json::Value;
use socket2::{Domain, Socket, Type};

#[path = "apiserver/answer.rs"]
mod answer;
#[path = "apiserver/status.rs"]
mod status;
#[path = "apiserver/store.rs"]
mod store;
#[path = "apiserver/talk.rs"]
mod talk;
#[path = "apiserver/wanted.rs"]
mod wanted;
#[path = "apiserver/watch.rs"]
mod watch;
#[path = "apiserver/wire.rs"]
mod wire;

pub use wanted::Resource;
use wanted::Wanted;
use wire::Request;

/// The token that is good at first.
pub const TOKEN: &str = "t0ken";
/// Whose it is.
pub const USER: &str = "system:serviceaccount:default:piton";

/// A request as it came, and how it was answered.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Empty when the token is no good.
    pub user: String,
    pub verb: &'static str,
    /// `ingresses/status`; the path for what there is not.
    pub resource: String,
    pub namespace: String,
    pub name: String,
    /// Path and query.
    pub target: String,
    pub body: Value,
    /// 0 until it is answered.
    pub code: u16,
}

impl Asked {
    fn of(request: &Request, user: Option<&str>, wanted: Option<&Wanted>) -> Self {
        Self {
            user: user.unwrap_or_default().to_owned(),
            verb: wanted.map_or("", |wanted| wanted.verb),
            resource: wanted.map_or_else(|| request.target.clone(), Wanted::resource_name),
            namespace: wanted.map_or_else(String::new, |wanted| wanted.namespace.clone()),
            name: wanted.map_or_else(String::new, |wanted| wanted.name.clone()),
            target: request.target.clone(),
            body: serde_json::from_slice(&request.body).unwrap_or_default(),
            code: 0,
        }
    }

    /// Did it change anything?
    pub fn has_written(&self) -> bool {
        matches!(self.verb, "create" | "update" | "patch" | "delete") && (200..300).contains(&self.code)
    }
}

/// What comes instead of the right answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing, until [`ApiServer::behave`]; then the right one.
    Held,
    /// A `Status` with this code.
    Status(u16),
    /// The first half of the right answer, then the connection ends.
    Half,
    /// The connection ends.
    Nothing,
}

/// What all open watches do at once.
#[derive(Debug, Clone, Copy)]
enum Signal {
    Bookmark,
    End,
    Expire,
}

#[derive(Default)]
struct State {
    store: store::Store,
    /// Users by their tokens.
    tokens: BTreeMap<String, String>,
    /// Verb, resource, namespace; `*` is any.
    denied: Vec<[String; 3]>,
    /// Verb, resource, namespace, name: all that is allowed, if that is said.
    permitted: Option<Vec<[String; 4]>>,
    faults: Vec<(String, String, Fault)>,
    signals: Vec<Signal>,
    asked: Vec<Asked>,
    /// How many of them are forgotten.
    forgotten: usize,
    /// Resources, and the connections that watch them.
    watching: Vec<(&'static str, Arc<TcpStream>)>,
    is_quiet: bool,
    refuses_old: bool,
}

impl State {
    fn fault(&self, wanted: &Wanted) -> Option<Fault> {
        let mut faults = self.faults.iter();
        let is_meant = |verb: &str, resource: &str| {
            (verb == "*" || verb == wanted.verb) && (resource == "*" || resource == wanted.resource_name())
        };
        faults
            .find(|(verb, resource, _)| is_meant(verb, resource))
            .map(|(_, _, fault)| *fault)
    }

    fn denies(&self, wanted: &Wanted) -> bool {
        let name = wanted.resource_name();
        let asked = [wanted.verb, &name, &wanted.namespace, &wanted.name];
        fn is_meant(rule: &[String], asked: &[&str]) -> bool {
            let mut pairs = rule.iter().zip(asked);
            pairs.all(|(rule, asked)| rule == "*" || rule == asked)
        }
        let mut permitted = self.permitted.iter().flatten();
        self.denied.iter().any(|rule| is_meant(rule, &asked))
            || self.permitted.is_some() && !permitted.any(|rule| is_meant(rule, &asked))
    }
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    stopping: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
    tls: Arc<ServerConfig>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The server; it ends when dropped. Its port is its own also while it is away.
pub struct ApiServer {
    _port: Socket,
    address: SocketAddr,
    authority: String,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl ApiServer {
    /// Without objects.
    pub fn new() -> Self {
        let mut server = Self::away();
        server.come_back();
        server
    }

    /// Listens once [`ApiServer::come_back`] is called.
    pub fn away() -> Self {
        let port = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        port.set_reuse_address(true).unwrap();
        port.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        let (authority, tls) = wire::certificate();
        let state = State {
            tokens: BTreeMap::from([(TOKEN.to_owned(), USER.to_owned())]),
            ..State::default()
        };
        Self {
            address: port.local_addr().unwrap().as_socket().unwrap(),
            _port: port,
            authority,
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                changed: Condvar::new(),
                stopping: AtomicBool::new(false),
                open: Mutex::default(),
                tls,
            }),
            accepting: None,
        }
    }

    /// `https://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate of its authority.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// A kubeconfig for it; `user` is `token: x`, or `tokenFile: path`.
    pub fn kubeconfig(&self, user: &str) -> String {
        let authority = base64::engine::general_purpose::STANDARD.encode(&self.authority);
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\ncontexts:\n- name: test\n  context: {{cluster: test, user: test}}\n\
             clusters:\n- name: test\n  cluster: {{server: \"{}\", certificate-authority-data: {authority}}}\n\
             users:\n- name: test\n  user: {{{user}}}\n",
            self.url()
        )
    }

    /// Ends every connection, and lets nobody in.
    pub fn leave(&mut self) {
        let Some(accepting) = self.accepting.take() else {
            return;
        };
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.shared.changed.notify_all();
        // Wakes the thread that accepts; its listener closes with it.
        drop(TcpStream::connect(self.address));
        accepting.join().expect("the accepting thread");
        self.cut();
    }

    /// Listens again.
    pub fn come_back(&mut self) {
        self.shared.stopping.store(false, Ordering::SeqCst);
        let listener = TcpListener::bind(self.address).unwrap();
        let shared = Arc::clone(&self.shared);
        self.accepting = Some(thread::spawn(move || {
            loop {
                let accepted = listener.accept();
                if shared.stopping.load(Ordering::SeqCst) {
                    return;
                }
                let Ok((stream, _)) = accepted else { continue };
                let Ok(second) = stream.try_clone() else { continue };
                shared.open.lock().unwrap().push(second);
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    let closing = stream.try_clone();
                    talk::converse(&shared, stream);
                    // The second handle keeps it open otherwise.
                    closing.iter().for_each(wire::end);
                });
            }
        }));
    }

    /// Ends every connection, watches among them; new ones may come.
    pub fn cut(&self) {
        self.shared
            .open
            .lock()
            .unwrap()
            .drain(..)
            .for_each(|stream| wire::end(&stream));
    }

    /// Applies an object as it is; a status that it does not have stays.
    pub fn apply(&self, mut object: Value) {
        let resource = Resource::find(object["kind"].as_str().expect("a kind"));
        let mut state = self.shared.state();
        let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
        let before = state.store.get(resource, text("namespace"), text("name"));
        if let (Value::Null, Some(before)) = (&object["status"], before) {
            object["status"] = before["status"].clone();
        }
        state.store.put(resource, object);
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Deletes an object that is there.
    pub fn delete(&self, kind: &str, namespace: &str, name: &str) {
        let deleted = self
            .shared
            .state()
            .store
            .delete(Resource::find(kind), namespace, name);
        assert!(deleted.is_some(), "no {kind} {namespace}/{name}");
        self.shared.changed.notify_all();
    }

    /// An object as it is now.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let resource = Resource::find(kind);
        let state = self.shared.state();
        let found = state.store.get(resource, namespace, name);
        found.map(|object| store::whole(resource, object))
    }

    /// All objects of a kind.
    pub fn all(&self, kind: &str) -> Vec<Value> {
        let resource = Resource::find(kind);
        let all = self.shared.state().store.list(resource, "", None);
        all.iter().map(|object| store::whole(resource, object)).collect()
    }

    /// Forgets the past: whoever watches from an older version is told 410, by an ERROR line as real ones do, or by
    /// the status of the answer.
    pub fn compact(&self, as_status: bool) {
        let mut state = self.shared.state();
        state.store.compact();
        state.refuses_old = as_status;
    }

    /// Watches are open, but say nothing; or they do again.
    pub fn be_quiet(&self, is_quiet: bool) {
        self.shared.state().is_quiet = is_quiet;
        self.shared.changed.notify_all();
    }

    /// Tells every watch how far it is.
    pub fn bookmark(&self) {
        self.signal(Signal::Bookmark);
    }

    /// Ends every watch in order, as its `timeoutSeconds` do.
    pub fn end_watches(&self) {
        self.signal(Signal::End);
    }

    /// Ends every watch by an ERROR line: 410.
    pub fn expire_watches(&self) {
        self.signal(Signal::Expire);
    }

    fn signal(&self, signal: Signal) {
        self.shared.state().signals.push(signal);
        self.shared.changed.notify_all();
    }

    /// From now on only this token is good.
    pub fn rotate(&self, token: &str) {
        self.shared.state().tokens = BTreeMap::from([(token.to_owned(), USER.to_owned())]);
    }

    /// Refuses a verb on a resource (`ingresses/status`) in a namespace; `*` is any, and no namespace is `""`.
    pub fn deny(&self, verb: &str, resource: &str, namespace: &str) {
        let denied = [verb, resource, namespace].map(str::to_owned);
        self.shared.state().denied.push(denied);
    }

    /// Allows nothing but this from now on: verb, resource, namespace, name; `*` is any.
    pub fn permit(&self, rules: Vec<[String; 4]>) {
        self.shared.state().permitted = Some(rules);
    }

    /// Refuses nothing any more.
    pub fn allow(&self) {
        self.shared.state().denied.clear();
    }

    /// Answers a verb on a resource otherwise from now on; `*` is any.
    pub fn misbehave(&self, verb: &str, resource: &str, fault: Fault) {
        let mut state = self.shared.state();
        state.faults.push((verb.to_owned(), resource.to_owned(), fault));
    }

    /// Answers everything as it should; what was held goes out.
    pub fn behave(&self) {
        self.shared.state().faults.clear();
        self.shared.changed.notify_all();
    }

    /// Everything asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        let state = self.shared.state();
        state.asked[state.forgotten..].to_vec()
    }

    /// How many requests of a verb for a resource came; `*` is any.
    pub fn count(&self, verb: &str, resource: &str) -> usize {
        let state = self.shared.state();
        let is_meant = |asked: &&Asked| {
            (verb == "*" || asked.verb == verb) && (resource == "*" || asked.resource == resource)
        };
        state.asked[state.forgotten..].iter().filter(is_meant).count()
    }

    /// What was written to a resource, in order.
    pub fn written(&self, resource: &str) -> Vec<Asked> {
        let mut asked = self.asked();
        asked.retain(|asked| asked.resource == resource && asked.has_written());
        asked
    }

    /// Forgets what it was asked.
    pub fn forget(&self) {
        let mut state = self.shared.state();
        state.forgotten = state.asked.len();
    }

    /// How many watches of a resource are open, their clients being there.
    pub fn watching(&self, resource: &str) -> usize {
        let state = self.shared.state();
        let watches = state.watching.iter().filter(|(watched, _)| *watched == resource);
        watches.filter(|(_, handle)| !wire::is_over(handle)).count()
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.leave();
    }
}
