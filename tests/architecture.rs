//! The map in `src/lib.rs`, held against the code: who imports whom, and what ring 1 may not know.
//!
//! In one package nothing else holds the arrows. `USES` is the whole truth about them; a new module or a new
//! arrow is a line here, on purpose.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "in tests a panic is the report"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Ring of each module, and the modules of its own package that it may use. `*` is everything.
const USES: &[(&str, Ring, &[&str])] = &[
    ("main", Ring::Top, &["*"]),
    ("app", Ring::Top, &["*"]),
    ("cli", Ring::Top, &["balance"]),
    ("logging", Ring::Top, &["config"]),
    ("provider", Ring::Edge, &[RINGS_0_1, "clock", "disk"]),
    // A provider's `Update` is what it receives.
    ("control", Ring::Edge, &[RINGS_0_1, "provider", "clock"]),
    ("health", Ring::Edge, &[RINGS_0_1, "clock", "dial", "resolve"]),
    (
        "proxy",
        Ring::Edge,
        &[
            RINGS_0_1,
            "api",
            "clock",
            "connection",
            "dial",
            "observe",
            "resolve",
            "stop",
        ],
    ),
    ("observe", Ring::Edge, &[RINGS_0_1]),
    ("api", Ring::Edge, &[RINGS_0_1, "clock", "disk"]),
    ("listener", Ring::Edge, &[]),
    ("connection", Ring::Edge, &[]),
    ("handover", Ring::Edge, &[RINGS_0_1, "clock", "stop"]),
    ("stop", Ring::Edge, &["clock"]),
    ("clock", Ring::Edge, &["balance"]),
    ("dial", Ring::Edge, &["clock", "upstream"]),
    ("disk", Ring::Edge, &["config"]),
    (
        "resolve",
        Ring::Edge,
        &["config", "routing", "service", "upstream"],
    ),
    (
        "routing",
        Ring::Pure,
        &[
            "service",
            "middleware",
            "balance",
            "sticky",
            "rule",
            "upstream",
            "tls",
            "request",
            "config",
        ],
    ),
    (
        "middleware",
        Ring::Pure,
        &["balance", "rule", "request", "config"],
    ),
    (
        "service",
        Ring::Pure,
        &["balance", "sticky", "upstream", "config"],
    ),
    ("balance", Ring::Pure, &["meter", "upstream"]),
    ("meter", Ring::Pure, &["sticky"]),
    ("upstream", Ring::Pure, &["tls", "config"]),
    ("tls", Ring::Pure, &["rule", "config"]),
    ("sticky", Ring::Pure, &["config"]),
    ("rule", Ring::Pure, &["request"]),
    ("request", Ring::Data, &[]),
    ("config", Ring::Data, &[]),
];

/// Stands for every module of rings 0 and 1.
const RINGS_0_1: &str = "rings 0-1";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ring {
    Top,
    Edge,
    Pure,
    Data,
}

/// What rings 0 and 1 may not name: a runtime, sessions, a clock, randomness, sockets.
const FORBIDDEN_BELOW: &[&str] = &[
    "tokio",
    "pingora_proxy",
    "pingora::proxy",
    "pingora::http",
    "pingora::protocols::http",
    "pingora::server",
    "pingora::services",
    "std::time::Instant",
    "std::time::SystemTime",
    "Instant::now",
    "SystemTime",
    "fastrand",
    "thread_rng",
    "getrandom",
    "std::thread",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::fs",
    "std::env",
    "std::process",
];

/// Parts of edges that are as pure as ring 1: converters.
const PURE_PARTS: &[&str] = &["provider/containers", "provider/ingress"];

/// One file of `src`: its top module, and its code without comments, strings and tests.
struct Source {
    path: PathBuf,
    module: String,
    text: String,
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    assert!(files.len() > 50, "found {} files", files.len());
    let source = |path: PathBuf| {
        let relative = path.strip_prefix(&root).unwrap().to_owned();
        let first = relative
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_string_lossy()
            .into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        Source {
            module: first.trim_end_matches(".rs").to_owned(),
            code: bare(&text),
            path: relative,
            text,
        }
    };
    files.into_iter().map(source).collect()
}

fn walk(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Lines of code: comments and everything from the tests on left out, `use` trees unfolded to paths.
fn bare(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut code: String = lines.flat_map(|line| [line, "\n"]).collect();
    let mut unfolded = String::new();
    while let Some(start) = code.find("use ") {
        let end = code[start..].find(';').map_or(code.len(), |end| start + end);
        let statement: String = code[start + 4..end].split_whitespace().collect();
        unfolded += &unfold("", &statement).join("\n");
        unfolded += "\n";
        code.replace_range(start..end, "");
    }
    code + &unfolded
}

/// `a::{b, c::d}` as `a::b` and `a::c::d`.
fn unfold(prefix: &str, tree: &str) -> Vec<String> {
    let Some((path, rest)) = tree.split_once('{') else {
        return vec![format!("{prefix}{tree}")];
    };
    let inner = rest.strip_suffix('}').unwrap_or(rest);
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, letter) in inner.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[start..]);
    let prefix = format!("{prefix}{path}");
    parts
        .iter()
        .filter(|part| !part.is_empty())
        .flat_map(|part| unfold(&prefix, part))
        .collect()
}

/// Modules of this package that the code names.
fn used(code: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for (at, start) in code.match_indices("crate::") {
        let is_name = |letter: &char| letter.is_alphanumeric() || *letter == '_';
        if code[..at]
            .chars()
            .next_back()
            .is_some_and(|before| is_name(&before))
        {
            continue;
        }
        used.insert(code[at + start.len()..].chars().take_while(is_name).collect());
    }
    used
}

