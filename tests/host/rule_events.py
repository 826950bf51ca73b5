"""Events that a rule fires on, and near misses, from tests/data/rules.

One file a rule, named after it. A case is a user and a request of _bases.yaml, changed:
``set`` and ``unset`` take JSON Pointers (RFC 6901); ``each`` makes a case of each value of a
pointer, ``commands`` one of each command of an exec, its words or a line for a shell. A near
miss changes the first of the rule's firing events, or the one that ``of`` counts from 1, and
names only what differs. ``truncated`` cuts the line: true before the response, a member's name
inside its text. ``parameters`` gives the URI's query that many, ``audit_id`` begins the ID.
_common.yaml holds changes that are made to the first firing event of every
rule.
"""

from __future__ import annotations

import copy
import functools
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

Json = dict[str, Any]

FOLDER = Path(__file__).resolve().parents[1] / "data" / "rules"
TUNING = FOLDER / "_tuning.yaml"
_BASES = FOLDER / "_bases.yaml"
_COMMON = FOLDER / "_common.yaml"
_EXEC = "/api/v1/namespaces/shop/pods/cart/exec"
# As the API server writes an event: a cut line still has what comes first.
_ORDER = [
    "kind", "apiVersion", "level", "auditID", "stage", "requestURI", "verb", "user",
    "impersonatedUser", "sourceIPs", "userAgent", "objectRef", "responseStatus",
    "requestObject", "responseObject", "requestReceivedTimestamp", "stageTimestamp",
    "annotations",
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One event and what must be said about it.

    also: other rules, on by default, that fire on it; None where that does not matter.
    """

    rule: str
    what: str
    fires: bool
    audit_id: str
    line: str
    also: frozenset[str] | None

    def __str__(self) -> str:
        return f"{self.rule}: {self.what}"


def slug(rule: str) -> str:
    """The name of a rule's file, without its ending."""
    return re.sub(r"[^a-z0-9]+", "-", rule.lower()).strip("-")


def rule_files() -> dict[str, Path]:
    """The files of cases by their slug."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml")) if path.stem[0] != "_"}


def cases_of(path: Path) -> list[Case]:
    """Every case of a rule's file, firing events first."""
    document = yaml.safe_load(path.read_text("utf-8"))
    bases = _bases()
    firing = document["fires"]
    cases = [_case(bases, document["rule"], one, True) for case in firing for one in _each(case)]
    for near_miss in document["near_misses"]:
        for one in _each(near_miss):
            changed = _differing(next(_each(firing[near_miss.get("of", 1) - 1])), one)
            cases.append(_case(bases, document["rule"], changed, False))
    return cases


def _each(case: Json) -> Iterator[Json]:
    """The case, or one for each of the values that it names."""
    values = dict(case.get("each", {}))
    if "commands" in case:
        values["/requestURI"] = [
            f"{_EXEC}?{urlencode({'command': words}, doseq=True)}"
            for command in case["commands"]
            for words in [command if isinstance(command, list) else ["sh", "-c", command]]
        ]
    if not values:
        yield case
    for pointer, choices in values.items():
        for number, value in enumerate(choices, 1):
            changes = {**case.get("set", {}), pointer: value}
            yield {**case, "what": f"{case['what']}, {number}", "set": changes}


def common_cases(path: Path) -> list[Case]:
    """The changes of _common.yaml, made to the rule's first firing event."""
    document = yaml.safe_load(path.read_text("utf-8"))
    rule, firing = document["rule"], next(_each(document["fires"][0]))
    cases = []
    for change in yaml.safe_load(_COMMON.read_text("utf-8")):
        quietened = change.get("quietens")
        fires = rule in change["still_fires"] if quietened is None else rule not in quietened
        changed = {**_differing(firing, change), "what": f"in common: {change['what']}"}
        cases.append(_case(_bases(), rule, changed, fires, also_known=False))
    return cases


@functools.cache
def _bases() -> Json:
    return dict(yaml.safe_load(_BASES.read_text("utf-8")))


def _differing(firing: Json, near_miss: Json) -> Json:
    """The near miss as a case of its own: the firing event's, then its changes."""
    kept = _steps(firing)
    if "by" in near_miss:  # somebody else altogether
        kept = [step for step in kept if not step[0].startswith(("/user", "/sourceIPs"))]
    steps = [*kept, *_steps(near_miss)]
    return {**firing, **near_miss, "steps": steps}


def _steps(case: Json) -> list[tuple[str, Any]]:
    """Changes in order; a pointer with no value is removed."""
    removed = [(pointer, _REMOVE) for pointer in case.get("unset", [])]
    return [*removed, *case.get("set", {}).items()]


_REMOVE = object()


def _case(bases: Json, rule: str, case: Json, fires: bool, also_known: bool = True) -> Case:
    event: Json = copy.deepcopy(bases["frame"])
    event |= copy.deepcopy(bases["users"][case.get("by", "maria")])
    event |= copy.deepcopy(bases["requests"][case["request"]])
    for pointer, value in case.get("steps", _steps(case)):
        _change(event, pointer, value)
    if "responseObject" not in event and isinstance(event.get("requestObject"), dict):
        event["responseObject"] = event["requestObject"]
    if count := case.get("parameters"):
        event["requestURI"] += "&" * (count - 1 - event["requestURI"].count("&"))
    event["auditID"] = case.get("audit_id", "") + str(
        uuid.uuid5(uuid.NAMESPACE_URL, f"{rule}: {case['what']}")
    )
    event["requestReceivedTimestamp"] = "2026-11-23T08:00:00.000000Z"
    event["stageTimestamp"] = "2026-11-23T08:00:00.010000Z"
    line = json.dumps(
        {name: event[name] for name in _ORDER if name in event}, separators=(",", ":")
    )
    if cut := case.get("truncated"):
        start, kept = ('"responseObject"', "") if cut is True else (f'"{cut}":"', f'"{cut}":"cut')
        line = line[: line.index(start)] + kept + "[Truncated...]"
    also = frozenset(case.get("also", [])) if fires and also_known else None
    return Case(rule, case["what"], fires, event["auditID"], line, also)


def _change(event: Json, pointer: str, value: Any) -> None:
    *parents, last = [
        part.replace("~1", "/").replace("~0", "~") for part in pointer.removeprefix("/").split("/")
    ]
    node: Any = event
    for part in parents:
        node = node[int(part)] if isinstance(node, list) else node.setdefault(part, {})
    if value is _REMOVE:
        del node[last]
    else:
        node[int(last) if isinstance(node, list) else last] = copy.deepcopy(value)
