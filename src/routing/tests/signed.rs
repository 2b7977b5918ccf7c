//! Services with signed cookies: refused keys, and what lives on over a reload.

use std::sync::Mutex;

use super::*;
use crate::config::Files;
use crate::sticky::Refusal;

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// Every path holds this; none is there when it is empty.
#[derive(Debug, Default)]
struct Everywhere(Mutex<String>);

impl Files for Everywhere {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let content = self.0.lock().unwrap().clone();
        if content.is_empty() {
            return Err(format!("{path:?} cannot be read: no such file"));
        }
        Ok(content.into_bytes())
    }
}

fn ground(files: &Arc<Everywhere>) -> Ground {
    Ground {
        files: Arc::clone(files) as Arc<dyn Files>,
        ..Ground::bare(entry_points())
    }
}

/// One router, one service, signed as written.
fn app(sign: &str, extra: &str) -> String {
    format!(
        "http: {{routers: {{r: {{rule: 'Path(`/`)', service: app}}}}, services: {{app: {{loadBalancer: \
         {{sticky: {{cookie: {{sign: {sign}}}}}, servers: [{{url: 'http://127.0.0.1:1'}}]{extra}}}}}}}}}"
    )
}

#[test]
fn a_service_whose_keys_are_refused_is_disabled_and_never_runs_unsigned() {
    let files = Arc::default();
    for (sign, key) in [
        ("{maxIdle: 1h}", "sign.keys"),
        ("{keys: [{id: a, secret: short-hunter2}]}", "sign.keys[0].secret"),
        ("{keys: [{id: a, file: hunter2}]}", "sign.keys[0].file"),
        (
            "{keys: [{id: a.b, secret: 0123456789hunter2-0123456789abcdef}]}",
            "sign.keys[0].id",
        ),
        (
            "{keys: [{id: a, secret: 0123456789hunter2-0123456789abcdef}], maxLife: 0}",
            "sign.maxLife",
        ),
    ] {
        let snapshot = compile(&merged(&app(sign, "")), &ground(&files), 0, &Snapshot::default());
        let item = &snapshot.report.services["app@file"];
        assert_eq!(item.status(), Status::Disabled, "{sign}");
        assert_eq!(item.reasons[0].key, format!("loadBalancer.sticky.cookie.{key}"));
        assert!(snapshot.services.is_empty(), "{sign}");
        assert_eq!(routed(&snapshot, 0, "a", "/"), None, "{sign}");
        let lines: Vec<String> = snapshot.report.lines().map(|(_, line)| line).collect();
        assert!(!lines.join("\n").contains("hunter2"), "{lines:#?}");
    }
}

#[test]
fn another_key_in_the_same_file_makes_another_level() {
    let files = Arc::new(Everywhere(Mutex::new(KEY.to_owned())));
    let yaml = app("{keys: [{id: a, file: key}]}", "");
    let recompiled = |previous: &Snapshot| compile(&merged(&yaml), &ground(&files), 0, previous);
    let service = |snapshot: &Snapshot| Arc::clone(&snapshot.services["app@file"]);
    let first = recompiled(&Snapshot::default());
    let second = recompiled(&first);
    assert!(
        Arc::ptr_eq(&service(&first), &service(&second)),
        "nothing changed"
    );
    *files.0.lock().unwrap() = KEY.replace('0', "x");
    let third = recompiled(&second);
    assert!(!Arc::ptr_eq(&service(&second), &service(&third)));
}

#[test]
fn refusals_are_counted_on_over_a_reload() {
    let sign = format!("{{keys: [{{id: a, secret: {KEY}}}]}}");
    let first = compiled(&app(&sign, ""));
    let counted = |snapshot: &Snapshot| {
        let service = Arc::clone(&snapshot.services["app@file"]);
        let sticky = service.servers().unwrap().level.as_ref().unwrap().sticky();
        let cookie = format!("{}=forged", sticky.name());
        let headers = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(&cookie).unwrap())]);
        let _ = sticky.find(&headers, 0);
        sticky.refusals().get(Refusal::Malformed)
    };
    assert_eq!(counted(&first), 1);
    let second = recompile(&app(&sign, ", strategy: p2c"), &first);
    assert_eq!(counted(&second), 2);
}
