//! `headers`: fields set and removed, CORS, security fields, allowed hosts.
//!
//! Three things in one, in Traefik's order: CORS and custom fields outside, security inside.

mod cors;
mod security;

use http::{HeaderValue, header};

use self::cors::Cors;
use self::security::Security;
use super::answer::Answer;
use super::message::{FieldName, Fields, Request, set_host};
use crate::config::dynamic::middleware::headers as wire;

/// Sets, removes and checks fields.
#[derive(Debug)]
pub(super) struct Headers {
    cors: Option<Cors>,
    on_requests: Vec<Change>,
    on_responses: Vec<Change>,
    security: Option<Security>,
}

/// A field that is set, or removed.
#[derive(Debug)]
struct Change {
    name: FieldName,
    value: Option<HeaderValue>,
}

impl Headers {
    /// From `headers`.
    pub(super) fn new(written: &wire::Headers) -> Result<Self, String> {
        let headers = Self {
            cors: Cors::new(written)?,
            on_requests: changes(&written.custom_request_headers, "customRequestHeaders")?,
            on_responses: changes(&written.custom_response_headers, "customResponseHeaders")?,
            security: Security::new(written)?,
        };
        let is_empty = headers.cors.is_none()
            && headers.on_requests.is_empty()
            && headers.on_responses.is_empty()
            && headers.security.is_none();
        if is_empty {
            return Err("headers configuration not valid".to_owned());
        }
        Ok(headers)
    }

    /// Keys that have no effect any more.
    pub(super) fn deprecated(written: &wire::Headers) -> Vec<(&'static str, &'static str)> {
        let keys = [
            (
                written.feature_policy.is_some(),
                "featurePolicy",
                "permissionsPolicy",
            ),
            (
                written.ssl_redirect.is_some(),
                "sslRedirect",
                "entry point redirections, or redirectScheme",
            ),
            (
                written.ssl_temporary_redirect.is_some(),
                "sslTemporaryRedirect",
                "redirectScheme",
            ),
            (written.ssl_host.is_some(), "sslHost", "redirectRegex"),
            (written.ssl_force_host.is_some(), "sslForceHost", "redirectRegex"),
        ];
        let used = keys.into_iter().filter(|(is_used, ..)| *is_used);
        used.map(|(_, key, instead)| (key, instead)).collect()
    }

    /// Changes a request, or answers it; says whether it came by TLS as far as this middleware knows. `hides_client`
    /// becomes true when `X-Forwarded-For` shall not even name the client.
    pub(super) fn enter(
        &self,
        request: &mut dyn Request,
        is_tls: bool,
        hides_client: &mut bool,
    ) -> Result<bool, Answer> {
        if let Some(answer) = self.cors.as_ref().and_then(|cors| cors.preflight(request)) {
            return Err(answer);
        }
        for Change { name, value } in &self.on_requests {
            match value {
                None => {
                    *hides_client |= name.name().as_str() == "x-forwarded-for";
                    request.remove(name.name());
                }
                Some(host) if *name.name() == header::HOST => set_host(request, host),
                Some(value) => request.set(name, value.clone()),
            }
        }
        match &self.security {
            Some(security) => security.enter(request, is_tls),
            None => Ok(is_tls),
        }
    }

    /// Changes an answer.
    pub(super) fn leave(&self, request: &dyn Request, is_secure: bool, response: &mut dyn Fields) {
        if let Some(security) = &self.security {
            security.leave(is_secure, response);
        }
        for Change { name, value } in &self.on_responses {
            match value {
                Some(value) => response.set(name, value.clone()),
                None => response.remove(name.name()),
            }
        }
        if let Some(cors) = &self.cors {
            cors.leave(request, response);
        }
    }
}

fn changes(written: &std::collections::BTreeMap<String, String>, key: &str) -> Result<Vec<Change>, String> {
    let change = |(name, value): (&String, &String)| {
        let bad_name = || format!("{key}: {name:?} is no name of a field");
        Ok(Change {
            name: FieldName::parse(name).ok_or_else(bad_name)?,
            value: (!value.is_empty())
                .then(|| field(value, &format!("{key}.{name}")))
                .transpose()?,
        })
    };
    // What frames a message is no matter of taste: a wrong length would let one request hide in another.
    let frames =
        |name: &&String| ["content-length", "transfer-encoding"].contains(&&*name.to_ascii_lowercase());
    written
        .iter()
        .filter(|(name, _)| !frames(name))
        .map(change)
        .collect()
}

/// Text as the value of a field.
fn field(text: &str, key: &str) -> Result<HeaderValue, String> {
    // The value may be a secret.
    HeaderValue::from_bytes(text.as_bytes())
        .map_err(|_| format!("{key} holds what a field cannot, a line break perhaps"))
}

#[cfg(test)]
mod tests;
