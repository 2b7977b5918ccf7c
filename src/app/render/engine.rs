//! Containers, and services of a swarm, from what `docker inspect` prints.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Value, from_value};

use super::{Rendering, input, options};
use crate::cli::Render;
use crate::config::{Level, Problem, install};
use crate::provider::container_options;
use crate::provider::containers::{self, Container, Conversion, Flavour, Options, Remark};
use crate::provider::engine::wire::{Inspect, Network, Node, Service, Task};
use crate::provider::swarm::{self, Meanings};

pub(super) fn docker(args: &Render) -> Result<Rendering, Vec<Problem>> {
    let options = options(args, |written: &install::Docker| {
        container_options(Flavour::Docker, &written.meaning())
    })?;
    let mut containers = Vec::new();
    for (file, object) in input::objects(args.files.iter().map(|path| &**path))? {
        if !has(&object, "Config") || !has(&object, "NetworkSettings") {
            return Err(vec![input::in_file(
                file,
                "holds something that is no container as docker inspect prints one",
            )]);
        }
        containers.push(of_engine::<Inspect>(file, object)?.into_container());
    }
    Ok(converted(&containers, &options))
}

pub(super) fn swarm(args: &Render) -> Result<Rendering, Vec<Problem>> {
    let options = options(args, |written: &install::Swarm| {
        container_options(Flavour::Swarm, &written.meaning())
    })?;
    let (mut services, mut tasks) = (Vec::<Service>::new(), Vec::<Task>::new());
    let (mut nodes, mut networks) = (Vec::<Node>::new(), Vec::<Network>::new());
    for (file, object) in input::objects(args.files.iter().map(|path| &**path))? {
        if has(&object, "ServiceID") {
            tasks.push(of_engine(file, object)?);
        } else if has(&object, "IPAM") {
            networks.push(of_engine(file, object)?);
        } else if has(&object, "Description") {
            nodes.push(of_engine(file, object)?);
        } else if has(&object, "Spec") {
            services.push(of_engine(file, object)?);
        } else {
            return Err(vec![input::in_file(
                file,
                "holds something that is neither a service nor a task, a node or a network as docker inspect prints them",
            )]);
        }
    }
    let tasks = swarm::alive(tasks, &nodes);
    let containers = swarm::containers(&Meanings::default().of(services), tasks, &networks);
    Ok(converted(
        containers.iter().map(|container| &**container),
        &options,
    ))
}

fn has(object: &Value, key: &str) -> bool {
    object.get(key).is_some()
}

fn of_engine<T: DeserializeOwned>(file: &Path, object: Value) -> Result<T, Vec<Problem>> {
    from_value(object).map_err(|error| vec![input::no_json(file, &error)])
}

fn converted<'c>(containers: impl IntoIterator<Item = &'c Container>, options: &Options) -> Rendering {
    let Conversion {
        configuration,
        remarks,
    } = containers::convert(containers, options);
    let remarks = remarks.into_iter().map(|Remark { level, about, text }| {
        let level = match level {
            containers::Level::Error => Level::Error,
            containers::Level::Warn => Level::Warn,
            containers::Level::Info => Level::Info,
            containers::Level::Debug => Level::Debug,
        };
        (level, about, text)
    });
    Rendering {
        configuration,
        remarks: remarks.collect(),
    }
}
