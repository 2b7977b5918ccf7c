//! What is watched, and how far each of it is: pure bookkeeping.

use std::collections::HashSet;
use std::fmt;

use crate::config::install::KubernetesIngress;
use crate::provider::ingress::{Id, Kind};

use super::failure::Failure;
use super::options::{looks_classes_up, namespaces};

/// One kind of object in one namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) kind: Kind,
    /// `None` for all, and for what belongs to none.
    pub(super) namespace: Option<String>,
    /// Which of them, by their labels.
    pub(super) selector: Option<String>,
}

impl Scope {
    /// Everything that is watched by the options of a provider.
    pub(super) fn all(written: &KubernetesIngress) -> Vec<Self> {
        let namespaces: Vec<Option<String>> = match namespaces(written) {
            Some(names) => names.into_iter().map(|name| Some(name.to_owned())).collect(),
            None => vec![None],
        };
        let of = |kind, namespace: &Option<String>| Self {
            kind,
            namespace: namespace.clone(),
            selector: match kind {
                Kind::Ingress => Some(written.label_selector.clone()).filter(|labels| !labels.is_empty()),
                // What helm keeps there is large, and no certificate.
                Kind::Secret => Some("owner!=helm".to_owned()),
                _ => None,
            },
        };
        let kinds = [Kind::Ingress, Kind::Service, Kind::EndpointSlice, Kind::Secret];
        let here = namespaces.iter();
        let mut all: Vec<Self> = here
            .flat_map(|namespace| kinds.map(|kind| of(kind, namespace)))
            .collect();
        if looks_classes_up(written) {
            all.push(of(Kind::IngressClass, &None));
        }
        if !written.disable_cluster_scope_resources {
            all.push(of(Kind::Node, &None));
        }
        all
    }

    fn holds(&self, id: &Id) -> bool {
        let namespace = self.namespace.as_deref();
        namespace.is_none_or(|namespace| namespace == &*id.namespace)
    }

    /// What the API calls these objects.
    fn resource(&self) -> &'static str {
        match self.kind {
            Kind::Ingress => "ingresses.networking.k8s.io",
            Kind::IngressClass => "ingressclasses.networking.k8s.io",
            Kind::Service => "services",
            Kind::EndpointSlice => "endpointslices.discovery.k8s.io",
            Kind::Secret => "secrets",
            Kind::Node => "nodes",
        }
    }

    /// What does not work without them.
    const fn lost(&self) -> &'static str {
        match self.kind {
            Kind::Ingress => "there are no routers from there",
            Kind::Service | Kind::EndpointSlice => "no Ingress from there has servers",
            Kind::IngressClass => "no Ingress that has an ingressClassName is used",
            Kind::Secret => "there are no certificates from there",
            Kind::Node => "services with nodePortLB have no servers, and no status names nodes",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.resource())?;
        match (&self.namespace, self.kind) {
            (Some(namespace), _) => write!(f, " in namespace {namespace:?}"),
            (None, Kind::IngressClass | Kind::Node) => f.write_str(" of the cluster"),
            (None, _) => f.write_str(" in all namespaces"),
        }
    }
}

/// Without one of each there is nothing to serve.
const NEEDED: [Kind; 3] = [Kind::Ingress, Kind::Service, Kind::EndpointSlice];

#[derive(Debug)]
struct Watched {
    scope: Scope,
    /// Was it listed once?
    is_known: bool,
    /// What was said about what is not permitted, if anything is not.
    refused: Option<String>,
    /// What the list under way has shown.
    seen: Option<HashSet<Id>>,
    /// Does it not work right now, for another reason than permission?
    is_failing: bool,
}

/// All scopes.
#[derive(Debug)]
pub(super) struct Scopes(Vec<Watched>);

impl Scopes {
    pub(super) fn new(scopes: &[Scope]) -> Self {
        let watched = |scope: &Scope| Watched {
            scope: scope.clone(),
            is_known: false,
            refused: None,
            seen: None,
            is_failing: false,
        };
        Self(scopes.iter().map(watched).collect())
    }

    fn get(&mut self, index: usize) -> Option<&mut Watched> {
        self.0.get_mut(index)
    }

    /// A list begins, maybe once more.
    pub(super) fn begin(&mut self, index: usize) {
        if let Some(watched) = self.get(index) {
            watched.seen = Some(HashSet::new());
        }
    }

    /// A list shows an object.
    pub(super) fn see(&mut self, index: usize, id: Id) {
        if let Some(seen) = self.get(index).and_then(|watched| watched.seen.as_mut()) {
            seen.insert(id);
        }
    }

