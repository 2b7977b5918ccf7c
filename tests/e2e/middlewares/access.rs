//! Who gets in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::through;
use super::{ask, piton};
use crate::harness::{Client, Server, Setup};

const USERS: &str = "a: {basicAuth: {users: ['test:$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/', \
    'slow:$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'], removeHeader: true, headerField: X-User}}";

#[test]
fn a_password_opens_and_the_server_is_told_the_name_only() {
    let (piton, server) = piton(USERS);
    let refused = ask(&piton, "GET /", &[]);
    assert_eq!(
        refused.without_date(),
        "HTTP/1.1 401 Unauthorized\r\nContent-Type: text/plain\r\n\
         Www-Authenticate: Basic realm=\"traefik\"\r\nContent-Length: 17\r\nDate: *\r\nConnection: keep-alive\r\n\r\n401 Unauthorized\n"
    );
    for (credentials, status) in [
        ("dGVzdDp0ZXN0", 200), // test:test
        ("dGVzdDp0ZXN0", 200),
        ("c2xvdzpVKlU=", 200),     // slow:U*U, bcrypt
        ("c2xvdzp3cm9uZw==", 401), // slow:wrong
        ("dGVzdDo=", 401),         // test:
        ("bm9ib2R5OnRlc3Q=", 401), // nobody:test
        ("!!!", 401),
    ] {
        let answer = ask(&piton, "GET /", &[&format!("Authorization: Basic {credentials}")]);
        assert_eq!(answer.status, status, "{credentials}");
    }
    for field in [
        "Authorization: Basic",
        "Authorization: \u{1f600}",
        "Authorization: Bearer x",
    ] {
        assert_eq!(ask(&piton, "GET /", &[field]).status, 401, "{field}");
    }
    let received = server.received();
    assert_eq!(received.len(), 3);
    assert!(received.iter().all(|seen| seen.header("authorization").is_none()));
    assert_eq!(received[2].header("x-user"), Some("slow"));
}

#[test]
fn a_users_file_is_read_again_on_reload() {
    let server = Server::named("app");
    let setup = Setup::new("");
    let file = setup
        .dir()
        .write("users", "test:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n");
    let dynamic = through(
        &format!("a: {{basicAuth: {{usersFile: '{}'}}}}", file.display()),
        &server,
    );
    setup.dir().write("dynamic.yaml", &dynamic);
    let piton = setup.start();
    let test = ["Authorization: Basic dGVzdDp0ZXN0"];
    assert_eq!(ask(&piton, "GET /", &test).status, 200);
    std::fs::write(&file, "other:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n").unwrap();
    piton.reload(&format!("{dynamic}# again\n"));
    assert_eq!(ask(&piton, "GET /", &test).status, 401);
    assert_eq!(
        ask(&piton, "GET /", &["Authorization: Basic b3RoZXI6dGVzdA=="]).status,
        200
    );
}

#[test]
fn only_listed_addresses_get_in_and_nobody_lies_about_theirs() {
    let server = Server::named("app");
    let list = "a: {ipAllowList: {sourceRange: ['20.0.0.0/8'], ipStrategy: {depth: 1}}}";
    let trusting = Setup::new(&through(list, &server))
        .entry_point("forwardedHeaders: {insecure: true}")
        .start();
    for (field, status) in [
        ("X-Forwarded-For: 20.1.1.1", 200),
        ("X-Forwarded-For: 20.1.1.1, 1.1.1.1", 403),
        ("X-Forwarded-For: 1.1.1.1, 20.1.1.1", 200),
        ("X-Forwarded-For: rubbish", 403),
        ("X-Forwarded-For: ,,,,", 403),
        ("X-Nothing: 1", 403),
    ] {
        assert_eq!(ask(&trusting, "GET /", &[field]).status, status, "{field}");
    }
    let (strict, _server) = piton(list);
    assert_eq!(
        ask(&strict, "GET /", &["X-Forwarded-For: 20.1.1.1"]).status,
        403,
        "a stranger's claim"
    );
    let (direct, _server) = piton("a: {ipWhiteList: {sourceRange: ['127.0.0.1']}}");
    assert_eq!(ask(&direct, "GET /", &[]).status, 200);
    direct.wait_for_line(&["IPWhiteList is deprecated"]);
}

#[test]
fn encoded_characters_are_refused_by_the_middleware() {
    let (piton, _server) = piton("a: {encodedCharacters: {allowEncodedSlash: true}}");
    assert_eq!(ask(&piton, "GET /a%2Fb", &[]).status, 200);
    let refused = ask(&piton, "GET /a%5Cb", &[]);
    assert_eq!((refused.status, refused.text().as_str()), (400, ""));
}

#[test]
fn a_host_that_is_not_allowed_is_traefiks_error() {
    let (piton, _server) = piton("a: {headers: {allowedHosts: [a.test], stsSeconds: 1}}");
    assert_eq!(ask(&piton, "GET /", &[]).status, 200);
    let (piton, _server) = super::piton("a: {headers: {allowedHosts: [b.test]}}");
    let refused = ask(&piton, "GET /", &[]);
    assert_eq!((refused.status, refused.text().as_str()), (500, "Bad Host\n"));
}

#[test]
fn guesses_beyond_those_that_can_wait_are_answered_503_and_the_right_password_is_known_again_later() {
    // 80 ms or so each, in a debug build.
    let hash = bcrypt::hash("right", 8).unwrap();
    let (piton, server) = piton(&format!("a: {{basicAuth: {{users: ['test:{hash}']}}}}"));
    let authorization = |password: &str| {
        let encoded = STANDARD.encode(format!("test:{password}"));
        format!("GET / HTTP/1.1\r\nHost: a.test\r\nAuthorization: Basic {encoded}\r\n\r\n")
    };
    let mut guesses: Vec<Client> = (0..100).map(|_| Client::connect(piton.address())).collect();
    for (number, guess) in guesses.iter_mut().enumerate() {
        guess.send(authorization(&number.to_string()));
    }
    let (mut refused, mut busy) = (0, 0);
    for guess in &mut guesses {
        let answer = guess.read();
        match answer.status {
            401 => refused += 1,
            503 => {
                assert_eq!(answer.header("retry-after"), Some("1"));
                busy += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert!(
        refused >= 64 && busy >= 1,
        "{refused} refused, {busy} told to come back"
    );
    assert!(server.received().is_empty());
    let right = Client::connect(piton.address()).exchange(authorization("right"));
    assert_eq!(right.status, 200);
}
