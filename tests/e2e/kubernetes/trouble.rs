//! What goes wrong between piton and an API server. Only ours does that on demand.

use super::app::{App, Pod, SOON, is_followed, wait_for};
use super::cluster::Cluster;
use crate::apiserver::Fault;
use crate::harness::crowd::newcomers;
use crate::harness::{Piton, Server, eventually, get, swap, within};

/// A cluster of ours with the pods `a` and `b`, and a piton that follows it; then the rest.
fn followed(rest: impl FnOnce(&Cluster, [&Server; 2], &Piton)) {
    let cluster = Cluster::ours();
    let [a, b] = cluster.pods(["a", "b"]);
    App::sticky(&cluster, &[&a]);
    let piton = cluster.setup("").start();
    wait_for(&piton, &["a"]);
    is_followed(&cluster);
    rest(&cluster, [&a, &b], &piton);
}

#[test]
fn changes_that_a_cut_stream_swallowed_are_made_up() {
    followed(|cluster, [a, b], piton| {
        let server = cluster.server();
        server.forget();
        server.be_quiet(true);
        App::sticky(cluster, &[a, b]);
        server.cut();
        server.be_quiet(false);
        wait_for(piton, &["a", "b"]);
        assert_eq!(server.count("list", "*"), 0, "the version bridges it");
    });
}

#[test]
fn a_time_that_is_forgotten_is_a_new_list_in_both_ways() {
    for as_status in [false, true] {
        followed(|cluster, [a, b], piton| {
            let server = cluster.server();
            server.be_quiet(true);
            App::sticky(cluster, &[b]);
            cluster.delete("EndpointSlice", "app-x7k2p");
            App::sticky(cluster, &[a, b]);
            server.compact(as_status);
            server.forget();
            server.cut();
            server.be_quiet(false);
            wait_for(piton, &["a", "b"]);
            within(SOON, "it is listed", || {
                server.count("list", "endpointslices") > 0
            });
            is_followed(cluster);
            assert!(
                server.count("list", "*") <= 12,
                "a list each, or two: {}",
                server.count("list", "*")
            );
            // And everything is as before.
            App::sticky(cluster, &[b]);
            wait_for(piton, &["b"]);
        });
    }
}

#[test]
fn what_is_deleted_while_nobody_watched_is_gone_after_the_next_list() {
    followed(|cluster, _, piton| {
        let server = cluster.server();
        server.be_quiet(true);
        cluster.delete("Ingress", "app");
        server.compact(false);
        server.be_quiet(false);
        server.expire_watches();
        wait_for(piton, &["404"]);
    });
}

#[test]
fn watches_that_end_in_order_are_opened_again_without_a_list_and_without_a_word() {
    followed(|cluster, [a, b], piton| {
        let server = cluster.server();
        server.forget();
        let lines = piton.count(&["WARN"]);
        for _ in 0..3 {
            is_followed(cluster);
            server.bookmark();
            server.end_watches();
        }
        App::sticky(cluster, &[a, b]);
        wait_for(piton, &["a", "b"]);
        assert_eq!(server.count("list", "*"), 0);
        assert_eq!(piton.count(&["WARN"]), lines);
    });
}

#[test]
fn a_bookmark_spares_the_list_when_the_past_is_forgotten() {
    followed(|cluster, [a, b], piton| {
        let server = cluster.server();
        // The version of the cluster runs away by objects that piton does not read.
        for number in 0..20 {
            let lease = serde_json::json!({
                "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": format!("l{number}")}
            });
            cluster.apply(lease);
        }
        server.forget();
        server.bookmark();
        server.end_watches();
        within(SOON, "everything is watched again", || {
            server.count("watch", "*") == 6
        });
        is_followed(cluster);
        server.compact(false);
        server.cut();
        App::sticky(cluster, &[a, b]);
        wait_for(piton, &["a", "b"]);
        assert_eq!(server.count("list", "*"), 0, "the bookmark says how far it is");
    });
}

#[test]
fn errors_are_tried_again_and_the_last_configuration_stays() {
    let all = [
        Fault::Status(500),
        Fault::Status(429),
        Fault::Half,
        Fault::Nothing,
    ];
    std::thread::scope(|scope| {
        for fault in all {
            scope.spawn(move || followed(|cluster, pods, piton| errs(fault, cluster, pods, piton)));
        }
    });
}

