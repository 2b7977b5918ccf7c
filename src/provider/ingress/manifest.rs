//! Objects as people write them: YAML or JSON, several documents, lists.

use std::fmt;
use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1 as discovery;
use k8s_openapi::api::networking::v1 as networking;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_yaml::Value;

use super::Object;
use super::object::{Secret, Slice};

/// Largest text read, in bytes: 5,000 Services with their slices are about 20 MB.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Most objects read.
pub const MAX_OBJECTS: usize = 200_000;

/// What is read, and the only version of it.
const VERSIONS: &[(&str, &str)] = &[
    ("Ingress", "networking.k8s.io/v1"),
    ("IngressClass", "networking.k8s.io/v1"),
    ("Service", "v1"),
    ("EndpointSlice", "discovery.k8s.io/v1"),
    ("Secret", "v1"),
    ("Node", "v1"),
];

/// What a text holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Manifest {
    /// The objects that mean something here, in their order.
    pub objects: Vec<Object>,
    /// What was skipped, and why.
    pub notes: Vec<String>,
}

/// Why a text cannot be read: the document, the object in it, the key, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidManifest(String);

/// Reads Ingress, IngressClass, Service, EndpointSlice, Secret and Node; everything else is skipped with a note.
///
/// What belongs to a namespace and names none is in `default`. Errors: too big, no YAML, an object that Kubernetes would
/// not take.
pub fn read(text: &str) -> Result<Manifest, InvalidManifest> {
    if text.len() > MAX_BYTES {
        let message = format!("the objects have {} bytes; {MAX_BYTES} are allowed", text.len());
        return Err(InvalidManifest(message));
    }
    let mut manifest = Manifest::default();
    for (index, document) in serde_yaml::Deserializer::from_str(text).enumerate() {
        let place = format!("document {}", index + 1);
        let value =
            Value::deserialize(document).map_err(|error| InvalidManifest(format!("{place}: {error}")))?;
        take(&place, value, &mut manifest)?;
    }
    Ok(manifest)
}

fn take(place: &str, value: Value, manifest: &mut Manifest) -> Result<(), InvalidManifest> {
    if value.is_null() {
        return Ok(());
    }
    let kind = text_at(&value, &["kind"]).unwrap_or_default().to_owned();
    if let Some(items) = value.get("items").filter(|_| kind.ends_with("List")) {
        let Value::Sequence(items) = items.clone() else {
            return Err(InvalidManifest(format!("{place}: {kind}: items is no list")));
        };
        for (index, item) in items.into_iter().enumerate() {
            take(&format!("{place}, item {}", index + 1), item, manifest)?;
        }
        return Ok(());
    }
    if manifest.objects.len() >= MAX_OBJECTS {
        return Err(InvalidManifest(format!(
            "{place}: more than {MAX_OBJECTS} objects"
        )));
    }
    let name = text_at(&value, &["metadata", "name"])
        .unwrap_or("(no name)")
        .to_owned();
    let title = Title {
        place,
        kind: &kind,
        name: &name,
    };
    let version = text_at(&value, &["apiVersion"]).unwrap_or_default().to_owned();
    let known = VERSIONS.iter().find(|(known, _)| *known == kind);
    if let Some((_, known)) = known.filter(|(_, known)| *known != version && !version.is_empty()) {
        let note = title.says(format!(
            "skipped: apiVersion {version} is not read; write {known}"
        ));
        manifest.notes.push(note);
        return Ok(());
    }
    let object = match kind.as_str() {
        "" => return Err(title.error("kind is missing")),
        "Ingress" => Some((&title.read::<networking::Ingress>(value, true)?).into()),
        "Service" => Some((&title.read::<core::Service>(value, true)?).into()),
        "IngressClass" => Some((&title.read::<networking::IngressClass>(value, false)?).into()),
        "Node" => Some((&title.read::<core::Node>(value, false)?).into()),
        "EndpointSlice" => {
            let slice = Slice::of(&title.read::<discovery::EndpointSlice>(value, true)?);
            slice.map(|slice| Object::Slice(Arc::new(slice)))
        }
        "Secret" => {
            let secret = Secret::of(&title.read::<core::Secret>(value, true)?);
            secret.map(|secret| Object::Secret(Arc::new(secret)))
        }
        _ => None,
    };
    match (object, kind.as_str()) {
        (Some(object), _) => manifest.objects.push(object),
        (None, "EndpointSlice") => {
            manifest
                .notes
                .push(title.says("skipped: it has no label kubernetes.io/service-name"));
        }
        (None, "Secret") => {
            manifest
                .notes
                .push(title.says("skipped: it has neither tls.crt nor tls.key"));
        }
        (None, _) => manifest
            .notes
            .push(title.says("skipped: nobody here reads this kind")),
    }
    Ok(())
}

