"""The small host in Python: its declarations are the header's, and it keeps the ABI's rules."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from k8saudit_eks.errors import PluginError
from k8saudit_eks.library_host import Handle, Library
from k8saudit_eks.library_host.abi import EXPORTS, ffi

ROOT = Path(__file__).resolve().parents[2]
BATCH_EVENTS = 128  # csrc/queue/queue.h

EVENT = {
    "kind": "Event",
    "apiVersion": "audit.k8s.io/v1",
    "auditID": "1",
    "verb": "create",
    "requestURI": "/api/v1/pods?limit=5",
    "objectRef": {"resource": "pods"},
    "user": {"username": "ä\U0001f600", "groups": ["a", "b"]},
    "responseStatus": {"code": 201},
    "requestObject": {"spec": {"containers": [{"image": "nginx"}, {"image": "redis:7"}]}},
    "stageTimestamp": "2026-11-23T04:01:02.003004Z",
}
TIME_NS = 1_795_406_462_003_004_000


class Log(list[tuple[int, str]]):
    """Takes what the plugin logs."""

    def __call__(self, severity: int, text: str) -> None:
        self.append((severity, text))


@pytest.fixture(scope="module")
def library() -> Library:
    return Library(ROOT / "build" / "libk8saudit-eks.so")


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def handle(library: Library, log: Log) -> Iterator[Handle]:
    with library.init(log=log) as made:
        yield made


def replay(folder: Path, *lines: object) -> str:
    """open_params for a file with these events."""
    path = folder / "events.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return f"file://{path}"


def numbered(count: int) -> Iterator[dict[str, object]]:
    return ({**EVENT, "auditID": str(n)} for n in range(count))


def test_every_structure_is_laid_out_as_in_c() -> None:
    """Size and offsets, as the compiler sees them in the header itself."""
    typedefs, structs, _unions = ffi().list_types()
    assert "kae_abi_log_fn" in typedefs
    declared = set(
        re.findall(r"^struct (\w+) \{", (ROOT / "csrc/abi/falco_abi.h").read_text(), re.M)
    )
    assert declared == set(structs)
    claims = []
    for name in structs:
        kind = ffi().typeof(f"struct {name}")
        claims.append(f"sizeof(struct {name}) == {ffi().sizeof(kind)}")
        claims += [
            f"offsetof(struct {name}, {member}) == {field.offset}" for member, field in kind.fields
        ]
    source = '#include <stddef.h>\n#include "abi/falco_abi.h"\n'
    source += "".join(f'_Static_assert({claim}, "{claim}");\n' for claim in claims)
    command = ["gcc", "-std=c11", "-fsyntax-only", f"-I{ROOT / 'csrc'}", "-xc", "-"]
    ran = subprocess.run(command, input=source, text=True, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_every_export_is_declared_as_it_is_defined() -> None:
    """Word by word: C checks no caller that finds its functions by name."""
    defined = " ".join((ROOT / "csrc/abi/exports.c").read_text().split())
    prototypes = [" ".join(text.split()) for text in EXPORTS.split(";")]
    for prototype in filter(None, prototypes):
        assert f"KAE_EXPORT {prototype} {{" in defined


def test_fields_are_answered_as_the_host_gets_them(handle: Handle, tmp_path: Path) -> None:
    """Texts, numbers, lists, one element of a list, keys; None for no value."""
    extraction = handle.extraction(
        [
            ("ka.user.name", None),
            ("ka.response.code", None),
            ("ka.user.groups", None),
            ("ka.req.pod.containers.image", 1),
            ("ka.uri.param", "limit"),
            ("ka.uri.param", "watch"),
        ]
    )
    with handle.open(replay(tmp_path, EVENT)) as instance:
        (event,) = next(batch for batch in instance.batches() if batch)
        assert extraction.of(event) == ["ä\U0001f600", "201", ["a", "b"], ["redis:7"], "5", None]
        assert event.time_ns == TIME_NS
        assert json.loads(event.payload) == {"k8saudit_eks": {}, **EVENT}


def test_nothing_can_be_asked_for(handle: Handle, tmp_path: Path) -> None:
    """An empty list of fields has an empty list of answers."""
    with handle.open(replay(tmp_path, EVENT)) as instance:
        assert [handle.extraction([]).of(event) for event in instance] == [[]]


def test_events_come_in_order_over_many_batches(handle: Handle, tmp_path: Path) -> None:
    """Each with its own answers, though numbers and memory are used again."""
    extraction = handle.extraction([("ka.auditid", None)])
    count = 3 * BATCH_EVENTS
    with handle.open(replay(tmp_path, *numbered(count))) as instance:
        assert [extraction.of(event) for event in instance] == [[str(n)] for n in range(count)]


def test_several_instances_of_one_handle_follow_each_other(handle: Handle, tmp_path: Path) -> None:
    """The second's events are not taken for the first's."""
    extraction = handle.extraction([("ka.auditid", None)])
    answers = []
    for audit_id in ("a", "b"):
        with handle.open(replay(tmp_path, {**EVENT, "auditID": audit_id})) as instance:
            answers += [extraction.of(event) for event in instance]
    assert answers == [["a"], ["b"]]


def test_closing_in_the_middle_ends_the_iteration(handle: Handle, tmp_path: Path) -> None:
    """Without a call on what is closed; and closing again does nothing."""
    instance = handle.open(replay(tmp_path, *numbered(3 * BATCH_EVENTS)))
    batches = instance.batches()
    while not next(batches):
        pass
    instance.close()
    instance.close()
    assert list(batches) == []


def test_an_event_that_is_gone_can_not_be_asked(handle: Handle, tmp_path: Path) -> None:
    """The library has freed it; after the next batch, and after close."""
    extraction = handle.extraction([("ka.auditid", None)])
    with handle.open(replay(tmp_path, EVENT)) as instance:
        (event,) = instance
        with pytest.raises(ValueError, match="gone"):
            extraction.of(event)
    with handle.open(replay(tmp_path, EVENT)) as instance:
        (event,) = next(batch for batch in instance.batches() if batch)
    with pytest.raises(ValueError, match="gone"):
        _ = event.payload


def test_a_handle_closes_its_instances(library: Library, tmp_path: Path) -> None:
    """In the order that the ABI asks for, also when the block ends with an error."""
    with pytest.raises(KeyError), library.init() as handle:  # noqa: PT012 - the block's end is it
        instance = handle.open(replay(tmp_path, EVENT))
        raise KeyError
    assert list(instance) == []


def test_the_plugin_logs_to_the_host(handle: Handle, log: Log, tmp_path: Path) -> None:
    """A line with its severity."""
    with handle.open(replay(tmp_path, EVENT, "rubbish")) as instance:
        assert len(list(instance)) == 1
    assert [(severity, text) for severity, text in log if severity == 4 and "line 2" in text]


@pytest.mark.parametrize(
    ("config", "part"), [("no: such key", "no"), ("[", "init_config"), ("a\0b", "a")]
)
def test_a_refused_configuration_is_a_sentence(library: Library, config: str, part: str) -> None:
    """The plugin's own."""
    with pytest.raises(PluginError, match=part):
        library.init(config)


