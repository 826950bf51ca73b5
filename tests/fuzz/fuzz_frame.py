"""An atheris target: any text as a log line, framed and, where it is damaged, repaired.

    python tests/fuzz/fuzz_frame.py [--seconds 60 | --runs N] [--seed N]

What must hold for every line: framing never raises; each payload is UTF-8 JSON whose
first member is the envelope and which has an auditID; its time fits the host's 64
bits; and what was whole in a cut line is there.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import atheris

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "src"))

with atheris.instrument_imports(include=["k8saudit_eks"]):
    from k8saudit_eks.audit import TRUNCATED_SUFFIX, Origin, frame
    from k8saudit_eks.repair import repair

from fuzz import MAX_LEN_BYTES, write_seeds  # noqa: E402 - the path above comes first

ORIGIN = Origin(cluster="prod", region="eu-west-1", log_group="/aws/eks/prod/cluster")


def first_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        members.setdefault(name, value)
    return members


def check_frame(line: str, max_size_bytes: int | None) -> None:
    for framed in frame(
        line,
        origin=ORIGIN,
        event_id="1",
        timestamp_ms=1_767_225_600_000,
        max_size_bytes=max_size_bytes,
    ):
        assert 0 <= framed.time_ns < 2**63
        assert framed.payload.startswith(b'{"k8saudit_eks":{"cluster":"prod",')
        text = framed.payload.decode("utf-8")
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
        assert bool(event["k8saudit_eks"].get("truncated")) == framed.truncated


def check_repair(text: str) -> None:
    repaired = repair(text)
    if repaired is None:
        return
    assert text.lstrip().startswith(repaired.text.rstrip("]}")), "only closers are added"
    try:
        members = json.loads(repaired.text, object_pairs_hook=first_wins)
    except RecursionError:
        return
    for name, value in repaired.members.items():
        assert members[name] == value


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
    check_repair(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "fuzz")
    asked = parser.parse_args()
    bound = f"-max_total_time={asked.seconds}" if asked.runs is None else f"-runs={asked.runs}"
    write_seeds(asked.folder / "seeds")
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
