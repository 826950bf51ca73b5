"""An atheris target: any text as a log line, framed by the oracle and by the native code.

    python tests/fuzz/fuzz_frame.py [--seconds 60 | --runs N] [--seed N]

What must hold for every line: framing never raises; each payload is UTF-8 whose first
member is the envelope, and its auditID is answered, also where the fast path looked at no
more than both ends; it is JSON otherwise; its time fits the host's 64 bits; what was whole
in a cut line is there. Something comes of every line but a blank one and a whole object.
The native framing gives the same as the oracle, also of a document that holds the line.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import atheris

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
sys.path[:0] = [str(ROOT / "src"), *(str(TESTS / name) for name in ("native", "reference", "unit"))]

with atheris.instrument_imports(include=["k8saudit_eks"]):
    from document import TooDeepError
    from extractor import Event
    from framing import TRUNCATED_SUFFIX, Origin, frame
    from repair import close

    from k8saudit_eks.log_events import message_bytes

from frames_agreement import agree  # noqa: E402 - the paths above come first

from fuzz import MAX_LEN_BYTES, TARGETS, write_seeds  # noqa: E402 - the same

ORIGIN = Origin(cluster="prod", region="eu-west-1", log_group="/aws/eks/prod/cluster")


def first_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        members.setdefault(name, value)
    return members


def check_frame(line: str, max_size_bytes: int | None) -> None:
    events = frame(
        line,
        origin=ORIGIN,
        close=close,
        event_id="1",
        timestamp_ms=1_767_225_600_000,
        max_size_bytes=max_size_bytes,
    )
    blanks = "\ufeff \t\r\n"
    assert events or not line.strip(blanks) or line.strip(blanks)[-1] == "}"
    for framed in events:
        assert 0 <= framed.time_ns < 2**63
        assert framed.payload.startswith(b'{"k8saudit_eks":{"cluster":"prod",')
        text = framed.payload.decode("utf-8")
        try:
            (audit_id,) = Event(framed.payload).extract("ka.auditid") or [None]
            assert audit_id is not None
            assert not framed.unreadable or audit_id == "unreadable-1"
        except TooDeepError:
            pass
        try:
            event = json.loads(text, object_pairs_hook=first_wins)
        except RecursionError:
            continue
        except ValueError:
            # The fast path looks at both ends of a line and its time only; the
            # extractor meets what is wrong between them, and counts it.
            assert not framed.truncated
            continue
        assert next(iter(event)) == "k8saudit_eks"
        assert isinstance(event.get("auditID"), str)
        told = framed.truncated or framed.unreadable
        assert bool(event["k8saudit_eks"].get("truncated")) == told


def check_close(text: bytes) -> None:
    closed = close(text)
    if closed is None:
        return
    kept = text[: closed.end].lstrip(b" \t\r\n")
    assert closed.text.startswith(kept), "only closers are added"
    assert set(closed.text[len(kept) :]) <= set(b'"]}')
    try:
        members = json.loads(closed.text, object_pairs_hook=first_wins)
    except RecursionError:
        return
    for name, value in closed.members.items():
        assert members[name] == value if value is not None else not isinstance(members[name], str)


def is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def one_input(data: bytes) -> None:
    # Lone surrogates reach us through JSON's escapes; other bytes can not.
    text = data.decode("utf-8", "surrogatepass" if is_text(data) else "replace")
    check_frame(text, None)
    check_frame(text + TRUNCATED_SUFFIX, None)
    check_frame(text, 1024)
    agree(message_bytes(text))
    agree(message_bytes(text + TRUNCATED_SUFFIX))
    agree(message_bytes(text), max_size_bytes=1024)
    check_close(text.encode("utf-8", "replace"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "fuzz")
    asked = parser.parse_args()
    bound = f"-max_total_time={asked.seconds}" if asked.runs is None else f"-runs={asked.runs}"
    write_seeds(TARGETS["extract"], asked.folder / "seeds")
    corpus = asked.folder / "lines"
    corpus.mkdir(exist_ok=True)
    options = [
        f"-max_len={MAX_LEN_BYTES}",
        f"-artifact_prefix={asked.folder}/",
        f"-seed={asked.seed}",
    ]
    atheris.Setup(
        [sys.argv[0], bound, *options, str(corpus), str(asked.folder / "seeds")], one_input
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
