"""How Falco puts its configuration together from several files.

Source: Falco 0.40 to 0.44, userspace/engine/yaml_helper.h (include_config_file,
pre_process_env_vars) and userspace/falco/configuration.cpp (merge_config_files, load_yaml):

- falco.yaml is read first. Where it names a key twice, the first one counts.
- `config_files` names files and folders; what does not exist is passed over. Of a folder,
  every regular file is read, whatever its name, in the order of the names.
- A list in such a file is appended to the list of the same key; anything else replaces
  the key as a whole, a map included. Strategy `override` replaces lists, too;
  `add-only` adds only keys that are not there yet. Falco 0.40 always replaces, and knows
  no strategies. Where such a file names a key twice, both are taken, one after the other.
- Only falco.yaml may hold `config_files`.
- `load_plugins` decides which entries of `plugins` are loaded: of each name the first.
  Without `load_plugins`, all of them are.
- ${NAME} in a value stands for an environment variable of Falco's process, $${NAME} for
  the text ${NAME}.
- A file that is a single scalar brings no key; one that is a list is an error.

Tried with Falco 0.44.1: all of this but what is said of 0.40.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

import yaml

from k8saudit_eks.errors import PluginError

CONFIG_FILES: Final = "config_files"
Strategy = Literal["append", "override", "add-only"]
Pairs = Sequence[tuple[str, Any]]

_VARIABLE = re.compile(r"\$(\$?)\{([^}]*)\}")


class FalcoConfigError(PluginError):
    """Falco would not start with this configuration, or nobody can tell; says what to do."""


@dataclass(frozen=True)
class FalcoConfig:
    """What Falco works with after it has read all files.

    Attributes:
        keys: top-level key to value, as YAML gives it.
        files: every file that was read, in order.
        documents: file to its top-level pairs, repeated keys included.
    """

    keys: Mapping[str, Any]
    files: tuple[Path, ...]
    documents: Mapping[Path, Pairs]

    def loaded_plugins(self) -> list[dict[str, Any]]:
        """The entries of `plugins` that Falco loads, in its order.

        Raises:
            FalcoConfigError: `load_plugins` names a plugin twice, or one that has no entry.
        """
        entries = [one for one in _list(self.keys.get("plugins")) if isinstance(one, dict)]
        if "load_plugins" not in self.keys:
            return entries
        loaded = []
        for name in _list(self.keys["load_plugins"]):
            entry = next((one for one in entries if one.get("name") == name), None)
            if entry is None:
                raise FalcoConfigError(
                    f"load_plugins names {name} ({_names(self.loading(name))}), but plugins has no "
                    "entry of that name, so Falco does not start: add the entry, or take the name "
                    "out of load_plugins"
                )
            if entry in loaded:
                raise FalcoConfigError(
                    f"load_plugins names {name} more than once ({_names(self.loading(name))}), so "
                    "Falco does not start: name it once"
                )
            loaded.append(entry)
        return loaded

    def naming(self, key: str) -> tuple[Path, ...]:
        """The files that hold a top-level key, in their order."""
        return tuple(
            file for file in self.files if any(name == key for name, _ in self.documents[file])
        )

    def loading(self, plugin: str) -> tuple[Path, ...]:
        """The files whose `load_plugins` names a plugin."""
        return self._holding("load_plugins", plugin)

    def defining(self, plugin: str) -> tuple[Path, ...]:
        """The files whose `plugins` has an entry of a plugin."""
        return self._holding("plugins", plugin)

    def repeated(self, file: Path) -> tuple[str, ...]:
        """The top-level keys that a file names more than once."""
        names = [name for name, _ in self.documents[file]]
        return tuple(dict.fromkeys(name for name in names if names.count(name) > 1))

    def _holding(self, key: str, plugin: str) -> tuple[Path, ...]:
        return tuple(
            file
            for file in self.files
            if any(
                plugin == (one.get("name") if isinstance(one, dict) else one)
                for name, value in self.documents[file]
                if name == key
                for one in _list(value)
            )
        )


def merge(
    main: Path,
    *,
    root: Path = Path("/"),
    appends_lists: bool = True,
    overlay: Mapping[Path, str | None] | None = None,
    environment: Mapping[str, str] | None = None,
) -> FalcoConfig:
    """Read falco.yaml and all that its `config_files` names.

    Args:
        main: falco.yaml, as this process sees it.
        root: what Falco sees as "/": paths in `config_files` are looked up below it.
        appends_lists: False for Falco 0.40, which replaces lists.
        overlay: files as they would be, by their paths here: their text, or None for a file
            that would not be there.
        environment: of Falco's process; without it, ${NAME} stays as it is written.

    Raises:
        FalcoConfigError: a file can't be read, or Falco would refuse it.
    """
    merger = _Merger(appends_lists, overlay or {}, environment)
    merger.add_main(main)
    for path, strategy in _config_files(main, merger.keys.get(CONFIG_FILES), appends_lists):
        named = root / path.lstrip("/") if path.startswith("/") else main.parent / path
        for file in merger.files_of(named):
            merger.add_included(file, strategy)
    return merger.result()


class _Merger:
    def __init__(
        self,
        appends_lists: bool,
        overlay: Mapping[Path, str | None],
        environment: Mapping[str, str] | None,
    ) -> None:
        self.keys: dict[str, Any] = {}
        self._appends_lists = appends_lists
        self._overlay = overlay
        self._environment = environment
        self._files: list[Path] = []
        self._documents: dict[Path, Pairs] = {}

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
            applied = strategy if self._appends_lists else "override"
            _include(self.keys, key, value, applied, str(file))

    def files_of(self, named: Path) -> list[Path]:
        """The files that an item of `config_files` stands for, in Falco's order."""
        try:
            there = {one for one in named.iterdir() if one.is_file()} if named.is_dir() else set()
            if named.is_file():
                there = {named}
        except OSError as error:
            raise FalcoConfigError(
                f"{named} can't be read: {error.strerror}: run as root"
            ) from error
        for file, text in self._overlay.items():
            if file == named or (file.parent == named and named.is_dir()):
                if text is None:
                    there.discard(file)
                else:
                    there.add(file)
        return sorted(there)

    def result(self) -> FalcoConfig:
        return FalcoConfig(
            keys=self.keys, files=tuple(self._files), documents=dict(self._documents)
        )

    def _pairs(self, file: Path) -> Pairs:
        text = self._overlay.get(file)
        pairs = _parse(file, _text(file) if text is None else text)
        if self._environment is not None:
            pairs = [(key, _with_variables(value, self._environment)) for key, value in pairs]
        if file not in self._documents:
            self._files.append(file)
        self._documents[file] = pairs
        return pairs


