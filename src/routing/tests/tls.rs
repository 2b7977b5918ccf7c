//! Routers with `tls`: in which tables they are, under which options, and what is refused.

use super::*;
use crate::config::dynamic::http::RouterTls;

/// Routers, and options `modern`, `strict` (which demands certificates) and `broken`.
fn site(routers: &str) -> String {
    with_options(
        routers,
        "modern: {minVersion: VersionTLS13}, strict: {clientAuth: {clientAuthType: RequireAnyClientCert}}, \
         broken: {minVersion: x}",
    )
}

fn with_options(routers: &str, options: &str) -> String {
    format!("{{http: {{routers: {{{routers}}}, {APP}}}, tls: {{options: {{{options}}}}}}}")
}

/// Names of the routers of an entry point, without TLS and with.
fn of(snapshot: &Snapshot, entry_point: usize) -> [String; 2] {
    [false, true].map(|is_tls| {
        let table = snapshot.table(entry_point, is_tls).unwrap();
        let names: Vec<&str> = table.routes().iter().map(|route| &*route.name).collect();
        names.join(" ")
    })
}

#[test]
fn a_router_with_tls_is_in_the_table_of_tls_and_nowhere_else() {
    let snapshot = compiled(&site(
        "a: {rule: 'Host(`a`)', service: app, tls: {}}, b: {rule: 'Host(`b`)', service: app}, \
         c: {rule: 'Host(`c`)', service: app, tls: {options: modern}, entryPoints: [web, admin]}",
    ));
    assert_eq!(of(&snapshot, 0), ["b@file", "a@file c@file"]);
    assert_eq!(of(&snapshot, 1), ["", "c@file"]);
    assert!(snapshot.table(2, false).is_none());
    let options = |host: &str| snapshot.options_of(0, host).to_owned();
    assert_eq!(
        ["a", "b", "c", "d"].map(options),
        ["default", "default", "modern@file", "default"]
    );
    assert_eq!(&**snapshot.handshake(0, Some("c")).unwrap().name(), "modern@file");
    assert_eq!(&**snapshot.handshake(0, None).unwrap().name(), "default");
}

#[test]
fn an_entry_point_has_tls_for_routers_that_say_nothing() {
    let mut specs = entry_points();
    specs[1].tls = Some(RouterTls {
        options: "modern@file".to_owned(),
        ..RouterTls::default()
    });
    let yaml = site(
        "a: {rule: 'Host(`a`)', service: app, entryPoints: [web, admin]}, \
         b: {rule: 'Host(`b`)', service: app, entryPoints: [admin], tls: {}}",
    );
    let snapshot = compile(
        &merged(&yaml),
        &Ground::bare(specs.clone()),
        0,
        &Snapshot::default(),
    );
    assert_eq!(of(&snapshot, 0), ["a@file", ""]);
    assert_eq!(of(&snapshot, 1), ["", "a@file b@file"]);
    assert_eq!(snapshot.options_of(1, "a"), "modern@file");
    assert_eq!(snapshot.options_of(1, "b"), "default");
    specs[1].tls.as_mut().unwrap().options = "gone@file".to_owned();
    let snapshot = compile(&merged(&yaml), &Ground::bare(specs), 0, &snapshot);
    assert_eq!(of(&snapshot, 0), ["a@file", ""]);
    assert_eq!(of(&snapshot, 1), ["", "b@file"]);
    let (status, why) = reasons(&snapshot, "a@file");
    assert_eq!(status, Status::Warning);
    assert!(
        why.contains("not on entryPoint \"admin\", whose http.tls.options: unknown TLS options: gone@file"),
        "{why}"
    );
}

#[test]
fn a_router_whose_options_cannot_be_used_is_disabled_until_they_can() {
    let routers = "a: {rule: 'Host(`a`)', service: app, tls: {options: broken}}, \
                   b: {rule: 'Host(`b`)', service: app, tls: {options: o@docker, certResolver: le}}";
    let broken = compiled(&site(routers));
    for (router, why) in [
        ("a@file", "TLS options broken@file: minVersion: "),
        ("b@file", "unknown TLS options: o@docker"),
    ] {
        let (status, text) = reasons(&broken, router);
        assert_eq!(status, Status::Disabled, "{router}");
        assert!(text.contains(why), "{text}");
    }
    assert!(
        reasons(&broken, "b@file")
            .1
            .contains("certificate resolvers are not supported")
    );
    assert_eq!(of(&broken, 0), ["", ""]);
    let mended = recompile(&with_options(routers, "broken: {sniStrict: true}"), &broken);
    assert_eq!(of(&mended, 0), ["", "a@file"]);
    let broken = recompile(&site(routers), &mended);
    assert_eq!(of(&broken, 0), ["", ""]);
}

#[test]
fn a_router_that_demands_certificates_is_not_served_where_nobody_would_be_asked_for_one() {
    let routers = |other: &str| {
        site(&format!(
            "a: {{rule: 'Host(`a`)', service: app, tls: {{options: {other}}}}}, \
             s: {{rule: 'Host(`a`) && Path(`/s`)', service: app, tls: {{options: strict}}}}, \
             h: {{rule: 'Path(`/h`)', service: app, tls: {{options: strict}}}}, \
             m: {{rule: 'Path(`/m`)', service: app, tls: {{options: modern}}}}"
        ))
    };
    let agreed = compiled(&routers("strict"));
    assert_eq!(of(&agreed, 0)[1], "s@file m@file a@file");
    assert_eq!(agreed.options_of(0, "a"), "strict@file");
    assert_eq!(reasons(&agreed, "h@file").0, Status::Disabled);
    assert_eq!(reasons(&agreed, "m@file").0, Status::Warning);
    let disputed = recompile(&routers("default"), &agreed);
    // Also when nothing has changed since.
    for snapshot in [&disputed, &recompile(&routers("default"), &disputed)] {
        assert_eq!(of(snapshot, 0)[1], "m@file a@file");
        assert_eq!(snapshot.options_of(0, "a"), "default");
        let (status, why) = reasons(snapshot, "s@file");
        assert_eq!(status, Status::Disabled);
        assert_eq!(why.matches("would not be asked for").count(), 1, "{why}");
        let lines: Vec<String> = snapshot.report.lines().map(|(_, line)| line).collect();
        let conflict = "tls host a (web): routers on entryPoint \"web\" want it under different TLS options \
                        (default, strict@file): the default ones are used (warning)";
        assert!(lines.iter().any(|line| line == conflict), "{lines:?}");
    }
    let mended = recompile(&routers("strict"), &disputed);
    assert_eq!(of(&mended, 0)[1], "s@file m@file a@file");
    assert_eq!(reasons(&mended, "s@file").0, Status::Enabled);
    assert!(
        mended
            .report
            .tls
            .iter()
            .all(|(name, _)| !name.starts_with("host"))
    );
}
