//! What is served: the Ingress of the article, and what changes of the cluster do to it.

use base64::Engine as _;
use serde_json::json;

use super::app::{App, Pod, ROUTER, SERVICE, user_at, wait_for};
use super::cluster::Cluster;
use crate::harness::{Authority, Browser, Client, Curl, Piton, Server, eventually, get, value_of};

/// The Ingress of the article, with the `pathType` that an API server insists on.
const ARTICLE: &str = r#"
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: my-ingress
  annotations:
    traefik.ingress.kubernetes.io/service.sticky.cookie: "true"
    traefik.ingress.kubernetes.io/service.sticky.cookie.name: "my_sticky_cookie"
    traefik.ingress.kubernetes.io/service.sticky.cookie.secure: "true"
spec:
  rules:
  - http:
      paths:
      - path: /
        pathType: ImplementationSpecific
        backend:
          service:
            name: my-service
            port:
              number: 80
"#;

/// First answers come with the cookie of their server and its attributes; later ones stay, without a cookie.
fn sticks(piton: &Piton, pods: &[(&str, &Server)], cookie: &str, attributes: &str) {
    let mut seen = Vec::new();
    for _ in 0..2 * pods.len() {
        let mut user = Browser::new();
        let first = user.ask(piton.address());
        assert_eq!(first.status, 200, "{}", first.head);
        let at = first.text();
        let home = pods
            .iter()
            .find(|(name, _)| *name == at)
            .expect("one of the pods")
            .1;
        assert_eq!(
            first.cookies(),
            [format!("{cookie}={}; {attributes}", value_of(home))]
        );
        for _ in 0..4 {
            let next = user.ask(piton.address());
            assert_eq!((next.text(), next.cookies().len()), (at.clone(), 0));
        }
        seen.push(at);
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), pods.len(), "all of them serve");
}

#[test]
fn the_ingress_of_the_article_gives_its_cookie() {
    let cluster = Cluster::new();
    let [a, b] = cluster.pods(["a", "b"]);
    let app = App::new(&cluster, "my-service", &[&a, &b]);
    app.service(&[]);
    cluster.apply_all(ARTICLE);
    let piton = cluster.setup("").start();
    sticks(
        &piton,
        &[("a", &a), ("b", &b)],
        "my_sticky_cookie",
        "Path=/; Secure",
    );
}

#[test]
fn the_same_annotations_on_the_service_give_the_same_cookie() {
    let cluster = Cluster::new();
    let [a, b] = cluster.pods(["a", "b"]);
    let app = App::new(&cluster, "my-service", &[&a, &b]);
    app.service(&[
        ("sticky.cookie", "true"),
        ("sticky.cookie.name", "my_sticky_cookie"),
        ("sticky.cookie.secure", "true"),
    ]);
    app.ingress("", &[]);
    let piton = cluster.setup("").start();
    sticks(
        &piton,
        &[("a", &a), ("b", &b)],
        "my_sticky_cookie",
        "Path=/; Secure",
    );
}

#[test]
fn the_first_request_after_a_start_finds_its_route() {
    let cluster = Cluster::new();
    let [pod] = cluster.pods(["a"]);
    let _app = App::sticky(&cluster, &[&pod]);
    for _ in 0..3 {
        let piton = cluster.setup("").start();
        assert_eq!(get(piton.address(), "/").text(), "a");
    }
}

#[test]
fn pods_come_and_go_and_users_with_them() {
    let cluster = Cluster::new();
    let [a, b, c] = cluster.pods(["a", "b", "c"]);
    let app = App::sticky(&cluster, &[&a]);
    let piton = cluster.setup("").start();
    wait_for(&piton, &["a"]);
    app.becomes(&b, Pod::Starting);
    app.becomes(&c, Pod::Serving);
    wait_for(&piton, &["a", "c"]);
    assert_eq!(b.connections(), 0, "nobody asks who is not ready");
    app.becomes(&b, Pod::Serving);
    wait_for(&piton, &["a", "b", "c"]);
    let mut user = user_at(&piton, "b");
    // Told to stop: no new users, the old ones stay.
    app.becomes(&b, Pod::Stopping);
    wait_for(&piton, &["a", "c"]);
    let answer = user.ask(piton.address());
    assert_eq!((answer.text().as_str(), answer.cookies().len()), ("b", 0));
    // Over: the session moves, once.
    app.loses(&b);
    eventually("the session moves", || user.ask(piton.address()).text() != "b");
    let now = user.ask(piton.address());
    assert_eq!(now.cookies().len(), 0);
    app.loses(&a);
    wait_for(&piton, &["c"]);
    app.loses(&c);
    wait_for(&piton, &["404"]);
    app.becomes(&a, Pod::Serving);
    wait_for(&piton, &["a"]);
}

