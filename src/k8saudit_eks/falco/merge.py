"""How Falco puts its configuration together from several files.

Source: Falco 0.40 to 0.44, userspace/engine/yaml_helper.h (include_config_file) and
userspace/falco/configuration.cpp (merge_config_files, load_yaml):

- falco.yaml is read first. Where it names a key twice, the first one counts.
- `config_files` names files and folders; what does not exist is passed over. Of a folder,
  every regular file is read, whatever its name, in the order of the names.
- A list in such a file is appended to the list of the same key; anything else replaces
  the key as a whole, a map included. Strategy `override` replaces lists, too;
  `add-only` adds only keys that are not there yet. Falco 0.40 always replaces.
- Only falco.yaml may hold `config_files`.
- `load_plugins` decides which entries of `plugins` are loaded: of each name the first.
  Without `load_plugins`, all of them are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

import yaml

from k8saudit_eks.errors import PluginError

CONFIG_FILES: Final = "config_files"
Strategy = Literal["append", "override", "add-only"]


class FalcoConfigError(PluginError):
    """Falco would not start with this configuration; names the file and what to do."""


@dataclass(frozen=True)
class FalcoConfig:
    """What Falco works with after it has read all files.

    Attributes:
        keys: top-level key to value, as YAML gives it.
        files: every file that was read, in order.
        sources: top-level key to the files that name it, in the order of `files`.
        repeated: file to the top-level keys that it names more than once.
    """

    keys: Mapping[str, Any]
    files: tuple[Path, ...]
    sources: Mapping[str, tuple[Path, ...]]
    repeated: Mapping[Path, tuple[str, ...]]

    def loaded_plugins(self) -> list[dict[str, Any]]:
        """The entries of `plugins` that Falco loads, in its order.

        Raises:
            FalcoConfigError: `load_plugins` names a plugin that has no entry.
        """
        entries = [one for one in _list(self.keys.get("plugins")) if isinstance(one, dict)]
        if "load_plugins" not in self.keys:
            return entries
        loaded = []
        for name in _list(self.keys["load_plugins"]):
            entry = next((one for one in entries if one.get("name") == name), None)
            if entry is None:
                named = ", ".join(map(str, self.sources.get("load_plugins", ())))
                raise FalcoConfigError(
                    f"load_plugins names {name} ({named}), but plugins has no entry of that name: "
                    "add the entry, or take the name out of load_plugins"
                )
            loaded.append(entry)
        return loaded


def merge(main: Path, *, root: Path = Path("/"), appends_lists: bool = True) -> FalcoConfig:
    """Read falco.yaml and all that its `config_files` names.

    Args:
        main: falco.yaml, as this process sees it.
        root: what Falco sees as "/": paths in `config_files` are looked up below it.
        appends_lists: False for Falco 0.40, which replaces lists.

    Raises:
        FalcoConfigError: a file can't be read, or Falco would refuse it.
    """
    merger = _Merger(appends_lists)
    merger.add_main(main)
    for path, strategy in _config_files(main, merger.keys.get(CONFIG_FILES)):
        named = root / path.lstrip("/") if path.startswith("/") else main.parent / path
        if named.is_dir():
            for file in sorted(one for one in named.iterdir() if one.is_file()):
                merger.add_included(file, strategy)
        elif named.is_file():
            merger.add_included(named, strategy)
    return merger.result()


def merge_mappings(
    main: Mapping[str, Any], included: Sequence[Mapping[str, Any]], *, appends_lists: bool = True
) -> dict[str, Any]:
    """The same for files that are in memory: `included` are what `config_files` would bring."""
    keys = dict(main)
    for one in included:
        for key, value in one.items():
            _include(keys, key, value, "append" if appends_lists else "override")
    return keys


class _Merger:
    def __init__(self, appends_lists: bool) -> None:
        self.keys: dict[str, Any] = {}
        self._appends_lists = appends_lists
        self._files: list[Path] = []
        self._sources: dict[str, list[Path]] = {}
        self._repeated: dict[Path, tuple[str, ...]] = {}

    def add_main(self, file: Path) -> None:
        for key, value in self._pairs(file):
            self.keys.setdefault(key, value)

    def add_included(self, file: Path, strategy: Strategy) -> None:
        for key, value in self._pairs(file):
            if key == CONFIG_FILES:
                raise FalcoConfigError(
                    f"{file} holds {CONFIG_FILES}, which Falco takes in its main file only: "
                    "take the key out"
                )
            _include(self.keys, key, value, strategy if self._appends_lists else "override")

    def result(self) -> FalcoConfig:
        return FalcoConfig(
            keys=self.keys,
            files=tuple(self._files),
            sources={key: tuple(files) for key, files in self._sources.items()},
            repeated=self._repeated,
        )

    def _pairs(self, file: Path) -> list[tuple[str, Any]]:
        pairs = _read(file)
        self._files.append(file)
        names = [key for key, _ in pairs]
        if twice := tuple(dict.fromkeys(name for name in names if names.count(name) > 1)):
            self._repeated[file] = twice
        for name in dict.fromkeys(names):
            self._sources.setdefault(name, []).append(file)
        return pairs


def _include(keys: dict[str, Any], key: str, value: Any, strategy: Strategy) -> None:
    if strategy == "append" and isinstance(value, list):
        keys[key] = [*_list(keys.get(key)), *value]
    elif strategy != "add-only" or key not in keys:
        keys[key] = value


def _config_files(main: Path, value: Any) -> list[tuple[str, Strategy]]:
    found: list[tuple[str, Strategy]] = []
    for one in _list(value):
        if isinstance(one, dict) and "path" in one:
            strategy = one.get("strategy", "append")
            known = strategy in ("override", "add-only")
            found.append((str(one["path"]), cast(Strategy, strategy) if known else "append"))
        elif isinstance(one, str):
            found.append((one, "append"))
        else:
            raise FalcoConfigError(
                f"{main}: an item of {CONFIG_FILES} is neither a path nor a map with a path: "
                "write the path of a file or folder"
            )
    return found


def _list(value: Any) -> list[Any]:
    """A list; empty for null and a list of one for a scalar, as Falco reads sequences."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _read(file: Path) -> list[tuple[str, Any]]:
    """The top-level pairs of a YAML file, repeated keys included."""
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        raise FalcoConfigError(
            f"{file} can't be read: {error.strerror}: run as root, or name another file"
        ) from error
    except UnicodeDecodeError as error:
        raise FalcoConfigError(f"{file} is no UTF-8 text: Falco reads every file there") from error
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_node() if loader.check_node() else None
        if node is None or (isinstance(node, yaml.ScalarNode) and node.value == ""):
            return []
        if not isinstance(node, yaml.MappingNode):
            raise FalcoConfigError(f"{file} is no map of keys: Falco can't read it")
        return [
            (
                str(loader.construct_object(key, deep=True)),
                loader.construct_object(value, deep=True),
            )
            for key, value in node.value
        ]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise FalcoConfigError(f"{file} is no YAML{where}: correct it there") from error
    finally:
        loader.dispose()
