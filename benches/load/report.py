"""Turns samples into the table that people read and the file that programs read."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from contenders import BARE, PITON
from measure import Sample

# Unless this much of the proxy's CPU was in use, the load generator was the limit.
FULL = 0.9

# Above this share of a CPU in use, other work has disturbed the measurement.
DISTURBED = 0.05


@dataclass(frozen=True)
class Spread:
    """The median over the rounds, and how far it can be trusted."""

    median: float
    low: float
    high: float

    @staticmethod
    def of(values: Iterable[float | None]) -> Spread | None:
        """None if there is nothing to summarise."""
        known = [value for value in values if value is not None]
        return Spread(statistics.median(known), min(known), max(known)) if known else None

    def show(self, digits: int) -> str:
        """As in `25.1 (24.8..25.6)`, or `25.1` if there was one value only."""
        median, low, high = (f"{x:.{digits}f}" for x in (self.median, self.low, self.high))
        return median if low == high else f"{median} ({low}..{high})"


@dataclass(frozen=True)
class Ratio:
    """piton's cost by that of bare Pingora."""

    name: str
    all_pairs: Spread
    undisturbed: Spread | None
    """The same from those pairs in which nobody else used the CPUs: the better number."""
    undisturbed_pairs: int

    def show(self) -> str:
        """One line, which does not hide how much of it is noise."""
        text = f"{self.name}: {self.all_pairs.show(3)}"
        if self.undisturbed:
            text += f"; {self.undisturbed_pairs} undisturbed pairs: {self.undisturbed.show(3)}"
        else:
            text += "; no pair was undisturbed"
        return text


@dataclass
class Report:
    """All that is known at the end of a test."""

    facts: dict[str, object]
    versions: dict[str, str]
    command: str
    placement: str
    notes: list[str]
    samples: list[Sample] = field(default_factory=list)
    rate: int | None = None
    """Requests per second of the open loop, if there was one."""
    failure: str | None = None
    """Why the test ended early."""

    def write(self, directory: Path) -> None:
        """Leaves `load.md` and `load.json` in the directory."""
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "load.md").write_text(self.markdown())
        (directory / "load.json").write_text(json.dumps(self.data(), indent=2) + "\n")

    def data(self) -> dict[str, object]:
        """Everything, with each single sample, for those who want to compute it anew."""
        return {
            "facts": self.facts,
            "versions": self.versions,
            "command": self.command,
            "placement": self.placement,
            "failure": self.failure,
            "rate": self.rate,
            "notes": self.notes + self.doubts(),
            "ratios": [asdict(ratio) for ratio in self.ratios()],
            "samples": [asdict(sample) for sample in self.samples],
        }

    def markdown(self) -> str:
        """The same for people: medians over the rounds, with lowest and highest."""
        machine = ", ".join(f"{name} {value}" for name, value in self.facts.items())
        versions = [f"- {name}: {version}" for name, version in self.versions.items()]
        ratios = [f"- {ratio.show()}" for ratio in self.ratios()]
        notes = [f"- {note}" for note in self.notes + self.doubts()]
        sections = [
            ["# Load test"],
            [f"**Failed, the numbers are incomplete.** {self.failure}"] if self.failure else [],
            [f"`{self.command}`"],
            [f"Machine: {machine}.", f"Placement: {self.placement}."],
            versions,
            self.table(),
            ["CPU time per request, piton / bare Pingora:", "", *ratios] if ratios else [],
            ["Notes:", "", *notes] if notes else [],
        ]
        return "\n\n".join("\n".join(section) for section in sections if section) + "\n"

    def table(self) -> list[str]:
        """One line per proxy and mode, in the order in which they were first measured."""
        at_rate = f" at {self.rate}/s" if self.rate else ""
        head = ["mode", "proxy", "requests/s", "CPU us/request", f"CPU us/request{at_rate}"]
        head += ["p50 us", "p99 us", "p99.9 us", "RSS MiB", "peak MiB", "errors"]
        return aligned([head, *(self._row(mode, name) for mode, name in self._pairs())])

    def _pairs(self) -> list[tuple[str, str]]:
        return list(dict.fromkeys((sample.mode, sample.contender) for sample in self.samples))

    def _row(self, mode: str, name: str) -> list[str]:
        closed = self._select(mode, name, "closed")
        paced = self._select(mode, name, "open")
        both = closed + paced
        row = [mode, name, limit_mark(closed) + cell((s.rate for s in closed), 0)]
        row += [cell((s.cpu_us for s in load), 2) for load in (closed, paced)]
        row += [
            cell((s.latency_us.get(percentile) for s in paced), 0)
            for percentile in ("p50", "p99", "p99.9")
        ]
        row += [cell((mebibytes(s.rss_kib) for s in both), 1)]
        row += [cell((mebibytes(s.peak_kib) for s in both), 1)]
        return [*row, str(sum(s.errors for s in both))]

    def _select(self, mode: str, name: str, load: str) -> list[Sample]:
        wanted = (mode, name, load)
        return [s for s in self.samples if (s.mode, s.contender, s.load) == wanted]

    def ratios(self) -> list[Ratio]:
        """piton's CPU time per request over that of bare Pingora, from neighbours in time."""
        ratios = []
        for mode in ("plain", "sticky"):
            for load in ("closed", "open"):
                ours, floor = (self._select(mode, name, load) for name in (PITON, BARE))
                pairs = [(a, b) for a in ours for b in floor if a.round == b.round]
                calm = [pair for pair in pairs if max(map(disturbance, pair)) <= DISTURBED]
                if pairs:
                    name = f"{mode}, {load} loop"
                    ratios.append(Ratio(name, quotients(pairs), quotients(calm), len(calm)))
        return ratios

    def doubts(self) -> list[str]:
        """What the samples themselves say against the numbers."""
        doubts = []
        if any(limit_mark(self._select(*pair, "closed")) for pair in self._pairs()):
            doubts.append(
                "`>`: the proxy's CPU was not full; the load generator or the origins were the "
                "limit, and the proxy can do more"
            )
        disturbed = [sample for sample in self.samples if disturbance(sample) > DISTURBED]
        if disturbed:
            worst = max(map(disturbance, disturbed))
            doubts.append(
                f"in {len(disturbed)} of {len(self.samples)} measurements other work took more "
                f"than {DISTURBED:.0%} of a CPU in use, up to {worst:.0%}: run again on an idle "
                "machine"
            )
        return doubts


def quotients(pairs: list[tuple[Sample, Sample]]) -> Spread | None:
    """Compares the CPU time per request within each pair."""
    return Spread.of(ours.cpu_us / floor.cpu_us for ours, floor in pairs)


def disturbance(sample: Sample) -> float:
    """The share of a CPU in use, the proxy's or the others, that went to anyone else."""
    return max(sample.foreign or 0.0, sample.load_foreign)


def limit_mark(closed: Sequence[Sample]) -> str:
    """`>` in front of a capacity that is only a lower bound."""
    in_use = Spread.of(s.busy + s.foreign for s in closed if s.busy is not None)
    return "> " if in_use and in_use.median < FULL else ""


def cell(values: Iterable[float | None], digits: int) -> str:
    """A spread, or a dash where there is nothing to measure."""
    spread = Spread.of(values)
    return spread.show(digits) if spread else "-"


def mebibytes(kib: int | None) -> float | None:
    """Unknown stays unknown."""
    return None if kib is None else kib / 1024


def aligned(rows: list[list[str]]) -> list[str]:
    """A Markdown table which is also a table in a terminal."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths)) + " |"
        for row in rows
    ]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]
