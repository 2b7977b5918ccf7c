#!/usr/bin/env python3
"""Compares piton under load with a bare Pingora proxy and with other proxies on this machine.

    make load                                      everything, about ten minutes
    python3 benches/load/run.py --rounds 1 --seconds 2 --only piton,bare_pingora

The contenders take turns, round after round, so that whatever slows the machine down for a while
slows them all. First the closed loop finds out what each can do; then the open loop sends all of
them the same rate. Everything stays on the loopback interface. The exit status is 1 if any
measurement was not what it claims to be: see `measure.check`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import contenders
import loadgen
import machine
from children import Children
from contenders import PITON, REPOSITORY, Contender
from errors import BenchError
from loadgen import Oha, Wrk
from measure import Bench, Origins, Sample
from report import Report

# Beside its load, what a measurement takes at most: start, cookie, settling, stop.
OVERHEAD_SECONDS = 2

# The open loop runs at this share of what the slowest contender can do.
RATE_SHARE = 0.5


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Load test of piton and its peers.")
    parser.add_argument("--rounds", type=positive, default=5, help="measurements of each kind (5)")
    parser.add_argument("--seconds", type=positive, default=5, help="length of a measurement (5)")
    parser.add_argument("--warmup", type=positive, default=1, help="seconds of load before it (1)")
    parser.add_argument("--rate", type=positive, help="requests/s of the open loop (half capacity)")
    parser.add_argument("--only", help="contenders to run, by name, separated by commas")
    parser.add_argument("--bin-dir", type=Path, help="take binaries from here, build nothing")
    parser.add_argument("--out", type=Path, help="where load.md and load.json go (target/load)")
    return parser.parse_args()


def positive(text: str) -> int:
    """An option that must be at least 1, for there is no test without a round or a second."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is less than 1")
    return value


def target_directory() -> Path:
    """Where cargo builds."""
    return Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))


def build() -> Path:
    """Builds piton and the programs of this directory as they are released."""
    command = ["cargo", "build", "--release", "--bin", PITON, "--examples"]
    if subprocess.run(command, cwd=REPOSITORY).returncode != 0:
        raise BenchError("the build failed")
    return target_directory() / "release"


def choose(binaries: list[Path], only: str | None) -> tuple[list[Contender], list[str]]:
    """The contenders asked for, and a note on each that is missing or has less to do."""
    found, missing = contenders.find(binaries)
    notes = [f"{name}: skipped, not found on this machine" for name in missing]
    if only:
        wanted = set(only.split(","))
        if unknown := wanted - {contender.name for contender in found}:
            raise BenchError(f"no such contender here: {', '.join(sorted(unknown))}")
        found = [contender for contender in found if contender.name in wanted]
        notes = []
    for contender in found:
        if contender.no_sticky_run:
            notes.append(f"{contender.name}: no sticky run (n/a), {contender.no_sticky_run}")
        if not contender.can_stick:
            notes.append(f"{contender.name}: sticky runs have one origin and a meaningless cookie")
    return found, notes


def turns(chosen: list[Contender], rounds: int) -> Iterator[tuple[int, str, Contender]]:
    """The order of measurements: every other round runs backwards, so that nobody always has the
    same predecessor, and piton and bare Pingora stay neighbours."""
    for number in range(1, rounds + 1):
        for mode in ("plain", "sticky"):
            for contender in chosen if number % 2 else reversed(chosen):
                if mode == "plain" or not contender.no_sticky_run:
                    yield number, mode, contender


def run_load(
    bench: Bench,
    load: Wrk | Oha,
    chosen: list[Contender],
    args: argparse.Namespace,
    samples: list[Sample],
) -> None:
    """Adds all rounds of one load, with a line of progress for each measurement."""
    for number, mode, contender in turns(chosen, args.rounds):
        what = f"{load.name} loop, round {number}, {mode:6} {contender.name}"
        try:
            sample = bench.measure(contender, mode, load, number, args.seconds, args.warmup)
        except BenchError as failure:
            raise BenchError(f"{what}: {failure}") from failure
        cost = f", {sample.cpu_us:.2f} us CPU each" if sample.cpu_us else ""
        print(f"{what}: {sample.rate:.0f} requests/s{cost}", flush=True)
        samples.append(sample)


def safe_rate(closed: list[Sample]) -> int:
    """A rate that even the slowest contender bears without queueing, in round figures."""
    by_pair: dict[tuple[str, str], list[float]] = {}
    for sample in closed:
        by_pair.setdefault((sample.mode, sample.contender), []).append(sample.rate)
    slowest = min(statistics.median(rates) for rates in by_pair.values())
    return max(100, int(RATE_SHARE * slowest) // 100 * 100)


def limit_time(chosen: list[Contender], args: argparse.Namespace) -> None:
    """Gives the whole test twice the time it should take. Whatever happens, it ends."""

    def give_up(number: int, _frame: object) -> None:
        late = number == signal.SIGALRM
        raise BenchError("it took too long" if late else "it was told to stop")

    loads = 2 * sum(1 for _ in turns(chosen, args.rounds))
    expected = loads * (args.seconds + args.warmup + OVERHEAD_SECONDS)
    print(f"{loads} measurements, at most {expected / 60:.1f} minutes", flush=True)
    signal.signal(signal.SIGALRM, give_up)
    signal.signal(signal.SIGTERM, give_up)
    signal.alarm(2 * expected + loadgen.SLACK_SECONDS)


def versions(chosen: list[Contender], oha: str | None) -> dict[str, str]:
    """What was compared, and by what."""
    known = {contender.name: contender.version for contender in chosen}
    known["wrk"] = contenders.first_line("wrk", "-v")
    if oha:
        known["oha"] = contenders.first_line(oha, "--version")
    return known


def test(args: argparse.Namespace) -> Report:
    """The whole test. What was measured before a failure is kept, and marked as incomplete."""
    directory = args.bin_dir or build()
    binaries = [directory, directory / "examples"]
    upstream = contenders.locate("upstream", binaries)
    if not upstream:
        raise BenchError(f"no `upstream` program in {directory}")
    chosen, notes = choose(binaries, args.only)
    oha = Oha.find()
    if not oha:
        notes.append("open loop: skipped, no oha on PATH or in the environment's OHA")
    cpus = machine.plan_cpus()
    os.sched_setaffinity(0, cpus.load)
    for line in [cpus.describe(), *notes]:
        print(line)
    limit_time(chosen, args)

    report = Report(
        facts=machine.facts(),
        versions=versions(chosen, oha),
        command=shlex.join(sys.argv),
        placement=cpus.describe(),
        notes=notes,
    )
    with tempfile.TemporaryDirectory(prefix="piton-load-") as temporary, Children() as children:
        try:
            origins = Origins(upstream, children, cpus.origins, Path(temporary, "origins.log"))
            bench = Bench(cpus, children, origins, Path(temporary))
            run_load(bench, Wrk(cpus.load), chosen, args, report.samples)
            if oha:
                report.rate = args.rate or safe_rate(report.samples)
                run_load(bench, Oha(oha, cpus.load, report.rate), chosen, args, report.samples)
        except BenchError as failure:
            report.failure = str(failure)
    return report


def main() -> int:
    """Runs, reports, and says why not."""
    args = arguments()
    try:
        report = test(args)
    except BenchError as failure:
        print(f"load test failed: {failure}", file=sys.stderr)
        return 1
    directory = args.out or target_directory() / "load"
    report.write(directory)
    print(f"\n{report.markdown()}\nwritten to {directory}")
    if report.failure:
        print(f"load test failed: {report.failure}", file=sys.stderr)
    return 1 if report.failure else 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
