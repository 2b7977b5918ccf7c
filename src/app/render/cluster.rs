//! Objects of a cluster, from manifests or from what `kubectl get -o yaml` prints.

use std::path::Path;

use super::{Rendering, input, options};
use crate::cli::Render;
use crate::config::{Level, Problem, install};
use crate::provider::ingress::{Conversion, Converter, manifest};
use crate::provider::kubernetes;

pub(super) fn ingresses(args: &Render) -> Result<Rendering, Vec<Problem>> {
    let options = options(args, |written: &install::KubernetesIngress| {
        kubernetes::options(written)
    })?;
    let mut converter = Converter::new(options);
    let mut remarks = Vec::new();
    for path in &args.files {
        let manifest = manifest::read(&text(path)?);
        let manifest = manifest.map_err(|error| vec![input::in_file(path, &error.to_string())])?;
        let skipped = manifest.notes.into_iter();
        remarks.extend(skipped.map(|note| (Level::Info, input::name(path).display().to_string(), note)));
        for object in manifest.objects {
            converter.put(object);
        }
    }
    let Conversion {
        configuration,
        remarks: of_objects,
        ..
    } = converter.convert();
    for (about, said) in of_objects.iter() {
        let said = said.iter().cloned();
        remarks.extend(said.map(|remark| (remark.level, about.to_string(), remark.text)));
    }
    Ok(Rendering {
        configuration,
        remarks,
    })
}

fn text(path: &Path) -> Result<String, Vec<Problem>> {
    String::from_utf8(input::read_some(path)?).map_err(|_| vec![input::in_file(path, "is not UTF-8")])
}
