//! Taking a server out of service, and who may.

use std::path::PathBuf;
use std::sync::Arc;

use http::{Method, StatusCode};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{Api, Asked, Reply};
use crate::balance::Server;
use crate::disk::read_bytes;
use crate::routing::Snapshot;

/// Shorter tokens are guessed.
const SHORTEST: usize = 16;

/// The token that changes have to bear: the content of a file, read when it is asked for, so that it can be changed.
#[derive(Debug)]
pub(super) struct Tokens {
    path: PathBuf,
}

impl Tokens {
    /// The one in the file at `path`.
    pub(super) fn of(path: &str) -> Self {
        // In the background the working directory is another one.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
        Self { path }
    }

    /// Is it this one? Takes the same time for every wrong one.
    fn accepts(&self, token: &str) -> Result<bool, String> {
        let bytes = read_bytes(&self.path).map_err(|problem| problem.to_string())?;
        let wanted = bytes.trim_ascii();
        if wanted.len() < SHORTEST {
            return Err(format!(
                "{}: a token has at least {SHORTEST} characters",
                self.path.display()
            ));
        }
        // Comparing digests tells nothing about how much of the token was right.
        let differences = Sha256::digest(wanted)
            .iter()
            .zip(Sha256::digest(token.as_bytes()))
            .fold(0, |all, (a, b)| all | (a ^ b));
        Ok(differences == 0)
    }
}

impl Api {
    /// Drains the server of a service at `url`, or ends that.
    pub(super) fn drain(&self, asked: &Asked, snapshot: &Snapshot, service: &str, url: &str) -> Reply {
        let aside = match asked.method {
            Method::PUT => true,
            Method::DELETE => false,
            _ => {
                return Reply::error(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "write PUT to drain the server, DELETE to end that",
                );
            }
        };
        if let Err(reply) = self.allow(asked) {
            tracing::warn!(
                who = asked.who,
                service,
                server = url,
                status = reply.status.as_u16(),
                "a drain was refused"
            );
            return reply;
        }
        let Some(found) = snapshot.services.get(service) else {
            return Reply::error(StatusCode::NOT_FOUND, &format!("service not found: {service}"));
        };
        let servers = found.servers().map_or(&[][..], |servers| servers.pool.servers());
        let matching: Vec<&Arc<Server>> = servers.iter().filter(|server| server.url() == url).collect();
        if matching.is_empty() {
            let message = format!(
                "service {service} has no server {url}; write its URL as configured, percent-encoded"
            );
            return Reply::error(StatusCode::NOT_FOUND, &message);
        }
        let mut changed = false;
        for server in matching {
            changed |= server.state().set_aside(aside);
        }
        tracing::warn!(
            who = asked.who,
            service,
            server = url,
            changed,
            "{}",
            if aside {
                "the server is drained by the API"
            } else {
                "the server's drain by the API is over"
            }
        );
        Reply::json(&json!({"service": service, "url": url, "draining": aside, "changed": changed}))
    }

    fn allow(&self, asked: &Asked) -> Result<(), Reply> {
        if asked.is_trusted {
            return Ok(());
        }
        let forbidden = |message: &str| Err(Reply::error(StatusCode::FORBIDDEN, message));
        let Some(tokens) = &self.tokens else {
            return forbidden("nothing can be changed here: api.write names no tokenFile");
        };
        let Some(token) = &asked.bearer else {
            return Err(Reply::error(
                StatusCode::UNAUTHORIZED,
                "write the token of api.write.tokenFile as Authorization: Bearer",
            ));
        };
        match tokens.accepts(token) {
            Ok(true) => Ok(()),
            Ok(false) => forbidden("the token is not the one of api.write.tokenFile"),
            Err(reason) => {
                tracing::error!("api.write.tokenFile cannot be used: {reason}");
                forbidden("the token cannot be checked: the log says why")
            }
        }
    }
}
