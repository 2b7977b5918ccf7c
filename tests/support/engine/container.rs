//! Containers in the shape an engine prints them (Docker 20.10, API 1.41).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// One container, as it is now.
#[derive(Debug, Clone)]
pub struct Container {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Without the leading `/`.
    pub name: String,
    /// As the state is called: `running`, `created`, `paused`, `exited` ...
    pub state: String,
    /// `starting`, `healthy` or `unhealthy`; none without a health check.
    pub health: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Variables, as `NAME=value`.
    pub environment: Vec<String>,
    /// Networks by name, with IPv4 and global IPv6 address.
    pub networks: BTreeMap<String, (String, String)>,
    /// `80/tcp`, with the address and port it is published at.
    pub ports: BTreeMap<String, Option<(String, u16)>>,
    /// `HostConfig.NetworkMode`.
    pub network_mode: String,
    /// Seconds of Unix time.
    pub created: i64,
    /// How often it was started; each run has its own time.
    pub runs: u32,
    /// `Config.StopSignal`.
    pub stop_signal: Option<String>,
}

impl Container {
    /// A running one in the network `bridge` at 127.0.0.1, without a port.
    pub fn named(name: &str) -> Self {
        // Any 64 digits will do, if they differ for different names.
        let id: String = (0_u8..4)
            .map(|salt| {
                use std::hash::{DefaultHasher, Hash, Hasher};
                let mut hasher = DefaultHasher::new();
                (salt, name).hash(&mut hasher);
                format!("{:016x}", hasher.finish())
            })
            .collect();
        Self {
            id,
            name: name.to_owned(),
            state: "running".to_owned(),
            health: None,
            labels: BTreeMap::new(),
            environment: vec!["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned()],
            networks: BTreeMap::new(),
            ports: BTreeMap::new(),
            network_mode: "default".to_owned(),
            created: 1_795_000_000,
            runs: 1,
            stop_signal: None,
        }
        .network("bridge", "127.0.0.1")
    }

    /// With a label.
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// With an exposed port.
    pub fn port(mut self, number: u16) -> Self {
        self.ports.insert(format!("{number}/tcp"), None);
        self
    }

    /// With a port that is published at an address of the machine.
    pub fn published(mut self, number: u16, ip: &str, port: u16) -> Self {
        self.ports
            .insert(format!("{number}/tcp"), Some((ip.to_owned(), port)));
        self
    }

    /// In a network, at this IPv4 address.
    pub fn network(mut self, name: &str, address: &str) -> Self {
        self.networks
            .insert(name.to_owned(), (address.to_owned(), String::new()));
        self
    }

    /// With a health check that says this.
    pub fn health(mut self, health: &str) -> Self {
        self.health = Some(health.to_owned());
        self
    }

    /// In this state.
    pub fn state(mut self, state: &str) -> Self {
        self.state = state.to_owned();
        self
    }

    /// With a variable of its environment.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push(format!("{name}={value}"));
        self
    }

    /// Does it have a process?
    pub fn is_running(&self) -> bool {
        matches!(self.state.as_str(), "running" | "paused" | "restarting")
    }

    fn status(&self) -> String {
        let health = self.health.as_ref().map(|health| match health.as_str() {
            "starting" => " (health: starting)".to_owned(),
            health => format!(" ({health})"),
        });
        match self.state.as_str() {
            "running" => format!("Up 2 hours{}", health.unwrap_or_default()),
            "paused" => "Up 2 hours (Paused)".to_owned(),
            "created" => "Created".to_owned(),
            _ => "Exited (0) 2 seconds ago".to_owned(),
        }
    }

