//! One label's key to the names on the way from the root.

use super::{MAX_DEPTH, MAX_KEY_BYTES};
use crate::config::problem::Problem;

/// Characters of a key shown when it is too long to be shown whole.
const SHOWN: usize = 80;

/// `traefik.http.routers.app.tls.domains[0].main` to `http`, `routers`, `app`, `tls`, `domains`, `[0]`, `main`.
pub(super) fn parts<'k>(root: &str, key: &'k str) -> Result<Vec<&'k str>, Problem> {
    if key.len() > MAX_KEY_BYTES {
        let start: String = key.chars().take(SHOWN).flat_map(char::escape_debug).collect();
        let message = format!(
            "the label is {} bytes long; {MAX_KEY_BYTES} are allowed",
            key.len()
        );
        return Err(Problem::error(start + "...", message));
    }
    // Keys are shown as they are, and whoever writes labels shall not write log lines.
    if key.contains(char::is_control) {
        return Err(Problem::error(
            key.escape_debug().to_string(),
            "a control character in a label",
        ));
    }
    let (first, rest) = key.split_once('.').unwrap_or((key, ""));
    if first != root {
        return Err(Problem::error(key, format!("invalid label root {first}"))
            .hint(format!("write {root}: the root matches in this case only")));
    }
    let mut parts = Vec::new();
    for segment in rest.split('.') {
        segment_parts(key, segment, &mut parts)?;
    }
    if parts.len() > MAX_DEPTH {
        return Err(Problem::error(
            key,
            format!("a label of more than {MAX_DEPTH} levels"),
        ));
    }
    Ok(parts)
}

/// What stands between two dots: a name, or the name of a list and the name of its item.
fn segment_parts<'k>(key: &str, segment: &'k str, parts: &mut Vec<&'k str>) -> Result<(), Problem> {
    if segment.is_empty() {
        return Err(Problem::error(key, format!("invalid element: {key}"))
            .hint("a dot is missing its name: before it, or behind it"));
    }
    if segment.starts_with('[') {
        let message =
            format!("invalid leading character '[' in field name (bracket is a slice delimiter): {segment}");
        return Err(Problem::error(key, message).hint("write the bracket right behind the name of the list"));
    }
    if !segment.ends_with(']') {
        parts.push(segment);
        return Ok(());
    }
    match segment
        .find('[')
        .and_then(|bracket| segment.split_at_checked(bracket))
    {
        Some((list, item)) => parts.extend([list, item]),
        None => {
            let message =
                format!("invalid closing character ']' in field name (no '[' before it): {segment}");
            return Err(Problem::error(key, message));
        }
    }
    Ok(())
}
