"""The two loads.

A closed loop (wrk) sends the next request when the last one is answered. It finds how much a proxy
can do, but it must not be asked for latencies: a proxy that stalls is simply sent less.

An open loop (oha) sends at a fixed rate, whatever comes back, and times each request from when it
was due. That is what users of a proxy feel, and it loads all contenders alike.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field

from children import confined
from errors import BenchError

CONNECTIONS = 32

# How much longer than asked a load generator may take before it is taken for hung.
SLACK_SECONDS = 30

PERCENTILES = ("p50", "p99", "p99.9")


@dataclass(frozen=True)
class Target:
    """What to request, over and over."""

    port: int
    cookie: str | None

    def arguments(self) -> list[str]:
        """The command line both generators understand."""
        header = ["-H", f"Cookie: {self.cookie}"] if self.cookie else []
        return [*header, f"http://127.0.0.1:{self.port}/"]


@dataclass(frozen=True)
class Result:
    """What a load generator saw."""

    requests: int
    """Requests answered, with any status."""
    errors: int
    """Answers other than 2xx, and requests that got none."""
    rate: float
    """Requests per second."""
    latency_us: dict[str, float] = field(default_factory=dict)
    """Percentiles, from an open loop only."""


class Wrk:
    """The closed loop."""

    name = "closed"

    def __init__(self, cpus: frozenset[int]) -> None:
        binary = shutil.which("wrk")
        if not binary:
            raise BenchError("wrk is not installed (Debian: apt-get install wrk)")
        self._binary = binary
        self._cpus = cpus

    def run(self, target: Target, seconds: int) -> Result:
        """Sends as much as the proxy takes."""
        argv = [self._binary, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", *target.arguments()]
        return parse_wrk(_output(argv, self._cpus, seconds))


def parse_wrk(text: str) -> Result:
    """Reads wrk's report. It leaves out the lines on errors when there are none."""
    answered = re.search(r"(\d+) requests in ", text)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    if not answered or not rate:
        raise BenchError(f"wrk said something else than its results:\n{text}")
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    broken = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text
    )
    errors = [int(count) for match in (refused, broken) if match for count in match.groups()]
    return Result(int(answered[1]), sum(errors), float(rate[1]))


class Oha:
    """The open loop."""

    name = "open"

    def __init__(self, binary: str, cpus: frozenset[int], rate: int) -> None:
        self._binary = binary
        self._cpus = cpus
        self.rate = rate

    @staticmethod
    def find() -> str | None:
        """The oha to use, if there is one."""
        return shutil.which(os.environ.get("OHA", "oha"))

    def run(self, target: Target, seconds: int) -> Result:
        """Sends at the fixed rate. A generator that falls behind has not done its work."""
        argv = [self._binary, "--no-tui", "--output-format", "json", "--latency-correction"]
        argv += ["-q", str(self.rate), "-c", str(CONNECTIONS), "-z", f"{seconds}s", "-w"]
        argv += ["--worker-threads", str(len(self._cpus)), *target.arguments()]
        result = parse_oha(_output(argv, self._cpus, seconds))
        if result.rate < 0.95 * self.rate:
            raise BenchError(
                f"the open loop ran at {result.rate:.0f} instead of {self.rate} requests/s: "
                "proxy or generator is overloaded, choose a lower --rate"
            )
        return result


def parse_oha(text: str) -> Result:
    """Reads oha's report. It takes any answer for a success, so the statuses are counted here."""
    report = json.loads(text)
    statuses = report["statusCodeDistribution"]
    answered = sum(statuses.values())
    good = sum(count for status, count in statuses.items() if status.startswith("2"))
    unanswered = sum(report["errorDistribution"].values())
    seconds = report["latencyPercentiles"]
    return Result(
        requests=answered,
        errors=answered - good + unanswered,
        rate=report["summary"]["requestsPerSec"],
        latency_us={name: seconds[name] * 1e6 for name in PERCENTILES if seconds[name] is not None},
    )


def _output(argv: Sequence[str], cpus: frozenset[int], seconds: int) -> str:
    """Runs a load generator to its end, or kills it."""
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds + SLACK_SECONDS,
            preexec_fn=confined(cpus),
        )
    except subprocess.TimeoutExpired as late:
        raise BenchError(f"{argv[0]} did not end in time") from late
    if done.returncode != 0:
        raise BenchError(f"{argv[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout
