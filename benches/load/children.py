"""Processes that cannot outlive the test, and the ports they listen on."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def confined(cpus: Collection[int]) -> Callable[[], None]:
    """What a child does before it becomes its program: keep to its CPUs, and die with us."""

    def prepare() -> None:
        os.sched_setaffinity(0, cpus)
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    return prepare


class Children:
    """Every server this test has started; leaving the `with` block ends those still alive."""

    def __init__(self) -> None:
        self._alive: list[subprocess.Popen] = []

    def __enter__(self) -> Children:
        return self

    def __exit__(self, *_exception: object) -> None:
        for child in list(self._alive):
            self.stop(child)

    def start(self, argv: Sequence[str], cpus: Collection[int], log: Path) -> subprocess.Popen:
        """Starts a server on these CPUs, as the leader of its own session."""
        with log.open("wb") as output:
            child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=confined(cpus),
            )
        self._alive.append(child)
        return child

    def stop(self, child: subprocess.Popen) -> None:
        """Kills a server and its children. None has anything to save, so none is asked first."""
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it has ended by itself, and left no children
        child.wait()
        self._alive.remove(child)


def free_port() -> int:
    """A loopback port that was free a moment ago; whoever binds it must be ready to try again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def tail(log: Path, lines: int = 20) -> str:
    """The last words of a child that failed."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
