//! The objects, their versions, and what happened to them.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::wanted::Resource;

/// Namespace and name.
type Name = (String, String);

/// What became of an object.
#[derive(Clone)]
pub struct Change {
    pub version: u64,
    pub resource: &'static Resource,
    pub before: Option<Arc<Value>>,
    /// As it is since, or was at last.
    pub object: Arc<Value>,
    pub is_deleted: bool,
}

/// Objects without `kind` and `apiVersion`, as lists have them.
#[derive(Default)]
pub struct Store {
    objects: BTreeMap<&'static str, BTreeMap<Name, Arc<Value>>>,
    history: Vec<Change>,
    pub version: u64,
    /// Nothing from before is known.
    pub oldest: u64,
}

impl Store {
    pub fn get(&self, resource: &Resource, namespace: &str, name: &str) -> Option<&Arc<Value>> {
        let name = (namespace.to_owned(), name.to_owned());
        self.objects.get(resource.plural)?.get(&name)
    }

    /// Puts an object in place as it is, apart from what only a server gives it; returns it as it is now.
    pub fn put(&mut self, resource: &'static Resource, mut object: Value) -> Arc<Value> {
        self.version += 1;
        let map = object.as_object_mut().unwrap();
        map.remove("kind");
        map.remove("apiVersion");
        let meta = object["metadata"].as_object_mut().expect("metadata");
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let name = (text(meta.get("namespace")), text(meta.get("name")));
        assert!(
            name.0.is_empty() != resource.namespaced && !name.1.is_empty(),
            "the name of {meta:?}"
        );
        let objects = self.objects.entry(resource.plural).or_default();
        let before = objects.get(&name).cloned();
        meta.insert("resourceVersion".to_owned(), json!(self.version.to_string()));
        for (key, new) in [
            ("uid", format!("0e571d-{}", self.version)),
            ("creationTimestamp", now()),
        ] {
            let kept = before.as_ref().map(|before| before["metadata"][key].clone());
            meta.entry(key).or_insert(kept.unwrap_or(json!(new)));
        }
        let object = Arc::new(object);
        objects.insert(name, Arc::clone(&object));
        self.note(resource, before, &object, false);
        object
    }

    pub fn delete(&mut self, resource: &'static Resource, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let name = (namespace.to_owned(), name.to_owned());
        let before = self.objects.get_mut(resource.plural)?.remove(&name)?;
        self.version += 1;
        let mut last = Value::clone(&before);
        last["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.note(resource, Some(before), &Arc::new(last), true);
        self.history.last().map(|change| Arc::clone(&change.object))
    }

    fn note(
        &mut self,
        resource: &'static Resource,
        before: Option<Arc<Value>>,
        object: &Arc<Value>,
        is_deleted: bool,
    ) {
        self.history.push(Change {
            version: self.version,
            resource,
            before,
            object: Arc::clone(object),
            is_deleted,
        });
    }

    /// Objects of a namespace, or of all, in their order, after this one.
    pub fn list(&self, resource: &Resource, namespace: &str, after: Option<Name>) -> Vec<Arc<Value>> {
        let Some(objects) = self.objects.get(resource.plural) else {
            return Vec::new();
        };
        let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
        objects
            .range((begin, Bound::Unbounded))
            .filter(|((within, _), _)| namespace.is_empty() || within == namespace)
            .map(|(_, object)| Arc::clone(object))
            .collect()
    }

    /// What happened after this version.
    pub fn since(&self, version: u64) -> &[Change] {
        let begin = self.history.partition_point(|change| change.version <= version);
        &self.history[begin..]
    }

    /// Forgets what happened.
    pub fn compact(&mut self) {
        self.history.clear();
        self.oldest = self.version;
    }
}

/// `a=b`, `a==b`, `a!=b`, `a`, `!a`, joined by commas.
pub fn selects(selector: &str, object: &Value) -> bool {
    let label = |key: &str| object["metadata"]["labels"][key].as_str();
    let mut terms = selector.split(',').filter(|term| !term.is_empty());
    terms.all(|term| {
        if let Some((key, value)) = term.split_once("!=") {
            label(key) != Some(value)
        } else if let Some((key, value)) = term.split_once('=') {
            label(key) == Some(value.trim_start_matches('='))
        } else if let Some(key) = term.strip_prefix('!') {
            label(key).is_none()
        } else {
            label(term).is_some()
        }
    })
}

/// With `kind` and `apiVersion`, as it is outside lists.
pub fn whole(resource: &Resource, object: &Value) -> Value {
    let mut object = object.clone();
    object["kind"] = json!(resource.kind);
    object["apiVersion"] = json!(resource.api_version());
    object
}

/// Now, to the second.
fn now() -> String {
    let time = time::OffsetDateTime::from(SystemTime::now());
    let ((year, month, day), (hour, minute, second)) = (time.to_calendar_date(), time.to_hms());
    let month = u8::from(month);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}
