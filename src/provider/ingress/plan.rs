//! An Ingress -> what it wants, before anybody looks at the services that it names (traefik-providers 5.3, 5.5, 5.6).

use std::fmt;

use super::nginx;
use super::notes::Notes;
use super::object::{Backend, Ingress, IngressPath, PathType, PortRef};
use super::rule::{Manner, rule};
use super::settings;
use super::{Id, Options};
use crate::config::annotations::Annotation;
use crate::config::dynamic::{RouterAnnotations, http, router_annotations, service_annotations};
use crate::config::name::normalize;

/// Who counts when two Ingresses want the same: the older, then the first by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Seniority {
    /// When it was made.
    pub created: i64,
    /// The Ingress.
    pub id: Id,
}

/// A port of a Service, as backends name it: one service of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    /// The Service.
    pub service: Id,
    /// Which of its ports.
    pub port: Port,
}

/// Which port, and for what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Port {
    /// As the backend names it.
    pub reference: PortRef,
    /// Is it the backend for everything that no rule takes?
    pub is_default: bool,
}

impl Key {
    /// What the service is called in the configuration.
    pub(super) fn name(&self) -> String {
        if self.port.is_default {
            return "default-backend".to_owned();
        }
        let Id { namespace, name } = &self.service;
        let port: &dyn fmt::Display = match &self.port.reference {
            PortRef::Name(name) => name,
            PortRef::Number(number) => number,
        };
        normalize(&format!("{namespace}-{name}-{port}"))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.port.reference {
            PortRef::Name(name) => write!(f, "service {}, port {name}", self.service),
            PortRef::Number(number) => write!(f, "service {}, port {number}", self.service),
        }
    }
}

/// What an Ingress wants.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    /// Its rank.
    pub seniority: Seniority,
    /// Its paths that name a service.
    pub routes: Vec<Route>,
    /// What its routers have in common.
    pub router: http::Router,
    /// What it says of the services that it names.
    pub says: Vec<Annotation>,
    /// The same, out of the annotations of ingress-nginx.
    pub implies: Vec<Annotation>,
    /// Its certificates.
    pub secrets: Vec<Id>,
}

/// One path of an Ingress.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Route {
    /// Where it leads.
    pub key: Key,
    /// What the router is called, unless another of this Ingress is called the same.
    pub name: String,
    /// The rule; `None` when there can be none, and so no router.
    pub rule: Option<String>,
    /// The path, as messages call it.
    pub title: String,
}

/// What an Ingress of ours wants; `None`, with the reasons noted, when it cannot be used.
pub(super) fn plan(ingress: &Ingress, options: &Options, notes: &mut Notes) -> Option<Plan> {
    const LEFT_OUT: &str = "left out";
    let own = settings::own(&ingress.annotations, "Ingress", notes);
    let (router, problems) = router_annotations(&own);
    let router_is_broken = notes.problems(&problems, LEFT_OUT);
    let (_, problems) = service_annotations(&own);
    if notes.problems(&problems, LEFT_OUT) || router_is_broken {
        return None;
    }
    if let Err(why) =
        foreign(ingress, &router, options).and_then(|()| guarded(ingress, &router, options, notes))
    {
        notes.error(format!("{LEFT_OUT}: {why}"));
        return None;
    }
    let implies = if options.nginx_annotations {
        nginx::affinity(&ingress.annotations, notes)
    } else {
        Vec::new()
    };
    let routes = routes(ingress, &router, options, notes);
    let namespace = &ingress.id.namespace;
    let secrets = ingress.secrets.iter().filter(|name| !name.is_empty());
    Some(Plan {
        seniority: Seniority {
            created: ingress.created,
            id: ingress.id.clone(),
        },
        routes,
        router: router.into_router(),
        says: own
            .into_iter()
            .filter(|annotation| annotation.is_of("service"))
            .collect(),
        implies,
        secrets: secrets.map(|name| Id::new(namespace.clone(), &**name)).collect(),
    })
}

/// Names it what belongs to other providers, without being allowed to?
fn foreign(ingress: &Ingress, router: &RouterAnnotations, options: &Options) -> Result<(), String> {
    let has_options = router.tls.as_ref().is_some_and(|tls| !tls.options.is_empty());
    let what = match (router.middlewares.is_empty(), has_options) {
        (false, _) => "router.middlewares",
        (true, true) => "router.tls.options",
        (true, false) => return Ok(()),
    };
    may_name_others(&ingress.id.namespace, what, options)
}

