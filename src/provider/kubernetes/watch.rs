//! One kind of object, listed once and watched from then on.
//!
//! ```text
//! list, page by page -> watch from there -> it ends or breaks: watch from the last change
//!   ^                                    -> 410, that is too long ago; or it is refused again and again -.
//!   '----------------------------------------------------------------------------------------------------'
//! ```
//!
//! What comes is made neutral at once, and the rest dropped. kube's own `watcher` does the same, but does not tell when an
//! API server answers again, and writes a warning with each attempt that is refused.

use std::fmt::Debug;
use std::io;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1 as networking;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::failure::Failure;
use super::scope::Scope;
use crate::clock;
use crate::provider::backoff::BackOff;
use crate::provider::ingress::{Id, Kind, Object, Secret, Slice};

/// Objects in one answer to a list: fewer of those that are large.
const fn page(kind: Kind) -> u32 {
    match kind {
        Kind::Secret => 50,
        Kind::EndpointSlice => 100,
        Kind::Ingress | Kind::IngressClass | Kind::Service | Kind::Node => 500,
    }
}

/// How long one watch lasts, in seconds; up to a quarter less, so that they do not all end at once.
const WATCH_SECONDS: u32 = 290;
/// How much later than that its end is not waited for any more.
const LATE: Duration = Duration::from_secs(10);
/// A watch that lasted so long ended as it should.
const SOUND: Duration = Duration::from_secs(1);
/// So many watches in a row that are refused from a version: maybe the API server never heard of it.
const DOUBTFUL: u8 = 3;
/// How much longer than for other failures is waited when something is not permitted.
const FORBIDDEN_LONGER: u32 = 4;

/// An object, as far as anybody cares, by its name; `None` when nobody does.
pub(super) type Found = (Id, Option<Object>);

/// What a watch tells.
#[derive(Debug)]
pub(super) enum News {
    /// A list begins.
    Begin,
    /// One page of it.
    Page(Vec<Found>),
    /// It was the last.
    Listed,
    /// The watch is open.
    Watching,
    /// An object is new, or another one than before.
    Changed(Found),
    /// An object is no more.
    Gone(Id),
    /// It did not work, and is tried again.
    Failed {
        /// What was tried: `list` or `watch`.
        verb: &'static str,
        /// What came of it.
        failure: Failure,
    },
}

/// News of one scope, by its number.
pub(super) type Told = (usize, News);

/// Watches all of them, each in its own task.
pub(super) fn watch(scopes: &[Scope], client: &Client, news: &mpsc::Sender<Told>, tasks: &mut JoinSet<()>) {
    for (index, scope) in scopes.iter().enumerate() {
        let (client, news) = (client.clone(), news.clone());
        match scope.kind {
            Kind::Ingress => tasks.spawn(follow::<networking::Ingress>(
                here(scope, client),
                scope.clone(),
                index,
                news,
            )),
            Kind::Service => tasks.spawn(follow::<core::Service>(
                here(scope, client),
                scope.clone(),
                index,
                news,
            )),
            Kind::EndpointSlice => tasks.spawn(follow::<EndpointSlice>(
                here(scope, client),
                scope.clone(),
                index,
                news,
            )),
            Kind::Secret => tasks.spawn(follow::<core::Secret>(
                here(scope, client),
                scope.clone(),
                index,
                news,
            )),
            Kind::IngressClass => tasks.spawn(follow::<networking::IngressClass>(
                Api::all(client),
                scope.clone(),
                index,
                news,
            )),
            Kind::Node => tasks.spawn(follow::<core::Node>(Api::all(client), scope.clone(), index, news)),
        };
    }
}

/// The objects of the scope's namespace.
fn here<K: Resource<DynamicType = (), Scope = NamespaceResourceScope>>(
    scope: &Scope,
    client: Client,
) -> Api<K> {
    match &scope.namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    }
}

/// An object of the API that is watched.
trait Watched: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static {
    /// What anybody cares about.
    fn neutral(&self) -> Option<Object>;
}

macro_rules! watched {
    ($($wire:ty: $object:ident => $neutral:expr),*) => {$(
        impl Watched for $wire {
            fn neutral(&self) -> Option<Object> {
                let $object = self;
                $neutral
            }
        }
    )*};
}

