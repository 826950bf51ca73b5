"""Events that a strict JSON parser refuses, or that are large or deep: nothing is hidden."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from closed_json import MAX_OPEN
from extractor import Event, extract
from fields_golden import events
from framing import Origin, frame
from native_build import ASAN
from native_extract import Key, Native, build_driver
from repair import close

# Deeper than Kubernetes accepts (10,000, the limit of Go's encoding/json).
DEEPEST = 10_000


def with_user(name: bytes) -> bytes:
    """An event whose user name is these raw bytes between quotes."""
    return b'{"auditID":"a","user":{"username":"' + name + b'"},"verb":"get"}'


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"a\xffb", "a\ufffdb"),
        (b"a\xc3", "a\ufffd"),
        (b"a\xe2\x82b", "a\ufffdb"),
        (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),
        (b"\xf0\x9f\x98", "\ufffd"),
        (b"\xc0\xaf", "\ufffd\ufffd"),
        (b"a\0b", "a\ufffdb"),
        (b"a\nb\x1f", "a\ufffdb\ufffd"),
        (b"a\\u0000b", "a\ufffdb"),
        (b"a\\ud800b", "a\ufffdb"),
        (b"\\udc00", "\ufffd"),
        (b"\\ud800\\u0041", "\ufffdA"),
        (b"\\ud800\\ue000", "\ufffd\ue000"),
        (b"\\ud83d\\ude00\\ud83d", "\U0001f600\ufffd"),
        (b"\\ud83d\\ude00", "\U0001f600"),
        (b"C:\\\\udd\\\\ud800", "C:\\udd\\ud800"),
    ],
)
def test_damaged_string_is_shown(native: Native, raw: bytes, shown: str) -> None:
    """What can't be shown becomes U+FFFD, the rest of the value and other fields stay."""
    payload = with_user(raw)
    assert native.extract(payload, "ka.user.name") == [shown]
    assert native.extract(payload, "ka.verb") == ["get"]
    assert extract(payload, "ka.user.name") == [shown]
    assert native.unparsable() == 0


@pytest.mark.parametrize("payload", [b"\xef\xbb\xbf", b"\0", b" \0\t"])
def test_bytes_around_the_event_are_passed_over(native: Native, payload: bytes) -> None:
    """A byte order mark or control characters beside the JSON hide nothing."""
    assert native.extract(payload + with_user(b"x"), "ka.user.name") == ["x"]


@pytest.mark.parametrize(
    "payload",
    [b"", b" ", b"null", b'{"auditID":', b"{auditID:1}", b'"\\', b"\xff{}", b"{}", b"[" * 20_000],
)
def test_of_what_is_no_json_only_truncated_is_answered(native: Native, payload: bytes) -> None:
    """No other value, no error, and the next event is read."""
    wanted: list[tuple[str | int, Key]] = [("ka.auditid", None), ("ka.truncated", None)]
    assert native.call(native.new_event(payload), wanted) == [None, ["true"]]
    assert native.unparsable() == 1
    event = Event(payload)
    assert [event.extract(str(name)) for name, _ in wanted] == [None, ["true"]]
    assert not event.is_parsable
    assert native.extract(with_user(b"x"), "ka.user.name") == ["x"]


