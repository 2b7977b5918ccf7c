//! `providers.kubernetesIngress` follows a cluster: ours, which misbehaves on demand, or the one that `KUBECONFIG` names.
//!
//! `KUBECONFIG=... cargo test --test e2e kubernetes -- --nocapture` runs the same tests against a real API server; those
//! that need a fault which only ours has do not run there, and say so.

// Ours or a real one, with a namespace for one test.
mod cluster;
// The test's API server, asked by the real client.
mod server;
