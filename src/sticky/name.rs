//! Cookie names (traefik-core 1.2).

use sha1::{Digest, Sha1};

/// The effective cookie name: the configured one made a valid token, or one derived from the
/// provider-qualified service name (`_` and five hex digits).
#[must_use]
pub fn cookie_name(configured: &str, service: &str) -> String {
    if configured.is_empty() {
        generated(service)
    } else {
        sanitised(configured)
    }
}

fn generated(service: &str) -> String {
    let digest = Sha1::new()
        .chain_update("_TRAEFIK_BACKEND_")
        .chain_update(service)
        .finalize();
    let mut name = String::from("_");
    name.extend(super::value::hex(&digest).take(5).map(char::from));
    name
}

/// Every character that a cookie name may not have becomes one `_`.
fn sanitised(name: &str) -> String {
    name.chars()
        .map(|c| if is_name_char(c) { c } else { '_' })
        .collect()
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^`|~".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_name_is_generated_from_the_service() {
        for (service, name) in [
            ("my-service@file", "_4fcce"),
            ("app@file", "_fb0b0"),
            ("svc@file", "_b2112"),
            ("service1@file", "_4a6ce"),
            ("sticky@file", "_252c2"),
            ("wrr1@file", "_c3771"),
            ("whoami1@file", "_064e4"),
            ("whoami2@file", "_d282e"),
            ("myservice@docker", "_c4bdc"),
            ("whoami@docker", "_633ff"),
            ("default-web-80@kubernetes", "_b81e4"),
            ("backend", "_76eb3"),
            ("/my/BACKEND-v1.0~rc1", "_5f7bc"),
        ] {
            assert_eq!(cookie_name("", service), name, "{service}");
        }
    }

    #[test]
    fn a_configured_name_is_made_a_token() {
        assert_eq!(cookie_name("/my/BACKEND-v1.0~rc1", "x"), "_my_BACKEND-v1.0~rc1");
        assert_eq!(
            cookie_name("!#$%&'()*+-./:<=>?@[]^_`{|}~", "x"),
            "!#$%&'__*+-._________^_`_|_~"
        );
        assert_eq!(cookie_name("a😀b", "x"), "a_b");
    }
}
