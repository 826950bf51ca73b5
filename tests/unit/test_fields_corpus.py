"""The corpus and its golden files: both extractors say what a reviewer has read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fields_golden import EXPECTED, answers, as_page, events, label, questions, time_ns
from native_extract import Native

from k8saudit_eks.fields.table import FIELDS


def test_corpus_is_large_and_gives_every_field_a_value() -> None:
    """At least 60 events, and no field of the table goes unshown by them."""
    pages = [json.loads((EXPECTED / path.name).read_text("utf-8")) for path in events()]
    shown = {question.partition("[")[0] for page in pages for question in page}
    assert len(pages) >= 60
    assert {row.name for row in FIELDS} <= shown


def test_no_golden_file_without_its_event() -> None:
    """Events and golden files match one to one."""
    assert sorted(path.name for path in EXPECTED.glob("*.json")) == [p.name for p in events()]


@pytest.mark.parametrize("path", events(), ids=lambda path: path.stem)
def test_reference_gives_the_golden_values(path: Path) -> None:
    """python tests/unit/fields_golden.py --regenerate would change nothing."""
    assert as_page(answers(path.read_bytes())) == (EXPECTED / path.name).read_text("utf-8")


@pytest.mark.parametrize("path", events(), ids=lambda path: path.stem)
def test_native_gives_the_golden_values(native: Native, path: Path) -> None:
    """The native extractor says the same, and nothing about the other fields."""
    payload = path.read_bytes()
    wanted = list(questions())
    event = native.new_event(payload, time_ns(payload))
    found = zip(wanted, native.call(event, wanted), strict=True)
    answered = {label(*question): values for question, values in found if values is not None}
    assert answered == json.loads((EXPECTED / path.name).read_text("utf-8"))
