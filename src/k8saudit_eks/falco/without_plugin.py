"""What would stop Falco from starting once the plugin is gone: checked before it goes.

Source: tried with Falco 0.44.1. Rules that require a plugin which is not loaded, and a
plugin whose library is missing, each end Falco's start.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from k8saudit_eks import PLUGIN_NAME
from k8saudit_eks.errors import PluginError
from k8saudit_eks.falco.merge import FalcoConfig, FalcoConfigError, merge
from k8saudit_eks.falco.outcome import named_rules
from k8saudit_eks.falco.places import MAIN, PLUGINS, Places

_REQUIREMENTS = "required_plugin_versions"


class StaysError(PluginError):
    """Falco would not start with what stays; says what to do. Nothing was changed."""


def check(places: Places, gone: Collection[Path], links: Collection[Path]) -> None:
    """Refuse to take the plugin away while something that stays needs it.

    Args:
        gone: files that are about to be removed, as this process sees them.
        links: those of them that are the library.

    Raises:
        StaysError: a file that stays loads the plugin from there, or rules need it.
    """
    try:
        config = merge(places.here(MAIN), root=places.root, overlay=dict.fromkeys(gone))
        loaded = config.loaded_plugins()
    except FalcoConfigError:
        # Falco does not start with this anyway; that is no reason to keep the plugin.
        return
    for plugin in loaded:
        library = places.here(PLUGINS / str(plugin.get("library_path")))
        if plugin.get("name") == PLUGIN_NAME and library in links:
            raise StaysError(
                f"{config.loading(PLUGIN_NAME)[0]} still loads the plugin {PLUGIN_NAME}, and Falco "
                "does not start without its library: take it out of plugins and load_plugins "
                "there, then run again; or add --force if another library takes its place"
            )
    if places.drop_in not in gone:
        return
    names = {str(plugin.get("name")) for plugin in loaded}
    for file in _rule_files(places, config):
        if file not in gone and _needs_plugin(file, names):
            raise StaysError(
                f"{file} needs the plugin {PLUGIN_NAME}, and Falco does not start with these rules "
                "alone: move the file to another folder, then run again; or add --force if another "
                "plugin of that name takes its place"
            )


def _rule_files(places: Places, config: FalcoConfig) -> Iterator[Path]:
    for one in named_rules(config):
        named = places.here(PurePosixPath("/") / one)
        files = sorted(named.iterdir()) if named.is_dir() else [named]
        yield from (file for file in files if file.suffix in (".yaml", ".yml") and file.is_file())


def _needs_plugin(file: Path, loaded: Collection[str]) -> bool:
    try:
        text = file.read_text("utf-8", errors="replace")
    except OSError:
        return False
    # Falco's own files are large, and YAML is slow.
    if _REQUIREMENTS not in text or PLUGIN_NAME not in text:
        return False
    try:
        items = yaml.safe_load(text)
    except yaml.YAMLError:
        return False
    for item in _maps(items):
        for wanted in _maps(item.get(_REQUIREMENTS)):
            names = {
                wanted.get("name"),
                *(one.get("name") for one in _maps(wanted.get("alternatives"))),
            }
            if PLUGIN_NAME in names and not names & set(loaded):
                return True
    return False


def _maps(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
