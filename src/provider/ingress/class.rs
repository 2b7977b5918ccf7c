//! Which Ingresses are ours (traefik-providers 5.4).

use super::object::{Ingress, IngressClass};
use super::{CLASS_ANNOTATION, Options};

/// What `spec.controller` of our classes says.
const CONTROLLER: &str = "traefik.io/ingress-controller";
/// The same for classes of ingress-nginx (6.3).
const NGINX_CONTROLLER: &str = "k8s.io/ingress-nginx";
/// The class that an annotation may name when the options name none.
const CLASS: &str = "traefik";
/// The class of ingress-nginx.
const NGINX_CLASS: &str = "nginx";

/// Whose an Ingress is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// Ours.
    Us,
    /// Somebody else's.
    Other,
    /// Nobody's that we know of: why.
    Unknown(String),
}

/// Whose it is; `class` is the IngressClass that it names, if that is there.
pub(super) fn owner(ingress: &Ingress, class: Option<&IngressClass>, options: &Options) -> Owner {
    let ours = match &ingress.class_name {
        Some(name) => {
            if !options.looks_classes_up {
                return Owner::Unknown(format!(
                    "not used: ingressClassName {name:?} cannot be looked up, since lookups of IngressClasses are disabled"
                ));
            }
            let Some(class) = class else {
                return Owner::Unknown(format!("not used: there is no IngressClass {name:?}"));
            };
            is_our_class(class, options)
        }
        None => {
            let named = annotation(ingress);
            let nginx = options.nginx_annotations && named == NGINX_CLASS;
            let by_default = options.class.is_empty() && named == CLASS;
            nginx || by_default || named == options.class
        }
    };
    if ours { Owner::Us } else { Owner::Other }
}

fn is_our_class(class: &IngressClass, options: &Options) -> bool {
    let is_wanted = options.class.is_empty() || *class.id.name == *options.class;
    match &*class.controller {
        CONTROLLER => is_wanted,
        NGINX_CONTROLLER => options.nginx_annotations && (is_wanted || &*class.id.name == NGINX_CLASS),
        _ => false,
    }
}

/// The class that the annotation names; empty for none.
fn annotation(ingress: &Ingress) -> &str {
    let mut annotations = ingress.annotations.iter();
    let named = annotations.find(|(key, _)| &**key == CLASS_ANNOTATION);
    named.map_or("", |(_, value)| value)
}