fn entry(module: &str) -> Option<&'static (&'static str, Ring, &'static [&'static str])> {
    USES.iter().find(|(name, ..)| *name == module)
}

fn may_use(module: &str, target: &str) -> bool {
    let Some((_, _, allowed)) = entry(module) else {
        return false;
    };
    let low = entry(target).is_some_and(|(_, ring, _)| matches!(ring, Ring::Pure | Ring::Data));
    module == target
        || allowed
            .iter()
            .any(|name| *name == target || *name == "*" || (*name == RINGS_0_1 && low))
}

/// What is wrong with one file.
fn offences(source: &Source) -> Vec<String> {
    let Source {
        path, module, code, ..
    } = source;
    let at = path.display();
    if module == "lib" {
        return Vec::new();
    }
    let Some((_, ring, _)) = entry(module) else {
        return vec![format!(
            "{at}: module `{module}` has no line in tests/architecture.rs"
        )];
    };
    let against = used(code).into_iter().filter(|target| !may_use(module, target));
    let mut offences: Vec<String> = against
        .map(|target| format!("{at}: `{module}` may not use `{target}`"))
        .collect();
    let is_pure_part = PURE_PARTS.iter().any(|part| path.starts_with(part));
    // Tests in a file of their own are tests as well as those below the code.
    let is_test = path.with_extension("").iter().any(|part| part == "tests");
    if !is_test && (is_pure_part || matches!(ring, Ring::Pure | Ring::Data)) {
        let named = FORBIDDEN_BELOW.iter().filter(|word| names(code, word));
        offences.extend(named.map(|word| format!("{at}: what is pure does not know `{word}`")));
    }
    offences
}

/// Does the code name this path, as whole words?
fn names(code: &str, path: &str) -> bool {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    code.match_indices(path).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + path.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

#[test]
fn imports_follow_the_arrows_and_the_inner_rings_are_pure() {
    let offences: Vec<String> = sources().iter().flat_map(offences).collect();
    assert!(
        offences.is_empty(),
        "against the arrows of src/lib.rs:\n{}",
        offences.join("\n")
    );
}

#[test]
fn an_import_against_the_arrows_is_seen() {
    let offends = |module: &str, text: &str| {
        let source = Source {
            path: PathBuf::from(format!("{module}.rs")),
            module: module.to_owned(),
            text: text.to_owned(),
            code: bare(text),
        };
        offences(&source).len()
    };
    assert_eq!(offends("balance", "use crate::upstream::Upstream;\n"), 0);
    assert_eq!(offends("balance", "use crate::service::Service;\n"), 1);
    assert_eq!(
        offends(
            "balance",
            "use crate::{\n    routing::{Table, Route},\n    upstream,\n};\n"
        ),
        1
    );
    assert_eq!(offends("sticky", "fn f() { crate::balance::wrr() }\n"), 1);
    assert_eq!(offends("rule", "use std::time::{Duration, Instant};\n"), 1);
    assert_eq!(
        offends("rule", "// use std::time::Instant;\nuse std::time::Duration;\n"),
        0
    );
    assert_eq!(offends("service", "fn f() { tokio::spawn(async {}); }\n"), 1);
    assert_eq!(offends("provider", "use crate::control::Control;\n"), 1);
    assert_eq!(
        offends(
            "proxy",
            "use crate::health::Health;\nuse crate::service::Service;\n"
        ),
        1
    );
    assert_eq!(offends("novelty", "use crate::config::Problem;\n"), 1);
}

#[test]
fn no_arrow_is_listed_that_nobody_uses() {
    let mut used_by: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources() {
        used_by
            .entry(source.module.clone())
            .or_default()
            .extend(used(&source.code));
    }
    for (module, _, allowed) in USES {
        for target in allowed.iter().filter(|target| entry(target).is_some()) {
            assert!(
                used_by[*module].contains(*target),
                "`{module}` does not use `{target}` any more"
            );
        }
    }
}

#[test]
fn every_file_says_at_its_top_what_it_is() {
    let silent: Vec<_> = sources()
        .into_iter()
        .filter(|source| !source.text.starts_with("//! "))
        .collect();
    assert!(
        silent.is_empty(),
        "{:?}",
        silent.iter().map(|source| &source.path).collect::<Vec<_>>()
    );
}

#[test]
fn no_file_is_called_mod_rs() {
    assert!(sources().iter().all(|source| !source.path.ends_with("mod.rs")));
}

#[test]
fn every_module_is_on_the_map_and_in_its_ring() {
    let sources = sources();
    let map = &sources.iter().find(|source| source.module == "lib").unwrap().text;
    for source in &sources {
        let module = source.module.as_str();
        if matches!(module, "lib" | "main") {
            continue;
        }
        let row = map
            .lines()
            .find(|line| line.starts_with("//! |") && line.contains(&format!("[`{module}`]")));
        let row = row.unwrap_or_else(|| panic!("src/lib.rs has no line for `{module}`"));
        let ring = match entry(module)
            .unwrap_or_else(|| panic!("no line for `{module}` here"))
            .1
        {
            Ring::Top => "-",
            Ring::Edge => "2",
            Ring::Pure => "1",
            Ring::Data => "0",
        };
        assert!(row.starts_with(&format!("//! | {ring} |")), "{row}");
    }
}
