//! Qualified names: `name@provider` (traefik-providers 1), and names made of what a container is called (2.6).

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

/// The letters and numbers of a text, with one `-` between what stands apart: `/my_app.v2` is `my-app-v2`.
///
/// Go asks for the categories L and N. The standard library knows "alphabetic", which is L and Nl, and besides the vowel
/// signs of Indic, Hebrew and Arabic writing and letters in circles: those stay here, and separate in Traefik. For names
/// that an engine accepts, which are ASCII, both are the same.
pub fn normalize(text: &str) -> String {
    let words = text.split(|letter: char| !letter.is_alphanumeric());
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("-")
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

    #[test]
    fn a_normalized_name_is_its_words_with_hyphens_between() {
        for (text, expected) in [
            ("/my_app.v2", "my-app-v2"),
            (
                "default-whoami-app.example.com/api/v1",
                "default-whoami-app-example-com-api-v1",
            ),
            ("whoami", "whoami"),
            ("--a  b--", "a-b"),
            ("Größe_Ⅷ¾٣/日本", "Größe-Ⅷ¾٣-日本"),
            ("e\u{301}t", "e-t"),
            ("a\0b\u{1f600}c", "a-b-c"),
            ("._-/", ""),
            ("", ""),
        ] {
            assert_eq!(normalize(text), expected, "{text:?}");
        }
    }
}
