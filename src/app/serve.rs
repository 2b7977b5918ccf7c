//! Starting: sockets, first configuration, Pingora's server with its services.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::unix::net::UnixListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderValue, StatusCode};
use pingora::listeners::{L4BufferSettings, ListenerConfig};
use pingora::server::configuration::{Opt, ServerConf};
use pingora::server::{RunArgs, Server, ShutdownWatch};
use pingora::services::background::{BackgroundService, background_service};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::conf::accept_longer;
use super::gate::Gate;
use super::identity::self_signed;
use super::internal;
use super::sources::Followers;
use super::startup::{StartFailure, Startup};
use crate::api::{Api, socket};
use crate::config::dynamic::middleware::access::EncodedCharacters;
use crate::config::install::{self, Install, Protocol, parse_address};
use crate::control::{Control, Settings};
use crate::disk::Disk;
use crate::handover::{Arrival, Offer};
use crate::health::Health;
use crate::listener::{Bound, Front, bind};
use crate::middleware::{Chain, Characters, Step};
use crate::observe::Observer;
use crate::provider::Update;
use crate::proxy::{Edge, EntryPoint, EntryPoints, Inside, Internals, Ping, service};
use crate::routing::{EntryPointSpec, Ground};
use crate::stop::{Signals, Stop};
use crate::upstream::Transport;
use crate::{logging, resolve};

/// Bytes of a response collected before they are written: header and small body leave in one packet.
const WRITE_BUFFER: usize = 16 * 1024;

/// How much later than its own end piton is ended by Pingora, should something be stuck.
const BACKSTOP_SECONDS: u64 = 5;

/// Serves until a signal ends it.
pub(super) fn serve(startup: Startup) -> Result<(), StartFailure> {
    let reopen = survive_signals();
    logging::start(&startup.install.log)?;
    let doors = Doors::open(&startup.install, startup.upgrade)?;
    let mut control = Control::new(settings(&startup.install)?);
    let (sender, updates) = mpsc::channel(16);
    let followers = startup.sources.read(&mut control, &sender, startup.upgrade)?;

    let opt = Opt {
        upgrade: startup.upgrade,
        ..Opt::default()
    };
    let stop = Arc::new(Stop::new(grace(&startup.server)));
    let arrival = startup.upgrade.then(|| {
        let path = &startup.server.upgrade_sock;
        eprintln!("piton: waiting at {path} for the sockets of the old process: send it SIGQUIT now");
        Arrival::expected(path)
    });
    let mut server = Server::new_with_opt_and_conf(opt, with_backstop(startup.server));
    server.bootstrap();
    let sockets = Arc::default();
    let offer = Offer::new(
        &server.configuration.upgrade_sock,
        Arc::clone(&sockets),
        control.published(),
    );
    let signals = Signals::new(Arc::clone(&stop), accept_longer(&startup.install), offer)
        .map_err(|error| StartFailure::System(format!("signals: {error}")))?;
    let entry_points = Arc::new(doors.entry_points);
    // It lives as long as the process: no request has to count itself among those who use it.
    let observer: &'static Observer = Box::leak(Box::new(Observer::new(&startup.install, &doors.names)?));
    let api = Api::new(&startup.install, now_as_text()).map(Arc::new);
    let socket = api_socket(&startup.install)?.zip(api.clone());
    let internals = Internals {
        ping: Ping::new(
            Arc::clone(&stop),
            terminating_status(&startup.install),
            followers.readiness(),
        ),
        observer,
        reloads: control.reloads(),
        snapshot: control.published(),
        api,
    };
    let (edge, mirrors) = Edge::new(
        control.published(),
        Arc::clone(&entry_points),
        machine_name(),
        internals,
        Arc::clone(&stop),
        &server.configuration,
    );
    let inside = Inside::new(stop);
    let mut proxy = service(
        &server.configuration,
        edge,
        entry_points,
        inside.clone(),
        observer,
    );
    for key in &doors.keys {
        let buffers = L4BufferSettings::new(0, WRITE_BUFFER);
        proxy.add_listener(ListenerConfig::tcp(key).l4_buffer(buffers));
    }
    if let Some(announce) = startup.announce {
        announce(&doors.addresses);
    }
    for (name, address) in doors.names.iter().zip(&doors.addresses) {
        tracing::info!(name, %address, "entry point listening");
    }
    let front = Front::new(proxy, doors.sockets, doors.keys);
    let gate = Gate::new(front, inside, arrival, control.published(), sockets, observer);
    let gate = server.add_service(gate);
    let background = Background {
        parts: Mutex::new(Some(Parts {
            server: Arc::clone(&server.configuration),
            control,
            updates,
            followers,
            sender,
            observer,
            reopen,
            socket,
        })),
    };
    server.add_service(background_service("mirrors", mirrors));
    let background = server.add_service(background_service("background", background));
    // Probes shall begin with what the process before knew.
    background.add_dependency(&gate);
    server.add_services(startup.services);
    server.run(RunArgs {
        shutdown_signal: Box::new(signals),
    });
    Ok(())
}

