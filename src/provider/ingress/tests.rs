//! What a conversion after changes is, and what it costs.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::converter::Looks;
use super::manifest;
use super::{
    Address, Annotations, Backend, Conversion, Converter, Endpoint, Id, Ingress, IngressClass, IngressPath,
    IngressRule, Kind, Node, Object, Options, PathType, PortRef, Secret, Service, ServicePort, ServiceType,
    Slice, SlicePort, Status,
};

/// A generator that a seed repeats.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides).unwrap()).unwrap()
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.roll(of.len())]
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.roll(one_in) == 0
    }

    fn some<T>(&mut self, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Box<[T]> {
        (0..self.roll(most + 1)).map(|_| make(self)).collect()
    }

    fn id(&mut self) -> Id {
        // Names of services and routers are the same for some of these.
        Id::new(self.one(&["a", "a-b"]), self.one(&["c", "b-c", "d"]))
    }

    fn annotations(&mut self, of: &[(&str, &str)]) -> Annotations {
        let chosen: BTreeMap<&str, &str> = (0..self.roll(4)).map(|_| of[self.roll(of.len())]).collect();
        chosen
            .into_iter()
            .map(|(key, value)| {
                let key = if key.contains('/') {
                    key.to_owned()
                } else {
                    format!("traefik.ingress.kubernetes.io/{key}")
                };
                (key.into(), value.into())
            })
            .collect()
    }

    fn port(&mut self) -> PortRef {
        // Mostly the same, so that names meet.
        match self.roll(6) {
            0 => PortRef::Number(443),
            1 => PortRef::Name("http".into()),
            _ => PortRef::Number(80),
        }
    }

    fn backend(&mut self) -> Backend {
        if self.chance(12) {
            return Backend::Other;
        }
        Backend::Service {
            name: self.one(&["c", "b-c", "d"]).into(),
            port: self.port(),
        }
    }

    fn object(&mut self) -> Object {
        match self.roll(12) {
            0..=3 => Object::Ingress(Arc::new(self.ingress())),
            4..=5 => Object::Service(Arc::new(self.service())),
            6..=8 => Object::Slice(Arc::new(self.slice())),
            9 => Object::Secret(Arc::new(Secret {
                id: self.id(),
                certificate: Some(
                    self.one(&["-----BEGIN A", "-----BEGIN B", "/etc/passwd", ""])
                        .into(),
                ),
                key: (!self.chance(4)).then(|| "-----BEGIN K".into()),
            })),
            10 => Object::Node(Arc::new(Node {
                id: Id::new("", self.one(&["n", "m"])),
                internal: self.some(1, |dice| dice.one(&["10.9.0.1", "10.9.0.2"]).into()),
                external: Box::default(),
            })),
            _ => Object::IngressClass(Arc::new(IngressClass {
                id: Id::new("", self.one(&["ours", "nginx"])),
                controller: self
                    .one(&["traefik.io/ingress-controller", "k8s.io/ingress-nginx", "x"])
                    .into(),
            })),
        }
    }

    fn ingress(&mut self) -> Ingress {
        Ingress {
            id: self.id(),
            uid: "u".into(),
            created: i64::try_from(self.roll(3)).unwrap(),
            annotations: self.annotations(&[
                ("router.priority", "7"),
                ("router.priority", "x"),
                ("router.pathmatcher", "Glob"),
                ("router.middlewares", "auth@file"),
                ("service.sticky.cookie", "true"),
                ("service.sticky.cookie", "false"),
                ("service.sticky.cookie.name", "one"),
                ("service.sticky.cookie.name", "two"),
                ("service.serversscheme", "https"),
                ("service.nope", "x"),
                ("nginx.ingress.kubernetes.io/affinity", "cookie"),
                ("nginx.ingress.kubernetes.io/session-cookie-name", "n"),
                ("nginx.ingress.kubernetes.io/auth-url", "http://a"),
                ("kubernetes.io/ingress.class", "traefik"),
            ]),
            class_name: self.chance(4).then(|| self.one(&["ours", "nginx"]).into()),
            rules: self.some(2, |dice| IngressRule {
                host: dice.one(&["", "a.b", "*.b", "a-b"]).into(),
                paths: (!dice.chance(8)).then(|| {
                    dice.some(3, |dice| IngressPath {
                        path: dice.one(&["", "/", "/a", "/a/"]).into(),
                        path_type: [
                            PathType::Prefix,
                            PathType::Exact,
                            PathType::ImplementationSpecific,
                            PathType::Unknown("x".into()),
                        ][dice.roll(4)]
                        .clone(),
                        backend: dice.backend(),
                    })
                }),
            }),
            default_backend: (!self.chance(3)).then(|| self.backend()),
            secrets: self.some(2, |dice| dice.one(&["c", "b-c", "d"]).into()),
            status: self.some(1, |dice| Address {
                ip: dice.one(&["1.1.1.1", "2.2.2.2"]).into(),
                hostname: Box::default(),
            }),
        }
    }

    fn service(&mut self) -> Service {
        let kind = match self.roll(6) {
            0 => ServiceType::NodePort,
            1 => ServiceType::ExternalName,
            _ => ServiceType::ClusterIp,
        };
        Service {
            id: self.id(),
            uid: "u".into(),
            annotations: self.annotations(&[
                ("service.sticky.cookie", "true"),
                ("service.sticky.cookie.name", "three"),
                ("service.nodeportlb", "true"),
                ("service.nativelb", "true"),
                ("service.weird", "true"),
                ("service.serverstransport", "t@file"),
            ]),
            kind,
            cluster_ip: self.one(&["10.1.0.1", "None"]).into(),
            external_name: "elsewhere".into(),
            external_ips: Box::default(),
            ports: (0..=self.roll(2))
                .map(|port| ServicePort {
                    name: ["http", "https", ""][(port + self.roll(7) / 6) % 3].into(),
                    number: [80, 443, 81][(port + self.roll(7) / 6) % 3],
                    node_port: 30000,
                })
                .collect(),
            status: Box::default(),
        }
    }

    fn slice(&mut self) -> Slice {
        let id = self.id();
        Slice {
            service: self.one(&["c", "b-c", "d"]).into(),
            id,
            created: i64::try_from(self.roll(2)).unwrap(),
            ports: self.some(2, |dice| SlicePort {
                name: Some(dice.one(&["http", "http", "http", "https", ""]).into()),
                number: (!dice.chance(5)).then_some(8080),
            }),
            endpoints: self.some(2, |dice| Endpoint {
                addresses: [dice.one(&["10.0.0.1", "10.0.0.2", "fd00::1"]).into()].into(),
                serving: !dice.chance(4),
                terminating: dice.chance(4),
            }),
        }
    }

    fn options(&mut self) -> Options {
        Options {
            class: String::new(),
            looks_classes_up: !self.chance(4),
            allow_empty_services: self.chance(3),
            allow_external_names: !self.chance(3),
            cross_provider_namespaces: self.chance(4).then(|| vec!["a".to_owned()]),
            native_lb: self.chance(6),
            strict_prefixes: self.chance(2),
            nginx_annotations: self.chance(2),
            status: Status::Fixed(Address {
                ip: "1.1.1.1".into(),
                hostname: Box::default(),
            }),
        }
    }
}