/// May annotations of this namespace name objects of other providers?
pub(super) fn may_name_others(namespace: &str, what: &str, options: &Options) -> Result<(), String> {
    match &options.cross_provider_namespaces {
        Some(allowed) if !allowed.iter().any(|allowed| allowed == namespace) => Err(format!(
            "annotation {what} is not allowed in namespace {namespace:?}: crossProviderNamespaces does not name it"
        )),
        _ => Ok(()),
    }
}

/// Would a route be open that ingress-nginx closes to some? With middlewares somebody has thought of it.
fn guarded(
    ingress: &Ingress,
    router: &RouterAnnotations,
    options: &Options,
    notes: &mut Notes,
) -> Result<(), String> {
    if options.nginx_annotations && nginx::is_canary(&ingress.annotations) {
        return Err(format!(
            "annotation {}canary is not supported: it would get all requests, and not its part; use a weighted service",
            super::NGINX_PREFIX
        ));
    }
    let guard = nginx::guard(&ingress.annotations).filter(|_| options.nginx_annotations);
    match guard {
        Some(guard) if router.middlewares.is_empty() => Err(format!(
            "annotation {}{guard} is not supported, and without it the routes would be open; use a middleware and \
             annotation router.middlewares",
            super::NGINX_PREFIX
        )),
        Some(guard) => {
            notes.warn(format!(
                "annotation {}{guard} is not supported; the middlewares of router.middlewares are all there is",
                super::NGINX_PREFIX
            ));
            Ok(())
        }
        None => Ok(()),
    }
}

fn routes(ingress: &Ingress, router: &RouterAnnotations, options: &Options, notes: &mut Notes) -> Vec<Route> {
    if ingress.rules.is_empty() {
        return ingress
            .default_backend
            .iter()
            .filter_map(|backend| default_route(ingress, backend, notes))
            .collect();
    }
    if ingress.default_backend.is_some() {
        notes.warn("defaultBackend has no effect beside rules; give it an Ingress of its own");
    }
    let manner = Manner {
        matcher: &router.path_matcher,
        is_v2: router.rule_syntax == "v2",
        strict: options.strict_prefixes,
    };
    let mut routes = Vec::new();
    for rule in &ingress.rules {
        for path in rule.paths.iter().flatten() {
            routes.extend(route(ingress, &rule.host, path, manner, notes));
        }
    }
    routes
}

fn route(
    ingress: &Ingress,
    host: &str,
    path: &IngressPath,
    manner: Manner<'_>,
    notes: &mut Notes,
) -> Option<Route> {
    let IngressPath {
        path,
        path_type,
        backend,
    } = path;
    let title = match (host, &**path) {
        ("", "") => "(any)".to_owned(),
        (host, path) => format!("{host}{path}"),
    };
    let Some(key) = key(ingress, backend, false) else {
        notes.error(format!("path {title:?} is left out: its backend is no service"));
        return None;
    };
    if let PathType::Unknown(unknown) = path_type {
        notes.warn(format!(
            "path {title:?}: pathType {unknown:?} is not known and read as Prefix; write Exact, Prefix or \
             ImplementationSpecific"
        ));
    }
    let rule = rule(host, path, path_type, manner).map_err(|why| {
        notes.error(format!("path {title:?} has no router: {why}"));
    });
    let Id { namespace, name } = &ingress.id;
    Some(Route {
        key,
        name: normalize(&format!("{namespace}-{name}-{host}{path}")),
        rule: rule.ok(),
        title,
    })
}

fn default_route(ingress: &Ingress, backend: &Backend, notes: &mut Notes) -> Option<Route> {
    let Some(key) = key(ingress, backend, true) else {
        notes.error("defaultBackend is left out: it is no service");
        return None;
    };
    Some(Route {
        key,
        name: "default-router".to_owned(),
        rule: Some("PathPrefix(\"/\")".to_owned()),
        title: "defaultBackend".to_owned(),
    })
}

fn key(ingress: &Ingress, backend: &Backend, is_default: bool) -> Option<Key> {
    let Backend::Service { name, port } = backend else {
        return None;
    };
    Some(Key {
        service: Id::new(ingress.id.namespace.clone(), name.clone()),
        port: Port {
            reference: port.clone(),
            is_default,
        },
    })
}

impl Plan {
    /// The router of a route.
    pub(super) fn router(&self, route: &Route, rule: &str) -> http::Router {
        let mut router = http::Router {
            rule: rule.to_owned(),
            service: route.key.name(),
            ..self.router.clone()
        };
        if route.key.port.is_default {
            // After everything else, and in the syntax that it is written in.
            router.priority = i64::from(i32::MIN);
            "default".clone_into(&mut router.rule_syntax);
        }
        router
    }
}
