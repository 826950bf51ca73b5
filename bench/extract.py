"""What field extraction costs, beside a bare simdjson parse of the same bytes in the same run.

    python bench/extract.py [--json]

Compiles the extractor as the library is compiled, and asks it through its C
interface, one field a call, as a host does. The events are the corpus of
tests/data/events, written compactly. The limits are those the project promises.

Parse and extraction take turns, some hundred rounds in each of several processes, because
where memory lies differs from process to process. A limit is missed, and the exit code is 1,
only if the whole confidence interval of the mean over the processes (Student's t, 95 %) lies
beyond it: a busy machine widens the interval.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import native_build as native  # noqa: E402 - the path above comes first

EVENTS = ROOT / "tests" / "data" / "events"

# The promises: twelve fields against a bare parse; one scalar on a parsed event; ten
# times the elements in at most this many times the time.
MAX_RATIO = 2.0
MAX_SCALAR_NS = 60.0
MAX_GROWTH = 20.0

SMALL, LARGE = 1_000, 10_000

PROCESSES = 10
# Student's t for PROCESSES - 1 degrees of freedom, 97.5 %: both sides together leave 5 %.
T_QUANTILE = 2.262


class Estimate(NamedTuple):
    """A mean over processes, and how far it may be off."""

    mean: float
    half_width: float

    def exceeds(self, limit: float) -> bool:
        """Whether even the lower end of the interval does."""
        return self.mean - self.half_width > limit


def estimate(values: Sequence[float]) -> Estimate:
    """Of one value from each of PROCESSES processes."""
    return Estimate(
        statistics.fmean(values), T_QUANTILE * statistics.stdev(values) / math.sqrt(len(values))
    )


def build() -> Path:
    """The benchmark program."""
    files = [ROOT / "bench" / "extract.cpp", *native.sources("extract", "json")]
    objects = native.compile_objects([*files, native.generate_tables().fields], native.RELEASE)
    return native.link(objects, native.BUILD / "bench" / "extract", native.RELEASE)


def run(command: list[str]) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def events_file(folder: Path) -> Path:
    """The corpus, one compact event a line."""
    events = (json.loads(path.read_text("utf-8")) for path in sorted(EVENTS.glob("*.json")))
    path = folder / "events.jsonl"
    path.write_text("".join(compact(event) + "\n" for event in events), encoding="utf-8")
    return path


def compact(event: Any) -> str:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def large_events(folder: Path, count: int) -> list[str]:
    """FIELD:FILE of events with this many containers, volumes and annotations."""
    container = {"image": "registry.example.com/app:1", "securityContext": {"privileged": True}}
    spec = {
        "containers": [{"name": f"c{n}", **container} for n in range(count)],
        "volumes": [{"name": f"v{n}", "hostPath": {"path": f"/data/{n}"}} for n in range(count)],
    }
    annotations = {f"example.com/a{n}": "value" for n in range(count)}
    requests = {
        "ka.req.pod.containers.image": {"spec": {"containers": spec["containers"]}},
        "ka.req.pod.volumes.volume_type": {"spec": {"volumes": spec["volumes"]}},
        "ka.req.role.rules": {"rules": [{"annotations": annotations}]},
    }
    arguments = []
    for field, request in requests.items():
        path = folder / f"{field}-{count}.json"
        path.write_text(compact({"auditID": "a", "requestObject": request}) + "\n", "utf-8")
        arguments.append(f"{field}:{path}")
    return arguments


def measure() -> list[dict[str, Any]]:
    """What each process printed."""
    program = str(build())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        grown = large_events(folder, SMALL) + large_events(folder, LARGE)
        command = [program, str(events_file(folder)), *grown]
        return [json.loads(run(command)) for _ in range(PROCESSES)]


def growths(result: dict[str, Any]) -> dict[str, float]:
    """For each field, the time with LARGE elements over that with SMALL."""
    half = len(result["growth"]) // 2
    pairs = zip(result["growth"][:half], result["growth"][half:], strict=True)
    return {large["field"]: large["ns"] / small["ns"] for small, large in pairs}


def main() -> int:
    """Measure, print, and compare with the promises."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the raw numbers")
    options = parser.parse_args()
    results = measure()
    if options.json:
        print(json.dumps(results))

    def of(name: str) -> Estimate:
        return estimate([result[name] for result in results])

    grown = [growths(result) for result in results]
    growth = {field: estimate([each[field] for each in grown]) for field in grown[0]}
    ratio, scalar_ns = of("ratio"), of("scalar_ns")
    if not options.json:
        print(f"{results[0]['events']} events, {results[0]['mean_bytes']} bytes on average")
        print(line("bare simdjson DOM parse, ns an event", of("parse_ns")))
        print(line("12 fields, one call each, ns an event", of("twelve_fields_ns")))
        print(line("ratio", ratio, MAX_RATIO))
        print(line("ka.user.name of a parsed event, ns", scalar_ns, MAX_SCALAR_NS))
        for field, times in growth.items():
            print(line(f"{SMALL} to {LARGE} elements, times: {field}", times, MAX_GROWTH))
    missed = ratio.exceeds(MAX_RATIO) or scalar_ns.exceeds(MAX_SCALAR_NS)
    return 1 if missed or any(times.exceeds(MAX_GROWTH) for times in growth.values()) else 0


def line(what: str, found: Estimate, limit: float | None = None) -> str:
    """One row as a person reads it."""
    digits = 2 if found.mean < 100 else 0
    row = f"{what:64} {found.mean:8.{digits}f} ± {found.half_width:.{digits}f}"
    return row if limit is None else f"{row}    (at most {limit:g})"


if __name__ == "__main__":
    sys.exit(main())
