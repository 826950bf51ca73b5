"""Our section of Falco's configuration: the one place that writes it.

`config` prints it, `install` writes it to a file of its own, and the values for
Falco's chart and the documents are tested against it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from k8saudit_eks import PLUGIN_NAME


def section(
    open_params: str,
    library_path: str,
    init_config: Mapping[str, Any],
    *,
    rules_files: Sequence[str] = (),
    audit_only: bool = False,
) -> dict[str, Any]:
    """The keys of falco.yaml that load the plugin, in the order in which a reader wants them.

    Args:
        open_params: an EKS cluster's name, or file:///path.
        library_path: libk8saudit-eks.so, as the Falco process sees it.
        init_config: only what differs from the defaults.
        rules_files: files or folders of rules that Falco's configuration does not name yet.
        audit_only: this Falco watches no system calls (engine.kind: nodriver).
    """
    keys: dict[str, Any] = {}
    if audit_only:
        keys["engine"] = {"kind": "nodriver"}
    keys["plugins"] = [
        {
            "name": PLUGIN_NAME,
            "library_path": _literal(library_path),
            "init_config": {key: _literal(value) for key, value in init_config.items()},
            "open_params": _literal(open_params),
        }
    ]
    keys["load_plugins"] = [PLUGIN_NAME]
    if rules_files:
        keys["rules_files"] = [_literal(file) for file in rules_files]
    # By default Falco reports only the first rule that matches an event.
    keys["rule_matching"] = "all"
    return keys


def _literal(value: Any) -> Any:
    """Text that Falco reads as it stands: it takes ${NAME} for an environment variable."""
    return re.sub(r"\$(?=\{[^}]*\})", "$$", value) if isinstance(value, str) else value


def section_yaml(keys: Mapping[str, Any]) -> str:
    """The section as YAML text, with a newline at its end."""
    return yaml.dump(dict(keys), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)


class _Dumper(yaml.SafeDumper):
    """Items of a list are indented, as in falco.yaml."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)