watched! {
    networking::Ingress: ingress => Some(ingress.into()),
    networking::IngressClass: class => Some(class.into()),
    core::Service: service => Some(service.into()),
    EndpointSlice: slice => Slice::of(slice).map(|slice| Object::Slice(slice.into())),
    core::Secret: secret => Secret::of(secret).map(|secret| Object::Secret(secret.into())),
    core::Node: node => Some(node.into())
}

fn found<K: Watched>(object: &K) -> Found {
    (Id::from(object.meta()), object.neutral())
}

/// Why a watch ends.
enum End {
    /// Nobody listens any more.
    Unheard,
    Failed(&'static str, Failure),
}

/// Follows a scope until nobody listens any more.
async fn follow<K: Watched>(api: Api<K>, scope: Scope, index: usize, news: mpsc::Sender<Told>) {
    let mut watch = Watch {
        api,
        scope,
        index,
        news,
        place: Place::default(),
    };
    let mut back_off = BackOff::new();
    loop {
        let begin = Instant::now();
        let end = watch.step().await;
        let lasted = begin.elapsed();
        let longer = match end {
            Ok(()) if lasted >= SOUND => {
                watch.place.refused = 0;
                continue;
            }
            Ok(()) => 1,
            Err(End::Unheard) => return,
            Err(End::Failed(verb, failure)) => {
                watch.place.met(&failure);
                let is_forbidden = matches!(failure, Failure::Forbidden { .. });
                if failure != Failure::Gone && watch.tell(News::Failed { verb, failure }).await.is_err() {
                    return;
                }
                if is_forbidden { FORBIDDEN_LONGER } else { 1 }
            }
        };
        sleep(back_off.after(lasted, clock::random()) * longer).await;
    }
}

struct Watch<K> {
    api: Api<K>,
    scope: Scope,
    index: usize,
    news: mpsc::Sender<Told>,
    place: Place,
}

/// How far a scope is known.
#[derive(Debug, Default)]
struct Place {
    /// Up to where everything is known; `None` before a list.
    version: Option<String>,
    /// Watches from there that were refused in a row.
    refused: u8,
}

impl Place {
    fn reached(&mut self, version: Option<&str>) {
        self.refused = 0;
        // Without one nothing can be gone on from; a list tells where everything is.
        self.version = version.filter(|version| !version.is_empty()).map(str::to_owned);
    }

    /// It ended for this reason. What the API server does not answer to says nothing about the version.
    fn met(&mut self, failure: &Failure) {
        match failure {
            // Who may list, though not watch, sees what changes by lists.
            Failure::Gone | Failure::NotUnderstood(_) | Failure::Forbidden { .. } => self.reached(None),
            Failure::Unauthorized | Failure::Other(_) => {}
            Failure::Refused(_) | Failure::NotFound | Failure::Conflict => {
                self.refused += 1;
                if self.refused >= DOUBTFUL {
                    self.reached(None);
                }
            }
        }
    }
}

impl<K: Watched> Watch<K> {
    async fn tell(&self, news: News) -> Result<(), End> {
        let told = self.news.send((self.index, news)).await;
        told.map_err(|_| End::Unheard)
    }

    /// Lists, if need be, and watches until that ends by itself.
    async fn step(&mut self) -> Result<(), End> {
        let from = match self.place.version.clone() {
            Some(version) => version,
            None => {
                let version = self.list().await?;
                self.place.reached(Some(&version));
                version
            }
        };
        self.watch(&from).await
    }

    async fn list(&self) -> Result<String, End> {
        let failed = |failure| End::Failed("list", failure);
        self.tell(News::Begin).await?;
        let mut params = ListParams {
            label_selector: self.scope.selector.clone(),
            limit: Some(page(self.scope.kind)),
            ..ListParams::default()
        };
        loop {
            let page = self.api.list(&params).await;
            let page = page.map_err(|error| failed(error.into()))?;
            self.tell(News::Page(page.items.iter().map(found).collect()))
                .await?;
            params.continue_token = page.metadata.continue_.filter(|token| !token.is_empty());
            if params.continue_token.is_some() {
                continue;
            }
            let version = page
                .metadata
                .resource_version
                .filter(|version| !version.is_empty());
            let lacks = || {
                failed(Failure::Other(
                    "a list of the API server has no resourceVersion".to_owned(),
                ))
            };
            let version = version.ok_or_else(lacks)?;
            self.tell(News::Listed).await?;
            return Ok(version);
        }
    }

