//! Objects of a cluster as people write them: what they configure, what is said about them, and which status they get.

use std::collections::BTreeMap;

use piton::config::dynamic::{self, Configuration};
use piton::config::{Level, Notation};
use piton::provider::ingress::{Address, Conversion, Converter, Id, Object, Options, Status, manifest};
use serde::Deserialize;

use crate::{Differences, expect, expect_printed_and_read};

/// `rows`: objects with what they mean by the options of the provider.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kubernetes {
    /// Documents that every row has before its own.
    #[serde(default)]
    objects: String,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// What is special here.
    #[serde(default)]
    when: String,
    /// As below `providers.kubernetesIngress`.
    #[serde(default)]
    options: Written,
    /// YAML documents.
    #[serde(default)]
    objects: String,
    /// YAML that means the same; empty for nothing at all.
    #[serde(default)]
    means: String,
    /// Every remark as `level: about: text`; a `*` at the end stands for any rest.
    #[serde(default)]
    says: Vec<String>,
    /// The status that Ingresses get, each address as text; or why none is known.
    #[serde(default)]
    statuses: Statuses,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Statuses {
    Stale(BTreeMap<String, Vec<String>>),
    Unknown(String),
}

impl Default for Statuses {
    fn default() -> Self {
        Self::Stale(BTreeMap::new())
    }
}

/// What of the provider's options concerns the meaning of objects.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Written {
    ingress_class: String,
    disable_ingress_class_lookup: bool,
    allow_empty_services: bool,
    allow_external_name_services: bool,
    cross_provider_namespaces: Option<Vec<String>>,
    #[serde(rename = "nativeLBByDefault")]
    native_lb_by_default: bool,
    strict_prefix_matching: bool,
    nginx_annotations: bool,
    ingress_endpoint: Endpoint,
    #[serde(rename = "reportNodeInternalIPs")]
    report_node_internal_ips: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Endpoint {
    ip: String,
    hostname: String,
    published_service: String,
}

impl From<&Written> for Options {
    fn from(written: &Written) -> Self {
        let Endpoint {
            ip,
            hostname,
            published_service,
        } = &written.ingress_endpoint;
        let status = match published_service.split_once('/') {
            Some((namespace, name)) => Status::Service(Id::new(namespace, name)),
            None if written.report_node_internal_ips => Status::Nodes,
            None if ip.is_empty() && hostname.is_empty() => Status::None,
            None => Status::Fixed(Address {
                ip: ip.as_str().into(),
                hostname: hostname.as_str().into(),
            }),
        };
        Self {
            class: written.ingress_class.clone(),
            looks_classes_up: !written.disable_ingress_class_lookup,
            allow_empty_services: written.allow_empty_services,
            allow_external_names: written.allow_external_name_services,
            cross_provider_namespaces: written.cross_provider_namespaces.clone(),
            native_lb: written.native_lb_by_default,
            strict_prefixes: written.strict_prefix_matching,
            nginx_annotations: written.nginx_annotations,
            status,
        }
    }
}

pub fn kubernetes(case: Kubernetes) -> Differences {
    let mut differences = Vec::new();
    for (index, row) in case.rows.iter().enumerate() {
        let what = format!("row {index} {}", row.when);
        let text = [&case.objects, "\n---\n", &row.objects].concat();
        match manifest::read(&text) {
            Ok(manifest) => converted(&mut differences, &what, row, &last_of_each(manifest.objects)),
            Err(error) => differences.push(format!("{what}: {error}")),
        }
    }
    differences
}

/// A document replaces an earlier one of that name.
fn last_of_each(objects: Vec<Object>) -> Vec<Object> {
    let name = |object: &Object| match object {
        Object::Ingress(object) => (0, object.id.clone()),
        Object::IngressClass(object) => (1, object.id.clone()),
        Object::Service(object) => (2, object.id.clone()),
        Object::Slice(object) => (3, object.id.clone()),
        Object::Secret(object) => (4, object.id.clone()),
        Object::Node(object) => (5, object.id.clone()),
    };
    let objects: BTreeMap<_, _> = objects
        .into_iter()
        .map(|object| (name(&object), object))
        .collect();
    objects.into_values().collect()
}

fn converted(differences: &mut Differences, what: &str, row: &Row, objects: &[Object]) {
    let options = Options::from(&row.options);
    let mut converter = Converter::new(options.clone());
    for object in objects {
        converter.put(object.clone());
    }
    let conversion = converter.convert();
    let mut one_by_one = Converter::new(options);
    for object in objects.iter().rev() {
        one_by_one.put(object.clone());
        one_by_one.convert();
    }
    let other = one_by_one.convert();
    let same = |conversion: &Conversion| (conversion.configuration.clone(), conversion.remarks.clone());
    expect(
        differences,
        &format!("{what}, one by one in another order"),
        same(&conversion),
        same(&other),
    );
    expect_printed_and_read(differences, what, &conversion.configuration);
    expect(differences, what, meaning(&row.means), conversion.configuration);
    let level = |level| match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
    };
    let remarks = conversion.remarks.iter();
    let found: Vec<String> = remarks
        .flat_map(|(about, remarks)| remarks.iter().map(move |remark| (about, remark)))
        .map(|(about, remark)| format!("{}: {about}: {}", level(remark.level), remark.text))
        .collect();
    let fits = |(expected, found): (&String, &String)| match expected.strip_suffix('*') {
        Some(start) => found.starts_with(start),
        None => found == expected,
    };
    if row.says.len() != found.len() || !row.says.iter().zip(&found).all(fits) {
        expect(differences, what, row.says.clone(), found);
    }
    let statuses = match converter.statuses() {
        Ok(stale) => {
            let stale = stale.into_iter();
            Statuses::Stale(
                stale
                    .map(|(id, addresses)| (id.to_string(), addresses.iter().map(shown).collect()))
                    .collect(),
            )
        }
        Err(why) => Statuses::Unknown(why),
    };
    expect(differences, &format!("{what}, status"), &row.statuses, &statuses);
}

fn shown(address: &Address) -> String {
    let Address { ip, hostname } = address;
    let parts = [&**ip, &**hostname].into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(" ")
}

fn meaning(yaml: &str) -> Configuration {
    match dynamic::read(yaml.as_bytes(), Notation::Yaml, None) {
        Ok((configuration, _)) => configuration,
        Err(problems) => panic!("`means` is wrong itself: {problems:?}"),
    }
}