    /// What kind of objects these are.
    pub(super) fn kind(&self, index: usize) -> Option<Kind> {
        self.0.get(index).map(|watched| watched.scope.kind)
    }

    /// A list is complete: who is `known` and was not seen is no more.
    pub(super) fn listed(&mut self, index: usize, known: Vec<Id>) -> Vec<Id> {
        let Some(watched) = self.get(index) else {
            return Vec::new();
        };
        let seen = watched.seen.take().unwrap_or_default();
        watched.is_failing = false;
        watched.is_known = true;
        let is_gone = |id: &Id| watched.scope.holds(id) && !seen.contains(id);
        known.into_iter().filter(is_gone).collect()
    }

    /// It is answered. Returns what it was refused with before, in words, if it was.
    pub(super) fn works(&mut self, index: usize) -> Option<String> {
        let watched = self.get(index)?;
        watched.is_failing = false;
        let refused = watched.refused.take();
        refused.map(|_| format!("may read {} now", watched.scope))
    }

    /// It is not permitted. Returns what there is to say about it, unless that was said.
    pub(super) fn forbidden(&mut self, index: usize, verb: &str, user: &str) -> Option<String> {
        let watched = self.get(index)?;
        watched.is_failing = false;
        let who = match user {
            "" => "the service account".to_owned(),
            user => format!("{user:?}"),
        };
        let scope = &watched.scope;
        let meanwhile = match (watched.is_known, verb) {
            (false, _) => scope.lost(),
            (true, "watch") => "what is known stays in use, and is listed again from time to time",
            (true, _) => "what is known stays in use",
        };
        let said = format!(
            "may not {verb} {scope} (403): give {who} the verbs list and watch for it; until then {meanwhile}"
        );
        let is_new = watched.refused.as_ref() != Some(&said);
        watched.refused = Some(said.clone());
        is_new.then_some(said)
    }

    /// It does not work. Returns why, in words.
    pub(super) fn failing(&mut self, index: usize, failure: &Failure) -> String {
        let Some(watched) = self.get(index) else {
            return failure.to_string();
        };
        watched.is_failing = true;
        match failure {
            // All of them say the same.
            Failure::Other(_) | Failure::Refused(_) | Failure::Unauthorized => failure.to_string(),
            _ => format!("{}: {failure}", watched.scope),
        }
    }

    /// Is everything known that is permitted? Before, what is known is half a world.
    pub(super) fn is_settled(&self) -> bool {
        let is_settled = |watched: &Watched| watched.is_known || watched.refused.is_some();
        self.0.iter().all(is_settled)
    }

    /// Is everything known that requests are served by? What else is read may be left out on purpose.
    pub(super) fn is_whole(&self) -> bool {
        let mut needed = self
            .0
            .iter()
            .filter(|watched| NEEDED.contains(&watched.scope.kind));
        needed.all(|watched| watched.is_known)
    }

    /// Is so much known that requests can be served: objects of each kind that is needed, from one place at least?
    pub(super) fn is_usable(&self) -> bool {
        let is_known = |kind: &Kind| {
            let mut all = self.0.iter();
            all.any(|watched| watched.scope.kind == *kind && watched.is_known)
        };
        NEEDED.iter().all(is_known)
    }

