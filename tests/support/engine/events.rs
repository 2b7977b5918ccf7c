//! What the fake engine tells those who listen.

use serde_json::{Value, json};

use super::{Container, Engine};

impl Engine {
    /// Tells whoever listens what happened to a container, with further attributes.
    pub fn tell(&self, container: &Container, action: &str, attributes: &[(&str, &str)]) {
        let mut about = json!({"image": "app", "name": container.name});
        for (key, value) in attributes.iter().copied() {
            about[key] = json!(value);
        }
        for (key, value) in &container.labels {
            about[key] = json!(value);
        }
        let event = json!({
            "status": action, "id": container.id, "from": "app", "Type": "container", "Action": action,
            "Actor": {"ID": container.id, "Attributes": about}, "scope": "local"
        });
        self.send(event);
    }

    /// Sends an event as it is, with a time of its own.
    pub fn send(&self, mut event: Value) {
        let mut state = self.shared.state();
        state.events += 1;
        let nanoseconds = 1_795_356_221_000_000_000 + state.events;
        event["time"] = json!(nanoseconds / 1_000_000_000);
        event["timeNano"] = json!(nanoseconds);
        let line = format!("{event}\n").into_bytes();
        state
            .listeners
            .retain(|listener| listener.send(line.clone()).is_ok());
    }

    /// Creates and starts a container, and tells.
    pub fn start(&self, container: Container) {
        self.put([container.clone()]);
        self.tell(&container, "create", &[]);
        self.tell(&container, "start", &[]);
    }

    /// Sets the state of a container and tells: `die`, `pause`, `unpause`, `start`.
    pub fn becomes(&self, name: &str, state: &str, action: &str) {
        self.change(name, |container| {
            container.state = state.to_owned();
            container.runs += u32::from(action == "start");
        });
        self.tell(&self.find(name), action, &[]);
    }

    /// Sets what the health check of a container says, and tells.
    pub fn health(&self, name: &str, health: &str) {
        self.change(name, |container| container.health = Some(health.to_owned()));
        self.tell(&self.find(name), &format!("health_status: {health}"), &[]);
    }

    /// Removes a container, and tells.
    pub fn remove(&self, name: &str) {
        let container = self.take(name);
        self.tell(&container, "die", &[("exitCode", "0")]);
        self.tell(&container, "destroy", &[]);
    }
}
