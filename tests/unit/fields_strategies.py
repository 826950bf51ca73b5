"""Hypothesis strategies: the corpus' audit events, changed and damaged, and questions."""

from __future__ import annotations

import json
from typing import Any

from fields_golden import KEYS, events
from hypothesis import strategies as st
from native_extract import Key

from k8saudit_eks.fields.model import Arg
from k8saudit_eks.fields.table import FIELDS

CORPUS = [json.loads(path.read_text(encoding="utf-8")) for path in events()]
# Half of the events are from these, which give most fields a value.
RICHEST = sorted(CORPUS, key=lambda event: -len(json.dumps(event)))[:12]

# Names that the table's paths, filters and keys know.
NAMES = [
    *["containers", "initContainers", "securityContext", "spec", "template", "jobTemplate"],
    *["name", "image", "kind", "namespace", "hostPath", "path", "hostPort", "containerPort"],
    *["resource", "subresource", "arn", "ARN", "cluster_name", "auditID", "", "0", "a/b", "a~b"],
]
TEXTS = [
    *["User", "ServiceAccount", "Group", "Pod", "CronJob", "pods", "cronjobs", "exec", "true"],
    *["r:5000/a:1", "a@sha256:0", "r:5000/a", "a:b@c/d:e", ":", "@", "/", "x\0y", '"\\\n\x7f'],
    *["\ufdd0", "\ufdd01", "\U0001f600", "\ud83d", "\ude00", "é", "/etc/x"],
    *[
        "/x?command=a&command=%20b+c&x=%C3%A9&x=%C3",
        "/%2e%zz%?&&=&a==b&%63ommand=%00",
        "?",
        "a?b?c",
        "/x?command=a;b&command=%c&command=c%&;&command=%3b",
        "/x?command=a" + "&" * 9_999,
        "/x?command=a" + "&" * 9_998,
    ],
    *["2026-01-01T00:00:00.123456Z", "2026-01-01T00:00:01Z", "2024-02-29T23:59:59+14:00"],
    *["2026-02-29T00:00:00Z", "2026-01-01T00:00:60Z", "2026-01-01t00:00:00.123456789z"],
    *["2026-01-01T00:00:00.1234567890Z", "2026-01-01T00:00:00-00:30", "0001-01-01T00:00:00Z"],
    *["2026-01-01T00:00:00", "2026-1-01T00:00:00Z", "2261-12-31T23:59:59Z", "1678-01-01T00:00:00Z"],
]
BYTES = [
    *[b"", b"\0", b"\n", b"\x1b", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf0\x9f\x92", b"\x80\x80"],
    *[b"\\ud800", b"\\udc00", b"\\ud83d\\ude00", b"\\ud800\\u0041", b"\\u0000", b"\\u00zz"],
    *[b"\\ufdd0", b"\xef\xb7\x90", b'"', b"\\", b"1e999", b"-1e-999", b"9" * 40, b"{", b"]"],
    *[b"\xef\xbb\xbf", b",", b"null", b"\\ud800\\ud800\\udc00", b"\\ud800\\ue000", b"\\\0", b"-"],
    *[
        b"1e9223372036854775807",
        b"0.1e-9223372036854775808",
        b"-0.0",
        b"[[",
        b"}}",
        b"9" * 40 + b"x",
    ],
    *[b"18446744073709551616", b"-9223372036854775809", b"1.5e3", b"0.1e-7", b"00", b"1E5"],
]
POINTERS = [
    *["", "/", "/user", "/user/groups/0", "/user/groups/1", "/user/groups/00", "/user/groups/-"],
    *["/requestObject/spec", "/requestObject/spec/containers/0/image", "user", "/a~1b", "/a~0b"],
    *["/a~2b", "/a~", "/requestObject/metadata/labels/app", "/user/groups/18446744073709551616"],
]

texts = st.one_of(st.sampled_from(TEXTS), st.text(max_size=8))
numbers = st.one_of(
    st.integers(-(2**66), 2**66), st.floats(allow_nan=False, allow_infinity=False), st.booleans()
)
values = st.recursive(
    st.one_of(st.none(), texts, numbers),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(NAMES), texts), inner, max_size=3),
    ),
    max_leaves=6,
)


def places(value: Any, found: list[tuple[Any, Any]] | None = None) -> list[tuple[Any, Any]]:
    """(container, name or index) of every value below this one."""
    found = [] if found is None else found
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for name, item in items:
        found.append((value, name))
        if isinstance(item, dict | list):
            places(item, found)
    return found


@st.composite
def changed_events(draw: st.DrawFn) -> Any:
    """An event of the corpus with up to five values replaced, repeated, added or removed."""
    event = json.loads(
        json.dumps(draw(st.sampled_from([CORPUS, RICHEST]).flatmap(st.sampled_from)))
    )
    for _ in range(draw(st.integers(0, 5))):
        where = places(event)
        container, name = where[draw(st.integers(0, len(where) - 1))]
        action = draw(st.sampled_from(["replace", "null", "add", "remove", "wrap", "copy"]))
        if action == "replace":
            container[name] = draw(values)
        elif action == "null":
            container[name] = None
        elif action == "remove":
            del container[name]
        elif action == "wrap":
            container[name] = draw(st.sampled_from([[container[name]], {"": container[name]}]))
        elif isinstance(container, list):
            container.insert(name, draw(values) if action == "add" else container[name])
        else:
            new = draw(st.sampled_from(NAMES))
            container[new] = draw(values) if action == "add" else container[name]
    return event


@st.composite
def payloads(draw: st.DrawFn) -> bytes:
    """An event's bytes: spaced or not, escaped or not, with repeated members or damage."""
    event = draw(changed_events())
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t:")]))
    text = json.dumps(event, ensure_ascii=draw(st.booleans()), separators=separators)
    payload = text.encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 3)) == 0:  # every object's first member once more at its end
        payload = with_repeated_members(event).encode("utf-8", "surrogatepass")
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        at = draw(st.integers(0, len(payload)))
        end = at + draw(st.integers(0, 2))
        payload = payload[:at] + draw(st.sampled_from(BYTES)) + payload[end:]
    return payload


def with_repeated_members(value: Any) -> str:
    """JSON text in which every object ends with its first member's name and another value."""
    if isinstance(value, dict):
        members = [f"{json.dumps(k)}:{with_repeated_members(v)}" for k, v in value.items()]
        members += [f'{json.dumps(next(iter(value)))}:"again"'] if value else []
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(with_repeated_members, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def arguments(arg: Arg, name: str) -> st.SearchStrategy[Key]:
    """What may stand in a field's brackets."""
    if arg is Arg.INDEX:
        return st.sampled_from([None, 0, 1, 2, 2**63])
    if arg is Arg.KEY:
        return st.sampled_from([*KEYS[name], *(POINTERS if name == "ka.value" else ["", "*", "é"])])
    return st.none()


questions = st.tuples(
    *(st.tuples(st.just(row.name), arguments(row.arg, row.name)) for row in FIELDS)
)
