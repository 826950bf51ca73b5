"""What field extraction costs, beside a bare simdjson parse of the same bytes in the same run.

    python bench/extract.py [--json]

Compiles the extractor as the library is compiled, and asks it through its C
interface, one field a call, as a host does. The events are the corpus of
tests/data/events, written compactly. The limits are those the project promises;
the exit code is 1 if one is missed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

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


def main() -> int:
    """Measure, print, and compare with the promises."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the raw numbers")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        grown = large_events(folder, SMALL) + large_events(folder, LARGE)
        result = json.loads(run([str(build()), str(events_file(folder)), *grown]))
    if options.json:
        print(json.dumps(result))
    half = len(result["growth"]) // 2
    pairs = list(zip(result["growth"][:half], result["growth"][half:], strict=True))
    growth = {large["field"]: large["ns"] / small["ns"] for small, large in pairs}
    if not options.json:
        report(result, growth)
    kept = result["ratio"] <= MAX_RATIO and result["scalar_ns"] < MAX_SCALAR_NS
    return 0 if kept and max(growth.values()) <= MAX_GROWTH else 1


def report(result: dict[str, Any], growth: dict[str, float]) -> None:
    """The numbers as a person reads them."""
    print(f"{result['events']} events, {result['mean_bytes']} bytes on average")
    print(f"bare simdjson DOM parse      {result['parse_ns']:9.0f} ns an event")
    print(f"12 fields, one call each     {result['twelve_fields_ns']:9.0f} ns an event")
    print(f"ratio                        {result['ratio']:9.2f}    (at most {MAX_RATIO})")
    print(f"ka.user.name, parsed event   {result['scalar_ns']:9.1f} ns (below {MAX_SCALAR_NS:.0f})")
    for field, times in growth.items():
        print(
            f"{SMALL} to {LARGE} elements: time x {times:4.1f} (at most {MAX_GROWTH:.0f})  {field}"
        )


if __name__ == "__main__":
    sys.exit(main())
