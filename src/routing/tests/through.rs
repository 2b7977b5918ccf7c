//! Routers and the middlewares on their way: which, in which order, with which memory; and who is disabled why.

use super::*;
use crate::config::Files;

fn steps(snapshot: &Snapshot, host: &str) -> Vec<String> {
    let headers = HeaderMap::new();
    let view = RequestView {
        method: "GET",
        host,
        path: "/",
        query: None,
        headers: &headers,
        client: None,
    };
    let route = snapshot.tables[0].find(&view).expect("there is a route");
    let steps = route.chain.steps().iter();
    steps.map(|step| step.name().to_owned()).collect()
}

fn why(snapshot: &Snapshot, middleware: &str) -> (Status, String) {
    let item = &snapshot.report.middlewares[middleware];
    let texts: Vec<&str> = item.reasons.iter().map(|reason| reason.text.as_str()).collect();
    (item.status(), texts.join("; "))
}

fn with(middlewares: &str, routers: &str) -> String {
    format!("http: {{middlewares: {{{middlewares}}}, routers: {{{routers}}}, {APP}}}")
}

const A_AND_B: &str = "a: {addPrefix: {prefix: /a}}, b: {addPrefix: {prefix: /b}}";

#[test]
fn middlewares_are_in_traefiks_order_and_chains_are_flat() {
    let yaml = format!(
        "http: {{middlewares: {{{A_AND_B}, c: {{chain: {{middlewares: [b, d]}}}}, d: {{chain: {{middlewares: [a]}}}}, \
           e: {{addPrefix: {{prefix: /e}}}}}}, \
         routers: {{r: {{rule: 'Host(`x`)', service: s, middlewares: [c, a@file]}}}}, \
         services: {{s: {{middlewares: [b], loadBalancer: {{servers: [{{url: 'http://127.0.0.1:1'}}]}}}}}}}}"
    );
    let mut specs = entry_points();
    specs[0].middlewares = vec!["e@file".to_owned()];
    let snapshot = compile(&merged(&yaml), &Ground::bare(specs), 0, &Snapshot::default());
    assert_eq!(
        steps(&snapshot, "x"),
        ["e@file", "b@file", "a@file", "a@file", "b@file"]
    );
}

#[test]
fn a_router_is_disabled_with_its_middleware_and_says_which_and_why() {
    let snapshot = compiled(&with(
        "auth: {forwardAuth: {address: 'http://a'}}, rate: {rateLimit: {average: -1}}, \
         two: {addPrefix: {prefix: /a}, stripPrefix: {prefixes: [/a]}}, \
         up: {chain: {middlewares: [auth]}}, \
         x: {chain: {middlewares: [y]}}, y: {chain: {middlewares: [z]}}, z: {chain: {middlewares: [y]}}, \
         lost: {chain: {middlewares: [gone]}}",
        "auth: {rule: 'Host(`a`)', service: app, middlewares: [auth]}, \
         rate: {rule: 'Host(`a`)', service: app, middlewares: [rate]}, \
         two: {rule: 'Host(`a`)', service: app, middlewares: [two]}, \
         up: {rule: 'Host(`a`)', service: app, middlewares: [up]}, \
         x: {rule: 'Host(`a`)', service: app, middlewares: [x]}, \
         lost: {rule: 'Host(`a`)', service: app, middlewares: [lost]}",
    ));
    assert_eq!(routed(&snapshot, 0, "a", "/"), None);
    for (name, words) in [
        (
            "auth",
            "middleware \"auth@file\" cannot be used: forwardAuth is not supported by piton",
        ),
        (
            "rate",
            "middleware \"rate@file\" cannot be used: negative value not valid for average: -1",
        ),
        (
            "two",
            "middleware \"two@file\" cannot be used: cannot create middleware: multi-types",
        ),
        (
            "up",
            "middleware \"up@file\" cannot be used: middleware \"auth@file\" cannot be used: forwardAuth",
        ),
        ("x", "recursion detected in x@file->y@file->z@file->y@file"),
        (
            "lost",
            "middleware \"lost@file\" cannot be used: middleware \"gone@file\" does not exist",
        ),
    ] {
        let (status, text) = reasons(&snapshot, &format!("{name}@file"));
        assert_eq!(status, Status::Disabled, "{name}");
        assert!(text.contains(words), "{name}: {text}");
        assert_eq!(
            why(&snapshot, &format!("{name}@file")).0,
            Status::Disabled,
            "{name}"
        );
    }
}

#[test]
fn a_middleware_written_the_same_goes_on_and_another_begins_anew() {
    let yaml = |a: &str, routers: &str| {
        with(
            &format!(
                "a: {{rateLimit: {{average: {a}}}}}, b: {{inFlightReq: {{amount: 1}}}}, c: {{chain: {{middlewares: [a, b]}}}}"
            ),
            routers,
        )
    };
    let one = "r: {rule: 'Host(`x`)', service: app, middlewares: [c]}";
    let two = "r: {rule: 'Host(`x`) || Host(`y`)', service: app, middlewares: [c]}, \
               q: {rule: 'Host(`z`)', service: app, middlewares: [a]}";
    let before = compiled(&yaml("1", one));
    let after = recompile(&yaml("1", two), &before);
    let step = |snapshot: &Snapshot, name: &str| Arc::clone(&snapshot.steps[name]);
    assert!(Arc::ptr_eq(&step(&before, "a@file"), &step(&after, "a@file")));
    let shared = |snapshot: &Snapshot, host: &str| {
        let headers = HeaderMap::new();
        let view = RequestView {
            method: "GET",
            host,
            path: "/",
            query: None,
            headers: &headers,
            client: None,
        };
        Arc::clone(&snapshot.tables[0].find(&view).unwrap().chain.steps()[0])
    };
    assert!(
        Arc::ptr_eq(&shared(&after, "y"), &shared(&after, "z")),
        "two routers share what is counted"
    );
    let changed = recompile(&yaml("2", two), &after);
    assert!(!Arc::ptr_eq(&shared(&changed, "y"), &shared(&after, "y")));
    assert!(Arc::ptr_eq(&shared(&changed, "y"), &shared(&changed, "z")));
    assert!(Arc::ptr_eq(&step(&changed, "b@file"), &step(&after, "b@file")));
}

