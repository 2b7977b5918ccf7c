//! TLS towards clients: from what is written under `tls` to certificates and handshakes.
//!
//! [`Tls::compile`] is total: a certificate that cannot be used takes down itself alone, options that cannot be are
//! refused whole, and so is whoever needs them. Nothing that has stayed the same is parsed again.

mod certificate;
mod client;
mod hosts;
mod options;
mod pem;
mod store;
mod words;

pub use hosts::{Conflict, Hosts};
pub use options::Options;
pub(crate) use pem::Pem;
pub use words::Versions;
pub use words::agreed_words;
pub(crate) use words::{is_tls13_suite, name_of, tls12_suite};

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use foldhash::fast::RandomState;
use rustls::sign::CertifiedKey;

use crate::config::dynamic::tls as wire;
use crate::config::{Files, qualify};
use certificate::{Certificate, Known, Reading};
use options::Spec;
use store::Store;

/// Name of the options of routers that name none, and of the only store.
pub const DEFAULT: &str = "default";

/// Something to be said about what is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about: `certificates[3]@file`, `options.modern@file`, `stores.default@file`.
    pub item: String,
    /// The key in it; empty for the whole.
    pub key: String,
    /// Is the item without effect because of it?
    pub is_error: bool,
    /// What is wrong, and what would be right. Never with a key's content.
    pub text: String,
}

/// What is written under `tls`, by provider.
pub type Parts = BTreeMap<String, wire::Tls>;

/// All that handshakes are made of, of one age.
#[derive(Debug, Default)]
pub struct Tls {
    store: Arc<Store>,
    options: HashMap<Arc<str>, Ready, RandomState>,
    findings: Vec<Finding>,
    // What the next one is compared with.
    parts: Parts,
    own: Option<Arc<CertifiedKey>>,
    /// One for each pair of `parts`, in their order.
    known: Vec<Known>,
}

/// Options, and why no router may be served under them if that is so: then they refuse everybody.
#[derive(Debug)]
struct Ready {
    options: Option<Arc<Options>>,
    refusal: Option<String>,
}

impl Tls {
    /// Compiles `parts`. `own` is the certificate for clients whose name no other fits, where none is configured.
    #[must_use]
    pub fn compile(parts: &Parts, own: Option<&Arc<CertifiedKey>>, files: &dyn Files, before: &Self) -> Self {
        let mut compiler = Compiler {
            files,
            before: before.known_pairs(),
            known: Vec::new(),
            findings: Vec::new(),
        };
        let certificates = compiler.certificates(parts);
        let configured = compiler.default_certificate(parts);
        let store = Store::new(certificates, configured.or_else(|| own.cloned()));
        let store = match before.store.is(&store) {
            true => Arc::clone(&before.store),
            false => Arc::new(store),
        };
        let options = compiler.options(parts, &store, before);
        Self {
            store,
            options,
            findings: compiler.findings,
            known: compiler.known,
            parts: parts.clone(),
            own: own.cloned(),
        }
    }

    /// Would it be compiled from these to the same again? Never where files are named, which may hold something else by
    /// now.
    #[must_use]
    pub fn stands(&self, parts: &Parts, own: Option<&Arc<CertifiedKey>>) -> bool {
        // The default options are always there, unless nothing was compiled yet.
        !self.options.is_empty()
            && self.own.as_ref().map(Arc::as_ptr) == own.map(Arc::as_ptr)
            && self.parts == *parts
            && parts.values().all(|part| part.named_files().next().is_none())
    }

    /// What is to be said about what is written.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The options called `name`, qualified or [`DEFAULT`]; they may refuse everybody. `None` when nobody has written
    /// them.
    #[must_use]
    pub fn options(&self, name: &str) -> Option<&Arc<Options>> {
        self.options.get(name)?.options.as_ref()
    }