#[test]
fn a_pod_that_stopped_serving_is_left_though_it_is_still_listed() {
    let cluster = Cluster::new();
    let [a, b] = cluster.pods(["a", "b"]);
    let app = App::sticky(&cluster, &[&a, &b]);
    let piton = cluster.setup("").start();
    wait_for(&piton, &["a", "b"]);
    let mut user = user_at(&piton, "a");
    app.becomes(&a, Pod::Stopped);
    eventually("the session moves", || user.ask(piton.address()).text() == "b");
    wait_for(&piton, &["b"]);
}

#[test]
fn a_service_that_is_deleted_and_made_again_serves_the_same_sessions_again() {
    let cluster = Cluster::new();
    let [a, b] = cluster.pods(["a", "b"]);
    let app = App::sticky(&cluster, &[&a, &b]);
    let piton = cluster.setup("").start();
    wait_for(&piton, &["a", "b"]);
    let mut user = user_at(&piton, "b");
    cluster.delete("Service", "app");
    wait_for(&piton, &["404"]);
    app.service(&[("sticky.cookie.name", "sid")]);
    wait_for(&piton, &["a", "b"]);
    let answer = user.ask(piton.address());
    assert_eq!((answer.text().as_str(), answer.cookies().len()), ("b", 0));
}

#[test]
fn an_ingress_that_is_deleted_leaves_nothing_behind() {
    let cluster = Cluster::new();
    let [a] = cluster.pods(["a"]);
    let app = App::sticky(&cluster, &[&a]);
    let piton = cluster.setup("").start();
    wait_for(&piton, &["a"]);
    cluster.delete("Ingress", "app");
    wait_for(&piton, &["404"]);
    app.ingress("", &[]);
    wait_for(&piton, &["a"]);
}

#[test]
fn changed_annotations_are_in_use_at_once() {
    let cluster = Cluster::new();
    let [a, b] = cluster.pods(["a", "b"]);
    let app = App::sticky(&cluster, &[&a, &b]);
    let piton = cluster.setup("").start();
    let first = get(piton.address(), "/");
    assert!(first.cookies()[0].starts_with("sid="), "{}", first.head);
    let cookie = || {
        get(piton.address(), "/")
            .cookies()
            .first()
            .map(ToString::to_string)
    };
    app.service(&[
        ("sticky.cookie.name", "other"),
        ("sticky.cookie.httponly", "true"),
    ]);
    eventually("the cookie has its new name", || {
        cookie().is_some_and(|cookie| cookie.starts_with("other=") && cookie.contains("HttpOnly"))
    });
    // The Service's own word wins over that of the Ingress, field by field.
    app.service(&[("sticky.cookie.name", "other")]);
    let on_ingress = |name: &str| format!("{SERVICE}.{name}");
    app.ingress(
        "",
        &[
            (&on_ingress("sticky.cookie.name"), "ignored"),
            (&on_ingress("sticky.cookie.secure"), "true"),
        ],
    );
    eventually("both have their say", || {
        cookie().is_some_and(|cookie| cookie.starts_with("other=") && cookie.contains("Secure"))
    });
    // Neither wants stickiness any more.
    app.service(&[]);
    app.ingress("", &[]);
    eventually("there is no cookie", || cookie().is_none());
}

#[test]
fn a_router_of_an_ingress_follows_its_annotations() {
    let cluster = Cluster::new();
    let [a, b] = cluster.pods(["a", "b"]);
    let wide = App::sticky(&cluster, &[&a]);
    wide.ingress("", &[]);
    let narrow = App::new(&cluster, "narrow", &[&b]);
    narrow.service(&[]);
    narrow.ingress("b.example.com", &[]);
    let piton = cluster.setup("").start();
    let ask = |host: &str| {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        Client::connect(piton.address()).exchange(request).text()
    };
    assert_eq!([ask("a.example.com"), ask("b.example.com")], ["a", "b"]);
    wide.ingress("", &[(&format!("{ROUTER}.priority"), "1000")]);
    eventually("the wide one is first", || ask("b.example.com") == "a");
}

