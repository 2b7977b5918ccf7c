//! A cluster for one test: the test's own API server, or a namespace of the one that `KUBECONFIG` names.

use std::fmt::Debug;
use std::future::Future;
use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Mutex, Once, OnceLock};

use k8s_openapi::NamespaceResourceScope;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams, TypeMeta,
};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::apiserver::{ApiServer, Resource, TOKEN};
use crate::harness::{Server, Setup, TempDir};

/// Waits for what the client does.
pub fn block_on<T>(what: impl Future<Output = T>) -> T {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let make = || {
        Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap()
    };
    RUNTIME.get_or_init(make).block_on(what)
}

enum Make {
    Ours(ApiServer),
    Real {
        /// What was applied, and where.
        made: Mutex<Vec<(Api<DynamicObject>, String)>>,
    },
}

/// The cluster; what a test made in it goes with the test.
pub struct Cluster {
    make: Make,
    pub namespace: String,
    pub dir: TempDir,
    addresses: AtomicU8,
}

impl Cluster {
    /// The one that `KUBECONFIG` names, or ours.
    pub fn new() -> Self {
        match std::env::var("KUBECONFIG") {
            Ok(path) if !path.is_empty() => Self::real(&path),
            _ => Self::ours(),
        }
    }

    /// Ours, whatever `KUBECONFIG` says: for what a real one does not do on demand.
    pub fn ours() -> Self {
        Self::of(Make::Ours(ApiServer::new()), "default")
    }

    /// One that can go and return: a real one, if a script in `CONTROL_PLANE` does that to it, or ours.
    pub fn restartable() -> Self {
        match std::env::var("CONTROL_PLANE") {
            Ok(script) if !script.is_empty() => Self::new(),
            _ => Self::ours(),
        }
    }

    /// The API server goes: nothing is served, nobody is let in.
    pub fn leave(&mut self) {
        match &mut self.make {
            Make::Ours(server) => server.leave(),
            Make::Real { .. } => control_plane("stop"),
        }
    }

    /// It is there again, with all objects.
    pub fn come_back(&mut self) {
        match &mut self.make {
            Make::Ours(server) => server.come_back(),
            Make::Real { .. } => control_plane("start"),
        }
    }

    /// Ours; it listens later.
    pub fn away() -> Self {
        Self::of(Make::Ours(ApiServer::away()), "default")
    }

    fn of(make: Make, namespace: &str) -> Self {
        let dir = TempDir::new();
        if let Make::Ours(server) = &make {
            dir.write("kubeconfig", &server.kubeconfig(&format!("token: {TOKEN}")));
        }
        Self {
            make,
            namespace: namespace.to_owned(),
            dir,
            addresses: AtomicU8::new(1),
        }
    }

    fn real(path: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        static ROUTE: Once = Once::new();
        // Endpoints of a real cluster are never at 127.0.0.0/8.
        ROUTE.call_once(|| {
            let words = ["route", "replace", "local", "198.18.77.0/24", "dev", "lo"];
            let done = Command::new("ip").args(words).status();
            assert!(
                done.is_ok_and(|status| status.success()),
                "ip {}",
                words.join(" ")
            );
        });
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let namespace = format!("piton-test-{}-{number}", std::process::id());
        let made = Mutex::default();
        let cluster = Self::of(Make::Real { made }, &namespace);
        let mut config = Kubeconfig::read_from(path).unwrap();
        for context in &mut config.contexts {
            context.context.get_or_insert_default().namespace = Some(namespace.clone());
        }
        let text = serde_yaml::to_string(&config).unwrap();
        cluster.dir.write("kubeconfig", &text);
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        cluster.apply_for_real(object);
        cluster
    }

    /// Applies an object, in the namespace where it has one.
    pub fn apply(&self, mut object: Value) {
        let kind = object["kind"].as_str().expect("a kind");
        if Resource::find(kind).namespaced {
            object["metadata"]["namespace"] = json!(self.namespace);
        }
        match &self.make {
            Make::Ours(server) => server.apply(object),
            Make::Real { .. } => self.apply_for_real(object),
        }
    }

    /// The same of any kind, where it says; ours does not know them.
    pub fn apply_for_real(&self, object: Value) {
        let Make::Real { made } = &self.make else {
            panic!("ours knows few kinds");
        };
        let kind: GroupVersionKind = serde_json::from_value::<TypeMeta>(object.clone())
            .unwrap()
            .try_into()
            .unwrap();
        let about = ApiResource::from_gvk(&kind);
        let api = match object["metadata"]["namespace"].as_str() {
            Some(namespace) => Api::namespaced_with(self.client(), namespace, &about),
            None => Api::all_with(self.client(), &about),
        };
        let name = object["metadata"]["name"].as_str().expect("a name").to_owned();
        let how = PatchParams::apply("piton-test").force();
        block_on(api.patch(&name, &how, &Patch::Apply(object))).unwrap();
        made.lock().unwrap().push((api, name));
    }

