"""What the kernel knows: which CPUs there are, and what a process costs.

CPU time is the number to trust here. Requests per second depend on whoever shares the machine and
on the load generator; the time a proxy was on its CPU is charged to the proxy alone.
"""

from __future__ import annotations

import datetime
import os
import platform
import re
import resource
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from errors import BenchError

TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class CpuPlan:
    """Who runs where. The proxy has a CPU of its own; the others share what is left."""

    proxy: int
    origins: frozenset[int]
    load: frozenset[int]

    @property
    def others(self) -> frozenset[int]:
        """Every CPU in use, but for the proxy's."""
        return self.origins | self.load

    def describe(self) -> str:
        """One line for the report, with a warning where the machine is too small."""
        text = f"proxy on CPU {self.proxy}, origins on CPU {_list(self.origins)}, "
        text += f"load generator on CPU {_list(self.load)}"
        if self.origins & self.load:
            text += " (only 2 usable CPUs: the last two share one)"
        return text


def plan_cpus() -> CpuPlan:
    """Gives the proxy the first CPU, and nobody the hardware threads of the same core."""
    allowed = sorted(os.sched_getaffinity(0))
    proxy = allowed[0]
    others = [cpu for cpu in allowed if cpu not in _same_core(proxy)] or allowed[1:]
    if not others:
        raise BenchError("a load test needs at least 2 CPUs: one for the proxy alone")
    rest = others[1:] or others
    return CpuPlan(proxy, frozenset(others[:1]), frozenset(rest))


def _same_core(cpu: int) -> set[int]:
    siblings = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
    if not siblings.exists():
        return {cpu}
    numbers: set[int] = set()
    for part in siblings.read_text().strip().split(","):
        first, _, last = part.partition("-")
        numbers.update(range(int(first), int(last or first) + 1))
    return numbers


def _list(cpus: frozenset[int]) -> str:
    return ",".join(map(str, sorted(cpus)))


def process_tree(pid: int) -> list[int]:
    """The process and its descendants, because nginx serves from a child of what was started."""
    pids = [pid]
    for parent in pids:  # grows while it is walked, until no process has children left
        for task in Path(f"/proc/{parent}/task").iterdir():
            pids += map(int, (task / "children").read_text().split())
    return pids


def cpu_ns(pid: int) -> int:
    """CPU time used so far by all threads, in nanoseconds.

    The scheduler's own count is exact; the classic one moves in ticks of 10 ms and is only used
    by kernels that do not keep the other.
    """
    pids = process_tree(pid)
    exact = sum(_scheduler_ns(task) for p in pids for task in Path(f"/proc/{p}/task").iterdir())
    return exact or sum(_ticks_ns(p) for p in pids)


def _scheduler_ns(task: Path) -> int:
    statistics = task / "schedstat"
    return int(statistics.read_text().split()[0]) if statistics.exists() else 0


def _ticks_ns(pid: int) -> int:
    # The name, in brackets, may hold spaces: count the fields behind it.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system = fields[11:13]
    return (int(user) + int(system)) * TICK_NS


def ended_children_ns() -> int:
    """CPU time of the children that have ended, in nanoseconds: of every load generator so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return int((used.ru_utime + used.ru_stime) * 1e9)


def cpus_busy_ns(cpus: Collection[int]) -> int:
    """Time these CPUs have worked for anyone, or were taken away by the hypervisor."""
    statistics = Path("/proc/stat").read_text()
    total = 0
    for cpu in cpus:
        line = re.search(rf"^cpu{cpu} (.*)$", statistics, re.MULTILINE)
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, line[1].split()[:8])
        total += user + nice + system + irq + softirq + steal
    return total * TICK_NS


def memory_kib(pid: int) -> tuple[int, int]:
    """Resident memory now and at its peak. Pages shared by several processes count for each."""
    now = peak = 0
    for process in process_tree(pid):
        status = Path(f"/proc/{process}/status").read_text()
        now += int(re.search(r"VmRSS:\s+(\d+)", status)[1])
        peak += int(re.search(r"VmHWM:\s+(\d+)", status)[1])
    return now, peak


def facts() -> dict[str, object]:
    """What a reader must know before comparing these numbers with any others."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", cpuinfo)
    return {
        "cpu": model[1] if model else platform.machine(),
        "cores": os.cpu_count(),
        "virtual machine": "yes" if "hypervisor" in cpuinfo else "no",
        "kernel": platform.release(),
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
    }
