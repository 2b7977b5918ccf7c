"""One measurement: start a proxy, load it, and prove that the load went where it should."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

import machine
from children import Children, free_port, tail
from contenders import DIRECT, MEANINGLESS_COOKIE, Contender, Site
from errors import BenchError
from loadgen import CONNECTIONS, Oha, Result, Target, Wrk

ORIGINS = 3
STARTS = 3
READY_SECONDS = 10

# Requests still under way when a load ends are answered within this time.
SETTLE_SECONDS = 0.1

# Beyond this share of failed requests, a measurement is of the failures.
MAX_ERRORS = 0.01

# A server with less than this part of its fair share was not balanced to.
MIN_SHARE = 0.1


@dataclass(frozen=True)
class Sample:
    """What one measurement has found."""

    contender: str
    mode: str
    load: str
    round: int
    requests: int
    errors: int
    rate: float
    latency_us: dict[str, float]
    hits: dict[int, int]
    """Requests that reached each origin."""
    load_busy: float
    """Share of the other CPUs that load generator and origins used."""
    load_foreign: float
    """Share of those CPUs which went to anyone else, the hypervisor included."""
    cpu_us: float | None = None
    """CPU time per request; this and the rest only with a proxy."""
    busy: float | None = None
    """Share of its CPU that the proxy used."""
    foreign: float | None = None
    """Share of that CPU which went to anyone else."""
    rss_kib: int | None = None
    peak_kib: int | None = None


@dataclass(frozen=True)
class Proxy:
    """A proxy that answers."""

    port: int
    pid: int | None
    """None without a proxy: the load goes straight to an origin."""


@dataclass(frozen=True)
class Usage:
    """Clocks to take the difference of, in nanoseconds."""

    wall: int
    proxy: int
    """CPU time of the proxy; 0 without one."""
    proxy_cpu: int
    """Time its CPU has worked, for the proxy or not."""
    load: int
    """CPU time of the origins and of the load generators that have ended."""
    load_cpus: int
    """Time the other CPUs have worked, for them or not."""

    def __sub__(self, earlier: Usage) -> Usage:
        return Usage(*(now - then for now, then in zip(astuple(self), astuple(earlier))))


class Origins:
    """The servers behind all proxies, which live as long as the test."""

    def __init__(self, binary: Path, children: Children, cpus: frozenset[int], log: Path) -> None:
        self._child = children.start([str(binary), "--count", str(ORIGINS)], cpus, log)
        self._log = log
        self.pid = self._child.pid
        self.ports = self._announced()

    def _announced(self) -> list[int]:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and self._child.poll() is None:
            ports = re.findall(r"^listening .*:(\d+)\n", self._log.read_text(), re.MULTILINE)
            if len(ports) == ORIGINS:
                return [int(port) for port in ports]
            time.sleep(0.01)
        raise BenchError(f"the origins did not start:\n{tail(self._log)}")

    def counts(self) -> dict[int, int]:
        """Requests served so far, by port."""
        _, body = get(self.ports[0], "/__counts")
        return {int(port): count for port, count in json.loads(body).items()}


class Bench:
    """Everything the measurements have in common."""

    def __init__(
        self, cpus: machine.CpuPlan, children: Children, origins: Origins, directory: Path
    ) -> None:
        self._cpus = cpus
        self._children = children
        self._origins = origins
        self._directory = directory
        self._warm = Wrk(cpus.load)

    def measure(
        self,
        contender: Contender,
        mode: str,
        load: Wrk | Oha,
        number: int,
        seconds: int,
        warmup: int,
    ) -> Sample:
        """Starts the proxy afresh, so that its memory and its pools are of this load only."""
        with self._running(contender, mode) as proxy:
            target, server = first_contact(proxy, contender, mode)
            self._warm.run(target, warmup)
            time.sleep(SETTLE_SECONDS)
            served = self._origins.counts()
            before = self._usage(proxy)
            result = load.run(target, seconds)
            costs = self._costs(proxy, self._usage(proxy) - before, result)
            time.sleep(SETTLE_SECONDS)
            now = self._origins.counts()
        hits = {port: now[port] - served[port] for port in now}
        alone = mode == "sticky" or contender.name == DIRECT
        check(result, hits, [server] if alone else self._origins.ports)
        return Sample(
            contender.name, mode, load.name, number, **vars(result), hits=hits, **costs
        )

    @contextlib.contextmanager
    def _running(self, contender: Contender, mode: str) -> Iterator[Proxy]:
        """A proxy for the time of a `with` block."""
        if contender.name == DIRECT:
            yield Proxy(self._origins.ports[0], None)
            return
        child, port = self._start(contender, mode)
        try:
            yield Proxy(port, child.pid)
        finally:
            died = child.poll() is not None
            self._children.stop(child)
            if died:  # the reason of whatever else has failed
                raise BenchError(f"the proxy died:\n{tail(self._log(contender))}")

    def _start(self, contender: Contender, mode: str) -> tuple[subprocess.Popen, int]:
        """Tries several ports, since another program may take a free one before the proxy does."""
        chosen = mode == "sticky" and not contender.can_stick
        origins = self._origins.ports[:1] if chosen else self._origins.ports
        for _ in range(STARTS):
            site = Site(self._directory, free_port(), origins, mode == "sticky")
            child = self._children.start(
                contender.command(site), {self._cpus.proxy}, self._log(contender)
            )
            if wait_until_ready(child, site.port, origins):
                return child, site.port
            self._children.stop(child)
        raise BenchError(f"the proxy does not start:\n{tail(self._log(contender))}")

    def _log(self, contender: Contender) -> Path:
        return self._directory / f"{contender.name}.log"

    def _usage(self, proxy: Proxy) -> Usage:
        return Usage(
            wall=time.monotonic_ns(),
            proxy=machine.cpu_ns(proxy.pid) if proxy.pid else 0,
            proxy_cpu=machine.cpus_busy_ns({self._cpus.proxy}),
            load=machine.cpu_ns(self._origins.pid) + machine.ended_children_ns(),
            load_cpus=machine.cpus_busy_ns(self._cpus.others),
        )

    def _costs(self, proxy: Proxy, spent: Usage, result: Result) -> dict[str, float]:
        """What the proxy has used, and whether anyone else was at work."""
        load_wall = spent.wall * len(self._cpus.others)
        costs = {
            "load_busy": spent.load / load_wall,
            "load_foreign": max(0.0, (spent.load_cpus - spent.load) / load_wall),
        }
        if proxy.pid:
            now, peak = machine.memory_kib(proxy.pid)
            costs |= {
                "cpu_us": spent.proxy / 1000 / max(1, result.requests),
                "busy": spent.proxy / spent.wall,
                "foreign": max(0.0, (spent.proxy_cpu - spent.proxy) / spent.wall),
                "rss_kib": now,
                "peak_kib": peak,
            }
        return costs


def get(port: int, path: str) -> tuple[http.client.HTTPResponse, bytes]:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def wait_until_ready(child: subprocess.Popen, port: int, origins: list[int]) -> bool:
    """Waits for an answer of one of our origins: to listen is not yet to have a configuration."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and child.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            response, _ = get(port, "/")
            if response.status == 200 and response.getheader("X-Server") in map(str, origins):
                return True
        time.sleep(0.02)
    return False


