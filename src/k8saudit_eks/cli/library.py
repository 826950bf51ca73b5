"""Where the plugin library and the rules are."""

from __future__ import annotations

from pathlib import Path

import k8saudit_eks
from k8saudit_eks.errors import PluginError

_NAME = "libk8saudit-eks.so"


def library_path(package: Path | None = None) -> Path:
    """The library beside the installed package or, in a checkout, in its build folder.

    Args:
        package: the package's folder, if it is not the one that is running.

    Raises:
        PluginError: there is none; says how to build it.
    """
    folder = (package or Path(k8saudit_eks.__file__).parent).resolve()
    installed = folder / _NAME
    if installed.is_file():
        return installed
    checkout = folder.parent.parent
    if (checkout / "build_plugin.py").is_file():
        built = checkout / "build" / _NAME
        if built.is_file():
            return built
        raise PluginError(f"{_NAME} is not built yet: run make in {checkout}")
    raise PluginError(
        f"{_NAME} is missing from {folder}: run pip install --force-reinstall k8saudit-eks"
    )


def rules_files(package: Path | None = None) -> list[Path]:
    """The rule files inside the installed package or, in a checkout, in its rules folder.

    Args:
        package: the package's folder, if it is not the one that is running.

    Raises:
        PluginError: there are none; says what to do.
    """
    folder = (package or Path(k8saudit_eks.__file__).parent).resolve()
    for rules in (folder / "rules", folder.parent.parent / "rules"):
        found = sorted(rules.glob("*.yaml"))
        if found:
            return found
    raise PluginError(
        f"the rules are missing from {folder}: run pip install --force-reinstall k8saudit-eks"
    )
