"""The native extractor, asked through its C interface."""

from __future__ import annotations

import json
from typing import Any

import pytest
from native_extract import FFI, FIELD_IDS, TIME_NS, ExtractError, Key, Native, plugin_event


def audit_event(**members: Any) -> bytes:
    """A payload with an auditID and these members."""
    return json.dumps({"auditID": "a-1", **members}).encode()


def pod(**spec: Any) -> bytes:
    return audit_event(objectRef={"resource": "pods"}, requestObject={"spec": spec})


def test_fields_json_is_the_table(extractor_library: Any) -> None:
    """The JSON for the host lists every field, in the order of their ids."""
    rows = json.loads(FFI.string(extractor_library.kae_fields_json))
    assert [row["name"] for row in rows] == list(FIELD_IDS)
    assert len(rows) == 148


def test_several_fields_in_one_call(native: Native) -> None:
    """Each field's values are its own, also where lists, texts and numbers mix."""
    payload = audit_event(
        verb="create",
        user={"groups": ["a", "b"]},
        responseStatus={"code": 403},
        stageTimestamp="2026-01-01T00:00:01.250000Z",
        requestReceivedTimestamp="2026-01-01T00:00:00.000000Z",
    )
    wanted: list[tuple[str | int, Key]] = [
        ("ka.user.groups", None),
        ("ka.duration_ms", None),
        ("ka.target.name", None),
        ("ka.response.code", None),
        ("ka.verb", None),
        ("ka.value", "/user"),
    ]
    assert native.call(native.new_event(payload), wanted) == [
        ["a", "b"],
        [1250],
        None,
        ["403"],
        ["create"],
        ['{"groups":["a","b"]}'],
    ]


def test_no_field_at_all(native: Native) -> None:
    """A call without fields is no error."""
    assert native.call(native.new_event(audit_event()), []) == []


def test_unknown_field_id_is_refused(native: Native) -> None:
    """A field id out of range fails the call with a sentence; the next call works."""
    event = native.new_event(audit_event(verb="get"))
    with pytest.raises(ExtractError, match="asked for field 148, but there are only 148"):
        native.call(event, [("ka.verb", None), (148, None)])
    assert native.call(event, [("ka.verb", None)]) == [["get"]]
    assert native.error() == ""


def test_missing_key_is_refused(native: Native) -> None:
    """A field whose key is required fails without one."""
    with pytest.raises(ExtractError, match=r"ka\.uri\.param needs a key in brackets"):
        native.extract(audit_event(), "ka.uri.param")


@pytest.mark.parametrize("payload", [b'{"verb":"get"}', b'{"auditID":null,"verb":"get"}', b"[1]"])
def test_without_audit_id_only_truncated_has_a_value(native: Native, payload: bytes) -> None:
    """JSON that is no audit event is counted, and rules see that something came."""
    event = native.new_event(payload)
    assert native.call(event, [("ka.verb", None)]) == [None]
    assert native.call(event, [("ka.req.binding.subject.has_name", "x")]) == [None]
    assert native.call(event, [("ka.verb", None), ("ka.truncated", None)]) == [None, ["true"]]
    assert native.unparsable() == 1


