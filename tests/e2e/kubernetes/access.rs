//! Which API server, and how piton says who it is.

use std::process::Command;

use super::app::{App, wait_for};
use super::cluster::Cluster;
use crate::apiserver::TOKEN;
use crate::harness::{Setup, get};

fn cluster_with_a(cluster: &Cluster) -> crate::harness::Server {
    let [a] = cluster.pods(["a"]);
    App::sticky(cluster, &[&a]);
    a
}

#[test]
fn an_endpoint_with_token_and_authority_is_enough() {
    let cluster = Cluster::ours();
    let _a = cluster_with_a(&cluster);
    let server = cluster.server();
    cluster.dir.write("ca.crt", server.authority());
    cluster.dir.write("token", &format!("{TOKEN}\n"));
    let dir = cluster.dir.path().display();
    for token in [TOKEN.to_owned(), format!("{dir}/token")] {
        let options = format!(
            "endpoint: \"{}\"\ntoken: \"{token}\"\ncertAuthFilePath: {dir}/ca.crt\n",
            server.url()
        );
        let piton = Setup::engine("kubernetesIngress", &options).start();
        assert_eq!(get(piton.address(), "/").text(), "a");
    }
}

#[test]
fn an_authority_that_is_not_known_is_not_trusted_and_the_message_says_so() {
    let cluster = Cluster::ours();
    let _a = cluster_with_a(&cluster);
    let options = format!("endpoint: \"{}\"\ntoken: {TOKEN}\n", cluster.server().url());
    let piton = Setup::engine("kubernetesIngress", &options).start();
    piton.wait_for_line(&["kubernetes", "certificate"]);
    assert_eq!(get(piton.address(), "/").status, 404);
    assert!(
        cluster.server().asked().is_empty(),
        "the token is shown to nobody"
    );
}

#[test]
fn a_wrong_token_is_said_and_never_shown() {
    let cluster = Cluster::ours();
    let _a = cluster_with_a(&cluster);
    cluster.dir.write("ca.crt", cluster.server().authority());
    let options = format!(
        "endpoint: \"{}\"\ntoken: wr0ng\ncertAuthFilePath: {}/ca.crt\n",
        cluster.server().url(),
        cluster.dir.path().display()
    );
    let piton = Setup::engine("kubernetesIngress", &options)
        .level("DEBUG")
        .start();
    piton.wait_for_line(&["401"]);
    assert_eq!(piton.count(&["wr0ng"]), 0);
    assert_eq!(get(piton.address(), "/").status, 404);
}

#[test]
fn the_variable_of_a_kubeconfig_wins_over_an_endpoint() {
    let cluster = Cluster::new();
    let _a = cluster_with_a(&cluster);
    let piton = cluster.setup("endpoint: \"https://127.0.0.1:1\"").start();
    wait_for(&piton, &["a"]);
}

#[test]
fn in_a_pod_its_service_account_is_used() {
    // The place of its files is fixed: in a file system of one's own they are at that place.
    const SCRIPT: &str = "mount -t tmpfs none /run && mkdir -p /run/secrets/kubernetes.io && \
                          cp -r \"$0\" /run/secrets/kubernetes.io/serviceaccount && exec \"$@\"";
    let can = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "true"])
        .output();
    if !can.is_ok_and(|output| output.status.success()) {
        println!("not tested: no namespaces here");
        return;
    }
    let cluster = Cluster::ours();
    let _a = cluster_with_a(&cluster);
    let account = cluster.dir.join("account");
    cluster.dir.write("account/token", TOKEN);
    cluster.dir.write("account/ca.crt", cluster.server().authority());
    cluster.dir.write("account/namespace", "default");
    let account = account.display().to_string();
    let within = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        SCRIPT,
        &account,
    ];
    let port = cluster.server().address().port().to_string();
    let piton = Setup::engine("kubernetesIngress", "token: ignored")
        .through(&within, ([127, 0, 0, 1], 0).into())
        .variable("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        .variable("KUBERNETES_SERVICE_PORT", &port)
        .start();
    wait_for(&piton, &["a"]);
}
