//! `providers.kubernetesIngress` follows a cluster: ours, which misbehaves on demand, or the one that `KUBECONFIG` names.
//!
//! `KUBECONFIG=... cargo test --test e2e kubernetes -- --nocapture` runs the same tests against a real API server; those
//! that need a fault which only ours has run against ours there too. `tests/cluster/control-plane` makes a real one, and can
//! start it again under load: `CONTROL_PLANE=tests/cluster/control-plane make cluster`.

// Which API server, and who piton says it is.
mod access;
// A Service with its pods and its Ingress.
mod app;
// Ours or a real one, with a namespace for one test.
mod cluster;
// Users under load, and the table.
mod load;
// Five thousand Services.
mod many;
// Two pitons: cookies, statuses, Events.
mod replicas;
// What the example allows is enough.
mod rights;
// What is served, and how it follows changes.
mod served;
// The test's API server, asked by the real client.
mod server;
// Cut streams, forgotten pasts, refusals, absences.
mod trouble;
