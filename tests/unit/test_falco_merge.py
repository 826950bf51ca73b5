"""How Falco's configuration is put together, and what a stock one comes to with our file."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from falco_host import STOCK, falco_host

from k8saudit_eks.falco.merge import FalcoConfig, FalcoConfigError, merge
from k8saudit_eks.falco.section import section, section_yaml

MAIN = "config_files: [/etc/falco/config.d]\n"


def read(root: Path, main: str, *, appends_lists: bool = True, **files: str) -> FalcoConfig:
    """The configuration of falco.yaml and files of config.d, named without ".yaml"."""
    folder = root / "etc/falco/config.d"
    folder.mkdir(parents=True, exist_ok=True)
    (root / "etc/falco/falco.yaml").write_text(main, "utf-8")
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, "utf-8")
    return merge(root / "etc/falco/falco.yaml", root=root, appends_lists=appends_lists)


def test_lists_are_appended_and_everything_else_replaced(tmp_path: Path) -> None:
    """In the order of the files' names; a map is replaced whole."""
    config = read(
        tmp_path,
        MAIN + "l: [1]\nm: {a: 1, b: 2}\ns: x\n",
        b="l: [3]\ns: z\n",
        a="l: [2]\nm: {b: 3}\ns: y\n",
    )
    assert config.keys == {
        "config_files": ["/etc/falco/config.d"],
        "l": [1, 2, 3],
        "m": {"b": 3},
        "s": "z",
    }
    assert [file.name for file in config.files] == ["falco.yaml", "a.yaml", "b.yaml"]


def test_falco_0_40_replaces_lists(tmp_path: Path) -> None:
    """Whatever strategy the newer ones know."""
    config = read(tmp_path, MAIN + "l: [1]\n", appends_lists=False, a="l: [2]\n")
    assert config.keys["l"] == [2]
    with pytest.raises(FalcoConfigError, match="not a path: write the path"):
        read(tmp_path, "config_files: [{path: /etc/falco/config.d}]\n", appends_lists=False)


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [("append", [1, 2]), ("override", [2]), ("add-only", [1]), ("no such one", [1, 2])],
)
def test_strategies(tmp_path: Path, strategy: str, expected: list[int]) -> None:
    """Each item of config_files may have one; append is the default."""
    item = f"config_files: [{{path: /etc/falco/config.d, strategy: {strategy}}}]\n"
    config = read(tmp_path, item + "l: [1]\n", a="l: [2]\nnew: 3\n")
    assert config.keys["l"] == expected
    assert config.keys["new"] == 3


def test_repeated_keys(tmp_path: Path) -> None:
    """In falco.yaml and in every map the first counts; an included file's are all taken."""
    config = read(
        tmp_path,
        MAIN + "l: [1]\nl: [9]\nm: {a: 1, a: 2}\n",
        a="l: [2]\ns: 1\nl: [3]\ns: 2\n",
    )
    assert config.keys["l"] == [1, 2, 3]
    assert config.keys["m"] == {"a": 1}
    assert config.keys["s"] == 2
    assert config.repeated(config.files[0]) == ("l",)
    assert config.repeated(config.files[1]) == ("l", "s")


def test_every_file_of_a_folder_is_read_and_what_is_missing_is_not(tmp_path: Path) -> None:
    """Editors' copies too; folders in it and paths that do not exist are passed over."""
    (tmp_path / "etc/falco/config.d/folder.yaml").mkdir(parents=True)
    (tmp_path / "etc/falco/config.d/a.yaml~").write_text("l: [2]\n")
    main = "config_files: [/nowhere, /etc/falco/config.d, /etc/falco/more.yaml]\nl: []\n"
    (tmp_path / "etc/falco/more.yaml").write_text("l: [3]\n")
    assert read(tmp_path, main, a="l: [1]\n").keys["l"] == [1, 2, 3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("config_files: []\n", "takes in its main file only"),
        ("[1, 2]\n", "is no map of keys"),
        ("a: [\n", r"is no YAML \(line 2, column 1\)"),
        ("when: 2026-13-45\n", "is no YAML"),
        ("scalar: [1]\n", "holds as something else"),
    ],
)
def test_what_falco_refuses(tmp_path: Path, text: str, message: str) -> None:
    """One sentence that names the file."""
    with pytest.raises(FalcoConfigError, match=message) as refused:
        read(tmp_path, MAIN + "scalar: 1\n", a=text)
    assert str(tmp_path / "etc/falco/config.d/a.yaml") in str(refused.value)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """A swap file of an editor, say: Falco reads that too."""
    (tmp_path / "etc/falco/config.d").mkdir(parents=True)
    (tmp_path / "etc/falco/config.d/.a.yaml.swp").write_bytes(b"b0VIM\xff\xfe")
    with pytest.raises(FalcoConfigError, match=r"\.a\.yaml\.swp is no UTF-8 text"):
        read(tmp_path, MAIN)


