"""What Falco would do with our file beside its other files: checked before the file is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from k8saudit_eks import PLUGIN_NAME
from k8saudit_eks.falco.merge import CONFIG_FILES, FalcoConfig, FalcoConfigError, merge

# The plugins of the Falco project for other Kubernetes audit logs: same event source, same fields.
_FAMILY = "k8saudit"


@dataclass(frozen=True)
class Files:
    """Where Falco's configuration is, as this process sees it.

    Attributes:
        root: what Falco sees as "/".
        main: falco.yaml.
        drop_in: our file, whether it is there yet or not.
    """

    root: Path
    main: Path
    drop_in: Path


def without_ours(files: Files, *, appends_lists: bool) -> FalcoConfig:
    """The configuration as if our file were not there.

    Raises:
        FalcoConfigError: it can't be read, or another file has our plugin.
    """
    before = merge(
        files.main, root=files.root, appends_lists=appends_lists, overlay={files.drop_in: None}
    )
    if others := before.defining(PLUGIN_NAME):
        raise FalcoConfigError(_why_not_twice(files, before, others[0], "plugins"))
    if others := before.loading(PLUGIN_NAME):
        raise FalcoConfigError(_why_not_twice(files, before, others[0], "load_plugins"))
    return before


def _why_not_twice(files: Files, before: FalcoConfig, other: Path, key: str) -> str:
    if other.parent == files.drop_in.parent and files.drop_in.name in other.name:
        return (
            f"{other} is a copy of our file, and Falco reads every file in {other.parent}, "
            "whatever its name: delete it or move it to another folder, then install again"
        )
    if other == files.main and key in before.repeated(other):
        return (
            f"{other} has {key} more than once, one of them with {PLUGIN_NAME}, and Falco reads "
            f"only the first: remove the section of {PLUGIN_NAME} there, then install again"
        )
    if key == "plugins":
        return (
            f"{other} already defines the plugin {PLUGIN_NAME}, and Falco takes the first "
            "definition: remove that entry of plugins and the name in load_plugins there, then "
            "install again (docs/migrate.md shows this for the Go plugin)"
        )
    return (
        f"{other} already names {PLUGIN_NAME} in load_plugins, and Falco does not start "
        "with a name that is there twice: take it out there, then install again"
    )


def names_rules(config: FalcoConfig, rules: PurePosixPath) -> bool:
    """Whether Falco reads the rule files of a folder."""
    return str(rules) in [one.rstrip("/") for one in named_rules(config)]


def named_rules(config: FalcoConfig) -> list[str]:
    """The files and folders of rules that a configuration names."""
    keys = (config.keys.get("rules_files"), config.keys.get("rules_file"))
    return [one for key in keys for one in ([key] if isinstance(key, str) else _texts(key))]


def check(
    files: Files, text: str, keys: Mapping[str, Any], before: FalcoConfig, *, appends_lists: bool
) -> list[str]:
    """Refuse a drop-in file that would not do what its section says.

    Args:
        text: of the file.
        keys: its section.
        before: what without_ours() gave.

    Returns:
        Warnings: sentences about what another file changes, but does not prevent.

    Raises:
        FalcoConfigError: Falco would not load the plugin, would no longer load another
            one or its rules, or would not start.
    """
    after = merge(
        files.main, root=files.root, appends_lists=appends_lists, overlay={files.drop_in: text}
    )
    if files.drop_in not in after.files:
        raise FalcoConfigError(_why_not_read(files, after))
    if "rules_file" in after.keys and "rules_files" in after.keys:
        raise FalcoConfigError(
            f"{after.naming('rules_file')[-1]} has rules_file, and Falco does not start with both "
            "rules_file and rules_files: write rules_files instead there, then install again"
        )
    loaded = after.loaded_plugins()
    (ours,) = keys["plugins"]
    if ours not in loaded:
        raise FalcoConfigError(
            f"Falco would not load the plugin from {files.drop_in}: "
            f"{_last_other(after, files, 'load_plugins', 'plugins')} decides about plugins and "
            "load_plugins; make that file append to them, or remove them there"
        )
    for plugin in loaded:
        name = str(plugin.get("name"))
        if name != PLUGIN_NAME and name.startswith(_FAMILY):
            raise FalcoConfigError(
                f"{after.loading(name)[0]} loads the plugin {name}, whose fields are the same as "
                f"those of {PLUGIN_NAME}, and Falco does not start with both: take {name} out of "
                "load_plugins, or run it in a Falco of its own"
            )
    _refuse_lost(files, before, after, appends_lists)
    return _changed(files, keys, after)


def _why_not_read(files: Files, after: FalcoConfig) -> str:
    folder = files.drop_in.parent
    if CONFIG_FILES not in after.keys:
        return (
            f"{files.main} has no {CONFIG_FILES}, so Falco would not read {files.drop_in}: add "
            f"{CONFIG_FILES}: [/{folder.relative_to(files.root)}] there"
        )
    if CONFIG_FILES in after.repeated(files.main):
        return (
            f"{files.main} has {CONFIG_FILES} more than once, and Falco takes the first, which "
            f"does not name {folder}: put all its paths into one {CONFIG_FILES}"
        )
    return (
        f"{files.main} does not name {folder} in {CONFIG_FILES}, so Falco would not read "
        f"{files.drop_in}: add /{folder.relative_to(files.root)} there"
    )


def _last_other(after: FalcoConfig, files: Files, *keys: str) -> str:
    """The file beside ours that has the last word about a key."""
    others = [
        file
        for file in after.files
        if file != files.drop_in and any(file in after.naming(key) for key in keys)
    ]
    return str(others[-1] if others else files.main)


def _refuse_lost(
    files: Files, before: FalcoConfig, after: FalcoConfig, appends_lists: bool
) -> None:
    still = [one.get("name") for one in after.loaded_plugins()]
    lost = [str(one.get("name")) for one in before.loaded_plugins()]
    lost = [name for name in lost if name not in still]
    if lost and "load_plugins" not in before.keys:
        raise FalcoConfigError(
            f"{files.main} has no load_plugins, so Falco loads every plugin of plugins, and would "
            f"no longer do so with {files.drop_in}: add load_plugins: [{', '.join(lost)}] there"
        )
    rules_before = _texts(before.keys.get("rules_files"))
    lost_rules = [one for one in rules_before if one not in _texts(after.keys.get("rules_files"))]
    for what, key in ((lost, "load_plugins"), (lost_rules, "rules_files")):
        if what:
            why = (
                f"{CONFIG_FILES} in {files.main} has strategy override"
                if appends_lists
                else "Falco 0.40 replaces lists instead of appending to them"
            )
            todo = "take that strategy out" if appends_lists else "update Falco to 0.41 or newer"
            raise FalcoConfigError(
                f"with {files.drop_in} Falco would no longer load {', '.join(what)} ({key} of "
                f"{before.naming(key)[-1]}), because {why}: {todo}"
            )


def _texts(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _changed(files: Files, keys: Mapping[str, Any], after: FalcoConfig) -> list[str]:
    return [
        f"{_last_other(after, files, key)} replaces {key} of {files.drop_in}, so it is "
        f"{after.keys[key]} and not {keys[key]}: remove it there, or rename that file so that its "
        "name sorts before ours"
        for key in ("engine", "rule_matching")
        if key in keys and after.keys[key] != keys[key]
    ]