fn key(object: &Object) -> (Kind, Id) {
    match object {
        Object::Ingress(object) => (Kind::Ingress, object.id.clone()),
        Object::IngressClass(object) => (Kind::IngressClass, object.id.clone()),
        Object::Service(object) => (Kind::Service, object.id.clone()),
        Object::Slice(object) => (Kind::EndpointSlice, object.id.clone()),
        Object::Secret(object) => (Kind::Secret, object.id.clone()),
        Object::Node(object) => (Kind::Node, object.id.clone()),
    }
}

#[test]
fn changes_lead_to_what_all_objects_at_once_lead_to() {
    for seed in 1..=60 {
        let mut dice = Dice(u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15));
        let options = dice.options();
        let mut converter = Converter::new(options.clone());
        let mut objects: BTreeMap<(Kind, Id), Object> = BTreeMap::new();
        for step in 0..60 {
            for _ in 0..=dice.roll(4) {
                if dice.chance(4) && !objects.is_empty() {
                    let (kind, id) = objects.keys().nth(dice.roll(objects.len())).unwrap().clone();
                    objects.remove(&(kind, id.clone()));
                    assert!(converter.remove(kind, &id), "seed {seed}, step {step}");
                } else {
                    let object = dice.object();
                    let is_new = objects.get(&key(&object)) != Some(&object);
                    assert_eq!(converter.put(object.clone()), is_new, "seed {seed}, step {step}");
                    objects.insert(key(&object), object);
                }
            }
            let found = converter.convert();
            let mut anew = Converter::new(options.clone());
            for object in objects.values() {
                anew.put(object.clone());
            }
            let expected = anew.convert();
            assert_eq!(
                (&found.configuration, &found.remarks, converter.statuses()),
                (&expected.configuration, &expected.remarks, anew.statuses()),
                "seed {seed}, step {step}: {objects:#?}"
            );
            let again = converter.convert();
            assert!(again.fresh.is_empty() && again.remarks.replacements(&found.remarks).next().is_none());
            let (again, found) = (again.configuration.http, found.configuration.http);
            assert!(
                again.services.replacements(&found.services).next().is_none()
                    && again.routers.replacements(&found.routers).next().is_none()
            );
        }
    }
}

