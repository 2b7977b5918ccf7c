//! The test's API server says what a real one says: everything here goes through the real client, and without faults to
//! the real server too.

use std::time::Duration;

use futures_util::StreamExt as _;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Secret, Service};
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use serde_json::{Value, json};

use super::cluster::{Cluster, block_on};
use crate::apiserver::Fault;
use crate::harness::eventually;

fn service(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}})
}

fn named<K: kube::Resource>(object: &K) -> String {
    object.meta().name.clone().unwrap()
}

/// What the server says when it refuses: code, reason, message.
fn refusal<T>(answer: kube::Result<T>) -> (u16, String, String) {
    match answer {
        Err(kube::Error::Api(status)) => (status.code, status.reason, status.message),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it is allowed"),
    }
}

#[test]
fn a_list_comes_in_pages() {
    let cluster = Cluster::new();
    for name in ["a", "b", "c", "d", "e"] {
        cluster.apply(service(name));
    }
    let api: Api<Service> = cluster.api();
    let mut seen = Vec::new();
    let mut token = String::new();
    loop {
        let mut page = ListParams::default().limit(2);
        page.continue_token = Some(token).filter(|token| !token.is_empty());
        let list = block_on(api.list(&page)).unwrap();
        assert!(list.metadata.resource_version.is_some());
        seen.push(list.items.iter().map(named).collect::<String>());
        token = list.metadata.continue_.unwrap_or_default();
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, ["ab", "cd", "e"]);
}

#[test]
fn selectors_choose_by_labels() {
    let cluster = Cluster::new();
    for (name, owner) in [("helms", "helm"), ("ours", "us")] {
        let meta = json!({"name": name, "labels": {"owner": owner}});
        cluster.apply(json!({"apiVersion": "v1", "kind": "Secret", "metadata": meta}));
    }
    cluster.apply(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "nobodys"}}));
    let api: Api<Secret> = cluster.api();
    let list = |selector: &str| {
        let list = block_on(api.list(&ListParams::default().labels(selector))).unwrap();
        list.items.iter().map(named).collect::<Vec<_>>()
    };
    assert_eq!(list("owner!=helm"), ["nobodys", "ours"]);
    assert_eq!(list("owner=helm"), ["helms"]);
    assert_eq!(list("owner==us"), ["ours"]);
    assert_eq!(list("owner"), ["helms", "ours"]);
    assert_eq!(list("!owner"), ["nobodys"]);
}