    fn networks_now(&self) -> Value {
        let entry = |(name, (v4, v6)): (&String, &(String, String))| {
            // An engine keeps the attachment of a stopped container, without an address.
            let address = |text: &String| {
                if self.is_running() {
                    text.clone()
                } else {
                    String::new()
                }
            };
            let settings = json!({
                "IPAMConfig": null, "Links": null, "Aliases": null, "NetworkID": format!("net-{name}"),
                "EndpointID": if self.is_running() { "e9d4666deb24" } else { "" }, "Gateway": "172.17.0.1",
                "IPAddress": address(v4), "IPPrefixLen": 16, "IPv6Gateway": "",
                "GlobalIPv6Address": address(v6), "GlobalIPv6PrefixLen": 0,
                "MacAddress": "02:42:ac:11:00:02", "DriverOpts": null
            });
            (name.clone(), settings)
        };
        Value::Object(self.networks.iter().map(entry).collect())
    }

    /// Its entry in a listing.
    pub fn summary(&self) -> Value {
        let port = |(name, published): (&String, &Option<(String, u16)>)| {
            let (number, kind) = name.split_once('/').unwrap_or((name, "tcp"));
            let mut port = json!({"PrivatePort": number.parse::<u16>().unwrap_or(0), "Type": kind});
            if let Some((ip, public)) = published {
                port["IP"] = json!(ip);
                port["PublicPort"] = json!(public);
            }
            port
        };
        let ports = self.ports.iter().filter(|_| self.is_running()).map(port);
        json!({
            "Id": self.id, "Names": [format!("/{}", self.name)], "Image": "app", "ImageID": "sha256:555cfdd7",
            "Command": "/bin/serve", "Created": self.created, "Ports": ports.collect::<Vec<_>>(),
            "Labels": self.labels, "State": self.state, "Status": self.status(),
            "HostConfig": {"NetworkMode": self.network_mode},
            "NetworkSettings": {"Networks": self.networks_now()}, "Mounts": []
        })
    }

    /// What `docker inspect` says of it.
    pub fn inspection(&self) -> Value {
        let bindings = |published: &Option<(String, u16)>| {
            published.as_ref().map_or(
                Value::Null,
                |(ip, port)| json!([{"HostIp": ip, "HostPort": port.to_string()}]),
            )
        };
        let ports: Map<String, Value> = self
            .ports
            .iter()
            .filter(|_| self.is_running())
            .map(|(name, published)| (name.clone(), bindings(published)))
            .collect();
        let exposed: Map<String, Value> = self.ports.keys().map(|name| (name.clone(), json!({}))).collect();
        let mut config = json!({
            "Hostname": &self.id[..12], "Env": self.environment, "Cmd": ["serve"], "Image": "app",
            "Entrypoint": ["/bin/sh"], "ExposedPorts": exposed, "Labels": self.labels
        });
        if let Some(signal) = &self.stop_signal {
            config["StopSignal"] = json!(signal);
        }
        let is = |state: &str| self.state == state;
        let mut state = json!({
            "Status": self.state, "Running": self.is_running(), "Paused": is("paused"),
            "Restarting": is("restarting"), "OOMKilled": false, "Dead": is("dead"),
            "Pid": if self.is_running() { 4711 } else { 0 }, "ExitCode": 0, "Error": "",
            "StartedAt": format!("2026-11-22T14:03:41.{:09}Z", self.runs), "FinishedAt": "0001-01-01T00:00:00Z"
        });
        if let Some(health) = &self.health {
            state["Health"] = json!({"Status": health, "FailingStreak": 0, "Log": []});
        }
        json!({
            "Id": self.id, "Created": rfc3339(self.created), "Path": "/bin/sh", "Args": [], "State": state,
            "Image": "sha256:555cfdd7", "Name": format!("/{}", self.name), "RestartCount": 0,
            "HostConfig": {"NetworkMode": self.network_mode, "PortBindings": {}, "AutoRemove": false},
            "Mounts": [], "Config": config,
            "NetworkSettings": {
                "Bridge": "", "Ports": ports, "IPAddress": "", "GlobalIPv6Address": "",
                "Networks": self.networks_now()
            }
        })
    }
}

fn rfc3339(seconds: i64) -> String {
    let time = time::OffsetDateTime::from_unix_timestamp(seconds).unwrap();
    let ((year, month, day), (hour, minute, second)) = (time.to_calendar_date(), time.to_hms());
    let month = u8::from(month);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.100276709Z")
}