/// An object, as messages call it.
struct Title<'a> {
    place: &'a str,
    kind: &'a str,
    name: &'a str,
}

impl Title<'_> {
    fn says(&self, what: impl fmt::Display) -> String {
        let Self { place, kind, name } = self;
        format!("{place}: {kind} {name}: {what}")
    }

    fn error(&self, what: impl fmt::Display) -> InvalidManifest {
        InvalidManifest(self.says(what))
    }

    /// As text again: only the reader of text tells the key in its errors. Its lines would be those of that text.
    fn read<T: DeserializeOwned>(&self, mut value: Value, namespaced: bool) -> Result<T, InvalidManifest> {
        if namespaced && text_at(&value, &["metadata", "namespace"]).is_none_or(str::is_empty) {
            let metadata = value.get_mut("metadata").and_then(Value::as_mapping_mut);
            if let Some(metadata) = metadata {
                metadata.insert("namespace".into(), "default".into());
            }
        }
        let text = serde_yaml::to_string(&value).map_err(|error| self.error(error))?;
        serde_yaml::from_str(&text).map_err(|error| {
            let message = error.to_string();
            self.error(message.split(" at line ").next().unwrap_or(&message))
        })
    }
}

fn text_at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v str> {
    let found = path.iter().try_fold(value, |value, key| value.get(key))?;
    found.as_str()
}

#[cfg(test)]
mod tests {
    use super::super::object::{Backend, PathType, PortRef};
    use super::*;

    #[test]
    fn documents_and_lists_are_read_and_other_kinds_noted() {
        let manifest = read(
            "{apiVersion: extensions/v1beta1, kind: Ingress, metadata: {name: i}}\n---\napiVersion: v1\nkind: List\nitems:\n- {kind: Node, apiVersion: v1, metadata: {name: n}, status: \
             {addresses: [{type: InternalIP, address: 10.0.0.1}]}}\n- {kind: Pod, apiVersion: v1, metadata: \
             {name: p}}\n---\n---\n{\"kind\": \"Secret\", \"apiVersion\": \"v1\", \"metadata\": {\"name\": \
             \"s\"}, \"data\": {\"tls.crt\": \"YQ==\"}, \"stringData\": {\"tls.key\": \"b\"}}\n",
        )
        .unwrap();
        assert_eq!(
            manifest.notes,
            [
                "document 1: Ingress i: skipped: apiVersion extensions/v1beta1 is not read; write networking.k8s.io/v1",
                "document 2, item 2: Pod p: skipped: nobody here reads this kind"
            ]
        );
        let [Object::Node(node), Object::Secret(secret)] = &manifest.objects[..] else {
            panic!("{manifest:?}");
        };
        assert_eq!((&*node.id.namespace, &*node.internal[0]), ("", "10.0.0.1"));
        assert_eq!(secret.id.to_string(), "default/s");
        assert_eq!(
            (secret.certificate.as_deref(), secret.key.as_deref()),
            (Some("a"), Some("b"))
        );
    }

    #[test]
    fn a_path_without_a_type_leaves_it_to_us() {
        let manifest = read(
            "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i}, spec: {rules: [{http: \
             {paths: [{backend: {service: {name: s, port: {number: 80}}}}]}}]}}",
        )
        .unwrap();
        let Object::Ingress(ingress) = &manifest.objects[0] else {
            panic!("{manifest:?}");
        };
        let path = &ingress.rules[0].paths.as_ref().unwrap()[0];
        assert_eq!(
            (&*path.path, &path.path_type),
            ("", &PathType::ImplementationSpecific)
        );
        assert_eq!(
            path.backend,
            Backend::Service {
                name: "s".into(),
                port: PortRef::Number(80)
            }
        );
    }

    #[test]
    fn an_error_tells_document_object_and_key() {
        for (text, expected) in [
            ("a: [", "document 1: "),
            ("---\nx: 1\n", "document 1:  (no name): kind is missing"),
            (
                "{kind: Node, apiVersion: v1, metadata: {name: n}}\n---\n{kind: Service, apiVersion: v1, \
                 metadata: {name: s}, spec: {ports: [{port: x}]}}",
                "document 2: Service s: spec.ports[0].port: invalid type: string \"x\", expected i32",
            ),
            ("{kind: List, items: 1}", "document 1: List: items is no list"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