class TestCache:
    """Nothing is ever answered from another event."""

    PAYLOADS = (audit_event(verb="get"), audit_event(verb="put"))

    def memory(self, payload: bytes, time_ns: int = TIME_NS) -> Any:
        return FFI.new("char[]", plugin_event(payload, time_ns))

    def verb(self, native: Native, memory: Any, evtnum: int) -> Any:
        return native.call(native.input(memory, evtnum), [("ka.verb", None)])[0]

    def overwrite(self, memory: Any, payload: bytes, time_ns: int = TIME_NS) -> None:
        FFI.memmove(memory, plugin_event(payload, time_ns), len(plugin_event(payload)))

    def test_same_number_other_address(self, native: Native) -> None:
        """An event number that comes again with another address is another event."""
        first, second = (self.memory(payload) for payload in self.PAYLOADS)
        assert self.verb(native, first, 1) == ["get"]
        assert self.verb(native, second, 1) == ["put"]

    def test_same_address_other_number(self, native: Native) -> None:
        """Memory used again for the next event is another event."""
        memory = self.memory(self.PAYLOADS[0])
        assert self.verb(native, memory, 1) == ["get"]
        self.overwrite(memory, self.PAYLOADS[1])
        assert self.verb(native, memory, 2) == ["put"]

    def test_same_address_and_number_other_time(self, native: Native) -> None:
        """The event's time tells events apart too."""
        memory = self.memory(self.PAYLOADS[0])
        assert self.verb(native, memory, 1) == ["get"]
        self.overwrite(memory, self.PAYLOADS[1], TIME_NS + 1)
        assert self.verb(native, memory, 1) == ["put"]

    def test_same_address_number_and_time_other_length(self, native: Native) -> None:
        """The event's length tells events apart too."""
        memory = FFI.new("char[]", 4096)
        self.overwrite(memory, self.PAYLOADS[0])
        assert self.verb(native, memory, 1) == ["get"]
        self.overwrite(memory, audit_event(verb="patch"))
        assert self.verb(native, memory, 1) == ["patch"]

    def test_everything_the_same_after_reset(self, native: Native) -> None:
        """After open or close, equal addresses, numbers, times and lengths mean nothing."""
        memory = self.memory(self.PAYLOADS[0])
        assert self.verb(native, memory, 1) == ["get"]
        native.reset()
        self.overwrite(memory, self.PAYLOADS[1])
        assert self.verb(native, memory, 1) == ["put"]

    def test_event_after_a_broken_one(self, native: Native) -> None:
        """An event that can't be parsed leaves nothing behind, and is counted once."""
        good, bad = native.new_event(self.PAYLOADS[0]), native.new_event(b'{"auditID":"x"')
        wanted: list[tuple[str | int, Key]] = [("ka.verb", None)]
        assert native.call(good, wanted) == [["get"]]
        assert native.call(bad, wanted) == [None]
        assert native.call(bad, wanted) == [None]
        assert native.unparsable() == 1
        assert native.call(good, wanted) == [["get"]]

    def test_the_same_field_again(self, native: Native) -> None:
        """A field asked again and again of one event has the same answer, whatever it is."""
        payload = audit_event(
            verb="get", user={"username": "a\0b", "uid": 7}, userAgent=["x"], stage=None
        )
        event = native.new_event(payload)
        wanted: dict[str, list[str] | None] = {
            "ka.verb": ["get"],
            "ka.user.name": ["a\ufffdb"],
            "ka.user.uid": ["7"],
            "ka.useragent": ['["x"]'],
            "ka.stage": None,
            "ka.target.name": None,
        }
        for _ in range(3):
            for name, values in wanted.items():
                assert native.call(event, [(name, None)]) == [values], name

    def test_a_field_that_the_next_event_lacks(self, native: Native) -> None:
        """The text of the last event's field is not that of this one's."""
        user = {"username": "a", "uid": "u"}
        first = native.new_event(audit_event(verb="get", user=user))
        second = native.new_event(audit_event(user={"username": "b"}))
        wanted = [("ka.verb", None), ("ka.user.uid", None), ("ka.user.name", None)]
        answers = [native.call(event, [one])[0] for event in (first, second) for one in wanted]
        assert answers == [["get"], ["u"], ["a"], None, None, ["b"]]

    @pytest.mark.parametrize("member", ["len_bytes", "type", "nparams", "payload_len_bytes"])
    def test_a_header_that_was_overwritten(self, native: Native, member: str) -> None:
        """The event that was asked about before is no longer there when its header is not."""
        memory = self.memory(self.PAYLOADS[0])
        assert self.verb(native, memory, 1) == ["get"]
        event = FFI.cast("struct kae_abi_plugin_event *", memory)
        setattr(event, member, 1)
        assert self.verb(native, memory, 1) is None

    def test_same_event_again(self, native: Native) -> None:
        """Going back to an event that was asked about before parses it again."""
        first, second = (native.new_event(payload) for payload in self.PAYLOADS)
        wanted: list[tuple[str | int, Key]] = [("ka.verb", None)]
        answers = [native.call(event, wanted)[0] for event in (first, second, first, second)]
        assert answers == [["get"], ["put"], ["get"], ["put"]]


@pytest.mark.parametrize(
    "header",
    [
        {"type": 323},
        {"nparams": 3},
        {"id_len_bytes": 8},
        {"payload_len_bytes": 10_000},
        {"payload_len_bytes": 2**32 - 1},
        {"len_bytes": 37},
        {"len_bytes": 0},
    ],
)
def test_header_that_does_not_fit(native: Native, header: dict[str, int]) -> None:
    """An event whose header is not that of a whole plugin event gives no values."""
    event = native.new_event(audit_event(verb="get"), **header)
    assert native.call(event, [("ka.verb", None)]) == [None]
    assert native.unparsable() == 0


def test_no_event_at_all(native: Native) -> None:
    """An input without an event gives no values."""
    assert native.call(native.input(FFI.NULL, 1), [("ka.verb", None)]) == [None]


def test_a_header_is_checked_in_full_at_each_call(native: Native) -> None:
    """What is no plugin event any more is not answered from the event that it was."""
    memory = FFI.from_buffer(bytearray(plugin_event(b'{"auditID":"a","verb":"get"}')))
    header = FFI.cast("struct kae_abi_plugin_event *", memory)
    event = native.input(memory, 1)
    assert native.call(event, [("ka.verb", None)]) == [["get"]]
    header.id_len_bytes = 8
    assert native.call(event, [("ka.verb", None)]) == [None]
    header.id_len_bytes = 4
    assert native.call(event, [("ka.verb", None)]) == [["get"]]