    /// Does everything work that is permitted?
    pub(super) fn is_well(&self) -> bool {
        !self.0.iter().any(|watched| watched.is_failing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(namespaces: &[&str]) -> KubernetesIngress {
        KubernetesIngress {
            namespaces: namespaces.iter().map(ToString::to_string).collect(),
            label_selector: "app=web".to_owned(),
            ..KubernetesIngress::default()
        }
    }

    fn ids(names: &[&str]) -> Vec<Id> {
        let id = |name: &&str| {
            let (namespace, name) = name.split_once('/').unwrap();
            Id::new(namespace, name)
        };
        names.iter().map(id).collect()
    }

    #[test]
    fn each_namespace_is_watched_once_and_the_cluster_unless_switched_off() {
        assert_eq!(Scope::all(&written(&[])).len(), 4 + 2);
        assert_eq!(Scope::all(&written(&["a", "b", "a"])).len(), 2 * 4 + 2);
        assert_eq!(Scope::all(&written(&["a", ""])).len(), 4 + 2, "empty means all");
        let mut options = written(&[]);
        options.disable_ingress_class_lookup = true;
        assert_eq!(Scope::all(&options).len(), 4 + 1);
        options.disable_cluster_scope_resources = true;
        let scopes = Scope::all(&options);
        assert_eq!(scopes.len(), 4);
        assert_eq!(scopes[0].selector.as_deref(), Some("app=web"));
        assert_eq!(scopes[1].selector, None);
        assert_eq!(scopes[3].selector.as_deref(), Some("owner!=helm"));
    }

    #[test]
    fn what_a_list_does_not_show_is_gone_but_only_in_its_namespace() {
        let mut scopes = Scopes::new(&Scope::all(&written(&["a", "b"])));
        scopes.begin(0);
        scopes.see(0, Id::new("a", "one"));
        // It begins anew: what was seen then counts no more.
        scopes.begin(0);
        scopes.see(0, Id::new("a", "two"));
        let gone = scopes.listed(0, ids(&["a/one", "a/two", "b/three"]));
        assert_eq!(gone, ids(&["a/one"]));
    }

    #[test]
    fn what_is_forbidden_is_settled_said_once_and_said_to_be_over() {
        let mut scopes = Scopes::new(&Scope::all(&written(&["shop"])));
        for index in [0, 1, 3, 4, 5] {
            scopes.listed(index, Vec::new());
        }
        assert!(!scopes.is_settled());
        let said = scopes
            .forbidden(2, "list", "system:serviceaccount:edge:piton")
            .unwrap();
        assert_eq!(
            said,
            "may not list endpointslices.discovery.k8s.io in namespace \"shop\" (403): give \
             \"system:serviceaccount:edge:piton\" the verbs list and watch for it; until then no Ingress from there has \
             servers"
        );
        assert!(scopes.is_settled() && scopes.is_well());
        assert_eq!(
            scopes.forbidden(2, "list", "system:serviceaccount:edge:piton"),
            None
        );
        let over = scopes.works(2);
        assert_eq!(
            over.as_deref(),
            Some("may read endpointslices.discovery.k8s.io in namespace \"shop\" now")
        );
        assert_eq!(scopes.works(2), None);
    }

    #[test]
    fn it_is_usable_with_one_namespace_and_whole_with_all_and_the_rest_is_optional() {
        let mut scopes = Scopes::new(&Scope::all(&written(&["a", "b"])));
        for index in [1, 3, 4, 5, 7, 8, 9] {
            scopes.forbidden(index, "list", "piton");
        }
        for index in [0, 2, 6] {
            scopes.listed(index, Vec::new());
        }
        assert!(scopes.is_settled());
        assert!(!scopes.is_usable(), "services of neither may be read");
        scopes.listed(5, Vec::new());
        assert!(scopes.is_usable() && !scopes.is_whole());
        for index in [1, 4] {
            scopes.listed(index, Vec::new());
        }
        assert!(
            scopes.is_whole(),
            "secrets, classes and nodes may be left out on purpose"
        );
    }

    #[test]
    fn what_follows_from_a_refusal_depends_on_what_is_known() {
        let mut scopes = Scopes::new(&Scope::all(&written(&[])));
        scopes.listed(1, Vec::new());
        let said = scopes.forbidden(1, "watch", "piton").unwrap();
        assert!(
            said.ends_with("until then what is known stays in use, and is listed again from time to time"),
            "{said}"
        );
        scopes.listed(1, Vec::new());
        assert_eq!(scopes.forbidden(1, "watch", "piton"), None, "with each list anew");
        let said = scopes.forbidden(1, "list", "piton").unwrap();
        assert!(said.ends_with("until then what is known stays in use"), "{said}");
    }

    #[test]
    fn what_was_known_stays_so_when_it_is_forbidden() {
        let mut scopes = Scopes::new(&Scope::all(&written(&[])));
        for index in 0..3 {
            scopes.listed(index, Vec::new());
            scopes.forbidden(index, "watch", "piton");
        }
        assert!(scopes.is_usable() && scopes.is_whole());
    }

    #[test]
    fn a_scope_that_fails_leaves_the_others_alone() {
        let mut scopes = Scopes::new(&Scope::all(&written(&[])));
        let refused = Failure::Other("connection refused".to_owned());
        assert_eq!(scopes.failing(0, &refused), "connection refused");
        assert_eq!(
            scopes.failing(1, &Failure::NotFound),
            "services in all namespaces: the API server has no such resource (404)"
        );
        assert!(!scopes.is_well() && !scopes.is_settled());
        scopes.works(0);
        assert!(!scopes.is_well());
        scopes.works(1);
        assert!(scopes.is_well());
    }
}