def _include(keys: dict[str, Any], key: str, value: Any, strategy: Strategy, file: str) -> None:
    if strategy == "append" and isinstance(value, list):
        before = keys.get(key)
        if before is not None and not isinstance(before, list):
            raise FalcoConfigError(
                f"{file} holds a list as {key}, which a file before it holds as something else, so "
                "Falco does not start: write a list there, too"
            )
        keys[key] = [*(before or []), *value]
    elif strategy != "add-only" or key not in keys:
        keys[key] = value


def _config_files(main: Path, value: Any, knows_strategies: bool) -> list[tuple[str, Strategy]]:
    found: list[tuple[str, Strategy]] = []
    for one in _list(value):
        if isinstance(one, dict) and "path" in one and knows_strategies:
            strategy = one.get("strategy", "append")
            known = strategy in ("override", "add-only")
            found.append((str(one["path"]), cast(Strategy, strategy) if known else "append"))
        elif isinstance(one, str):
            found.append((one, "append"))
        else:
            wanted = "a path or a map with a path" if knows_strategies else "a path"
            raise FalcoConfigError(
                f"{main}: an item of {CONFIG_FILES} is not {wanted}: write the path of a file or "
                "folder"
            )
    return found


def _list(value: Any) -> list[Any]:
    """A list; empty for null and a list of one for a scalar, as Falco reads sequences."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _with_variables(value: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _with_variables(one, environment) for key, one in value.items()}
    if isinstance(value, list):
        return [_with_variables(one, environment) for one in value]
    if isinstance(value, str):
        return _VARIABLE.sub(
            lambda found: f"${{{found[2]}}}" if found[1] else environment.get(found[2], ""),
            value,
        )
    return value


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except OSError as error:
        raise FalcoConfigError(
            f"{file} can't be read: {error.strerror}: run as root, or correct the path"
        ) from error
    except UnicodeDecodeError as error:
        raise FalcoConfigError(
            f"{file} is no UTF-8 text, and Falco reads every file there as its configuration: move "
            "it away"
        ) from error


class _Loader(yaml.SafeLoader):
    """Of equal keys in one map the first counts, as in yaml-cpp."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        pairs: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=deep)
            # A list or map may be a key in YAML, if not in Falco's keys.
            key = str(key) if isinstance(key, dict | list) else key
            if key not in pairs:
                pairs[key] = self.construct_object(value_node, deep=deep)
        return pairs


def _parse(file: Path, text: str) -> Pairs:
    """The top-level pairs of a YAML file, repeated keys included."""
    loader: _Loader | None = None
    try:
        loader = _Loader(text)
        node = loader.get_node() if loader.check_node() else None
        if node is None or isinstance(node, yaml.ScalarNode):
            return []
        if not isinstance(node, yaml.MappingNode):
            raise FalcoConfigError(
                f"{file} is no map of keys, and Falco reads it as its configuration: correct it, "
                "or move it away"
            )
        return [
            (
                str(loader.construct_object(key, deep=True)),
                loader.construct_object(value, deep=True),
            )
            for key, value in node.value
        ]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise FalcoConfigError(
            f"{file} is no YAML{where}, and Falco reads it as its configuration: correct it, or "
            "move it away"
        ) from error
    finally:
        if loader is not None:
            loader.dispose()


def _names(files: Sequence[Path]) -> str:
    return ", ".join(map(str, files))