/// Time for requests in flight at the end.
fn grace(conf: &ServerConf) -> Duration {
    Duration::from_secs(conf.grace_period_seconds.unwrap_or_default())
}

/// Pingora's own end, which knows nothing of what is still in flight, comes after the one of the [`Gate`].
fn with_backstop(mut conf: ServerConf) -> ServerConf {
    let grace = conf.grace_period_seconds.unwrap_or_default();
    conf.grace_period_seconds = Some(grace.saturating_add(BACKSTOP_SECONDS));
    conf
}

/// From here on SIGHUP and SIGUSR1 end the process no more, also before somebody listens for them: tokio keeps its
/// handler for good once there was one. The runtime has no thread that a later fork would lose.
/// Returns what hears SIGUSR1 from now on.
fn survive_signals() -> Option<Signal> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .ok()?;
    let _entered = runtime.enter();
    let _ = signal(SignalKind::hangup());
    signal(SignalKind::user_defined1()).ok()
}

/// The name of the machine, or of the pod; empty when it is not known.
pub(super) fn machine() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname");
    name.unwrap_or_default().trim().to_owned()
}

/// What `X-Forwarded-Server` says.
fn machine_name() -> HeaderValue {
    HeaderValue::from_str(&machine()).unwrap_or_else(|_| HeaderValue::from_static("piton"))
}

/// What the control loop works by.
pub(super) fn settings(install: &Install) -> Result<Settings, StartFailure> {
    let files = Arc::new(Disk::here());
    let transport = match install.servers_transport.clone() {
        Some(written) => Transport::new(&written.into(), &*files)?,
        None => Transport::default(),
    };
    let providers = &install.providers;
    Ok(Settings {
        ground: Ground {
            entry_points: specs(install),
            transport,
            files,
            certificate: Some(self_signed()?),
            internal: internal::services(install),
        },
        internal: Arc::new(internal::configuration(install)),
        precedence: providers.precedence.clone(),
        throttle: providers
            .providers_throttle_duration
            .positive()
            .unwrap_or(Duration::ZERO),
    })
}

/// Entry points in the order of their numbers, with those that routers get by default: the flagged ones,
/// else all but `traefik` (traefik-core 4.5).
fn specs(install: &Install) -> Vec<EntryPointSpec> {
    let all = || http_entry_points(install);
    let any_flagged = all().any(|(_, written)| written.as_default);
    let is_default = |name: &str, written: &install::EntryPoint| {
        if any_flagged {
            written.as_default
        } else {
            name != "traefik"
        }
    };
    all()
        .map(|(name, written)| EntryPointSpec {
            name: name.to_owned(),
            is_default: is_default(name, written),
            tls: written.http.tls.clone().into_inner(),
            middlewares: written.http.middlewares.clone(),
            guard: guard(name, written),
        })
        .collect()
}

/// What every request of an entry point has to pass: `http.encodedCharacters`.
fn guard(name: &str, written: &install::EntryPoint) -> Arc<Chain> {
    let Some(allowed) = &written.http.encoded_characters else {
        return Arc::default();
    };
    let characters = Characters::new(&EncodedCharacters {
        allow_encoded_slash: allowed.allow_encoded_slash,
        allow_encoded_back_slash: allowed.allow_encoded_back_slash,
        allow_encoded_null_character: allowed.allow_encoded_null_character,
        allow_encoded_semicolon: allowed.allow_encoded_semicolon,
        allow_encoded_percent: allowed.allow_encoded_percent,
        allow_encoded_question_mark: allowed.allow_encoded_question_mark,
        allow_encoded_hash: allowed.allow_encoded_hash,
    });
    if characters.is_empty() {
        return Arc::default();
    }
    Arc::new(Chain::new(vec![Step::of_entry_point(name, characters)]))
}

/// Entry points over TCP, by name.
fn http_entry_points(install: &Install) -> impl Iterator<Item = (&str, &install::EntryPoint)> {
    let is_tcp = |written: &install::EntryPoint| {
        parse_address(&written.address).is_ok_and(|address| address.protocol == Protocol::Tcp)
    };
    let all = install.entry_points.iter();
    all.filter(move |(_, written)| is_tcp(written))
        .map(|(name, written)| (name.as_str(), written))
}

/// Entry points and their sockets.
struct Doors {
    entry_points: EntryPoints,
    names: Vec<String>,
    keys: Vec<String>,
    addresses: Vec<SocketAddr>,
    sockets: Vec<Bound>,
}