fn errs(fault: Fault, cluster: &Cluster, [a, b]: [&Server; 2], piton: &Piton) {
    let server = cluster.server();
    server.misbehave("list", "*", fault);
    server.misbehave("watch", "*", fault);
    server.forget();
    server.expire_watches();
    eventually("it is asked", || server.count("list", "endpointslices") > 1);
    App::sticky(cluster, &[b]);
    assert_eq!(
        newcomers(piton.address(), 8),
        ["a".to_owned()].into(),
        "{fault:?}"
    );
    server.behave();
    wait_for(piton, &["b"]);
    App::sticky(cluster, &[a]);
    wait_for(piton, &["a"]);
}

#[test]
fn a_watch_that_is_refused_again_and_again_is_a_new_list() {
    followed(|cluster, [_, b], piton| {
        let server = cluster.server();
        server.misbehave("watch", "endpointslices", Fault::Status(504));
        server.cut();
        App::sticky(cluster, &[b]);
        wait_for(piton, &["b"]);
        server.behave();
        is_followed(cluster);
    });
}

#[test]
fn an_object_that_is_not_understood_is_told_of_and_what_changed_meanwhile_is_made_up() {
    followed(|cluster, [a, b], piton| {
        cluster.apply(serde_json::json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": "odd"}, "endpoints": "none"
        }));
        piton.wait_for_line(&["endpointslices.discovery.k8s.io", "not understood"]);
        App::sticky(cluster, &[b]);
        assert_eq!(newcomers(piton.address(), 8), ["a".to_owned()].into());
        cluster.delete("EndpointSlice", "odd");
        wait_for(piton, &["b"]);
        is_followed(cluster);
        App::sticky(cluster, &[a, b]);
        wait_for(piton, &["a", "b"]);
    });
}

#[test]
fn what_is_forbidden_is_named_and_the_rest_works() {
    let cluster = Cluster::ours();
    let [a] = cluster.pods(["a"]);
    let _app = App::sticky(&cluster, &[&a]);
    let server = cluster.server();
    server.deny("*", "secrets", "*");
    server.deny("watch", "ingressclasses", "*");
    server.deny("list", "ingressclasses", "*");
    let piton = cluster.setup("").start();
    // What it needs not is not waited for.
    wait_for(&piton, &["a"]);
    piton.wait_for_line(&[
        "list",
        "secrets",
        "in namespace \"default\"",
        crate::apiserver::USER,
    ]);
    piton.wait_for_line(&["list", "ingressclasses.networking.k8s.io", "cluster"]);
    server.forget();
    server.allow();
    within(SOON * 2, "it is tried again", || server.watching("secrets") == 1);
    piton.wait_for_line(&["may read secrets"]);
}

#[test]
fn without_the_verb_watch_the_message_says_so_and_lists_tell_what_changes() {
    let cluster = Cluster::ours();
    let [a, b] = cluster.pods(["a", "b"]);
    App::sticky(&cluster, &[&a]);
    cluster.server().deny("watch", "endpointslices", "*");
    let piton = cluster.setup("").start();
    let line = [
        "may not watch",
        "endpointslices",
        "is listed again from time to time",
    ];
    piton.wait_for_line(&line);
    wait_for(&piton, &["a"]);
    App::sticky(&cluster, &[&b]);
    wait_for(&piton, &["b"]);
    assert_eq!(piton.count(&line), 1, "with each list anew");
    cluster.server().allow();
    piton.wait_for_line(&["may read endpointslices"]);
}

#[test]
fn endpoints_that_may_not_be_read_are_no_reason_to_serve_nothing_else() {
    let cluster = Cluster::ours();
    let [a] = cluster.pods(["a"]);
    let app = App::sticky(&cluster, &[&a]);
    cluster.server().deny("*", "endpointslices", "*");
    let other = App::new(&cluster, "outside", &[&a]);
    cluster.apply(serde_json::json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "outside"},
        "spec": {"type": "ExternalName", "externalName": a.address().ip().to_string(),
                 "ports": [{"name": "http", "port": a.address().port()}]}
    }));
    let backend = serde_json::json!({"service": {"name": "outside", "port": {"name": "http"}}});
    cluster.apply(serde_json::json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "outside"},
        "spec": {"rules": [{"host": "piton.test", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]}
    }));
    let _ = (&app, &other);
    let setup = cluster.setup("allowExternalNameServices: true");
    let piton = setup.top("ping: {entryPoint: web}").start();
    piton.wait_for_line(&["endpointslices.discovery.k8s.io"]);
    let ask = || {
        let request = "GET / HTTP/1.1\r\nHost: piton.test\r\nConnection: close\r\n\r\n";
        crate::harness::Client::connect(piton.address())
            .exchange(request)
            .text()
    };
    let ping = || get(piton.address(), "/ping").status;
    eventually("the other one is served", || ask() == "a");
    // But it is no replica to send everybody to.
    assert_eq!(ping(), 503);
    cluster.server().allow();
    within(SOON, "it is ready", || ping() == 200);
    wait_for(&piton, &["a"]);
}