    async fn watch(&mut self, from: &str) -> Result<(), End> {
        let failed = |failure| End::Failed("watch", failure);
        let less = u32::try_from(clock::random() % u64::from(WATCH_SECONDS / 4)).unwrap_or_default();
        let seconds = WATCH_SECONDS - less;
        let params = WatchParams {
            label_selector: self.scope.selector.clone(),
            timeout: Some(seconds),
            bookmarks: true,
            ..WatchParams::default()
        };
        let stream = self.api.watch(&params, from).await;
        let mut stream = pin!(stream.map_err(|error| failed(error.into()))?);
        self.tell(News::Watching).await?;
        let silence = Duration::from_secs(seconds.into()) + LATE;
        loop {
            let event = match timeout(silence, stream.next()).await {
                Ok(Some(Ok(event))) => event,
                Ok(Some(Err(error))) if !is_cut(&error) => return Err(failed(error.into())),
                // Goes on where it was; if that does not work, that is said.
                Ok(Some(Err(_)) | None) | Err(_) => return Ok(()),
            };
            match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    self.place.reached(object.meta().resource_version.as_deref());
                    self.tell(News::Changed(found(&object))).await?;
                }
                WatchEvent::Deleted(object) => {
                    self.place.reached(object.meta().resource_version.as_deref());
                    self.tell(News::Gone(Id::from(object.meta()))).await?;
                }
                WatchEvent::Bookmark(mark) => self.place.reached(Some(&mark.metadata.resource_version)),
                WatchEvent::Error(status) => return Err(failed(Failure::of_status(&status))),
            }
        }
    }
}

/// Did the connection break, and nothing else?
fn is_cut(error: &kube::Error) -> bool {
    matches!(error, kube::Error::ReadEvents(error) if error.kind() != io::ErrorKind::InvalidData)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(version: &str) -> Place {
        let mut place = Place::default();
        place.reached(Some(version));
        place
    }

    #[test]
    fn a_version_is_forgotten_when_it_is_refused_again_and_again() {
        let mut place = at("900");
        let refused = Failure::Refused("the API server says 504: Too large resource version".to_owned());
        place.met(&refused);
        place.met(&refused);
        assert_eq!(place.version.as_deref(), Some("900"));
        place.met(&refused);
        assert_eq!(place.version, None);
        // What is told in between shows that it is good.
        let mut place = at("900");
        for version in ["901", "902", "903"] {
            place.met(&refused);
            place.met(&refused);
            place.reached(Some(version));
        }
        assert_eq!(place.version.as_deref(), Some("903"));
    }

    #[test]
    fn a_version_is_kept_while_nobody_answers_and_forgotten_when_nothing_can_be_told_from_there() {
        for failure in [
            Failure::Other("Connection refused".to_owned()),
            Failure::Unauthorized,
        ] {
            let mut place = at("900");
            (0..9).for_each(|_| place.met(&failure));
            assert_eq!(place.version.as_deref(), Some("900"));
        }
        for failure in [
            Failure::Gone,
            Failure::NotUnderstood("line 1, column 7".to_owned()),
            Failure::Forbidden { user: String::new() },
        ] {
            let mut place = at("900");
            place.met(&failure);
            assert_eq!(place.version, None);
        }
    }

    #[test]
    fn only_a_connection_that_breaks_is_gone_on_from_without_a_word() {
        let read = |kind: io::ErrorKind| kube::Error::ReadEvents(kind.into());
        assert!(is_cut(&read(io::ErrorKind::ConnectionReset)) && is_cut(&read(io::ErrorKind::Other)));
        assert!(!is_cut(&read(io::ErrorKind::InvalidData)), "no UTF-8");
        let error = serde_json::from_str::<u8>("{}").unwrap_err();
        assert!(!is_cut(&kube::Error::SerdeError(error)));
        assert!(!is_cut(&kube::Error::Api(Box::default())));
    }
}
