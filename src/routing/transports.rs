//! Servers transports by name. One that cannot be enforced has a reason instead, and so have the services that name it.

use std::collections::HashMap;

use super::{Ground, Merged};
use crate::config::qualify;
use crate::upstream::Transport;

/// Transports by qualified name, and the one for services that name none.
pub(super) struct Transports<'a> {
    default: &'a Transport,
    named: HashMap<&'a str, Result<Transport, String>>,
}

impl<'a> Transports<'a> {
    /// Reads them all.
    pub(super) fn new(merged: &'a Merged, ground: &'a Ground) -> Self {
        let named = merged.transports.iter().map(|(name, written)| {
            let transport = Transport::new(written, &*ground.files).map_err(|error| error.to_string());
            (&**name, transport)
        });
        Self {
            default: &ground.transport,
            named: named.collect(),
        }
    }

    /// The transport a service names, or why it has none.
    pub(super) fn get(&self, written: &str, provider: &str) -> Result<&Transport, String> {
        if written.is_empty() || written == "default@internal" {
            return Ok(self.default);
        }
        let qualified = qualify(written, provider);
        match self.named.get(qualified.as_str()) {
            Some(Ok(transport)) => Ok(transport),
            Some(Err(reason)) => Err(format!("servers transport {qualified:?}: {reason}")),
            None => Err(format!("servers transport not found {qualified:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use crate::config::{Files, Notation, dynamic};
    use crate::routing::{Ground, Merged, Snapshot, compile};

    /// One file.
    #[derive(Debug)]
    struct OneFile(Mutex<Result<String, String>>);

    impl Files for OneFile {
        fn read(&self, _path: &str) -> Result<Vec<u8>, String> {
            self.0.lock().unwrap().clone().map(String::into_bytes)
        }
    }

    const APP: &str = "http: {serversTransports: {t: {rootCAs: [ca.pem]}, u: {}}, services: {\
        app: {loadBalancer: {serversTransport: t, servers: [{url: 'https://127.0.0.1:1'}]}}, \
        other: {loadBalancer: {serversTransport: u, servers: [{url: 'https://127.0.0.1:1'}]}}}}";

    fn compiled(content: Result<String, String>, previous: &Snapshot) -> Snapshot {
        let (configuration, _) = dynamic::read(APP.as_bytes(), Notation::Yaml, None).unwrap();
        assert!(configuration.names_files());
        let merged = Merged::of([("file", &configuration)]);
        let ground = Ground {
            files: Arc::new(OneFile(Mutex::new(content))),
            ..Ground::bare(Vec::new())
        };
        compile(&merged, &ground, 0, previous)
    }

    fn certificate() -> Result<String, String> {
        let made = rcgen::generate_simple_self_signed(["a.test".to_owned()]);
        Ok(made.unwrap().cert.pem())
    }

    #[test]
    fn services_of_a_transport_that_cannot_be_used_are_disabled_with_its_name_and_key() {
        for (content, why) in [
            (
                Err("\"ca.pem\" cannot be read: gone".to_owned()),
                "\"ca.pem\" cannot be read: gone",
            ),
            (Ok("text".to_owned()), "\"ca.pem\" holds no certificate"),
        ] {
            let snapshot = compiled(content, &Snapshot::default());
            assert!(snapshot.services.contains_key("other@file"));
            assert!(!snapshot.services.contains_key("app@file"));
            let reason = &snapshot.report.services["app@file"].reasons[0];
            assert_eq!(reason.key, "loadBalancer.serversTransport");
            assert_eq!(
                reason.text,
                format!("servers transport \"t@file\": rootCAs[0]: {why}")
            );
        }
    }

    #[test]
    fn a_service_stays_the_same_until_a_file_of_its_transport_changes() {
        let content = certificate();
        let first = compiled(content.clone(), &Snapshot::default());
        let again = compiled(content, &first);
        let changed = compiled(certificate(), &again);
        let same = |a: &Snapshot, b: &Snapshot, name: &str| {
            a.services.get(name).map(Arc::as_ptr) == b.services.get(name).map(Arc::as_ptr)
        };
        assert!(same(&first, &again, "app@file"));
        assert!(!same(&again, &changed, "app@file"));
        assert!(same(&again, &changed, "other@file"));
    }
}