    /// Applies all objects of a YAML text.
    pub fn apply_all(&self, yaml: &str) {
        for document in serde_yaml::Deserializer::from_str(yaml) {
            self.apply(Value::deserialize(document).unwrap());
        }
    }

    /// Deletes an object that is there.
    pub fn delete(&self, kind: &str, name: &str) {
        if let Make::Ours(server) = &self.make {
            let resource = Resource::find(kind);
            let namespace = if resource.namespaced { &self.namespace } else { "" };
            return server.delete(kind, namespace, name);
        }
        let api = self.dynamic(Resource::find(kind));
        block_on(api.delete(name, &DeleteParams::default())).unwrap();
    }

    /// An object of the namespace as it is now.
    pub fn get(&self, kind: &str, name: &str) -> Option<Value> {
        if let Make::Ours(server) = &self.make {
            return server.get(kind, &self.namespace, name);
        }
        let found = block_on(self.dynamic(Resource::find(kind)).get_opt(name)).unwrap();
        found.map(|object| serde_json::to_value(object).unwrap())
    }

    /// All objects of a kind in the namespace.
    pub fn all(&self, kind: &str) -> Vec<Value> {
        if let Make::Ours(server) = &self.make {
            return server.all(kind);
        }
        let found = block_on(
            self.dynamic(Resource::find(kind))
                .list(&kube::api::ListParams::default()),
        );
        let found = found.unwrap().items.into_iter();
        found
            .map(|object| serde_json::to_value(object).unwrap())
            .collect()
    }

    fn dynamic(&self, resource: &Resource) -> Api<DynamicObject> {
        let about = ApiResource {
            group: resource.group.to_owned(),
            version: resource.version.to_owned(),
            api_version: resource.api_version(),
            kind: resource.kind.to_owned(),
            plural: resource.plural.to_owned(),
        };
        if resource.namespaced {
            Api::namespaced_with(self.client(), &self.namespace, &about)
        } else {
            Api::all_with(self.client(), &about)
        }
    }

    /// So many servers at one port, each at an address that no other server of this test has.
    pub fn pods<const N: usize>(&self, names: [&str; N]) -> [Server; N] {
        let mut port = 0;
        names.map(|name| {
            let pod = self.pod_at(name, port);
            port = pod.address().port();
            pod
        })
    }

    /// Another one at that port; 0 is a free one.
    pub fn pod_at(&self, name: &str, port: u16) -> Server {
        let last = self.addresses.fetch_add(1, Ordering::Relaxed);
        let address = match self.make {
            Make::Ours(_) => Ipv4Addr::new(127, 9, 77, last),
            Make::Real { .. } => Ipv4Addr::new(198, 18, 77, last),
        };
        Server::named_at((address, port).into(), name)
    }

    /// A piton that follows it, with more options.
    pub fn setup(&self, options: &str) -> Setup {
        let namespaces = format!("namespaces: [{}]\n{options}", self.namespace);
        Setup::engine("kubernetesIngress", &namespaces).variable("KUBECONFIG", &self.kubeconfig())
    }

    /// Is it the one that `KUBECONFIG` names?
    pub fn is_real(&self) -> bool {
        matches!(self.make, Make::Real { .. })
    }

    /// The server, which must be ours.
    pub fn server(&self) -> &ApiServer {
        match &self.make {
            Make::Ours(server) => server,
            Make::Real { .. } => panic!("only ours does that"),
        }
    }

    /// Where its kubeconfig is.
    pub fn kubeconfig(&self) -> String {
        self.dir.join("kubeconfig").display().to_string()
    }

    /// The real client.
    pub fn client(&self) -> Client {
        let config = Kubeconfig::read_from(self.kubeconfig()).unwrap();
        block_on(async {
            let options = KubeConfigOptions::default();
            let mut config = Config::from_custom_kubeconfig(config, &options).await.unwrap();
            config.default_namespace.clone_from(&self.namespace);
            Client::try_from(config).unwrap()
        })
    }

    /// Objects of the namespace, by the real client.
    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client(), &self.namespace)
    }
}

fn control_plane(what: &str) {
    let done = Command::new(std::env::var("CONTROL_PLANE").unwrap())
        .arg(what)
        .status();
    assert!(done.is_ok_and(|status| status.success()), "control plane: {what}");
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let Make::Real { made } = &self.make else {
            return;
        };
        for (api, name) in made.lock().unwrap().drain(..).rev() {
            // It may be gone already.
            let _ = block_on(api.delete(&name, &DeleteParams::default()));
        }
    }
}
