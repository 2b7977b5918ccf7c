//! What a manager answers -> containers.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::provider::containers::{Container, Labels};
use crate::provider::engine::wire::{Network, Node, Service, Task};

/// A service with what its labels mean.
pub type Labelled = (Service, Labels);

/// What the labels of services mean, by the id of the service: what did not change since the last look is not decoded
/// anew.
#[derive(Debug, Default)]
pub struct Meanings(HashMap<String, Labels>);

impl Meanings {
    /// Takes the labels of `services`, and forgets those of all others.
    pub fn of(&mut self, services: Vec<Service>) -> Vec<Labelled> {
        let mut before = std::mem::take(&mut self.0);
        let labelled = services.into_iter().map(|mut service| {
            let raw = service.take_labels();
            let known = before.remove(&service.id).filter(|known| *known.raw() == raw);
            let labels = known.unwrap_or_else(|| Labels::new(raw));
            self.0.insert(service.id.clone(), labels.clone());
            (service, labels)
        });
        labelled.collect()
    }
}

/// Without the tasks of dead nodes. Nobody tells the manager how those go on: they stay as they were for a day, or for good,
/// and would drain as long.
#[must_use]
pub fn alive(mut tasks: Vec<Task>, nodes: &[Node]) -> Vec<Task> {
    let dead = nodes.iter().filter(|node| node.is_dead());
    let dead: HashSet<&str> = dead.map(|node| node.id.as_str()).collect();
    tasks.retain(|task| !dead.contains(task.node.as_str()));
    tasks
}

/// A number that stays the same as long as each task is where it was; their order means nothing.
pub(super) fn states(tasks: &[Task]) -> u64 {
    let state = |task: &Task| {
        let mut hasher = DefaultHasher::new();
        task.progress().hash(&mut hasher);
        hasher.finish()
    };
    tasks.iter().map(state).fold(0, u64::wrapping_add)
}

/// Every running task as a container; a service that is used by its virtual address as one.
#[must_use]
pub fn containers(services: &[Labelled], tasks: Vec<Task>, networks: &[Network]) -> Vec<Arc<Container>> {
    let networks: BTreeMap<&str, &Network> = networks
        .iter()
        .map(|network| (network.id.as_str(), network))
        .collect();
    let (virtual_services, others): (Vec<&Labelled>, Vec<&Labelled>) =
        services.iter().partition(|(_, labels)| labels.lb_swarm());
    let others: HashMap<&str, &Labelled> = others
        .into_iter()
        .map(|labelled| (labelled.0.id.as_str(), labelled))
        .collect();
    let of_tasks = tasks.into_iter().filter_map(|task| {
        let (service, labels) = others.get(task.service.as_str())?;
        task.into_container(service, labels)
    });
    let of_services = virtual_services
        .into_iter()
        .map(|(service, labels)| service.at_virtual_address(labels, &networks));
    of_services.chain(of_tasks).map(Arc::new).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    fn service(id: &str, labels: &Value) -> Service {
        from_value(json!({"ID": id, "Spec": {"Name": id, "Labels": labels}})).unwrap()
    }

    fn task(id: &str, state: &str, desired: &str) -> Task {
        from_value(json!({"ID": id, "Status": {"State": state}, "DesiredState": desired})).unwrap()
    }

    #[test]
    fn labels_that_did_not_change_are_not_decoded_anew() {
        let mut meanings = Meanings::default();
        let mut of = |labels: [(&str, Value); 2]| {
            let services = labels.iter().map(|(id, labels)| service(id, labels));
            meanings.of(services.collect())
        };
        let before = of([("a", json!({"x": "1"})), ("b", json!({"x": "1"}))]);
        let after = of([("b", json!({"x": "2"})), ("a", json!({"x": "1"}))]);
        let is_same = |one: &Labelled, other: &Labelled| std::ptr::eq(one.1.raw(), other.1.raw());
        assert!(is_same(&before[0], &after[1]));
        assert_eq!(after[0].1.raw()["x"], "2");
    }

    #[test]
    fn what_the_labels_of_a_service_mean_is_forgotten_with_it() {
        let mut meanings = Meanings::default();
        meanings.of(vec![service("a", &json!({})), service("b", &json!({}))]);
        meanings.of(vec![service("b", &json!({}))]);
        assert_eq!(meanings.0.keys().collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn states_are_other_ones_when_a_task_moves_comes_or_goes_and_whatever_their_order() {
        let [a, b] = [task("a", "pending", "running"), task("b", "running", "running")];
        let before = states(&[a.clone(), b.clone()]);
        assert_eq!(before, states(&[b.clone(), a.clone()]));
        for others in [
            vec![a.clone()],
            vec![a.clone(), task("b", "running", "shutdown")],
            vec![a.clone(), task("b", "complete", "running")],
            vec![a, task("c", "running", "running")],
        ] {
            assert_ne!(before, states(&others), "{others:?}");
        }
    }
}
