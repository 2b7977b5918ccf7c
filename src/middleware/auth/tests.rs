//! Who is let in, and what becomes of the request.

use super::*;
use crate::config::NoFiles;

const TEST: &str = "test:$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/";
const SECRET: [u8; 32] = [9; 32];

#[derive(Debug)]
struct OneFile(&'static str);

impl Files for OneFile {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        if path == "users" {
            Ok(self.0.into())
        } else {
            Err(format!("{path:?} is not there"))
        }
    }
}

fn written(users: &[&str], file: &str) -> wire::BasicAuth {
    wire::BasicAuth {
        users: users.iter().map(|&user| user.to_owned()).collect(),
        users_file: file.to_owned(),
        ..wire::BasicAuth::default()
    }
}

fn request(authorization: &str) -> http::request::Parts {
    let request = http::Request::builder().header("authorization", authorization);
    request.body(()).unwrap().into_parts().0
}

fn basic(pair: &str) -> http::request::Parts {
    request(&format!("Basic {}", STANDARD.encode(pair)))
}

/// Is the one of this request verified, and how?
fn outcome(auth: &Auth, request: &http::request::Parts) -> &'static str {
    match auth.claim(request, &SECRET) {
        Claim::Known(_) => "known",
        Claim::Unverified(trial) if trial.is_right() => "right",
        Claim::Unverified(_) => "wrong",
        Claim::None => "nobody",
    }
}

#[test]
fn a_right_password_is_verified_once_and_known_afterwards() {
    let auth = Auth::new(&written(&[TEST], ""), &NoFiles).unwrap();
    for (pair, expected) in [
        ("test:test", "right"),
        ("test:test", "known"),
        ("test:test2", "wrong"),
        ("test2:test", "wrong"),
        ("test:", "wrong"),
        ("test", "nobody"),
        ("test:test:", "wrong"),
        ("test:test", "known"),
    ] {
        assert_eq!(outcome(&auth, &basic(pair)), expected, "{pair}");
    }
}

#[test]
fn malformed_fields_are_nobodys() {
    let auth = Auth::new(&written(&[TEST], ""), &NoFiles).unwrap();
    let long = format!("Basic {}", "A".repeat(100_000));
    for field in [
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Bearer dGVzdDp0ZXN0",
        "Basic dGVzdDp0ZXN0=",
        &long,
    ] {
        assert_eq!(outcome(&auth, &request(field)), "nobody");
    }
    assert_eq!(outcome(&auth, &request("bAsIc dGVzdDp0ZXN0")), "right");
}

#[test]
fn the_refusal_is_traefiks() {
    let mut options = written(&[TEST], "");
    let answer = Auth::new(&options, &NoFiles).unwrap().refusal();
    assert_eq!(
        (answer.status.as_u16(), &answer.body[..]),
        (401, &b"401 Unauthorized\n"[..])
    );
    assert_eq!(answer.fields[1].1, "Basic realm=\"traefik\"");
    options.realm = "customRealm".to_owned();
    let answer = Auth::new(&options, &NoFiles).unwrap().refusal();
    assert_eq!(answer.fields[1].1, "Basic realm=\"customRealm\"");
}

#[test]
fn servers_are_told_the_name_and_not_the_password_if_so_written() {
    let auth = Auth::new(
        &wire::BasicAuth {
            remove_header: true,
            header_field: "X-WebAuth-User".to_owned(),
            ..written(&[TEST], "")
        },
        &NoFiles,
    );
    let mut request = basic("test:test");
    request
        .headers
        .insert("x-webauth-user", HeaderValue::from_static("admin"));
    auth.unwrap().let_in(&mut request, "test");
    assert_eq!(request.headers.get("x-webauth-user").unwrap(), "test");
    assert!(!request.headers.contains_key("authorization"));
}

#[test]
fn users_come_from_the_file_too_and_written_ones_win() {
    const FILE: &str =
        "# users\n\ntest:{SHA}AAAAAAAAAAAAAAAAAAAAAAAAAAA=\n other:$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/ \n";
    let options = written(&[TEST], "users");
    let auth = Auth::new(&options, &OneFile(FILE)).unwrap();
    assert_eq!(outcome(&auth, &basic("test:test")), "right");
    assert_eq!(outcome(&auth, &basic("other:test")), "right");
    assert_eq!(auth.has_users_of(&options, &OneFile(FILE)), Ok(true));
    assert_eq!(
        auth.has_users_of(&options, &OneFile("x:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=")),
        Ok(false)
    );
    assert!(auth.has_users_of(&options, &NoFiles).is_err());
}

#[test]
fn mistakes_are_said_and_no_hash_with_them() {
    for (users, file, words) in [
        (&[][..], "", "no users found"),
        (&["#x"], "", "no users found"),
        (&["test"], "", "error parsing BasicUser"),
        (&["a:b:c"], "", "error parsing BasicUser"),
        (
            &["test:secret"],
            "",
            "user \"test\": the hash is of no known kind",
        ),
        (&[], "none", "\"none\" is not there"),
    ] {
        let error = Auth::new(&written(users, file), &OneFile("")).unwrap_err();
        assert!(error.starts_with(words) && !error.contains("secret"), "{error}");
    }
}
