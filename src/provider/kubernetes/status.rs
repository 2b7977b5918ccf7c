//! Statuses of Ingresses: where they are reached, written by one replica at a time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::networking::v1::{Ingress, IngressLoadBalancerIngress};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::NAME;
use super::failure::Failure;
use super::lease::{DURATION, Election, RENEW, Record, Step};
use crate::clock;
use crate::provider::ingress::{Address, Id};

/// What the Lease is called; the class of the Ingresses follows, if there is one.
const LEASE: &str = "piton-ingress-status";
/// Bytes of the class in that name, which has up to 253.
const CLASS_BYTES: usize = 200;
/// Longest time for one answer.
const PATIENCE: Duration = Duration::from_secs(4);
/// Statuses written between two looks at the Lease.
const AT_ONCE: usize = 25;
/// A status that was written is not written again before the watch must have told of it.
const WRITTEN: Duration = Duration::from_secs(30);
/// When a status is tried again that could not be written.
const AGAIN: Duration = Duration::from_secs(10);
/// When it is asked again for what is not permitted.
const FORBIDDEN: Duration = Duration::from_secs(60);

/// Ingresses whose status is not what it should be, and what it should be.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Wanted(Arc<[(Id, Box<[Address]>)]>);

impl From<Vec<(Id, Box<[Address]>)>> for Wanted {
    fn from(statuses: Vec<(Id, Box<[Address]>)>) -> Self {
        Self(statuses.into())
    }
}

/// A replica that may write statuses if no other does.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) identity: String,
    /// Where the Lease is.
    pub(super) namespace: String,
    /// `ingressClass`: who looks after other Ingresses has a Lease of its own.
    pub(super) class: String,
}

/// Who this is among replicas: the pod, or the machine and a number.
pub(super) fn identity(pod: Option<&str>) -> String {
    let name = match pod {
        Some(pod) => pod.to_owned(),
        None => std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default(),
    };
    format!("{}-{:08x}", name.trim(), clock::random() >> 32)
}

/// Writes what is wanted, for good.
pub(super) async fn follow(client: Client, candidate: Candidate, mut wanted: watch::Receiver<Wanted>) {
    let mut leadership = Leadership::new(&client, candidate);
    let mut writer = Writer::new(client);
    let mut look_at = Instant::now();
    loop {
        if look_at <= Instant::now() {
            look_at = Instant::now() + leadership.campaign().await;
        }
        let now_wanted = wanted.borrow_and_update().clone();
        let next = match leadership.may_write() {
            // The Lease may be lost, or due, between two writes.
            true => {
                let may_go_on = || leadership.may_write() && Instant::now() < look_at;
                writer.write(&now_wanted, may_go_on).await
            }
            false => None,
        };
        let wake_at = next.map_or(look_at, |next| next.min(look_at));
        tokio::select! {
            () = sleep_until(wake_at) => {}
            changed = wanted.changed() => if changed.is_err() {
                return;
            }
        }
    }
}

/// An answer, or why there is none.
async fn in_time<T>(answer: impl Future<Output = kube::Result<T>>) -> Result<T, Failure> {
    match timeout(PATIENCE, answer).await {
        Ok(answer) => answer.map_err(Failure::from),
        Err(_) => Err(Failure::Other("no answer in time".to_owned())),
    }
}

/// The Lease, and whether this replica holds it.
struct Leadership {
    api: Api<Lease>,
    candidate: Candidate,
    name: String,
    election: Election,
    /// There can be no Lease: everybody writes, as with Traefik.
    is_free: bool,
    /// Was it said that it does not work, for any other reason?
    is_told: bool,
}

/// A name that the API takes, whatever the class is; of a class that may be a name itself, nothing but that.
fn lease_name(class: &str) -> String {
    if class.is_empty() {
        return LEASE.to_owned();
    }
    let letter = |letter: char| match letter.to_ascii_lowercase() {
        letter @ ('a'..='z' | '0'..='9' | '.') => letter,
        _ => '-',
    };
    let all: String = class.chars().map(letter).collect();
    let labels = all.split('.').map(|label| label.trim_matches('-'));
    let labels: Vec<&str> = labels.filter(|label| !label.is_empty()).collect();
    let mut valid = labels.join(".");
    if valid == class && valid.len() <= CLASS_BYTES {
        return format!("{LEASE}-{class}");
    }
    valid.truncate(CLASS_BYTES);
    let valid = valid.trim_end_matches(['.', '-']);
    // Two classes that look the same now are two nevertheless.
    let hash: String = Sha256::digest(class)
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    match valid {
        "" => format!("{LEASE}-{hash}"),
        valid => format!("{LEASE}-{valid}-{hash}"),
    }
}

