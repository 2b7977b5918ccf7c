//! Secrets that Ingresses name -> certificates (traefik-providers 5.8). They make no router a TLS router.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Id;
use super::object::Secret;
use super::world::World;
use crate::config::dynamic::tls::{Certificates as Stored, StoredCertificate};

/// The certificates in use.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    /// Who names a secret.
    users: HashMap<Id, BTreeSet<Id>>,
    /// By what Traefik sorts them by.
    found: BTreeMap<(String, Id), StoredCertificate>,
    has_changed: bool,
}

impl Certificates {
    /// An Ingress names these secrets from now on.
    pub(super) fn join(&mut self, secrets: &[Id], ingress: &Id) {
        for secret in secrets {
            let users = self.users.entry(secret.clone()).or_default();
            users.insert(ingress.clone());
        }
    }

    /// An Ingress does not name these secrets any more.
    pub(super) fn leave(&mut self, secrets: &[Id], ingress: &Id) {
        for secret in secrets {
            if let Some(users) = self.users.get_mut(secret) {
                users.remove(ingress);
                if users.is_empty() {
                    self.users.remove(secret);
                }
            }
        }
    }

    /// Looks at a secret again; returns who names it.
    pub(super) fn look(&mut self, secret: &Id, world: &World) -> BTreeSet<Id> {
        let key = (format!("{}-{}", secret.namespace, secret.name), secret.clone());
        let users = self.users.get(secret).cloned().unwrap_or_default();
        let new = Self::read(secret, world).ok().filter(|_| !users.is_empty());
        let old = match new.clone() {
            Some(new) => self.found.insert(key, new),
            None => self.found.remove(&key),
        };
        self.has_changed |= old != new;
        users
    }

    /// All of them, when they are others than at the last call.
    pub(super) fn changed(&mut self) -> Option<Stored> {
        let has_changed = std::mem::take(&mut self.has_changed);
        has_changed.then(|| self.found.values().cloned().collect())
    }

    /// The certificate in a secret, or why there is none.
    pub(super) fn read(id: &Id, world: &World) -> Result<StoredCertificate, String> {
        let secret = world.secrets.get(id);
        let secret = secret.ok_or_else(|| format!("secret {id} does not exist"))?;
        let Secret {
            id: _,
            certificate,
            key,
        } = &**secret;
        let entries = [("tls.crt", certificate), ("tls.key", key)];
        let those = |is_wrong: fn(&Option<Box<str>>) -> bool| {
            let wrong = entries.iter().filter(|(_, text)| is_wrong(text));
            wrong.map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
        };
        let missing = those(|text| text.is_none());
        if !missing.is_empty() {
            return Err(format!(
                "secret {id} is missing the following TLS data entries: {missing}"
            ));
        }
        let empty = those(|text| text.as_deref().is_some_and(str::is_empty));
        if !empty.is_empty() {
            return Err(format!(
                "secret {id} contains the following empty TLS data entries: {empty}"
            ));
        }
        // Where the wire model wants a certificate it takes a path as well: whoever writes a secret must not have files
        // of the proxy read.
        let foreign = those(|text| text.as_deref().is_some_and(|text| !text.contains("-----BEGIN ")));
        if !foreign.is_empty() {
            return Err(format!(
                "secret {id} contains TLS data entries that are no PEM text: {foreign}"
            ));
        }
        let text = |text: &Option<Box<str>>| text.as_deref().unwrap_or_default().to_owned();
        Ok(StoredCertificate {
            cert_file: text(certificate),
            key_file: text(key),
            stores: Vec::new(),
        })
    }
}