    /// The options called `name`, for a router.
    ///
    /// # Errors
    /// Why no router may be served under them.
    pub fn usable(&self, name: &str) -> Result<&Arc<Options>, String> {
        let Some(Ready { options, refusal }) = self.options.get(name) else {
            return Err(format!("unknown TLS options: {name}"));
        };
        let refusal = refusal.as_deref().unwrap_or_default();
        let usable = options.as_ref().filter(|_| refusal.is_empty());
        usable.ok_or_else(|| format!("TLS options {name}: {refusal}"))
    }

    /// Do routers find the same in both?
    #[must_use]
    pub fn has_the_same_options_as(&self, other: &Self) -> bool {
        let same = |(name, ready): (&Arc<str>, &Ready)| {
            other.options.get(name).is_some_and(|other| {
                let demands =
                    |ready: &Ready| ready.options.as_ref().is_some_and(|it| it.demand_certificates());
                other.refusal == ready.refusal && demands(other) == demands(ready)
            })
        };
        self.options.len() == other.options.len() && self.options.iter().all(same)
    }

    fn known_pairs(&self) -> HashMap<Pair<'_>, &Known, RandomState> {
        pairs(&self.parts).zip(&self.known).collect()
    }
}

/// Certificate and key, as written.
type Pair<'p> = (&'p str, &'p str);

/// All pairs, in the order in which they are read.
fn pairs(parts: &Parts) -> impl Iterator<Item = Pair<'_>> {
    let listed = parts.values().flat_map(|part| part.certificates.iter());
    let listed = listed.map(|pair| (pair.cert_file.as_str(), pair.key_file.as_str()));
    let defaults = default_stores(parts).filter_map(|(_, store)| store.default_certificate.as_ref());
    listed.chain(defaults.map(|pair| (pair.cert_file.as_str(), pair.key_file.as_str())))
}

/// The store called `default` of each provider that has one.
fn default_stores(parts: &Parts) -> impl Iterator<Item = (&String, &Arc<wire::Store>)> {
    let all = parts.iter();
    all.filter_map(|(provider, part)| Some((provider, part.stores.get(DEFAULT)?)))
}

struct Compiler<'c> {
    files: &'c dyn Files,
    before: HashMap<Pair<'c>, &'c Known, RandomState>,
    known: Vec<Known>,
    findings: Vec<Finding>,
}

