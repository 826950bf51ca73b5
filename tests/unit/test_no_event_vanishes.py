"""Whatever a line of the audit log holds, rules see that it came.

Either its auditID is answered, or it is counted and an event of its own says so. Only a
blank line and a whole object that names another kind are passed over.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from fields_strategies import payloads
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from native_extract import Native, native_close
from readers import log_events, payloads_of, reader

from k8saudit_eks.audit import Origin, frame
from k8saudit_eks.aws.log_group import LogGroup
from k8saudit_eks.closed_json import MAX_OPEN
from k8saudit_eks.fields.reference import Event
from k8saudit_eks.host_log import LogLimiter
from k8saudit_eks.log_events import LogEvents
from k8saudit_eks.metrics import Metric
from k8saudit_eks.repair import close
from k8saudit_eks.sources.cloudwatch.framing import Framer

START = '{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"a'
END = '","stage":"ResponseComplete","stageTimestamp":"2026-01-01T00:00:00.000000Z"}'
TIME_MS = 1_767_225_600_000

# What an attacker has tried; each vanished once, or was close to it.
SEEDS = [
    START + '","user":{"username":"bob"},"x":1e9223372036854775807' + END[1:],
    START + '","requestObject":{"a":{"x":1,"stageTimestamp":"2026-01-01T00:00:00.000000Z"}',
    START + "\\u003c" * 2_000 + "[Truncated...]",
    START + "\\u003c" * 2_000 + "\\u00",
    START,
    START + "\\",
    START[:-2],
    START + '","x":' + "[" * 20_000 + END[1:],
    START + '","x":' + '{"a":' * 20_000 + "1" + "}" * 20_000 + "," + END[2:],
    START + '","x":Infinity,' + END[2:],
    START + '","x":"\\ud800"' + END[1:],
    START + '","x":"\ud800\0"' + END[1:],
    START.replace('"a', "null,") + END[2:],
    '{"kind":"EventList","items":[' + START + END + ',7,{"auditID":"b","x":1e999}]}',
    '{"kind":"EventList","items":[{"auditID":"b","x":1e999},{"auditID":"c',
    '{"kind":"Event","auditID":{"auditID":"a"}}',
    '{"kind":"Pod"}',
    '{"kind":"Pod"',
    '{"kind":"Pod"}[Truncated...]',
    '{"\\u006bind":"Pod","kind":"Event","auditID":"a"}',
    "\ufeff",
    "\0",
    "",
]


class FakeHost:
    """Counts."""

    log = logging.getLogger("test.no_event_vanishes")

    def __init__(self) -> None:
        self.reader = reader()
        self.counts: Counter[Metric] = Counter()

    def count(self, metric: Metric, amount: int = 1) -> None:
        self.counts[metric] += amount

    def gauge(self, metric: Metric, value: int) -> None: ...

    def age(self, metric: Metric, since_s: float) -> None: ...


def framer_of(host: FakeHost, clock: Callable[[], float], max_size_bytes: int) -> Framer:
    client: Any = None
    group = LogGroup(
        client,
        reader=host.reader,
        name="/aws/eks/prod/cluster",
        stream_prefix="kube-apiserver-audit-",
    )
    return Framer("prod", group, host, LogLimiter(clock), max_size_bytes=max_size_bytes)


def log_event(line: str, event_id: str = "7") -> LogEvents:
    return log_events([{"eventId": event_id, "timestamp": TIME_MS, "message": line}])


def is_plainly_something_else(line: str) -> bool:
    text = line.strip("\ufeff \t\r\n")
    if not text:
        return True
    try:
        whole = json.loads(text, object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    except ValueError:
        return False
    kind, version = whole.get("kind"), str(whole.get("apiVersion", "audit.k8s.io/"))
    return isinstance(kind, str) and (kind != "Event" or not version.startswith("audit.k8s.io/"))


@st.composite
def lines(draw: st.DrawFn) -> str:
    """Events as the API server writes them, damaged inside, cut, or something else."""
    kind = draw(st.sampled_from(["event", "plain", "text", "seed"]))
    if kind == "event":
        line = draw(payloads()).decode("utf-8", "replace")
    elif kind == "plain":
        inside = draw(payloads()).decode("utf-8", "surrogateescape")
        line = START + '","requestObject":' + inside + "," + END[2:]
    elif kind == "text":
        line = draw(st.text(alphabet='{}[]:,"\\u0 1e.-truefalsn\ud800\0é', max_size=60))
        line = draw(st.sampled_from(["", START, START + '","x":'])) + line
    else:
        line = draw(st.sampled_from([seed for seed in SEEDS if len(seed) < 5_000]))
    cut = draw(st.one_of(st.none(), st.integers(0, len(line))))
    return line if cut is None else line[:cut] + draw(st.sampled_from(["", "}", "[Truncated...]"]))


SETTINGS = settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def with_seeds(test: Any) -> Any:
    for seed in SEEDS:
        test = example(line=seed, max_size_bytes=1 << 20)(test)
    return example(line=SEEDS[2], max_size_bytes=1024)(test)


@SETTINGS
@given(line=lines(), max_size_bytes=st.sampled_from([1024, 1 << 20]))
@with_seeds
def test_no_event_vanishes(extractor_library: Any, line: str, max_size_bytes: int) -> None:
    """Its auditID is answered, or rules see an event that says that it could not be."""
    native = Native(extractor_library)
    host = FakeHost()
    frames = framer_of(host, lambda: 0.0, max_size_bytes).frame(log_event(line), [0])
    payloads = [payload for payload, _ in payloads_of(frames)]
    wanted: list[tuple[str | int, str | int | None]] = [
        ("ka.auditid", None),
        ("ka.truncated", None),
    ]
    assert host.counts[Metric.EVENTS_INVALID] == (1 if frames.unreadable or not payloads else 0)
    assert payloads or is_plainly_something_else(line)
    said_truncated = 0
    for payload in payloads:
        audit_id, truncated = native.call(native.new_event(payload), wanted)
        assert audit_id is not None or (native.unparsable() and truncated == ["true"])
        said_truncated += truncated == ["true"]
    assert not frames.unreadable or (audit_id, truncated) == (["unreadable-7"], ["true"])
    assert said_truncated >= frames.truncated + len(frames.unreadable)


@SETTINGS
@given(line=lines(), max_size_bytes=st.sampled_from([1024, 1 << 20]))
@with_seeds
def test_native_and_python_close_alike(
    extractor_library: Any, line: str, max_size_bytes: int
) -> None:
    """Of any text, from any place in it, and so in framing."""
    native = native_close(extractor_library)
    text = line.encode("utf-8", "replace")
    for start in {0, len(text) // 2, len(text)}:
        assert native(text, start) == close(text, start)
    framed = [
        frame(
            line,
            origin=Origin(cluster="prod"),
            close=one,
            event_id="7",
            timestamp_ms=TIME_MS,
            max_size_bytes=max_size_bytes,
        )
        for one in (native, close)
    ]
    assert framed[0] == framed[1]


def test_both_extractors_count_on_the_same_depth(extractor_library: Any) -> None:
    """What is closed at the limit can be parsed."""
    for closing in (native_close(extractor_library), close):
        found = closing(b'{"auditID":"a","x":' + b"[1," * (MAX_OPEN + 1))
        assert found is not None
        assert found.text.endswith(b"1" + b"]" * (MAX_OPEN - 1) + b"}")
        native = Native(extractor_library)
        assert native.extract(found.text, "ka.truncated") == ["false"]
        assert native.unparsable() == 0


@pytest.mark.parametrize(
    "text",
    [
        START + '","x":' + "[1," * (1 << 18),
        START + '","x":' + "[" * (1 << 20),
        START + '","x":[' + "1," * (1 << 19),
        START + '","x":"' + '\\"' * (1 << 19),
        START + '","x":' + '{"":' * (1 << 18),
        START + "\\u003c" * (1 << 17),
        START + '","x":1' + " " * (1 << 20),
    ],
    ids=lambda text: text[len(START) : len(START) + 12],
)
def test_a_megabyte_is_closed_as_the_oracle_does(extractor_library: Any, text: str) -> None:
    """The lines that cost Python half a second each."""
    assert native_close(extractor_library)(text.encode()) == close(text.encode())


def test_the_plugin_does_without_the_oracle() -> None:
    """Nothing that is loaded into a host closes JSON in Python, which would take the GIL."""
    code = (
        "import sys, k8saudit_eks.plugin, k8saudit_eks.sources.cloudwatch.source, "
        "k8saudit_eks.sources.replay.source; sys.exit('k8saudit_eks.repair' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_one_unreadable_event_a_second() -> None:
    """Whoever makes lines unreadable can't drown others; all of them are counted."""
    now_s = 0.0
    host = FakeHost()
    framer = framer_of(host, lambda: now_s, 1 << 20)
    said = []
    for number in range(40):
        now_s = number / 10
        frames = framer.frame(log_event("I1123 no audit event", str(number)), [0])
        said += [json.loads(payload)["auditID"] for payload, _ in payloads_of(frames)]
        # Nor does a good one, for which nothing is made up, use up the next second's.
        good = framer.frame(log_event(START + END, "good"), [0])
        assert (good.events_of, good.unreadable) == ([1], [])
    assert said == ["unreadable-0", "unreadable-10", "unreadable-20", "unreadable-30"]
    assert host.counts == {Metric.EVENTS_INVALID: 40}


def test_the_reference_reads_as_far_as_the_native_extractor(extractor_library: Any) -> None:
    """Of each seed as a payload, and of each cut of one, both answer the same."""
    wanted: list[tuple[str, Any]] = [
        *((name, None) for name in ("ka.auditid", "ka.truncated", "ka.stage", "ka.level")),
        ("ka.value", ""),
    ]
    native = Native(extractor_library)
    short = SEEDS[0]
    cuts = [short[:end] for end in range(len(short))]
    seeds = [seed for seed in SEEDS if "[" * 900 not in seed and '{"a":' * 900 not in seed]
    for seed in [*seeds, *cuts]:
        payload = seed.encode("utf-8", "surrogatepass")
        expected = {pair: Event(payload).extract(*pair) for pair in wanted}
        assert native.everything(payload, wanted) == expected