impl Leadership {
    fn new(client: &Client, candidate: Candidate) -> Self {
        let name = lease_name(&candidate.class);
        Self {
            api: Api::namespaced(client.clone(), &candidate.namespace),
            election: Election::new(candidate.identity.clone()),
            candidate,
            name,
            is_free: false,
            is_told: false,
        }
    }

    fn may_write(&self) -> bool {
        self.is_free || self.election.is_mine(Instant::now())
    }

    /// Looks at the Lease, and does what is to be done with it. Returns when that is due again.
    async fn campaign(&mut self) -> Duration {
        match self.attempt().await {
            Ok(()) => {
                self.is_free = false;
                self.is_told = false;
                RENEW
            }
            // Not permitted, or its namespace is not there.
            Err(failure @ (Failure::Forbidden { .. } | Failure::NotFound)) => {
                if !std::mem::replace(&mut self.is_free, true) {
                    tracing::warn!(
                        provider = NAME,
                        "lease {}/{}: {failure}: every replica writes statuses; give the service account the verbs get, \
                         create and update for leases.coordination.k8s.io there",
                        self.candidate.namespace,
                        self.name
                    );
                }
                FORBIDDEN
            }
            Err(failure) => {
                let is_usual = failure == Failure::Conflict;
                if is_usual || std::mem::replace(&mut self.is_told, true) {
                    tracing::debug!(provider = NAME, "lease {}: {failure}", self.name);
                } else {
                    tracing::warn!(
                        provider = NAME,
                        "lease {}/{}: {failure}: trying again; no replica writes statuses that does not hold it",
                        self.candidate.namespace,
                        self.name
                    );
                }
                RENEW
            }
        }
    }

    async fn attempt(&mut self) -> Result<(), Failure> {
        let found = in_time(self.api.get_opt(&self.name)).await?;
        let record = found.as_ref().map(record);
        let was_mine = self.election.is_mine(Instant::now());
        let sent = Instant::now();
        let params = PostParams::default();
        match (self.election.heed(record.as_ref(), sent), found) {
            (Step::Wait, _) => return Ok(()),
            (Step::Renew, Some(mut lease)) => {
                if let Some(spec) = &mut lease.spec {
                    spec.renew_time = Some(now());
                }
                in_time(self.api.replace(&self.name, &params, &lease)).await?;
            }
            (Step::Take, Some(mut lease)) => {
                let changes = lease.spec.as_ref().and_then(|spec| spec.lease_transitions);
                lease.spec = Some(self.held(changes.unwrap_or_default().saturating_add(1)));
                in_time(self.api.replace(&self.name, &params, &lease)).await?;
            }
            (_, _) => {
                let lease = Lease {
                    metadata: ObjectMeta {
                        name: Some(self.name.clone()),
                        ..ObjectMeta::default()
                    },
                    spec: Some(self.held(0)),
                };
                in_time(self.api.create(&params, &lease)).await?;
            }
        }
        self.election.won(sent);
        if !was_mine {
            tracing::info!(provider = NAME, lease = self.name, "this replica writes statuses");
        }
        Ok(())
    }

    /// What a Lease says that this replica takes now.
    fn held(&self, transitions: i32) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(self.candidate.identity.clone()),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            acquire_time: Some(now()),
            renew_time: Some(now()),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        }
    }
}

fn record(lease: &Lease) -> Record {
    let spec = lease.spec.as_ref();
    let holder = spec.and_then(|spec| spec.holder_identity.clone());
    let renewed = spec.and_then(|spec| spec.renew_time.as_ref());
    Record {
        holder: holder.unwrap_or_default(),
        renewed: renewed.map(|time| time.0.to_string()).unwrap_or_default(),
    }
}

fn now() -> MicroTime {
    MicroTime(Timestamp::now())
}

/// Writes statuses, and remembers what it tried.
struct Writer {
    client: Client,
    /// What was tried for an Ingress, and when it may be tried again.
    tried: HashMap<Id, (Box<[Address]>, Instant)>,
    /// Was it said that this is not permitted?
    is_refused: bool,
}

impl Writer {
    fn new(client: Client) -> Self {
        Self {
            client,
            tried: HashMap::new(),
            is_refused: false,
        }
    }