def test_a_refused_opening_is_a_sentence(handle: Handle, tmp_path: Path) -> None:
    """The plugin's own; the handle can open something else."""
    with pytest.raises(PluginError, match="does not exist"):
        handle.open(f"file://{tmp_path}/none")
    with handle.open(replay(tmp_path, EVENT)) as instance:
        assert len(list(instance)) == 1


def test_an_unknown_field_is_refused(handle: Handle) -> None:
    """The library is another than the command expects."""
    with pytest.raises(PluginError, match=r"ka\.none"):
        handle.extraction([("ka.none", None)])


def test_a_refused_extraction_is_a_sentence(handle: Handle, tmp_path: Path) -> None:
    """The plugin's own."""
    extraction = handle.extraction([("ka.uri.param", None)])
    with handle.open(replay(tmp_path, EVENT)) as instance:
        (event,) = next(batch for batch in instance.batches() if batch)
        with pytest.raises(PluginError, match=r"ka\.uri\.param"):
            extraction.of(event)


def test_what_is_no_plugin_library_is_refused(tmp_path: Path) -> None:
    """A file that is none, and a library without the exports."""
    (tmp_path / "text.so").write_text("text")
    subprocess.run(["gcc", "-shared", "-xc", "/dev/null", "-o", tmp_path / "empty.so"], check=True)
    for name in ("none.so", "text.so", "empty.so"):
        with pytest.raises(PluginError, match="can't be loaded"):
            Library(tmp_path / name)
