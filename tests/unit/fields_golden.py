"""The corpus of audit events and what every field says about each of them.

tests/data/events/NAME.json is an event as the plugin delivers it,
tests/data/events/expected/NAME.json the fields that have a value, one a line, from
the reference extractor. After a change of the table or the corpus::

    python tests/unit/fields_golden.py --regenerate

and review the difference.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from extractor import Event, Key
from framing import parse_time_ns
from shapes import Values

from k8saudit_eks.fields.model import Arg
from k8saudit_eks.fields.table import FIELDS

EVENTS = Path(__file__).resolve().parents[1] / "data" / "events"
EXPECTED = EVENTS / "expected"

# Keys to ask for, a choice of those that stand in the events.
KEYS: dict[str, tuple[str, ...]] = {
    "ka.uri.param": ("command", "container", "labelSelector", "fieldManager", "watch", "ports"),
    "ka.req.binding.subject.has_name": ("system:anonymous",),
    "ka.req.volume.hostpath": ("/", "/etc*", "/proc"),
    "ka.user.extra": ("arn", "reason", "authentication.kubernetes.io/pod-name"),
    "ka.annotations": ("authorization.k8s.io/reason", "a/b", ""),
    "ka.req.labels": ("app", "app.kubernetes.io/name", "pod-security.kubernetes.io/enforce"),
    "ka.req.annotations": (
        "eks.amazonaws.com/role-arn",
        "alb.ingress.kubernetes.io/scheme",
        "sidecar.istio.io/inject",
    ),
    "ka.value": (
        "/requestObject/spec/tls",
        "/requestObject/spec/containers/0/volumeMounts",
        "/requestObject/webhooks/0/clientConfig/url",
        "/requestObject/0/path",
        "/annotations/a~1b",
        "/annotations/m~0n",
    ),
}


def events() -> list[Path]:
    """The corpus, in a fixed order."""
    return sorted(EVENTS.glob("*.json"))


def questions() -> Iterator[tuple[str, Key]]:
    """(field, argument) for every field; those with an index also for element 1."""
    for row in FIELDS:
        if row.arg is Arg.KEY:
            yield from ((row.name, key) for key in KEYS[row.name])
        else:
            yield row.name, None
            if row.arg is Arg.INDEX:
                yield row.name, 1


def label(name: str, arg: Key) -> str:
    """The question as rules write it."""
    return name if arg is None else f"{name}[{arg}]"


def time_ns(payload: bytes) -> int:
    """What the host's header says: the stage's time, or shortly before the ingestion."""
    event = json.loads(payload)
    stage = event.get("stageTimestamp")
    if stage is not None:
        return parse_time_ns(stage) or 0
    return (int(event["k8saudit_eks"]["ingestion_time_ms"]) - 5_000) * 1_000_000


def answers(payload: bytes) -> dict[str, Values]:
    """What the reference extractor says about an event: only what has a value."""
    event = Event(payload, time_ns(payload))
    found = ((label(name, arg), event.extract(name, arg)) for name, arg in questions())
    return {question: values for question, values in found if values is not None}


def as_page(expected: dict[str, Values]) -> str:
    """One line a field, so that a difference shows which field changed."""
    lines = (f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in expected.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def regenerate() -> None:
    """Write the expected values of the whole corpus; remove those of events that are gone."""
    EXPECTED.mkdir(exist_ok=True)
    for stale in set(EXPECTED.glob("*.json")) - {EXPECTED / path.name for path in events()}:
        stale.unlink()
    for path in events():
        page = as_page(answers(path.read_bytes()))
        (EXPECTED / path.name).write_text(page, encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] != ["--regenerate"]:
        sys.exit("usage: python tests/unit/fields_golden.py --regenerate")
    regenerate()