def first_contact(proxy: Proxy, contender: Contender, mode: str) -> tuple[Target, int]:
    """Makes the request a new client would make. Returns what to send from now on, and the server
    that answered: with a cookie, all else must come from there too."""
    response, _ = get(proxy.port, "/")
    given = response.getheader("Set-Cookie")
    sticks = mode == "sticky" and contender.can_stick
    if bool(given) != sticks:
        raise BenchError(f"the first answer has Set-Cookie: {given}")
    cookie = given.partition(";")[0] if given else None
    if mode == "sticky" and not contender.can_stick:
        cookie = MEANINGLESS_COOKIE
    return Target(proxy.port, cookie), int(response.getheader("X-Server"))


def check(result: Result, hits: dict[int, int], expected: list[int]) -> None:
    """A benchmark must be able to fail: does the origins' own count bear out the result?"""
    if result.requests == 0 or result.errors > MAX_ERRORS * result.requests:
        raise BenchError(f"{result.errors} errors in {result.requests} requests")
    total = sum(hits.values())
    possible = result.requests * (1 + MAX_ERRORS) + CONNECTIONS
    if not result.requests - result.errors <= total <= possible:
        raise BenchError(f"{result.requests} requests were answered, but the origins saw {total}")
    strays = sum(count for port, count in hits.items() if port not in expected)
    if strays:
        raise BenchError(f"{strays} requests went to another server than {expected}: {hits}")
    fair = total / len(expected)
    if any(hits[port] < MIN_SHARE * fair for port in expected):
        raise BenchError(f"not every server took part: {hits}")