/// Services with Ingress and EndpointSlice.
fn cluster(services: usize, endpoints: usize) -> impl Iterator<Item = Object> {
    (0..services).flat_map(move |number| {
        let name = format!("s{number:05}");
        let ingress = Ingress {
            id: Id::new("shop", name.as_str()),
            uid: Box::default(),
            created: 0,
            annotations: Box::default(),
            class_name: None,
            rules: [IngressRule {
                host: format!("{name}.example.com").into(),
                paths: Some(
                    [IngressPath {
                        path: "/".into(),
                        path_type: PathType::Prefix,
                        backend: Backend::Service {
                            name: name.as_str().into(),
                            port: PortRef::Number(80),
                        },
                    }]
                    .into(),
                ),
            }]
            .into(),
            default_backend: None,
            secrets: Box::default(),
            status: Box::default(),
        };
        let service = Service {
            id: Id::new("shop", name.as_str()),
            uid: Box::default(),
            annotations: [(
                "traefik.ingress.kubernetes.io/service.sticky.cookie".into(),
                "true".into(),
            )]
            .into(),
            kind: ServiceType::ClusterIp,
            cluster_ip: "10.1.0.1".into(),
            external_name: Box::default(),
            external_ips: Box::default(),
            ports: [ServicePort {
                name: "http".into(),
                number: 80,
                node_port: 0,
            }]
            .into(),
            status: Box::default(),
        };
        [
            Object::Ingress(Arc::new(ingress)),
            Object::Service(Arc::new(service)),
            slice(number, endpoints, 0),
        ]
    })
}

fn slice(service: usize, endpoints: usize, terminating: usize) -> Object {
    let name = format!("s{service:05}");
    let (high, low) = (service / 250, service % 250);
    Object::Slice(Arc::new(Slice {
        id: Id::new("shop", format!("{name}-x")),
        service: name.into(),
        created: 0,
        ports: [SlicePort {
            name: Some("http".into()),
            number: Some(8080),
        }]
        .into(),
        endpoints: (0..endpoints)
            .map(|endpoint| Endpoint {
                addresses: [format!("10.{high}.{low}.{endpoint}").into()].into(),
                serving: true,
                terminating: endpoint < terminating,
            })
            .collect(),
    }))
}

fn looks(converter: &mut Converter, change: impl FnOnce(&mut Converter)) -> (Looks, Conversion) {
    converter.looks = Looks::default();
    change(converter);
    let conversion = converter.convert();
    (converter.looks, conversion)
}

#[test]
fn one_changed_slice_among_many_looks_at_one_service() {
    let mut converter = Converter::new(Options::default());
    for object in cluster(500, 2) {
        converter.put(object);
    }
    let before = converter.convert().configuration;
    assert_eq!(
        (before.http.services.len(), before.http.routers.len()),
        (500, 500)
    );
    let (looks, after) = looks(&mut converter, |converter| {
        assert!(converter.put(slice(7, 2, 1)));
    });
    assert_eq!(
        looks,
        Looks {
            ingresses: 0,
            services: 1
        }
    );
    let changed: Vec<&str> = before
        .http
        .services
        .differences(&after.configuration.http.services)
        .map(|difference| &**difference.name())
        .collect();
    assert_eq!(changed, ["shop-s00007-80"]);
    assert!(
        after
            .configuration
            .http
            .routers
            .replacements(&before.http.routers)
            .next()
            .is_none()
    );
    assert!(after.fresh.is_empty());
}

#[test]
fn the_last_endpoint_takes_its_router_along_and_is_told_once() {
    let mut converter = Converter::new(Options::default());
    for object in cluster(50, 1) {
        converter.put(object);
    }
    converter.convert();
    let (seen, gone) = looks(&mut converter, |converter| {
        assert!(converter.put(slice(7, 0, 0)));
    });
    assert_eq!(
        seen,
        Looks {
            ingresses: 1,
            services: 1
        }
    );
    assert_eq!(gone.configuration.http.routers.len(), 49);
    let said: Vec<String> = gone
        .fresh
        .iter()
        .map(|remark| format!("{}: {}", remark.about.id, remark.said.text))
        .collect();
    assert_eq!(
        said,
        [
            "shop/s00007: skipping service shop/s00007, port 80: no endpoints found; left out: \"s00007.example.com/\""
        ]
    );
    let (_, still) = looks(&mut converter, |_| {});
    assert_eq!((still.fresh.len(), still.remarks.len()), (0, 1));
}

#[test]
fn a_status_that_we_wrote_is_no_reason_to_look_again() {
    let text = "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i}, spec: {defaultBackend: \
                {service: {name: s, port: {number: 80}}}}}";
    let Object::Ingress(ingress) = manifest::read(text).unwrap().objects.remove(0) else {
        panic!("an Ingress was written");
    };
    let address = Address {
        ip: "1.1.1.1".into(),
        hostname: Box::default(),
    };
    let mut converter = Converter::new(Options {
        status: Status::Fixed(address.clone()),
        ..Options::default()
    });
    converter.put(Object::Ingress(Arc::clone(&ingress)));
    converter.convert();
    assert_eq!(
        converter.statuses(),
        Ok(vec![(ingress.id.clone(), [address.clone()].into())])
    );
    let written = Ingress {
        status: [address].into(),
        ..Ingress::clone(&ingress)
    };
    let (seen, _) = looks(&mut converter, |converter| {
        assert!(converter.put(Object::Ingress(Arc::new(written))));
    });
    assert_eq!(seen, Looks::default());
    assert_eq!(converter.statuses(), Ok(Vec::new()));
}