#[test]
fn other_peoples_classes_are_none_of_its_business() {
    let cluster = Cluster::new();
    let [a] = cluster.pods(["a"]);
    let app = App::new(&cluster, "app", &[&a]);
    app.service(&[]);
    let class = |name: &str, controller: &str| {
        cluster.apply(json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": name},
            "spec": {"controller": controller}
        }));
    };
    let (ours, theirs) = (
        format!("{}-ours", cluster.namespace),
        format!("{}-theirs", cluster.namespace),
    );
    class(&theirs, "example.com/other");
    let ingress = |class: &str| {
        let backend = json!({"service": {"name": "app", "port": {"number": 80}}});
        let paths = json!([{"path": "/", "pathType": "Prefix", "backend": backend}]);
        cluster.apply(json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "app"},
            "spec": {"ingressClassName": class, "rules": [{"http": {"paths": paths}}]}
        }));
    };
    ingress(&theirs);
    let piton = cluster.setup("").start();
    assert_eq!(get(piton.address(), "/").status, 404);
    ingress(&ours);
    class(&ours, "traefik.io/ingress-controller");
    wait_for(&piton, &["a"]);
    cluster.delete("IngressClass", &ours);
    wait_for(&piton, &["404"]);
}

#[test]
fn a_secret_is_read_again_when_it_changes_and_its_routes_do_not_wait_for_it() {
    let cluster = Cluster::new();
    let [a] = cluster.pods(["a"]);
    let app = App::new(&cluster, "app", &[&a]);
    app.service(&[]);
    let secret = |certificate: &str, key: &str| {
        cluster.apply(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "cert"}, "type": "Opaque",
            "data": {"tls.crt": base64(certificate), "tls.key": base64(key)}
        }));
    };
    let backend = json!({"service": {"name": "app", "port": {"number": 80}}});
    let paths = json!([{"path": "/", "pathType": "Prefix", "backend": backend}]);
    cluster.apply(json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "app"},
        "spec": {"tls": [{"secretName": "cert"}], "rules": [{"http": {"paths": paths}}]}
    }));
    let piton = cluster.setup("").start();
    assert_eq!(get(piton.address(), "/").text(), "a", "without the secret");
    piton.wait_for_line(&["ingress", "/cert does not exist"]);
    secret("no certificate", "no key");
    piton.wait_for_line(&["ingress", "/cert", "tls.crt"]);
    let authority = Authority::new("shop");
    let mut seen = piton.generation();
    for _ in 0..2 {
        let leaf = authority.sign(&["shop.example.com"]);
        secret(&leaf.certificate, &leaf.key);
        eventually("the certificate is in the configuration", || {
            piton.generation() > seen
        });
        seen = piton.generation();
        assert_eq!(get(piton.address(), "/").text(), "a");
        assert!(piton.log().iter().all(|line| !line.contains("PRIVATE KEY")));
    }
}

#[test]
fn a_router_with_tls_is_served_with_the_certificate_of_a_secret() {
    let cluster = Cluster::new();
    let [a] = cluster.pods(["a"]);
    let app = App::new(&cluster, "app", &[&a]);
    app.service(&[]);
    let authority = Authority::new("shop");
    let leaf = authority.sign(&["shop.example.com"]);
    cluster.apply(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "cert"}, "type": "kubernetes.io/tls",
        "data": {"tls.crt": base64(&leaf.certificate), "tls.key": base64(&leaf.key)}
    }));
    let backend = json!({"service": {"name": "app", "port": {"number": 80}}});
    let paths = json!([{"path": "/", "pathType": "Prefix", "backend": backend}]);
    let with_tls = json!({"traefik.ingress.kubernetes.io/router.tls": "true"});
    cluster.apply(json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "app", "annotations": with_tls},
        "spec": {
            "tls": [{"secretName": "cert"}],
            "rules": [{"host": "shop.example.com", "http": {"paths": paths}}]
        }
    }));
    let piton = cluster.setup("").start();
    let fetch = || Curl::to(piton.address(), &authority).get("https://shop.example.com/");
    let fetched = fetch();
    assert_eq!((fetched.exit, fetched.status), (0, 200), "{fetched:?}");
    // Not without TLS any more.
    assert_eq!(get(piton.address(), "/").status, 404);
    let other = Authority::new("other");
    let leaf = other.sign(&["shop.example.com"]);
    cluster.apply(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "cert"}, "type": "kubernetes.io/tls",
        "data": {"tls.crt": base64(&leaf.certificate), "tls.key": base64(&leaf.key)}
    }));
    eventually("the new certificate is served", || {
        let fetched = Curl::to(piton.address(), &other).get("https://shop.example.com/");
        fetched.status == 200
    });
    assert!(piton.log().iter().all(|line| !line.contains("PRIVATE KEY")));
}

fn base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}