@pytest.mark.parametrize(
    ("literal", "shown"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("1.50", "1.5"),
        ("100.0", "100"),
        ("1e3", "1000"),
        ("0.000001", "0.000001"),
        ("1e-7", "1e-7"),
        ("1E21", "1e+21"),
        ("123456789012345680000.0", "123456789012345680000"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ("5e-324", "5e-324"),
        ("1e-999", "0"),
        ("9223372036854775808", "9223372036854775808"),
        ("18446744073709551615", "18446744073709551615"),
        ("18446744073709551616", "18446744073709551616"),
        ("-9223372036854775809", "-9223372036854775809"),
        ("1" + "0" * 400, "1" + "0" * 400),
        ("-1e999", "-1e999"),
        ("0.0000001e400", "0.0000001e400"),
        ("1e9223372036854775807", "1e9223372036854775807"),
        ("0.1e9223372036854775807", "0.1e9223372036854775807"),
        ("12e9223372036854775808", "12e9223372036854775808"),
        ("0.01e-9223372036854775808", "0"),
        ("-1e-9223372036854775809", "0"),
        ("-1e-999", "0"),
    ],
)
def test_numbers(native: Native, literal: str, shown: str) -> None:
    """As Go's encoding/json writes them; what no 64-bit type holds keeps its text."""
    payload = b'{"auditID":"a","responseStatus":{"code":%s}}' % literal.encode()
    assert native.extract(payload, "ka.response.code") == [shown]
    assert native.extract(payload, "ka.value", "/responseStatus") == [f'{{"code":{shown}}}']
    assert extract(payload, "ka.response.code") == [shown]


def test_no_string_can_pose_as_a_number(native: Native) -> None:
    """The mark of numbers that are too large, written by an attacker, marks nothing."""
    payload = (
        b'{"auditID":"a","verb":"\xef\xb7\x907","stage":"\\ufdd07","level":1e999,'
        b'"objectRef":{"name":"\xef\xb7\x90"}}'
    )
    found = [native.extract(payload, name) for name in ("ka.verb", "ka.stage", "ka.level")]
    assert found == [["\ufffd7"], ["\ufffd7"], ["1e999"]]
    assert native.extract(payload, "ka.value", "/objectRef") == ['{"name":"\ufffd"}']


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_deep_nesting(native: Native, opening: str, closing: str) -> None:
    """An event as deep as Kubernetes lets it be is read and written without recursion."""
    deep = opening * DEEPEST + "1" + closing * DEEPEST
    payload = f'{{"auditID":"a","requestObject":{{"spec":{deep}}},"verb":"get"}}'.encode()
    assert native.extract(payload, "ka.verb") == ["get"]
    assert native.extract(payload, "ka.value", "/requestObject/spec") == [deep]
    assert native.unparsable() == 0


def test_too_deep_is_cut(native: Native) -> None:
    """Beyond what is read, and no level before, an event is answered up to there."""
    for depth, is_cut in ((MAX_OPEN - 1, False), (MAX_OPEN, True), (20_000, True)):
        deep = "[" * depth + "1" + "]" * depth
        payload = f'{{"auditID":"a","verb":"get","x":{deep},"stage":"s"}}'.encode()
        assert native.extract(payload, "ka.verb") == ["get"]
        assert native.extract(payload, "ka.stage") == (None if is_cut else ["s"])
        assert native.extract(payload, "ka.truncated") == ["true" if is_cut else "false"]
    assert native.unparsable() == 6


@pytest.mark.parametrize(
    "offending",
    [
        b"",
        b"01",
        b"1e",
        b"9" * 400 + b"x",
        b"1e999",
        b"+1",
        b"Infinity",
        b"nul",
        b'"\\q"',
        b'"\\\xff"',
        b'"unclosed',
        b"\xff",
        b"}",
        b"{]",
        b"[1,",
        b"[1,]",
        b'{"a":1,}',
        b'{"a"}',
        b"[" * 20_000,
    ],
)
def test_an_event_is_cut_before_the_token_that_offends(native: Native, offending: bytes) -> None:
    """The envelope and every member before it are answered, and that it is cut."""
    payload = (
        b'{"k8saudit_eks":{"cluster":"prod"},"auditID":"a","user":{"username":"bob"},'
        b'"requestObject":{"spec":{"x":{"y":"\xff"},"z":%s' % offending
    )
    expected = {
        "ka.cluster.name": ["prod"],
        "ka.user.name": ["bob"],
        "ka.truncated": ["true"],
        "ka.auditid": ["a"],
    }
    event, reference = native.new_event(payload), Event(payload)
    for name, values in expected.items():
        assert native.call(event, [(name, None)]) == [values]
    shown = native.call(event, [("ka.value", "/requestObject/spec/x")])
    assert shown == [['{"y":"\ufffd"}']]
    assert native.unparsable() == 1
    whole = [("ka.value", ""), *((name, None) for name in expected)]
    assert native.call(event, whole) == [reference.extract(name, key) for name, key in whole]


@pytest.mark.parametrize("end", [b"", b"x", b"\xc3", b"\\u00", b"\\", b"\\q", b'\\ud83d"'])
def test_a_cut_inside_the_audit_id_closes_it(native: Native, end: bytes) -> None:
    """Nobody hides an event by an ID that is too long for its line."""
    payload = b'{"k8saudit_eks":{"cluster":"prod"},"level":"Metadata","auditID":"a' + end
    event = native.new_event(payload)
    ((audit_id,), level) = native.call(event, [("ka.auditid", None), ("ka.level", None)])  # type: ignore[misc]
    assert audit_id.startswith("a")
    assert level == ["Metadata"]
    assert native.call(event, [("ka.truncated", None)]) == [["true"]]
    assert Event(payload).extract("ka.auditid") == [audit_id]


def test_a_line_cut_behind_a_crafted_time_is_answered(native: Native) -> None:
    """It passes framing's fast path as whole; its fields and that it is cut are answered."""
    line = (
        '{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"a",'
        '"stage":"ResponseComplete","verb":"create","user":{"username":"mallory"},'
        '"responseStatus":{"code":201},"requestObject":{"a":{"x":1,'
        '"stageTimestamp":"2026-01-01T00:00:00.000000Z"}'
    )
    (framed,) = frame(line, origin=Origin(), close=close, timestamp_ms=1767225600000)
    assert not framed.truncated, "the fast path took it"
    event = native.new_event(framed.payload)
    names = ("ka.auditid", "ka.user.name", "ka.response.code", "ka.truncated")
    found = native.call(event, [(name, None) for name in names])
    assert found == [["a"], ["mallory"], ["201"], ["true"]]
    assert native.unparsable() == 1


def test_one_mebibyte(native: Native) -> None:
    """The largest event that CloudWatch Logs takes; also when it needs repair throughout."""
    size = 1024 * 1024
    plain = with_user(b"x" * size)
    assert native.extract(plain, "ka.user.name") == ["x" * size]
    damaged = with_user(b"\xff" * size)
    assert native.extract(damaged, "ka.user.name") == ["\ufffd" * size]
    assert native.extract(with_user(b"small"), "ka.user.name") == ["small"]


REPEATED = (
    b'{"auditID":"a","verb":"VERB","user":{"username":"y","username":"x","extra":{"arn":["1"],'
    b'"Arn":["2"]}},"objectRef":{"resource":"pods","resource":"secrets","resource":null},'
    b'"requestObject":{"a":1,"b":{"c":1,"c":2,"d":[{"e":1,"f":2,"e":3}],"c":4},"a":2,"a":3,'
    b'"spec":{"volumes":[{"name":"v","hostPath":{"path":"/"},"secret":null,"hostPath":1,'
    b'"secret":{}}]},"subjects":[{"kind":"User","kind":"Group","name":"n"}]}}'
)


def test_last_of_repeated_members_counts_in_a_patch(native: Native) -> None:
    """In paths, in filters, in pointers, in JSON texts and in lists of member names."""
    payload = REPEATED.replace(b"VERB", b"patch")
    assert native.extract(payload, "ka.user.name") == ["x"]
    assert native.extract(payload, "ka.user.arn") == ["2"]
    assert native.extract(payload, "ka.target.resource") is None
    assert native.extract(payload, "ka.req.binding.subjects.group_names") == ["n"]
    assert native.extract(payload, "ka.req.binding.subjects.user_names") is None
    assert native.extract(payload, "ka.req.pod.volumes.volume_type") == ["hostPath", "secret"]
    assert native.extract(payload, "ka.value", "/requestObject/a") == ["3"]
    (text,) = native.extract(payload, "ka.value", "/requestObject") or []
    assert str(text).startswith('{"b":{"d":[{"f":2,"e":3}],"c":4},"a":3,"spec"')


def test_first_of_repeated_members_counts_elsewhere(native: Native) -> None:
    """The API server writes the bodies of all other requests itself."""
    payload = REPEATED.replace(b"VERB", b"update")
    assert native.extract(payload, "ka.user.name") == ["y"]
    assert native.extract(payload, "ka.user.arn") == ["1"]
    assert native.extract(payload, "ka.target.resource") == ["pods"]
    assert native.extract(payload, "ka.req.binding.subjects.group_names") is None
    assert native.extract(payload, "ka.req.binding.subjects.user_names") == ["n"]
    assert native.extract(payload, "ka.req.pod.volumes.volume_type") == ["hostPath"]
    assert native.extract(payload, "ka.value", "/requestObject/a") == ["1"]
    (text,) = native.extract(payload, "ka.value", "/requestObject") or []
    assert str(text).startswith('{"a":1,"b":{"c":1,"d":[{"e":1,"f":2}]},"spec"')


def test_first_of_the_events_own_members_counts(native: Native) -> None:
    """Nothing behind the envelope can stand in for it, or for what comes before."""
    payload = (
        b'{"k8saudit_eks":{"cluster":"prod"},"auditID":"a","verb":"patch","verb":"delete",'
        b'"user":null,"user":{"username":"x"},"k8saudit_eks":{"cluster":"dev"}}'
    )
    assert native.extract(payload, "ka.verb") == ["patch"]
    assert native.extract(payload, "ka.user.name") is None
    assert native.extract(payload, "ka.cluster.name") == ["prod"]
    assert native.extract(payload, "ka.value", "/verb") == ["patch"]
    assert native.extract(payload, "ka.value", "/k8saudit_eks/cluster") == ["prod"]
    assert native.extract(payload, "ka.value", "") == [
        '{"k8saudit_eks":{"cluster":"prod"},"auditID":"a","verb":"patch","user":null}'
    ]


def test_many_repeated_members(native: Native) -> None:
    """An object of 50,000 members with one name is as good as one of one."""
    repeated = ",".join(f'"n":{n}' for n in range(50_000))
    for verb, value in (("patch", 49_999), ("create", 0)):
        payload = f'{{"auditID":"a","verb":"{verb}","requestObject":{{{repeated}}}}}'.encode()
        assert native.extract(payload, "ka.value", "/requestObject") == [f'{{"n":{value}}}']


DRIVER = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "extract/extract.h"
#include "extract/program.h"

/* Asks every field about every file, and reads every byte of every answer. */
int main(int argc, char **argv)
{
    struct kae_extractor *extractor = kae_extractor_new();
    unsigned long total = 0;
    static const char *const keys[] = {"", "/", "*", "/requestObject", "/user/groups/0", "command"};
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        fseek(file, 0, SEEK_END);
        size_t size = (size_t)ftell(file);
        rewind(file);
        struct kae_abi_plugin_event header = {{1, 2, 0, 322, 2}, 4, (uint32_t)size, 9};
        header.header.len_bytes = (uint32_t)(sizeof header + size);
        /* Exactly as large as the event: reading further is found out. */
        char *event = malloc(sizeof header + size);
        memcpy(event, &header, sizeof header);
        size_t got = fread(event + sizeof header, 1, size, file);
        fclose(file);
        struct kae_abi_event_input input = {(struct kae_abi_event *)(void *)event, (uint64_t)i, ""};
        for (uint32_t id = 0; got == size && id < kae_num_programs; id++) {
            for (uint32_t n = 0; n < sizeof keys / sizeof keys[0]; n++) {
                struct kae_abi_extract_field field = {0};
                field.field_id = id;
                field.arg_present = n != 0 || kae_programs[id].arg == KAE_ARG_KEY;
                field.arg_key = keys[n];
                field.arg_index = n;
                if (kae_extract(extractor, &input, &field, 1) != 0) {
                    return 1;
                }
                for (uint64_t v = 0; v < field.res_len; v++) {
                    total += kae_programs[id].shape == KAE_SHAPE_MILLISECONDS_AFTER_EVENT ||
                                     kae_programs[id].shape == KAE_SHAPE_MILLISECONDS_BETWEEN
                                 ? field.res.u64[v] != 0
                                 : strlen(field.res.str[v]);
                }
            }
        }
        free(event);
    }
    kae_extractor_free(extractor);
    printf("%lu\n", total);
    return 0;
}
"""


@pytest.mark.sanitizers
def test_clean_under_sanitizers(tmp_path: Path) -> None:
    """All fields of the corpus, whole, cut and damaged, without a finding of ASan or UBSan."""
    program = build_driver("damage", DRIVER, ASAN)
    files = []
    for path in events():
        compact = json.dumps(json.loads(path.read_bytes()), ensure_ascii=False).encode()
        variants = [compact, compact[: len(compact) // 2], compact[:-1] + b"\xff"]
        variants += [compact.replace(b"e", b"\xc3", 3), compact.replace(b"1", b"\\ud800", 2)]
        for number, variant in enumerate(variants):
            files.append(tmp_path / f"{path.stem}.{number}")
            files[-1].write_bytes(variant)
    finished = run([str(program), *map(str, files)])
    assert int(finished.stdout) > 100_000


def run(command: list[str]) -> subprocess.CompletedProcess[Any]:
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return finished