    /// Writes some of what is wanted, as long as that may go on. Returns when there is more to do.
    async fn write(&mut self, wanted: &Wanted, may_go_on: impl Fn() -> bool) -> Option<Instant> {
        let now = Instant::now();
        let ids: HashSet<&Id> = wanted.0.iter().map(|(id, _)| id).collect();
        self.tried
            .retain(|id, (_, again)| *again > now || ids.contains(id));
        let mut written = 0;
        for (id, addresses) in wanted.0.iter() {
            let waits = |(tried, again): &(Box<[Address]>, Instant)| tried == addresses && *again > now;
            if self.tried.get(id).is_some_and(waits) {
                continue;
            }
            if written == AT_ONCE || !may_go_on() {
                return Some(now);
            }
            written += 1;
            let again = Instant::now() + self.write_one(id, addresses).await;
            self.tried.insert(id.clone(), (addresses.clone(), again));
        }
        let still = wanted.0.iter().filter_map(|(id, _)| self.tried.get(id));
        still.map(|(_, again)| *again).min()
    }

    /// Writes one status. Returns when it may be tried again.
    async fn write_one(&mut self, id: &Id, addresses: &[Address]) -> Duration {
        match self.replace(id, addresses).await {
            Ok(()) => {
                tracing::debug!(provider = NAME, ingress = %id, "status written");
                self.is_refused = false;
                WRITTEN
            }
            Err(Failure::Forbidden { user }) => {
                if !std::mem::replace(&mut self.is_refused, true) {
                    tracing::error!(
                        provider = NAME,
                        "may not write the status of ingress {id} (403): give {user:?} the verbs get for ingresses and \
                         update for ingresses/status of networking.k8s.io"
                    );
                }
                FORBIDDEN
            }
            Err(failure) => {
                tracing::debug!(provider = NAME, ingress = %id, "status not written: {failure}");
                AGAIN
            }
        }
    }

    /// As Traefik does it: get, and update; its permissions suffice.
    async fn replace(&self, id: &Id, addresses: &[Address]) -> Result<(), Failure> {
        let api: Api<Ingress> = Api::namespaced(self.client.clone(), &id.namespace);
        let mut ingress = in_time(api.get(&id.name)).await?;
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let of = |address: &Address| IngressLoadBalancerIngress {
            ip: text(&address.ip),
            hostname: text(&address.hostname),
            ports: None,
        };
        let status = ingress.status.get_or_insert_default();
        let balancer = status.load_balancer.get_or_insert_default();
        balancer.ingress = Some(addresses.iter().map(of).collect());
        let params = PostParams::default();
        in_time(api.replace_status(&id.name, &params, &ingress))
            .await
            .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_has_a_name_that_the_api_takes_whatever_the_class_is() {
        assert_eq!(lease_name(""), "piton-ingress-status");
        for class in ["web", "web.example-1.org", "1"] {
            assert_eq!(lease_name(class), format!("piton-ingress-status-{class}"));
        }
        let odd = [
            "Web",
            "web/In",
            "a..b",
            "-a",
            "a.-b",
            "_",
            "ä",
            "a.",
            &"x".repeat(300),
        ];
        let names: HashSet<String> = odd.iter().map(|class| lease_name(class)).collect();
        assert_eq!(names.len(), odd.len());
        for name in names {
            let is_label = |label: &str| {
                let is_fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
                !label.is_empty() && label.trim_matches('-') == label && label.bytes().all(is_fine)
            };
            assert!(name.len() <= 253 && name.split('.').all(is_label), "{name}");
        }
        assert_ne!(lease_name("Web"), lease_name("web"), "two classes");
        assert!(lease_name("Web/In").starts_with("piton-ingress-status-web-in-"));
    }

    #[tokio::test]
    async fn statuses_are_written_only_while_that_may_go_on() {
        let config = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
        let mut writer = Writer::new(Client::try_from(config).unwrap());
        let ids = (0..5).map(|number| (Id::new("shop", number.to_string()), Box::default()));
        let wanted = Wanted(ids.collect());
        let left = std::cell::Cell::new(2);
        let may_go_on = || {
            left.set(left.get() - 1);
            left.get() >= 0
        };
        let next = writer.write(&wanted, may_go_on).await;
        assert_eq!(writer.tried.len(), 2, "nobody answers, but two were tried");
        assert!(
            next.is_some_and(|next| next <= Instant::now()),
            "there is more to do"
        );
    }
}