@pytest.mark.parametrize("text", ["", "# nothing\n", "null\n", "a word\n"])
def test_an_empty_file_is_no_error(tmp_path: Path, text: str) -> None:
    """It brings no key."""
    assert set(read(tmp_path, MAIN, a=text).keys) == {"config_files"}


def test_environment_variables(tmp_path: Path) -> None:
    """${NAME} is the variable's value or nothing; $${NAME} is the text; without them, untouched."""
    main = tmp_path / "falco.yaml"
    main.write_text("a: ['x${A}${B}']\nb: {c: '$${A} $A ${A'}\n")
    found = merge(main, root=tmp_path, environment={"A": "1"}).keys
    assert found == {"a": ["x1"], "b": {"c": "${A} $A ${A"}}
    assert merge(main, root=tmp_path).keys["a"] == ["x${A}${B}"]


def test_files_that_are_not_there_yet(tmp_path: Path) -> None:
    """An overlay adds, replaces and takes away; nothing is written."""
    read(tmp_path, MAIN + "l: []\n", b="l: [b]\n", c="l: [c]\n")
    folder = tmp_path / "etc/falco/config.d"
    overlay = {folder / "a.yaml": "l: [a]\n", folder / "b.yaml": None, folder / "c.yaml": "l: [d]"}
    config = merge(tmp_path / "etc/falco/falco.yaml", root=tmp_path, overlay=overlay)
    assert config.keys["l"] == ["a", "d"]
    assert not (folder / "a.yaml").exists()
    elsewhere = {tmp_path / "etc/other/a.yaml": "l: [a]\n"}
    config = merge(tmp_path / "etc/falco/falco.yaml", root=tmp_path, overlay=elsewhere)
    assert config.keys["l"] == ["b", "c"]


def test_loaded_plugins(tmp_path: Path) -> None:
    """All without load_plugins; else those it names, in its order, of each the first entry."""
    plugins = "plugins: [{name: a, n: 1}, {name: b}, {name: a, n: 2}]\n"
    assert len(read(tmp_path, plugins).loaded_plugins()) == 3
    assert read(tmp_path, plugins + "load_plugins: [b, a]\n").loaded_plugins() == [
        {"name": "b"},
        {"name": "a", "n": 1},
    ]
    assert read(tmp_path, plugins + "load_plugins:\n").loaded_plugins() == []
    config = read(tmp_path, MAIN + plugins, a="load_plugins: [c]\n")
    with pytest.raises(FalcoConfigError, match=r"load_plugins names c \(.*/a\.yaml\)"):
        config.loaded_plugins()
    twice = read(tmp_path, MAIN + plugins + "load_plugins: [a]\n", a="load_plugins: [a]\n")
    with pytest.raises(FalcoConfigError, match=r"names a more than once .*yaml, .*/a\.yaml\)"):
        twice.loaded_plugins()
    assert config.defining("a") == (tmp_path / "etc/falco/falco.yaml",)
    assert config.loading("c") == (tmp_path / "etc/falco/config.d/a.yaml",)
    assert config.naming("plugins") == config.defining("b")


@pytest.mark.parametrize("version", STOCK)
def test_a_stock_falco_with_our_section_in_a_file_of_its_own(tmp_path: Path, version: str) -> None:
    """Our plugin is loaded, and all that was loaded before, with the rules of before."""
    host = falco_host(tmp_path, version)
    before = host.config()
    text = section_yaml(section("production", "/x.so", {"region": "eu-central-1"}))
    host.drop_in.write_text(text, "utf-8")
    after = host.config()
    names = [plugin["name"] for plugin in before.loaded_plugins()]
    assert [plugin["name"] for plugin in after.loaded_plugins()] == [*names, "k8saudit-eks"]
    assert names == ([] if version == "0.40" else ["container"])
    assert after.keys["rules_files"] == before.keys["rules_files"]
    assert after.keys["rule_matching"] == "all"


def test_text_like_a_variable_stays_text(tmp_path: Path) -> None:
    """Falco would replace it: the section is written so that it reads what was given."""
    keys = section("file:///a/${B}", "/${C}.so", {"state_dir": "/${D}", "shift": 1})
    (tmp_path / "falco.yaml").write_text(section_yaml(keys), "utf-8")
    (plugin,) = merge(tmp_path / "falco.yaml", environment={"B": "x"}).keys["plugins"]
    assert plugin["open_params"] == "file:///a/${B}"
    assert plugin["library_path"] == "/${C}.so"
    assert plugin["init_config"] == {"state_dir": "/${D}", "shift": 1}
    assert yaml.safe_load(section_yaml(section("a", "/b.so", {})))["plugins"][0]["name"]
