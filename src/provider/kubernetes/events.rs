//! What is wrong with an object, told where its author looks: as an Event on it.

use std::collections::HashMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::NAME;
use super::failure::Failure;
use crate::config::Level;
use crate::provider::ingress::{About, Kind, Remark};

/// Events that wait to be written; of more there is only a line in the log.
const WAITING: usize = 512;
/// Time between two Events.
const PACE: Duration = Duration::from_millis(100);
/// Longest time for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long none is tried in a namespace after it was forbidden there.
const FORBIDDEN: Duration = Duration::from_secs(3600);
/// So many namespaces where it is forbidden are remembered.
const MOST_FORBIDDEN: usize = 512;
/// Of so many of them it is said.
const MOST_SAID: usize = 16;
/// Longest note the API takes, in bytes.
const LONGEST: usize = 1024;
/// Bytes of an object's name in the name of its Event, which has up to 253.
const NAME_BYTES: usize = 200;

/// Where Events are written to.
pub(super) struct Events(mpsc::Sender<Remark>);

impl Events {
    /// Tells the authors of objects. What does not fit is dropped.
    pub(super) fn tell(&self, remarks: Vec<Remark>) {
        for remark in remarks.into_iter().filter(is_event) {
            if self.0.try_send(remark).is_err() {
                tracing::debug!(
                    provider = NAME,
                    "too many Events wait: the rest is only in the log"
                );
                return;
            }
        }
    }
}

/// An object that is not there has no Events, and not everything is worth one.
fn is_event(remark: &Remark) -> bool {
    remark.said.level >= Level::Warn && !remark.about.uid.is_empty()
}

/// Starts to write Events.
pub(super) fn start(client: Client, identity: &str, tasks: &mut JoinSet<()>) -> Events {
    let (sender, remarks) = mpsc::channel(WAITING);
    tasks.spawn(follow(client, identity.to_owned(), remarks));
    Events(sender)
}

/// Namespaces where no Events may be written, and when that is tried again.
#[derive(Debug, Default)]
struct Refusals(HashMap<String, Instant>);

impl Refusals {
    fn holds(&self, namespace: &str, now: Instant) -> bool {
        self.0.get(namespace).is_some_and(|until| now < *until)
    }

    /// It is forbidden there. Is that to be said?
    fn forbidden(&mut self, namespace: &str, now: Instant) -> bool {
        let is_known = self.0.contains_key(namespace);
        if !is_known && self.0.len() >= MOST_FORBIDDEN {
            return false;
        }
        self.0.insert(namespace.to_owned(), now + FORBIDDEN);
        !is_known && self.0.len() <= MOST_SAID
    }
}

async fn follow(client: Client, identity: String, mut remarks: mpsc::Receiver<Remark>) {
    let mut refusals = Refusals::default();
    while let Some(remark) = remarks.recv().await {
        let event = event(&remark, &identity, Timestamp::now());
        let namespace = event.metadata.namespace.as_deref().unwrap_or_default();
        if refusals.holds(namespace, Instant::now()) {
            continue;
        }
        let api: Api<Event> = Api::namespaced(client.clone(), namespace);
        let params = PostParams::default();
        let written = timeout(PATIENCE, api.create(&params, &event)).await;
        match written.map(|written| written.map_err(Failure::from)) {
            // Another replica, or this one before it was started again, said it.
            Ok(Ok(_) | Err(Failure::Conflict)) => {}
            Ok(Err(Failure::Forbidden { user })) => {
                if refusals.forbidden(namespace, Instant::now()) {
                    tracing::warn!(
                        provider = NAME,
                        "may not create events.events.k8s.io in namespace {namespace:?} (403): what is wrong with objects \
                         there is only in the log; give {user:?} the verb create for it"
                    );
                }
            }
            Ok(Err(failure)) => tracing::debug!(provider = NAME, "an Event was not written: {failure}"),
            Err(_) => tracing::debug!(provider = NAME, "an Event was not written in time"),
        }
        sleep(PACE).await;
    }
}

fn event(remark: &Remark, identity: &str, now: Timestamp) -> Event {
    let About { kind, id, uid } = &remark.about;
    let (api_version, kind) = names(*kind);
    let namespace = match &*id.namespace {
        "" => "default",
        namespace => namespace,
    };
    Event {
        metadata: ObjectMeta {
            name: Some(name(remark)),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(now)),
        type_: Some("Warning".to_owned()),
        reason: Some(reason(remark.said.level).to_owned()),
        action: Some("Configure".to_owned()),
        note: Some(short(&remark.said.text, LONGEST).to_owned()),
        reporting_controller: Some("piton".to_owned()),
        reporting_instance: Some(short(identity, 128).to_owned()),
        regarding: Some(ObjectReference {
            api_version: Some(api_version.to_owned()),
            kind: Some(kind.to_owned()),
            name: Some(id.name.to_string()),
            namespace: Some(id.namespace.to_string()).filter(|namespace| !namespace.is_empty()),
            uid: Some(uid.to_string()),
            ..ObjectReference::default()
        }),
        ..Event::default()
    }
}

