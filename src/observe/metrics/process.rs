//! What the system says about this process, under the names that Prometheus' own clients use.

use std::fs;

use super::names::Name;
use super::text::{Kind, Labels, Text};

/// Clock ticks per second in `/proc`: the same on every Linux that piton runs on.
const TICKS: f64 = 100.0;

/// Bytes of a page.
const PAGE: f64 = 4096.0;

/// Writes everything that `/proc` tells; nothing where there is none.
pub(super) fn write(text: &mut Text) {
    let none = Labels::default();
    let mut put = |name, help, kind, value: Option<f64>| {
        if let Some(value) = value {
            text.metric(Name(name, help), kind).sample(&none, value);
        }
    };
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program, in parentheses, may hold anything.
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .map_or_else(Vec::new, |(_, rest)| rest.split_whitespace().collect());
    let field = |number: usize| fields.get(number - 3).and_then(|text| text.parse::<f64>().ok());
    let cpu = field(14)
        .zip(field(15))
        .map(|(user, system)| (user + system) / TICKS);
    let started = field(22)
        .zip(boot_time())
        .map(|(ticks, boot)| boot + ticks / TICKS);
    let descriptors = fs::read_dir("/proc/self/fd").map(|entries| entries.count() as f64);
    put(
        "process_cpu_seconds_total",
        "Total user and system CPU time spent in seconds.",
        Kind::Counter,
        cpu,
    );
    put(
        "process_max_fds",
        "Maximum number of open file descriptors.",
        Kind::Gauge,
        most_descriptors(),
    );
    put(
        "process_open_fds",
        "Number of open file descriptors.",
        Kind::Gauge,
        descriptors.ok(),
    );
    put(
        "process_resident_memory_bytes",
        "Resident memory size in bytes.",
        Kind::Gauge,
        field(24).map(|pages| pages * PAGE),
    );
    put(
        "process_start_time_seconds",
        "Start time of the process since unix epoch in seconds.",
        Kind::Gauge,
        started,
    );
    put(
        "process_virtual_memory_bytes",
        "Virtual memory size in bytes.",
        Kind::Gauge,
        field(23),
    );
}

fn boot_time() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines()
        .find_map(|line| line.strip_prefix("btime "))?
        .trim()
        .parse()
        .ok()
}

fn most_descriptors() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_descriptors_and_a_beginning() {
        let mut text = Text::default();
        write(&mut text);
        let text = text.finish();
        let value = |name: &str| -> f64 {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().parse().unwrap()
        };
        assert!(value("process_resident_memory_bytes ") > 1e6);
        assert!(value("process_open_fds ") > 2.0);
        assert!(value("process_max_fds ") > 2.0);
        assert!(value("process_start_time_seconds ") > 1.7e9);
        assert!(value("process_cpu_seconds_total ") >= 0.0);
    }
}