impl Compiler<'_> {
    fn find(&mut self, item: &str, key: impl Into<String>, is_error: bool, text: impl Into<String>) {
        self.findings.push(Finding {
            item: item.to_owned(),
            key: key.into(),
            is_error,
            text: text.into(),
        });
    }

    /// The certificates of the list of each provider.
    fn certificates(&mut self, parts: &Parts) -> Vec<Arc<Certificate>> {
        let mut certificates = Vec::new();
        for (provider, part) in parts {
            for (index, pair) in part.certificates.iter().enumerate() {
                let item = format!("certificates[{index}]@{provider}");
                let certificate = self.certificate(&item, "", &pair.cert_file, &pair.key_file);
                let is_in_default = pair.stores.is_empty() || pair.stores.iter().any(|name| name == DEFAULT);
                for (at, store) in pair
                    .stores
                    .iter()
                    .enumerate()
                    .filter(|(_, name)| *name != DEFAULT)
                {
                    let text = format!("there is no store {store:?}, only \"default\"");
                    self.find(&item, format!("stores[{at}]"), !is_in_default, text);
                }
                certificates.extend(certificate.filter(|_| is_in_default));
            }
        }
        certificates
    }

    /// One certificate, and what is wrong with it, at `prefix` within `item`.
    fn certificate(&mut self, item: &str, prefix: &str, cert: &str, key: &str) -> Option<Arc<Certificate>> {
        let before = self.before.get(&(cert, key)).copied();
        let Reading {
            known,
            flaw,
            is_exposed,
        } = Known::read(cert, key, self.files, before);
        if let Some((at, reason)) = flaw {
            let (is_error, rest) = match known.certificate {
                Some(_) => (false, "; the one read before stays in use"),
                None => (true, ""),
            };
            self.find(item, format!("{prefix}{at}"), is_error, format!("{reason}{rest}"));
        }
        if is_exposed {
            let text = format!("the private key {key:?} is readable by everybody; chmod o-rwx it");
            self.find(item, format!("{prefix}keyFile"), false, text);
        }
        let certificate = known.certificate.clone();
        self.known.push(known);
        certificate
    }

    /// The configured certificate for clients whose name no other fits.
    fn default_certificate(&mut self, parts: &Parts) -> Option<Arc<CertifiedKey>> {
        let mut found = Vec::new();
        for (provider, store) in default_stores(parts) {
            let item = format!("stores.{DEFAULT}@{provider}");
            if let Some(pair) = &store.default_certificate {
                let read = self.certificate(&item, "defaultCertificate.", &pair.cert_file, &pair.key_file);
                found.push((item.clone(), read));
            }
            if store.default_generated_cert.is_some() {
                let text = "certificate resolvers are not supported; name a defaultCertificate";
                self.find(&item, "defaultGeneratedCert", false, text);
            }
        }
        let others = parts.iter().flat_map(|(provider, part)| {
            let names = part.stores.iter().filter(|(name, _)| &***name != DEFAULT);
            names.map(move |(name, _)| format!("stores.{}", qualify(name, provider)))
        });
        for item in others {
            self.find(&item, "", true, "only the store \"default\" is used");
        }
        if found.len() > 1 {
            for (item, _) in &found {
                let text = "the default store is defined by several providers, and used of none";
                self.find(item, "", true, text);
            }
            return None;
        }
        let (_, certificate) = found.pop()?;
        Some(Arc::clone(&certificate?.certified))
    }

    /// All options, those called `default` among them whether somebody has written them or not.
    fn options(
        &mut self,
        parts: &Parts,
        store: &Arc<Store>,
        before: &Tls,
    ) -> HashMap<Arc<str>, Ready, RandomState> {
        let mut written: BTreeMap<String, Vec<(&String, &wire::Options)>> = BTreeMap::new();
        let usual = wire::Options::default();
        written.insert(DEFAULT.to_owned(), Vec::new());
        for (provider, part) in parts {
            for (name, options) in part.options.iter() {
                let name = match &**name {
                    DEFAULT => DEFAULT.to_owned(),
                    name => qualify(name, provider),
                };
                written.entry(name).or_default().push((provider, options));
            }
        }
        let ready = written.into_iter().map(|(name, written)| {
            let name: Arc<str> = name.into();
            let item = match written.first() {
                Some((provider, _)) => format!("options.{}", qualify(&name, provider)),
                None => format!("options.{name}"),
            };
            let made = match written.as_slice() {
                [] => self.ready(&item, &name, &usual, store, before),
                [(_, options)] => self.ready(&item, &name, options, store, before),
                _ => Err((String::new(), "they are defined by several providers".to_owned())),
            };
            let ready = match made {
                Ok(options) => Ready {
                    options: Some(options),
                    refusal: None,
                },
                Err((key, reason)) => {
                    let dot = if key.is_empty() { "" } else { ": " };
                    let refusal = Some(format!("{key}{dot}{reason}"));
                    self.find(&item, key, true, reason);
                    let options = Options::refusing(&name, store).map(Arc::new).ok();
                    Ready { options, refusal }
                }
            };
            (name, ready)
        });
        ready.collect()
    }

    fn ready(
        &mut self,
        item: &str,
        name: &Arc<str>,
        written: &wire::Options,
        store: &Arc<Store>,
        before: &Tls,
    ) -> Result<Arc<Options>, options::Remark> {
        let mut remarks = Vec::new();
        let spec = Spec::read(written, self.files, &mut remarks);
        for (key, text) in remarks {
            self.find(item, key, false, text);
        }
        let before = before.options(name);
        let made = Options::new(name, spec?, store, before.map(|before| &**before));
        made.map(Arc::new).map_err(|reason| (String::new(), reason))
    }
}

#[cfg(test)]
mod tests;
