"""The proxies to compare, each set up as a sensible user would for one CPU.

All of them get one worker, kept upstream connections, no access log, no metrics and no limit on
the requests of a connection. Whatever else they do by default, they do here. Piton takes part three
more times: with metrics, with an access log, and with both.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from errors import BenchError

COOKIE = "s"

# What a proxy without sticky sessions gets in a sticky run, so that it reads the same bytes.
MEANINGLESS_COOKIE = f"{COOKIE}=0123456789abcdef"

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Site:
    """One start of one proxy: where it may write, where it listens, whom it serves."""

    directory: Path
    port: int
    origins: list[int]
    sticky: bool

    def write(self, name: str, text: str) -> str:
        """Writes a configuration file and returns its path."""
        path = self.directory / name
        path.write_text(text)
        return str(path)


@dataclass(frozen=True)
class Contender:
    """A proxy, and how to start it."""

    name: str
    version: str
    command: Callable[[Site], list[str]]
    """Writes the configuration of a site and returns the command line."""
    no_sticky_run: str | None = None
    """Why the proxy has no part in the sticky runs."""
    can_stick: bool = True
    """Without it, a sticky run gives the proxy one origin only: the same traffic, no choice."""


DIRECT = "direct"
PITON = "piton"
BARE = "bare_pingora"


def find(binaries: list[Path]) -> tuple[list[Contender], list[str]]:
    """The contenders present on this machine, and the names of the others.

    piton and the bare proxy are next to each other: their ratio is taken between neighbours in
    time, which share whatever disturbs the machine.
    """
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    programs = {
        PITON: (locate(PITON, binaries), _piton),
        BARE: (locate(BARE, binaries), _bare),
        "nginx": (shutil.which("nginx", path=path), _nginx),
        "haproxy": (shutil.which("haproxy", path=path), _haproxy),
        "traefik": (os.environ.get("TRAEFIK_BIN"), _traefik),
    }
    found = [define(str(binary)) for binary, define in programs.values() if binary]
    if binary := programs[PITON][0]:
        both = lambda site: _metrics(site) + _access_log(site)  # noqa: E731
        for name, options in [("metrics", _metrics), ("access_log", _access_log), ("metrics_and_log", both)]:
            found.append(_observed(str(binary), f"{PITON}_{name}", options))
    missing = [name for name, (binary, _) in programs.items() if not binary]
    return [_direct(), *found], missing


def locate(name: str, binaries: list[Path]) -> Path | None:
    """The program of that name which cargo built."""
    candidates = (directory / name for directory in binaries)
    return next((path for path in candidates if path.is_file()), None)


def first_line(*command: str) -> str:
    """What a program says about its version, wherever it prints it."""
    try:
        answer = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError) as failure:
        raise BenchError(f"{command[0]} does not run: {failure}") from failure
    return answer.stdout.strip().partition("\n")[0]


def _direct() -> Contender:
    """The load without a proxy: what the generator and an origin can do at most."""
    why_not = "there is nothing to choose"
    return Contender(DIRECT, "no proxy, one origin", lambda _site: [], no_sticky_run=why_not)


# === piton and traefik: the same dynamic configuration ===


def _piton(binary: str) -> Contender:
    return _observed(binary, PITON, lambda _site: "")


def _metrics(_site: Site) -> str:
    # Read on a port of the kernel's choice; nobody asks for it here.
    return "metrics: {prometheus: {entryPoint: numbers}}\n"


def _access_log(site: Site) -> str:
    return f"accessLog: {{filePath: {site.directory}/access.log}}\n"


def _observed(binary: str, name: str, options: Callable[[Site], str]) -> Contender:
    """Piton with these options at the top of its static file."""

    def command(site: Site) -> list[str]:
        written = options(site)
        static = "threads: 1\n" + written + _static(site, numbers="numbers" in written)
        return [binary, "-c", site.write("static.yaml", static)]

    return Contender(name, first_line(binary, "--version"), command)


def _traefik(binary: str) -> Contender:
    def command(site: Site) -> list[str]:
        # Go makes as many threads as the process may use CPUs, here one.
        quiet = "global: {checkNewVersion: false, sendAnonymousUsage: false}\n"
        return [binary, "--configFile=" + site.write("static.yaml", quiet + _static(site))]

    return Contender("traefik", first_line(binary, "version"), command)


def _static(site: Site, numbers: bool = False) -> str:
    more = '  numbers: {address: "127.0.0.1:0"}\n' if numbers else ""
    return f"""\
entryPoints:
{more}  web:
    address: "127.0.0.1:{site.port}"
    asDefault: true
providers:
  file:
    filename: "{site.write("dynamic.yaml", _dynamic(site))}"
"""


def _dynamic(site: Site) -> str:
    sticky = f"sticky: {{cookie: {{name: {COOKIE}}}}}" if site.sticky else ""
    servers = "\n".join(f'          - url: "http://127.0.0.1:{port}"' for port in site.origins)
    return f"""\
http:
  routers:
    all:
      rule: PathPrefix(`/`)
      service: app
  services:
    app:
      loadBalancer:
        {sticky}
        servers:
{servers}
"""


# === bare_pingora ===


def _bare(binary: str) -> Contender:
    def command(site: Site) -> list[str]:
        argv = [binary, "--listen", f"127.0.0.1:{site.port}", "--threads", "1"]
        for port in site.origins:
            argv += ["--upstream", f"127.0.0.1:{port}"]
        return argv

    return Contender(BARE, f"Pingora {_locked('pingora')}", command, can_stick=False)


def _locked(package: str) -> str:
    lock = (REPOSITORY / "Cargo.lock").read_text()
    version = re.search(rf'name = "{package}"\nversion = "(.*)"', lock)
    return version[1] if version else "of unknown version"


# === nginx ===


def _nginx(binary: str) -> Contender:
    def command(site: Site) -> list[str]:
        arguments = ["-p", str(site.directory), "-e", "stderr"]
        return [binary, *arguments, "-c", site.write("nginx.conf", _nginx_conf(site))]

    why_not = "its free edition has no sticky cookie before 1.29.6"
    return Contender("nginx", first_line(binary, "-v"), command, no_sticky_run=why_not)


def _nginx_conf(site: Site) -> str:
    servers = "\n".join(f"        server 127.0.0.1:{port};" for port in site.origins)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "\n".join(f"    {kind}_temp_path {site.directory}/{kind};" for kind in kinds)
    return f"""\
daemon off;
worker_processes 1;
pid {site.directory}/nginx.pid;
error_log stderr warn;
events {{
    worker_connections 4096;
}}
http {{
    access_log off;
    keepalive_requests 1000000000;
{paths}
    upstream app {{
{servers}
        keepalive 1024;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{site.port};
        location / {{
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}
}}
"""


# === haproxy ===


def _haproxy(binary: str) -> Contender:
    def command(site: Site) -> list[str]:
        return [binary, "-db", "-f", site.write("haproxy.cfg", _haproxy_cfg(site))]

    return Contender("haproxy", first_line(binary, "-v"), command)


def _haproxy_cfg(site: Site) -> str:
    insert = f"cookie {COOKIE} insert indirect nocache" if site.sticky else ""
    servers = "\n".join(
        f"    server s{port} 127.0.0.1:{port}" + (f" cookie s{port}" if site.sticky else "")
        for port in site.origins
    )
    return f"""\
global
    nbthread 1
    maxconn 4096
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    http-reuse always
frontend web
    bind 127.0.0.1:{site.port}
    default_backend app
backend app
    balance roundrobin
    {insert}
{servers}
"""