#[test]
fn rights_that_come_later_make_it_ready_though_they_show_nothing_new() {
    let cluster = Cluster::ours();
    for resource in ["ingresses", "services", "endpointslices", "secrets", "nodes"] {
        cluster.server().deny("*", resource, "*");
    }
    let piton = cluster.setup("").top("ping: {entryPoint: web}").start();
    piton.wait_for_line(&["endpointslices.discovery.k8s.io", "403"]);
    let ping = || get(piton.address(), "/ping").status;
    assert_eq!(ping(), 503);
    cluster.server().allow();
    within(SOON, "it is ready", || ping() == 200);
}

#[test]
fn a_token_that_is_rotated_is_read_again() {
    let cluster = Cluster::ours();
    let [a, b] = cluster.pods(["a", "b"]);
    App::sticky(&cluster, &[&a]);
    let token = cluster.dir.write("token", crate::apiserver::TOKEN);
    let user = format!("tokenFile: {}", token.display());
    cluster
        .dir
        .write("kubeconfig", &cluster.server().kubeconfig(&user));
    let piton = cluster.setup("").start();
    wait_for(&piton, &["a"]);
    is_followed(&cluster);
    // First the server, later the file, as it happens.
    cluster.server().rotate("n3w");
    cluster.server().cut();
    App::sticky(&cluster, &[&a, &b]);
    piton.wait_for_line(&["401"]);
    assert_eq!(get(piton.address(), "/").text(), "a");
    swap(&token, "n3w\n");
    wait_for(&piton, &["a", "b"]);
}

#[test]
fn a_slow_list_delays_nothing_that_is_known_and_comes_when_it_comes() {
    followed(|cluster, [a, b], piton| {
        let server = cluster.server();
        server.misbehave("list", "endpointslices", Fault::Held);
        server.forget();
        server.expire_watches();
        eventually("it is asked", || server.count("list", "endpointslices") > 0);
        App::sticky(cluster, &[b]);
        assert_eq!(
            newcomers(piton.address(), 8),
            ["a".to_owned()].into(),
            "the last one stays"
        );
        server.behave();
        wait_for(piton, &["b"]);
        App::sticky(cluster, &[a, b]);
        wait_for(piton, &["a", "b"]);
    });
}

#[test]
fn a_start_without_an_api_server_serves_the_rest_and_recovers() {
    let mut cluster = Cluster::away();
    let [a] = cluster.pods(["a"]);
    let file = Server::named("of the file");
    App::sticky(&cluster, &[&a]);
    let setup = cluster.setup("").provider("filename: {dir}/dynamic.yaml");
    let dynamic = format!(
        "http:\n  routers: {{file: {{rule: \"Path(`/file`)\", service: file}}}}\n  services:\n    file: {{loadBalancer: \
         {{servers: [{{url: \"{}\"}}]}}}}\n",
        file.url()
    );
    setup.dir().write("dynamic.yaml", &dynamic);
    let piton = setup.start();
    piton.wait_for_line(&["starting without it", "kubernetes"]);
    eventually("the file is served", || {
        get(piton.address(), "/file").text() == "of the file"
    });
    assert_eq!(get(piton.address(), "/").status, 404);
    cluster.come_back();
    wait_for(&piton, &["a"]);
}

#[test]
fn a_start_while_lists_are_slow_waits_for_them() {
    let cluster = Cluster::ours();
    let [a] = cluster.pods(["a"]);
    App::sticky(&cluster, &[&a]);
    let server = cluster.server();
    server.misbehave("list", "services", Fault::Held);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            eventually("it is asked", || server.count("list", "services") > 0);
            server.behave();
        });
        let piton = cluster.setup("").start();
        wait_for(&piton, &["a"]);
    });
}

#[test]
fn an_api_server_that_starts_anew_with_older_versions_is_followed() {
    followed(|cluster, [_, b], piton| {
        // As after a backup is restored: the same place and authority, other versions.
        let server = cluster.server();
        server.be_quiet(true);
        cluster.delete("EndpointSlice", "app-x7k2p");
        server.compact(true);
        let app = App::sticky(cluster, &[b]);
        app.becomes(b, Pod::Serving);
        server.cut();
        server.be_quiet(false);
        wait_for(piton, &["b"]);
    });
}