#[test]
fn what_an_entry_point_puts_before_routers_cannot_be_left_out() {
    let mut specs = entry_points();
    specs[0].middlewares = vec!["guard@file".to_owned()];
    let ground = Ground::bare(specs);
    let routers = "r: {rule: 'Host(`x`)', service: app}, both: {rule: 'Host(`y`)', service: app, entryPoints: [web, admin]}";
    let without = compile(&merged(&with(A_AND_B, routers)), &ground, 0, &Snapshot::default());
    assert_eq!(routed(&without, 0, "x", "/"), None);
    assert_eq!(routed(&without, 0, "y", "/"), None);
    assert_eq!(routed(&without, 1, "y", "/").as_deref(), Some("both@file"));
    let (status, text) = reasons(&without, "r@file");
    assert_eq!(status, Status::Disabled);
    assert!(
        text.contains("its middleware \"guard@file\" does not exist"),
        "{text}"
    );
    let guard = "guard: {ipAllowList: {sourceRange: ['10.0.0.0/8']}}";
    let mended = compile(&merged(&with(guard, routers)), &ground, 0, &without);
    assert_eq!(steps(&mended, "x"), ["guard@file"]);
}

#[test]
fn chains_are_bounded_in_depth_steps_and_names() {
    let deep: String = (0..40)
        .map(|n| format!("c{n}: {{chain: {{middlewares: [c{}]}}}}, ", n + 1))
        .collect();
    let wide: String = (0..30)
        .map(|n| format!("w{n}: {{chain: {{middlewares: [w{m}, w{m}]}}}}, ", m = n + 1))
        .collect();
    let snapshot = compiled(&with(
        &format!(
            "{deep} c40: {{addPrefix: {{prefix: /a}}}}, {wide} w30: {{chain: {{middlewares: []}}}}, \
                  v: {{chain: {{middlewares: [w0]}}}}"
        ),
        "deep: {rule: 'Host(`a`)', service: app, middlewares: [c0]}, wide: {rule: 'Host(`a`)', service: app, middlewares: [v]}",
    ));
    assert!(
        why(&snapshot, "c0@file").1.contains("nested deeper than 32"),
        "{:?}",
        why(&snapshot, "c0@file")
    );
    assert!(
        why(&snapshot, "v@file").1.contains("more than 4096 middlewares"),
        "{:?}",
        why(&snapshot, "v@file")
    );
    assert_eq!(routed(&snapshot, 0, "a", "/"), None);
}

#[derive(Debug)]
struct Users(std::sync::Mutex<Result<String, String>>);

impl Files for Users {
    fn read(&self, _: &str) -> Result<Vec<u8>, String> {
        self.0.lock().unwrap().clone().map(String::into_bytes)
    }
}

#[test]
fn a_users_file_is_read_again_and_the_users_in_use_stay_when_it_cannot_be() {
    let one = "test:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=".to_owned();
    let files = Arc::new(Users(std::sync::Mutex::new(Ok(one.clone()))));
    let ground = Ground {
        files: Arc::clone(&files) as Arc<dyn Files>,
        ..Ground::bare(entry_points())
    };
    let yaml = with(
        "a: {basicAuth: {usersFile: /users}}",
        "r: {rule: 'Host(`x`)', service: app, middlewares: [a]}",
    );
    let compile = |previous: &Snapshot| compile(&merged(&yaml), &ground, 0, previous);
    let says = |content: Result<&str, &str>| {
        *files.0.lock().unwrap() = content.map(str::to_owned).map_err(str::to_owned);
    };
    let step = |snapshot: &Snapshot| Arc::clone(&snapshot.steps["a@file"]);
    let first = compile(&Snapshot::default());
    let same = compile(&first);
    assert!(Arc::ptr_eq(&step(&first), &step(&same)));
    says(Err("it is gone"));
    let gone = compile(&same);
    assert!(Arc::ptr_eq(&step(&first), &step(&gone)));
    assert_eq!(
        why(&gone, "a@file"),
        (Status::Warning, "it is gone; the users in use stay".to_owned())
    );
    assert_eq!(steps(&gone, "x"), ["a@file"]);
    says(Ok("other:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M="));
    assert!(!Arc::ptr_eq(&step(&first), &step(&compile(&gone))));
    says(Err("it was never there"));
    let never = compile(&Snapshot::default());
    assert_eq!(why(&never, "a@file").0, Status::Disabled);
    assert_eq!(routed(&never, 0, "x", "/"), None);
}
