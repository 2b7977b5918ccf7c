//! What a real API server (1.34) says when it refuses, word for word.

use serde_json::{Value, json};

use super::wanted::Wanted;

/// A refusal, with its HTTP status.
pub type Refusal = (u16, Value);

/// A `Status` object.
pub fn status(code: u16, reason: &str, message: &str, details: Value) -> Refusal {
    let mut page = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
        "reason": reason, "details": details, "code": code
    });
    if page["details"].is_null() {
        page.as_object_mut().unwrap().remove("details");
    }
    (code, page)
}

fn details(wanted: &Wanted) -> Value {
    let mut details = json!({"kind": wanted.resource.plural});
    for (key, value) in [("name", wanted.name.as_str()), ("group", wanted.resource.group)] {
        if !value.is_empty() {
            details[key] = json!(value);
        }
    }
    details
}

/// No such token.
pub fn unauthorized() -> Refusal {
    status(401, "Unauthorized", "Unauthorized", Value::Null)
}

/// No such path.
pub fn unknown_path() -> Refusal {
    let message = "the server could not find the requested resource";
    status(404, "NotFound", message, json!({}))
}

/// No rule allows it.
pub fn forbidden(wanted: &Wanted, user: &str) -> Refusal {
    let what = match wanted.name.as_str() {
        "" => wanted.resource.full_name(),
        name => format!("{} \"{name}\"", wanted.resource.full_name()),
    };
    let place = match wanted.namespace.as_str() {
        "" => "at the cluster scope".to_owned(),
        namespace => format!("in the namespace \"{namespace}\""),
    };
    let message = format!(
        "{what} is forbidden: User \"{user}\" cannot {} resource \"{}\" in API group \"{}\" {place}",
        wanted.verb,
        wanted.resource_name(),
        wanted.resource.group,
    );
    status(403, "Forbidden", &message, details(wanted))
}

/// No such object.
pub fn not_found(wanted: &Wanted) -> Refusal {
    let message = format!("{} \"{}\" not found", wanted.resource.full_name(), wanted.name);
    status(404, "NotFound", &message, details(wanted))
}

/// It is there already.
pub fn already_exists(wanted: &Wanted) -> Refusal {
    let message = format!(
        "{} \"{}\" already exists",
        wanted.resource.full_name(),
        wanted.name
    );
    status(409, "AlreadyExists", &message, details(wanted))
}

/// Somebody was faster.
pub fn conflict(wanted: &Wanted) -> Refusal {
    let message = format!(
        "Operation cannot be fulfilled on {} \"{}\": the object has been modified; please apply your changes to \
         the latest version and try again",
        wanted.resource.full_name(),
        wanted.name
    );
    status(409, "Conflict", &message, details(wanted))
}

/// An update of a Lease must say of what.
pub fn needs_version(wanted: &Wanted) -> Refusal {
    let message = format!(
        "{} \"{}\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update",
        wanted.resource.full_name(),
        wanted.name
    );
    status(422, "Invalid", &message, details(wanted))
}

/// A watch from a version that is forgotten.
pub fn too_old(asked: u64, oldest: u64) -> Refusal {
    let message = format!("too old resource version: {asked} ({oldest})");
    status(410, "Expired", &message, Value::Null)
}

/// Further pages of a list whose version is forgotten.
pub fn page_too_old() -> Refusal {
    let message = "The provided continue parameter is too old to display a consistent list result. You can start a \
                   new list without the continue parameter.";
    status(410, "Expired", message, Value::Null)
}
