//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// A sticky-session reverse proxy and load balancer that speaks Traefik's configuration.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// Without a command: serve.
    #[command(flatten)]
    pub serve: Serve,
    /// Something else than serving.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// How to serve; the flags are Pingora's.
#[derive(Debug, Clone, Default, Args)]
pub struct Serve {
    /// The configuration file: Pingora's server keys and Traefik's static ones (YAML or TOML)
    #[arg(short, long, value_name = "FILE")]
    pub conf: Option<PathBuf>,
    /// Run in the background
    #[arg(short, long)]
    pub daemon: bool,
    /// Take the sockets of the running piton over (then send that one SIGQUIT)
    #[arg(short, long)]
    pub upgrade: bool,
    /// Check the configuration and everything the file provider would read, then exit
    #[arg(short, long)]
    pub test: bool,
}

/// Commands besides serving.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// A proxy and its servers in one process, to play with; needs no file
    Demo(Demo),
    /// Print the sticky cookie value of a server, as written in the configuration
    Cookie(Cookie),
    /// Print what containers or manifests become: the dynamic configuration, as JSON with Traefik's names
    Render(Render),
}

/// `piton demo`.
#[derive(Debug, Clone, Args)]
pub struct Demo {
    /// Number of servers
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub servers: u16,
    /// How new sessions are spread
    #[arg(long, default_value = "wrr", value_parser = crate::balance::Strategy::NAMES)]
    pub strategy: String,
    /// Port of the proxy on 127.0.0.1; another is chosen when it is taken
    #[arg(long, default_value_t = 8000)]
    pub port: u16,
    /// Only a server, without a proxy, at this port of all addresses: an application to put behind one
    #[arg(long, value_name = "PORT", conflicts_with_all = ["servers", "strategy", "port"])]
    pub app: Option<u16>,
}

/// `piton cookie`.
#[derive(Debug, Clone, Args)]
pub struct Cookie {
    /// The server's URL, or the child service's name, exactly as in the configuration
    pub server: String,
    /// Also print the whole cookie for this service (`my-service@file`)
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
}

/// `piton render`.
#[derive(Debug, Clone, Args)]
pub struct Render {
    /// Whose objects they are
    #[arg(long, value_name = "NAME", ignore_case = true)]
    pub provider: Rendered,
    /// Options of that provider, as below `providers.NAME` of the configuration file (YAML or TOML)
    #[arg(long, value_name = "FILE")]
    pub options: Option<PathBuf>,
    /// What `docker inspect` prints, or manifests; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// Providers whose objects can be rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Rendered {
    /// Containers: docker inspect $(docker ps -aq)
    Docker,
    /// Services, tasks, nodes and networks, together or in several files: docker inspect of their ids
    Swarm,
    /// Manifests, or kubectl get ingress,ingressclass,service,endpointslice -A -o yaml
    #[value(name = "kubernetesIngress")]
    KubernetesIngress,
}
