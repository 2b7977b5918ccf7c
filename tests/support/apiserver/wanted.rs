//! What a request wants: a verb, a resource, and which objects of it.

/// A kind of object.
#[derive(Debug, PartialEq, Eq)]
pub struct Resource {
    pub group: &'static str,
    pub version: &'static str,
    pub plural: &'static str,
    pub kind: &'static str,
    pub namespaced: bool,
}

const fn resource(
    group: &'static str,
    plural: &'static str,
    kind: &'static str,
    namespaced: bool,
) -> Resource {
    Resource {
        group,
        version: "v1",
        plural,
        kind,
        namespaced,
    }
}

/// Everything there is.
pub static RESOURCES: [Resource; 8] = [
    resource("networking.k8s.io", "ingresses", "Ingress", true),
    resource("networking.k8s.io", "ingressclasses", "IngressClass", false),
    resource("", "services", "Service", true),
    resource("", "secrets", "Secret", true),
    resource("", "nodes", "Node", false),
    resource("discovery.k8s.io", "endpointslices", "EndpointSlice", true),
    resource("coordination.k8s.io", "leases", "Lease", true),
    resource("events.k8s.io", "events", "Event", true),
];

impl Resource {
    /// Of this kind or plural.
    pub fn find(name: &str) -> &'static Self {
        let mut all = RESOURCES.iter();
        all.find(|one| one.kind == name || one.plural == name)
            .unwrap_or_else(|| panic!("no resource {name}"))
    }

    /// `networking.k8s.io/v1`.
    pub fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// `ingresses.networking.k8s.io`, as messages have it.
    pub fn full_name(&self) -> String {
        match self.group {
            "" => self.plural.to_owned(),
            group => format!("{}.{group}", self.plural),
        }
    }
}

/// What a request wants.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// `list`, `watch`, `get`, `create`, `update`, `patch`, `delete`.
    pub verb: &'static str,
    pub resource: &'static Resource,
    /// Empty for all, and for resources without.
    pub namespace: String,
    pub name: String,
    pub is_status: bool,
    query: Vec<(String, String)>,
}

impl Wanted {
    /// `None` for what there is not.
    pub fn read(method: &str, target: &str) -> Option<Self> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let query: Vec<(String, String)> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (decoded(name), decoded(value)))
            .collect();
        let mut parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let group = match parts[0] {
            "api" => "",
            "apis" => parts.remove(1),
            _ => return None,
        };
        let (version, mut rest) = (*parts.get(1)?, parts.get(2..)?);
        let mut namespace = "";
        if let ["namespaces", within, below @ ..] = rest {
            (namespace, rest) = (*within, below);
        }
        let resource = RESOURCES
            .iter()
            .find(|one| one.group == group && one.version == version && Some(&one.plural) == rest.first())?;
        let name = rest.get(1).copied().unwrap_or_default();
        let watches = query
            .iter()
            .any(|(key, value)| key == "watch" && matches!(value.as_str(), "true" | "1"));
        let verb = match (method, name) {
            ("GET", "") if watches => "watch",
            ("GET", "") => "list",
            ("GET", _) => "get",
            ("POST", "") => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", _) => "delete",
            _ => return None,
        };
        Some(Self {
            verb,
            resource,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            is_status: rest.get(2) == Some(&"status"),
            query,
        })
    }

    /// A parameter of the query.
    pub fn parameter(&self, name: &str) -> &str {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }

    /// `ingresses/status`, as rules have it.
    pub fn resource_name(&self) -> String {
        let below = if self.is_status { "/status" } else { "" };
        format!("{}{below}", self.resource.plural)
    }
}

fn decoded(text: &str) -> String {
    let bytes = text.replace('+', " ").into_bytes();
    let mut plain = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let code = (bytes[at] == b'%').then(|| bytes.get(at + 1..at + 3)).flatten();
        let code = code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        plain.push(code.unwrap_or(bytes[at]));
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}
