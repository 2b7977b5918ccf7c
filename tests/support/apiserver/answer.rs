//! Right answers: lists in pages, objects, and what is written.

use std::sync::Arc;

use serde_json::{Value, json};

use super::State;
use super::status::{self, Refusal};
use super::store::{selects, whole};
use super::wanted::Wanted;
use super::wire::Request;

type Answer = Result<(u16, Value), Refusal>;

/// Everything but watches.
pub fn answer(state: &mut State, wanted: &Wanted, request: &Request) -> Answer {
    match wanted.verb {
        "list" => list(state, wanted),
        "get" => found(state, wanted).map(|object| (200, whole(wanted.resource, &object))),
        "create" => create(state, wanted.clone(), request),
        "update" => update(state, wanted, request),
        "patch" => patch(state, wanted, request),
        _ => delete(state, wanted),
    }
}

fn found(state: &State, wanted: &Wanted) -> Result<Arc<Value>, Refusal> {
    let found = state.store.get(wanted.resource, &wanted.namespace, &wanted.name);
    found.cloned().ok_or_else(|| status::not_found(wanted))
}

/// A page names the version of the first one, and the last object before the next one.
fn list(state: &State, wanted: &Wanted) -> Answer {
    let (mut version, mut after) = (state.store.version, None);
    let token = wanted.parameter("continue");
    if !token.is_empty() {
        let mut parts = token.splitn(3, ' ').map(str::to_owned);
        let mut next = || parts.next().unwrap_or_default();
        version = next().parse().unwrap_or(0);
        after = Some((next(), next()));
        if version < state.store.oldest {
            return Err(status::page_too_old());
        }
    }
    let limit = wanted.parameter("limit").parse().unwrap_or(usize::MAX);
    let selector = wanted.parameter("labelSelector");
    let mut items = state.store.list(wanted.resource, &wanted.namespace, after);
    items.retain(|object| selects(selector, object));
    let mut meta = json!({"resourceVersion": version.to_string()});
    if items.len() > limit && limit > 0 {
        let left = items.len() - limit;
        items.truncate(limit);
        let last = &items[limit - 1]["metadata"];
        let text = |key: &str| last[key].as_str().unwrap_or_default();
        meta["continue"] = json!(format!("{version} {} {}", text("namespace"), text("name")));
        meta["remainingItemCount"] = json!(left);
    }
    let items: Vec<&Value> = items.iter().map(|object| &**object).collect();
    let page = json!({
        "kind": format!("{}List", wanted.resource.kind), "apiVersion": wanted.resource.api_version(),
        "metadata": meta, "items": items
    });
    Ok((200, page))
}

fn body(request: &Request) -> Result<Value, Refusal> {
    let value = serde_json::from_slice(&request.body).map_err(|error| error.to_string());
    let refused = |why: String| status::status(400, "BadRequest", &why, Value::Null);
    match value {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(refused("not an object".to_owned())),
        Err(why) => Err(refused(why)),
    }
}

fn create(state: &mut State, mut wanted: Wanted, request: &Request) -> Answer {
    let mut object = body(request)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    wanted.name = text(&object["metadata"]["name"]);
    if wanted.name.is_empty() {
        let begin = text(&object["metadata"]["generateName"]);
        wanted.name = format!("{begin}{:05x}", state.store.version);
    }
    if found(state, &wanted).is_ok() {
        return Err(status::already_exists(&wanted));
    }
    object["metadata"]["name"] = json!(wanted.name);
    put(state, &wanted, object, 201)
}

fn update(state: &mut State, wanted: &Wanted, request: &Request) -> Answer {
    let object = body(request)?;
    let is_lease = wanted.resource.kind == "Lease";
    let before = match found(state, wanted) {
        Ok(before) => before,
        // These are made by updates too.
        Err(_) if is_lease || wanted.resource.kind == "Event" => return put(state, wanted, object, 201),
        Err(refusal) => return Err(refusal),
    };
    if is_lease && version_of(&object).is_empty() {
        return Err(status::needs_version(wanted));
    }
    replace(state, wanted, &before, object)
}

/// Merges; what is applied is merged too, and made if it is not there.
fn patch(state: &mut State, wanted: &Wanted, request: &Request) -> Answer {
    let kind = request.field("content-type");
    if !kind.contains("merge-patch") && !kind.contains("apply-patch") {
        let message = format!("the body of the request was in an unknown format - {kind}");
        return Err(status::status(415, "UnsupportedMediaType", &message, json!({})));
    }
    let patch = body(request)?;
    let before = match found(state, wanted) {
        Ok(before) => before,
        Err(_) if kind.contains("apply-patch") => return put(state, wanted, patch, 201),
        Err(refusal) => return Err(refusal),
    };
    let mut object = Value::clone(&before);
    merge(&mut object, patch);
    replace(state, wanted, &before, object)
}

fn replace(state: &mut State, wanted: &Wanted, before: &Value, mut object: Value) -> Answer {
    let version = version_of(&object);
    if !version.is_empty() && version != version_of(before) {
        return Err(status::conflict(wanted));
    }
    if wanted.is_status {
        let mut same = before.clone();
        same["status"] = object["status"].take();
        object = same;
    } else if wanted.resource.kind == "Ingress" {
        object["status"] = before["status"].clone();
    }
    put(state, wanted, object, 200)
}

fn put(state: &mut State, wanted: &Wanted, mut object: Value, code: u16) -> Answer {
    if wanted.resource.namespaced {
        object["metadata"]["namespace"] = json!(wanted.namespace);
    }
    // A real one writes nothing, and tells nobody, where nothing changes.
    let before = found(state, wanted).ok();
    if let Some(before) = before.filter(|before| is_same(before, &object)) {
        return Ok((code, whole(wanted.resource, &before)));
    }
    let object = state.store.put(wanted.resource, object);
    Ok((code, whole(wanted.resource, &object)))
}

fn delete(state: &mut State, wanted: &Wanted) -> Answer {
    found(state, wanted)?;
    state
        .store
        .delete(wanted.resource, &wanted.namespace, &wanted.name);
    let details =
        json!({"name": wanted.name, "group": wanted.resource.group, "kind": wanted.resource.plural});
    let page = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
    Ok((200, page))
}

fn version_of(object: &Value) -> String {
    let version = &object["metadata"]["resourceVersion"];
    version.as_str().unwrap_or_default().to_owned()
}

fn is_same(before: &Value, object: &Value) -> bool {
    let parts = |value: &Value| {
        let mut value = value.clone();
        let map = value.as_object_mut().unwrap();
        map.remove("kind");
        map.remove("apiVersion");
        value["metadata"]["resourceVersion"] = Value::Null;
        value
    };
    parts(before) == parts(object)
}

/// RFC 7396.
fn merge(object: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *object = patch;
        return;
    };
    if !object.is_object() {
        *object = json!({});
    }
    let object = object.as_object_mut().unwrap();
    for (key, value) in patch {
        if value.is_null() {
            object.remove(&key);
        } else {
            merge(object.entry(key).or_insert(Value::Null), value);
        }
    }
}
