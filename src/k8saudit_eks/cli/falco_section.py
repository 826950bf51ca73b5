"""The section of falco.yaml that loads the plugin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from k8saudit_eks import PLUGIN_NAME


def falco_section(
    cluster: str,
    library: Path,
    init_config: Mapping[str, Any],
    *,
    rules: bool = False,
    rules_files: Sequence[str] = (),
) -> str:
    """YAML text, with a newline at its end.

    Args:
        rules: whether this project's rules are loaded, too.
        rules_files: those that Falco does not find by itself.
    """
    section: dict[str, Any] = {
        "plugins": [
            {
                "name": PLUGIN_NAME,
                "library_path": str(library),
                "init_config": dict(init_config),
                "open_params": cluster,
            }
        ],
        "load_plugins": [PLUGIN_NAME],
    }
    if rules:
        # By default Falco reports the first matching rule of an event only.
        section["rule_matching"] = "all"
    if rules_files:
        section["rules_files"] = list(rules_files)
    return yaml.safe_dump(section, sort_keys=False, allow_unicode=True, width=1000)