const fn reason(level: Level) -> &'static str {
    match level {
        Level::Error => "NotUsed",
        Level::Warn | Level::Info | Level::Debug => "NotAsWritten",
    }
}

const fn names(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Ingress => ("networking.k8s.io/v1", "Ingress"),
        Kind::IngressClass => ("networking.k8s.io/v1", "IngressClass"),
        Kind::Service => ("v1", "Service"),
        Kind::EndpointSlice => ("discovery.k8s.io/v1", "EndpointSlice"),
        Kind::Secret => ("v1", "Secret"),
        Kind::Node => ("v1", "Node"),
    }
}

/// The same thing said of the same object has the same name: replicas and restarts say it once.
fn name(remark: &Remark) -> String {
    let mut hash = Sha256::new();
    for part in [remark.about.uid.as_bytes(), &[0], remark.said.text.as_bytes()] {
        hash.update(part);
    }
    let hash: String = hash
        .finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let object = short(&remark.about.id.name, NAME_BYTES).trim_end_matches(['.', '-']);
    format!("{object}.{hash}")
}

/// The beginning of a text.
fn short(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len()))
        .rev()
        .find(|&end| text.is_char_boundary(end));
    text.get(..end.unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::provider::ingress::Id;

    fn remark(uid: &str, text: &str) -> Remark {
        Remark {
            about: About {
                kind: Kind::Ingress,
                id: Id::new("shop", "web"),
                uid: uid.into(),
            },
            said: config::Remark {
                level: Level::Warn,
                text: text.to_owned(),
            },
        }
    }

    #[test]
    fn the_same_said_of_the_same_object_has_one_name() {
        let first = name(&remark("u1", "bad"));
        assert_eq!(first, name(&remark("u1", "bad")));
        assert_ne!(first, name(&remark("u2", "bad")), "made anew under the same name");
        assert_ne!(first, name(&remark("u1", "worse")));
        assert!(
            first.starts_with("web.") && first.len() == "web.".len() + 16,
            "{first}"
        );
        let mut long = remark("u", "bad");
        long.about.id = Id::new("shop", format!("{}-{}", "a".repeat(199), "b".repeat(50)));
        assert!(
            name(&long).len() <= 253 && !name(&long).contains("-."),
            "{}",
            name(&long)
        );
    }

    #[test]
    fn an_event_fits_into_what_the_api_takes() {
        let event = event(
            &remark("u", &"ä".repeat(2000)),
            &"x".repeat(300),
            Timestamp::UNIX_EPOCH,
        );
        assert!(event.note.unwrap().len() <= LONGEST);
        assert_eq!(event.reporting_instance.unwrap().len(), 128);
        let regarding = event.regarding.unwrap();
        assert_eq!(regarding.uid.as_deref(), Some("u"));
        assert_eq!(regarding.namespace, event.metadata.namespace);
    }

    #[test]
    fn what_is_forbidden_in_a_namespace_is_said_once_and_only_there() {
        let (mut refusals, now) = (Refusals::default(), Instant::now());
        assert!(refusals.forbidden("shop", now));
        assert!(refusals.holds("shop", now) && !refusals.holds("blog", now));
        let later = now + FORBIDDEN;
        assert!(!refusals.holds("shop", later), "tried again");
        assert!(!refusals.forbidden("shop", later), "said already");
        assert!(refusals.holds("shop", later));
        let names: Vec<String> = (0..2 * MOST_FORBIDDEN).map(|n| n.to_string()).collect();
        let said = names.iter().filter(|name| refusals.forbidden(name, now));
        assert_eq!(said.count(), MOST_SAID - 1);
        assert_eq!(refusals.0.len(), MOST_FORBIDDEN);
    }

    #[test]
    fn only_what_is_wrong_with_an_object_that_exists_is_an_event() {
        assert!(is_event(&remark("u", "bad")));
        assert!(!is_event(&remark("", "bad")));
        let mut hint = remark("u", "good to know");
        hint.said.level = Level::Info;
        assert!(!is_event(&hint));
    }
}
