//! Qualified names: `name@provider` (traefik-providers 1).

/// The name within a provider: kept when it is qualified already, otherwise `name@provider`.
pub fn qualify(name: &str, provider: &str) -> String {
    if name.contains('@') {
        name.to_owned()
    } else {
        format!("{name}@{provider}")
    }
}

/// The two halves of a name: what stands before the last `@`, and the provider behind it.
pub fn split(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once('@') {
        Some((bare, provider)) => (bare, Some(provider)),
        None => (name, None),
    }
}

/// The provider of a qualified name.
pub fn provider_of(qualified: &str) -> Option<&str> {
    split(qualified).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_gets_the_provider() {
        assert_eq!(qualify("app", "file"), "app@file");
    }

    #[test]
    fn a_qualified_name_is_kept() {
        assert_eq!(qualify("app@docker", "file"), "app@docker");
    }

    #[test]
    fn the_provider_stands_behind_the_last_at_sign() {
        assert_eq!(split("a@b@file"), ("a@b", Some("file")));
        assert_eq!(provider_of("app@file"), Some("file"));
        assert_eq!(provider_of("app"), None);
    }
}