impl Doors {
    /// Binds everything, or nothing and says why. At an upgrade the sockets come from the old process.
    fn open(install: &Install, upgrade: bool) -> Result<Self, StartFailure> {
        let mut entry_points = Vec::new();
        let (mut names, mut keys, mut addresses, mut sockets) = (vec![], vec![], vec![], vec![]);
        for (index, (name, written)) in http_entry_points(install).enumerate() {
            let entry_point = EntryPoint::new(name, index, written, &install.global);
            entry_points.push(entry_point.map_err(|reason| (name.to_owned(), reason))?);
            names.push(name.to_owned());
            let (host, port) = host_and_port(name, &written.address)?;
            if upgrade && port != 0 {
                let unspecified = IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED);
                let address = SocketAddr::new(host.unwrap_or(unspecified), port);
                keys.push(address.to_string());
                addresses.push(address);
            } else {
                let bound = bind(name, host, port, written.reuse_port)?;
                keys.push(bound.key.clone());
                addresses.push(bound.local);
                sockets.push(bound);
            }
        }
        let entry_points = EntryPoints::new(entry_points, addresses.clone());
        Ok(Self {
            entry_points: entry_points
                .ok_or_else(|| StartFailure::System("no entry point is left to listen on".to_owned()))?,
            names,
            keys,
            addresses,
            sockets,
        })
    }
}

/// What `/ping` says while the process is ending.
fn terminating_status(install: &Install) -> StatusCode {
    let written = install.ping.as_ref().map(|ping| ping.terminating_status_code);
    let status = written.and_then(|status| StatusCode::from_u16(status).ok());
    status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
}

/// The address to bind; a host name is looked up once.
fn host_and_port(name: &str, address: &str) -> Result<(Option<IpAddr>, u16), StartFailure> {
    let invalid = |reason: &dyn ToString| StartFailure::entry_point(name, &reason.to_string());
    let parsed = parse_address(address).map_err(|error| invalid(&error))?;
    if parsed.host.is_empty() {
        return Ok((None, parsed.port));
    }
    if let Ok(ip) = parsed.host.parse() {
        return Ok((Some(ip), parsed.port));
    }
    let mut found = (parsed.host.as_str(), parsed.port)
        .to_socket_addrs()
        .map_err(|error| invalid(&error))?;
    let first = found.next().ok_or_else(|| invalid(&"host name has no address"))?;
    Ok((Some(first.ip()), parsed.port))
}

/// Everything that runs beside the proxy, on one thread.
struct Background {
    parts: Mutex<Option<Parts>>,
}

struct Parts {
    server: Arc<ServerConf>,
    control: Control,
    updates: mpsc::Receiver<Update>,
    followers: Followers,
    /// Keeps the channel open when no provider sends.
    sender: mpsc::Sender<Update>,
    observer: &'static Observer,
    /// Hears when log files are to be opened anew.
    reopen: Option<Signal>,
    /// Where the API may be written to.
    socket: Option<(UnixListener, Arc<Api>)>,
}

#[async_trait]
impl BackgroundService for Background {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(parts) = parts else {
            return;
        };
        let mut running = JoinSet::new();
        running.spawn(reopen_logs(parts.reopen, parts.observer));
        if let Some(traces) = &parts.observer.traces {
            // Not among those that end with the signal: requests in flight have spans, too.
            tokio::spawn(traces.export());
        }
        if let Some((listener, api)) = parts.socket {
            running.spawn(socket::serve(listener, api, parts.control.published()));
        }
        running.spawn(resolve::follow(parts.control.follow()));
        running.spawn(Health::new(&parts.server, shutdown.clone()).run(parts.control.follow()));
        parts.followers.start(&mut running, &parts.sender);
        running.spawn(parts.control.run(parts.updates));
        // Dropping the set at the end stops everything.
        tokio::select! {
            () = stopping(&mut shutdown) => {}
            // None of them ends by itself.
            ended = running.join_next() => {
                tracing::error!("background work ended, configuration or health stay as they are: {ended:?}");
                stopping(&mut shutdown).await;
            }
        }
        drop(parts.sender);
    }
}

/// Opens log files anew at each SIGUSR1 (traefik-core 5.4).
async fn reopen_logs(asked: Option<Signal>, observer: &'static Observer) {
    let Some(mut asked) = asked else {
        return std::future::pending().await;
    };
    while asked.recv().await.is_some() {
        logging::reopen();
        if let Some(access) = &observer.access {
            access.reopen();
        }
        tracing::info!("SIGUSR1: log files opened anew");
    }
}

/// The socket of `api.write`, bound.
fn api_socket(install: &Install) -> Result<Option<UnixListener>, StartFailure> {
    let written = install.api.as_ref().and_then(|api| api.write.as_ref());
    let Some(path) = written.map(|write| &write.socket).filter(|path| !path.is_empty()) else {
        return Ok(None);
    };
    let bound = socket::bind(path.as_ref()).map_err(|reason| StartFailure::Socket {
        path: path.clone(),
        reason,
    });
    bound.map(Some)
}

/// Now, in RFC 3339.
fn now_as_text() -> String {
    time::OffsetDateTime::now_utc()
        .format(&time::format_description::well_known::Rfc3339)
        .unwrap_or_default()
}

/// Returns when the server is told to stop.
async fn stopping(shutdown: &mut ShutdownWatch) {
    let _ = shutdown.wait_for(|stopping| *stopping).await.map(drop);
}
