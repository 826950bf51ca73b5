"""The field table, its compiler, and what is generated from it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from k8saudit_eks.fields import emit
from k8saudit_eks.fields.compile import CompiledPath, Op, Range, compile_fields
from k8saudit_eks.fields.jsonpath import PathError
from k8saudit_eks.fields.model import Arg, Choice, Field, Guard
from k8saudit_eks.fields.table import FIELDS

DOCS = Path(__file__).resolve().parents[2] / "docs" / "fields.md"


def ops_of(row: Field) -> tuple[list[str], list[Op]]:
    """The node names from the root and the ops behind them of a field with one path."""
    tables = compile_fields([row])
    (path,) = (tables.paths[n] for n in range(tables.programs[0].paths.count))
    names = []
    node = path.node
    while node != 0:
        names.insert(0, tables.nodes[node].name)
        node = tables.nodes[node].parent
    return names, tables.ops[path.ops.first : path.ops.first + path.ops.count]


@pytest.mark.parametrize(
    ("path", "arg", "names", "ops"),
    [
        ("$", Arg.NONE, [], []),
        ("$.a.b", Arg.NONE, ["a", "b"], []),
        ("$['x.y/z']", Arg.NONE, ["x.y/z"], []),
        ("$.a[2].b", Arg.NONE, ["a"], [Op("INDEX", index=2), Op("MEMBER", name="b")]),
        ("$.a['<key>']", Arg.KEY, ["a"], [Op("KEY_MEMBER")]),
        ("$.a[*].b[*]", Arg.NONE, ["a"], [Op("EACH"), Op("MEMBER", name="b"), Op("EACH")]),
        (
            "$.a[*].b[*]",
            Arg.INDEX,
            ["a"],
            [Op("EACH_OR_INDEX"), Op("MEMBER", name="b"), Op("EACH")],
        ),
        ("$.a", Arg.INDEX, ["a"], [Op("WHOLE_OR_INDEX")]),
        (
            "$.a[?(@.kind=='User')].name",
            Arg.NONE,
            ["a"],
            [Op("EACH"), Op("WHERE", name="kind", value="User"), Op("MEMBER", name="name")],
        ),
    ],
)
def test_programs(path: str, arg: Arg, names: list[str], ops: list[Op]) -> None:
    """Leading members become nodes, the rest ops; an index selects from the first array."""
    assert ops_of(Field("ka.x", "x", (path,), arg=arg)) == (names, ops)


def test_members_in_any_case_are_ops() -> None:
    """A member without regard to letter case can't be a shared node."""
    row = Field("ka.x", "x", ("$.user.extra.arn[0]",), any_case=("arn",))
    ops = [Op("MEMBER_ANY_CASE", name="arn"), Op("INDEX", index=0)]
    assert ops_of(row) == (["user", "extra"], ops)


def test_fields_share_nodes() -> None:
    """The same place is one node, so it is resolved once an event."""
    rows = [Field("ka.a", "a", ("$.user.username",)), Field("ka.b", "b", ("$.user.username",))]
    tables = compile_fields(rows)
    assert [node.name for node in tables.nodes] == ["", "user", "username"]
    assert tables.paths == [CompiledPath(2, Range()), CompiledPath(2, Range())]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (Field("ka.x", "x", ("$.a[",)), r"ka\.x: .* is no JSONPath"),
        (Field("ka.x", "x", ("a.b",)), r"'a\.b' must start with \$"),
        (Field("ka.x", "x", ("$..a",)), "not supported"),
        (Field("ka.x", "x", ("$.a[-1]",)), "not supported"),
        (Field("ka.x", "x", ("$.a[1:2]",)), "not supported"),
        (Field("ka.x", "x", ("$.a[?(@.b>1)]",)), "only filters like"),
        (Field("ka.x", "x", ("$.a[?(@.b!='1')]",)), "only filters like"),
        (Field("ka.x", "x", ("$.a",), parts=("b[*]",)), "only members are possible in parts"),
        (Field("ka.x", "x", ("$.a",), fallback="$.b[0]"), "only members are possible here"),
        (Field("ka.x", "x", ("$.a",), guards=(Guard("b"),)), r"must start with \$"),
        (Field("ka.x", "x", ("a",), base=(Choice("b"),)), r"must start with \$"),
    ],
)
def test_refused(row: Field, message: str) -> None:
    """What the extractor could not run is refused with the field's name and the reason."""
    with pytest.raises(PathError, match=message):
        compile_fields([row])


def test_the_table() -> None:
    """148 fields with unique names; the first hundred end with ka.cluster.name."""
    names = [row.name for row in FIELDS]
    assert len(names) == 148
    assert max(Counter(names).values()) == 1
    assert names[99] == "ka.cluster.name"
    assert all(row.description.endswith(".") for row in FIELDS)


def test_keys_and_key_arguments_agree() -> None:
    """A path with a key in it belongs to a field that takes one."""
    with_key = {row.name for row in FIELDS if any("<key>" in path for path in row.paths)}
    assert with_key <= {row.name for row in FIELDS if row.arg is Arg.KEY}


def test_fields_json() -> None:
    """The members that Falco's plugin API names, and no others."""
    rows = {row["name"]: row for row in emit.fields_json()}
    assert rows["ka.verb"] == {
        "name": "ka.verb",
        "type": "string",
        "desc": "Verb of the request, e.g. get, create, patch or delete.",
    }
    assert rows["ka.sourceips"]["arg"] == {"isRequired": False, "isIndex": True}
    assert rows["ka.sourceips"]["isList"] is True
    assert rows["ka.value"]["arg"] == {"isRequired": True, "isKey": True}
    assert rows["ka.duration_ms"]["type"] == "uint64"
    assert rows["ka.req.container.image"]["desc"].endswith("use ka.req.pod.containers.image.")


def test_docs_are_in_step() -> None:
    """docs/fields.md holds the table as it is now."""
    assert emit.PAGE.main(["--check", str(DOCS)]) == 0
