//! What `piton -t` says of a dynamic file.

use super::{TempDir, run_to_end};

/// Is it content with this dynamic file (`dynamic.yaml`), and its lines.
pub fn verdict(dynamic: &str) -> (bool, String) {
    let dir = TempDir::new();
    let path = dir.write("dynamic.yaml", dynamic).display().to_string();
    let statics = format!(
        "entryPoints: {{web: {{address: \"127.0.0.1:0\"}}}}\nproviders: {{file: {{filename: {path}}}}}\n"
    );
    let conf = dir.write("piton.yaml", &statics);
    let output = run_to_end(&["-t", "-c", conf.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.success(), text)
}

/// Some line of `text` has all the parts.
pub fn says(text: &str, parts: &[&str]) {
    let found = text
        .lines()
        .any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(found, "no line with {parts:?} in\n{text}");
}
