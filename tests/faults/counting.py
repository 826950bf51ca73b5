"""Runs host_counting.c: events, log lines and metrics of a capture that a test stops."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from boundary import ABI, compile_program

# Answers of next_batch while a source lives: success and timeout.
LIVING = (0, -1)


@dataclass
class Counting:
    """A capture at work, or what is left of it.

    Attributes:
        audit_ids: of the events, in order.
        log: (severity, text) pairs.
        metrics: as get_metrics gave them last; at the end, before close.
        metrics_told: how often it was asked.
        close_ms: how long plugin_close took; None until then.
        rc: the last answer of next_batch.
    """

    process: subprocess.Popen[str]
    audit_ids: list[str] = field(default_factory=list)
    log: list[tuple[int, str]] = field(default_factory=list)
    metrics: dict[str, int] = field(default_factory=dict)
    metrics_told: int = 0
    close_ms: int | None = None
    rc: int | None = None
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def wait_for_events(self, number: int, timeout_s: float = 60.0) -> bool:
        """Wait until so many have come."""
        with self.arrived:
            return self.arrived.wait_for(lambda: len(self.audit_ids) >= number, timeout_s)

    def wait_for_log(self, part: str, timeout_s: float = 60.0) -> bool:
        """Wait until a log line contains `part`."""
        with self.arrived:
            return self.arrived.wait_for(
                lambda: any(part in text for _, text in self.log), timeout_s
            )

    def wait_for_metrics(self, right: Callable[[], bool], timeout_s: float = 20.0) -> bool:
        """Ask for the metrics until they are right.

        A call under way may be counted on one side only; between two polls none is.
        """
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            self._ask_metrics()
            if right():
                return True
        return False

    def _ask_metrics(self) -> None:
        assert self.process.stdin is not None
        with self.arrived:
            told = self.metrics_told
            self.process.stdin.write("?")
            self.process.stdin.flush()
            assert self.arrived.wait_for(lambda: self.metrics_told > told, 20)

    def stop(self) -> int:
        """End the capture as a host does; its exit code."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        code = self.process.wait(60)
        with self.arrived:
            assert self.arrived.wait_for(lambda: self.close_ms is not None, 10)
        return code

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            kind, _, rest = line.rstrip("\n").partition(" ")
            first, _, text = rest.partition(" ")
            with self.arrived:
                match kind:
                    case "event":
                        self.audit_ids.append(rest)
                    case "log":
                        self.log.append((int(first), text))
                    case "metric":
                        self.metrics[first] = int(text)
                    case "metrics_told":
                        self.metrics_told = int(rest)
                    case "close_ms":
                        self.close_ms = int(rest)
                    case "rc":
                        self.rc = int(rest)
                    case _:
                        self.log.append((-1, line))
                self.arrived.notify_all()


def once_a_minute(log: Sequence[tuple[int, str]]) -> bool:
    """Whether no warning or error came twice, in a capture of less than a minute.

    Sentences about the same failure may differ in details; their first words don't.
    """
    troubles = [" ".join(text.split()[:6]) for severity, text in log if 0 <= severity <= 4]
    return len(troubles) == len(set(troubles)) and all(severity >= 0 for severity, _ in log)


def compile_host() -> Path:
    """The program of host_counting.c."""
    sources = [Path(__file__).with_name("host_counting.c"), ABI / "host.c"]
    return compile_program("host_counting", sources)


@contextlib.contextmanager
def counting(
    program: Path, library: Path, init_config: Mapping[str, Any], cluster: str = "prod"
) -> Iterator[Counting]:
    """Start the host; it is killed at the end of the block if it still runs."""
    process = subprocess.Popen(
        [program, library, json.dumps(init_config), cluster],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    capture = Counting(process)
    reader = threading.Thread(target=capture.read)
    reader.start()
    try:
        yield capture
    finally:
        process.kill()
        process.wait()
        reader.join()
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.stdout.close()
