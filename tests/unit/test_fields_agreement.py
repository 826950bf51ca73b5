"""The native extractor against the reference extractor: the same answers to everything."""

from __future__ import annotations

from typing import Any

from extractor import Event
from fields_strategies import payloads, questions
from hypothesis import HealthCheck, given, settings
from native_extract import TIME_NS, Native


@settings(
    max_examples=150,
    deadline=None,  # compilers and other tests run beside
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(payload=payloads(), wanted=questions)
def test_same_answers(extractor_library: Any, payload: bytes, wanted: Any) -> None:
    """All fields with all kinds of arguments over generated and damaged events agree."""
    native = Native(extractor_library)
    reference = Event(payload, TIME_NS)
    answers = native.everything(payload, wanted)
    expected = {(name, arg): reference.extract(name, arg) for name, arg in wanted}
    assert answers == expected
    assert native.unparsable() == (0 if reference.is_parsable else 1)
    at_once = native.call(native.new_event(payload), wanted)
    assert at_once == [expected[pair] for pair in wanted]