#[test]
fn a_watch_tells_what_happens_after_a_version() {
    let cluster = Cluster::new();
    cluster.apply(service("before"));
    let api: Api<Service> = cluster.api();
    let version = block_on(api.list(&ListParams::default())).unwrap();
    let version = version.metadata.resource_version.unwrap();
    let labelled = |value: &str| {
        let mut object = service("a");
        object["metadata"]["labels"] = json!({"l": value});
        cluster.apply(object);
    };
    labelled("1");
    labelled("2");
    labelled("1");
    cluster.delete("Service", "a");
    let seen = |selector: &str, count: usize| {
        let watch = WatchParams::default().labels(selector).timeout(5);
        let lines = block_on(async {
            let stream = api.watch(&watch, &version).await.unwrap();
            stream.take(count).collect::<Vec<_>>().await
        });
        let told = lines.into_iter().map(|line| match line.unwrap() {
            WatchEvent::Added(object) => format!("+{}", named(&object)),
            WatchEvent::Modified(object) => format!("~{}", named(&object)),
            WatchEvent::Deleted(object) => format!("-{}", named(&object)),
            other => panic!("{other:?}"),
        });
        told.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(seen("", 4), "+a ~a ~a -a");
    // What stops to be selected is gone for who selects.
    assert_eq!(seen("l=1", 4), "+a -a +a -a");
}

#[test]
fn a_watch_ends_at_its_time() {
    let cluster = Cluster::new();
    let api: Api<Service> = cluster.api();
    let version = block_on(api.list(&ListParams::default())).unwrap();
    let version = version.metadata.resource_version.unwrap();
    let lines = block_on(async {
        let watch = WatchParams::default().timeout(1);
        let stream = api.watch(&watch, &version).await.unwrap();
        let all = stream.collect::<Vec<_>>();
        tokio::time::timeout(Duration::from_secs(5), all).await.unwrap()
    });
    assert!(
        lines
            .iter()
            .all(|line| matches!(line, Ok(WatchEvent::Bookmark(_)))),
        "{lines:?}"
    );
}

#[test]
fn a_lease_is_updated_by_who_saw_its_last_version() {
    let cluster = Cluster::new();
    let api: Api<Lease> = cluster.api();
    let lease = |holder: &str, version: Option<&str>| -> Lease {
        let meta = json!({"name": "l", "resourceVersion": version});
        serde_json::from_value(json!({"metadata": meta, "spec": {"holderIdentity": holder}})).unwrap()
    };
    let post = PostParams::default();
    let made = block_on(api.create(&post, &lease("a", None))).unwrap();
    let version = made.metadata.resource_version.unwrap();
    let (code, reason, message) = refusal(block_on(api.create(&post, &lease("b", None))));
    assert_eq!((code, reason.as_str()), (409, "AlreadyExists"));
    assert_eq!(message, "leases.coordination.k8s.io \"l\" already exists");
    let taken = block_on(api.replace("l", &post, &lease("b", Some(&version)))).unwrap();
    assert_eq!(taken.spec.unwrap().holder_identity.unwrap(), "b");
    let late = refusal(block_on(api.replace("l", &post, &lease("c", Some(&version)))));
    assert_eq!((late.0, late.1.as_str()), (409, "Conflict"));
    let words = "Operation cannot be fulfilled on leases.coordination.k8s.io \"l\": the object has been modified; please apply \
                 your changes to the latest version and try again";
    assert_eq!(late.2, words);
    let patch = |version: &str| Patch::Merge(json!({"metadata": {"resourceVersion": version}}));
    let late = refusal(block_on(api.patch(
        "l",
        &PatchParams::default(),
        &patch(&version),
    )));
    assert_eq!((late.0, late.1.as_str()), (409, "Conflict"));
    let (code, reason, _) = refusal(block_on(api.replace("l", &post, &lease("d", None))));
    assert_eq!((code, reason.as_str()), (422, "Invalid"));
}

#[test]
fn a_status_is_written_apart_from_the_rest() {
    use k8s_openapi::api::networking::v1::Ingress;
    let cluster = Cluster::new();
    let backend = json!({"service": {"name": "a", "port": {"number": 80}}});
    cluster.apply(
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "i"},
        "spec": {"defaultBackend": backend}}),
    );
    let api: Api<Ingress> = cluster.api();
    let status = json!({"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}]}});
    let patch = Patch::Merge(json!({"metadata": {"labels": {"no": "no"}}, "spec": null, "status": status}));
    block_on(api.patch_status("i", &PatchParams::default(), &patch)).unwrap();
    let now = block_on(api.get("i")).unwrap();
    assert_eq!(serde_json::to_value(now.status).unwrap(), status);
    assert!(now.spec.unwrap().default_backend.is_some());
    // The other way round as well.
    let patch = Patch::Merge(json!({"status": {"loadBalancer": null}}));
    block_on(api.patch("i", &PatchParams::default(), &patch)).unwrap();
    assert_eq!(
        serde_json::to_value(block_on(api.get("i")).unwrap().status).unwrap(),
        status
    );
}

#[test]
fn what_is_not_there_is_not_found() {
    let cluster = Cluster::new();
    let api: Api<Service> = cluster.api();
    let told = refusal(block_on(api.get("none")));
    assert_eq!(
        told,
        (
            404,
            "NotFound".to_owned(),
            "services \"none\" not found".to_owned()
        )
    );
    assert!(block_on(api.get_opt("none")).unwrap().is_none());
}

#[test]
fn refusals_name_user_verb_resource_and_place() {
    let cluster = Cluster::ours();
    let server = cluster.server();
    server.deny("list", "services", "*");
    server.deny("patch", "ingresses/status", &cluster.namespace);
    let api: Api<Service> = cluster.api();
    let told = refusal(block_on(api.list(&ListParams::default())));
    let words = "services is forbidden: User \"system:serviceaccount:default:piton\" cannot list resource \"services\" in \
                 API group \"\" in the namespace \"default\"";
    assert_eq!(told, (403, "Forbidden".to_owned(), words.to_owned()));
    let everywhere: Api<Service> = Api::all(cluster.client());
    let (_, _, message) = refusal(block_on(everywhere.list(&ListParams::default())));
    assert!(message.ends_with("at the cluster scope"), "{message}");
    let api: Api<k8s_openapi::api::networking::v1::Ingress> = cluster.api();
    let patch = Patch::Merge(json!({}));
    let told = refusal(block_on(api.patch_status("x", &PatchParams::default(), &patch)));
    let words = "ingresses.networking.k8s.io \"x\" is forbidden: User \"system:serviceaccount:default:piton\" cannot patch \
                 resource \"ingresses/status\" in API group \"networking.k8s.io\" in the namespace \"default\"";
    assert_eq!(told, (403, "Forbidden".to_owned(), words.to_owned()));
    server.rotate("another");
    let api: Api<Service> = cluster.api();
    let told = refusal(block_on(api.get("a")));
    assert_eq!(told, (401, "Unauthorized".to_owned(), "Unauthorized".to_owned()));
    assert_eq!(server.count("list", "services"), 2);
}

#[test]
fn a_forgotten_version_is_gone_in_both_ways() {
    for as_status in [false, true] {
        let cluster = Cluster::ours();
        let server = cluster.server();
        cluster.apply(service("a"));
        cluster.apply(service("b"));
        server.compact(as_status);
        let api: Api<Service> = cluster.api();
        let first = block_on(async {
            let mut stream = api.watch(&WatchParams::default(), "1").await?.boxed();
            stream.next().await.unwrap()
        });
        let status = match first {
            Ok(WatchEvent::Error(status)) if !as_status => status,
            Err(kube::Error::Api(status)) if as_status => status,
            other => panic!("{other:?}"),
        };
        assert_eq!((status.code, status.reason.as_str()), (410, "Expired"));
        assert_eq!(status.message, "too old resource version: 1 (2)");
        // A version that is still known is as good as ever.
        cluster.apply(service("c"));
        let next = block_on(async {
            let mut stream = api.watch(&WatchParams::default(), "2").await?.boxed();
            stream.next().await.unwrap()
        });
        assert!(
            matches!(&next, Ok(WatchEvent::Added(object)) if named(object) == "c"),
            "{next:?}"
        );
    }
}

#[test]
fn faults_come_on_demand_and_go() {
    let mut cluster = Cluster::ours();
    cluster.apply(service("a"));
    let list = |cluster: &Cluster| {
        let api: Api<Service> = cluster.api();
        block_on(api.list(&ListParams::default()))
    };
    for fault in [Fault::Status(500), Fault::Half, Fault::Nothing] {
        cluster.server().misbehave("list", "services", fault);
        assert!(list(&cluster).is_err(), "{fault:?}");
        cluster.server().behave();
    }
    cluster.leave();
    assert!(list(&cluster).is_err(), "it is away");
    cluster.come_back();
    assert_eq!(list(&cluster).unwrap().items.len(), 1);
    let api: Api<Service> = cluster.api();
    let server = cluster.server();
    server.misbehave("list", "services", Fault::Held);
    let held = std::thread::scope(|scope| {
        let before = server.count("list", "services");
        let held = scope.spawn(|| block_on(api.list(&ListParams::default())));
        eventually("it is asked", || server.count("list", "services") > before);
        assert!(!held.is_finished());
        server.behave();
        held.join().unwrap()
    });
    assert_eq!(held.unwrap().items.len(), 1);
}

#[test]
fn an_open_watch_is_told_cut_and_ended() {
    let cluster = Cluster::ours();
    let server = cluster.server();
    cluster.apply(service("a"));
    let api: Api<Service> = cluster.api();
    let open = || block_on(async { api.watch(&WatchParams::default(), "1").await.unwrap().boxed() });
    let is_open = || eventually("it is open", || server.watching("services") == 1);
    let mut stream = open();
    is_open();
    server.be_quiet(true);
    cluster.apply(service("b"));
    server.bookmark();
    let mut next = || block_on(stream.next());
    assert!(matches!(next(), Some(Ok(WatchEvent::Bookmark(_)))));
    server.be_quiet(false);
    assert!(matches!(next(), Some(Ok(WatchEvent::Added(_)))));
    server.end_watches();
    assert!(next().is_none(), "it ends in order");
    let mut stream = open();
    is_open();
    assert!(matches!(block_on(stream.next()), Some(Ok(WatchEvent::Added(_)))));
    server.cut();
    assert!(!matches!(block_on(stream.next()), Some(Ok(_))), "it is cut");
    eventually("it is closed", || server.watching("services") == 0);
    let mut stream = open();
    is_open();
    assert!(matches!(block_on(stream.next()), Some(Ok(WatchEvent::Added(_)))));
    server.expire_watches();
    let last = block_on(stream.next());
    assert!(
        matches!(&last, Some(Ok(WatchEvent::Error(status))) if status.code == 410),
        "{last:?}"
    );
}
