"""Writes what the bundle consists of: a CycloneDX document and the licences' texts.

https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bundle.components import Component
from k8saudit_eks import __version__

# Of this project's documents: the serial number follows from what is in one.
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_OID, "k8saudit-eks")


def document(components: Iterable[Component], time_s: int) -> str:
    """The CycloneDX document, JSON; the same for the same components.

    Args:
        time_s: when the bundle was made, seconds since the epoch.
    """
    described = [_described(component) for component in components]
    body: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {
                "type": "library",
                "bom-ref": "k8saudit-eks",
                "name": "k8saudit-eks",
                "version": __version__,
                "licenses": [{"expression": "Apache-2.0"}],
            },
        },
        "components": described,
        "dependencies": [
            {"ref": "k8saudit-eks", "dependsOn": [one["bom-ref"] for one in described]}
        ],
    }
    serial = uuid.uuid5(_NAMESPACE, json.dumps(body, sort_keys=True))
    return json.dumps({**body, "serialNumber": serial.urn}, indent=1) + "\n"


def place_licenses(components: Iterable[Component], own: Path, target: Path) -> None:
    """Copy the licences' texts to target, in a folder for each component.

    Args:
        own: the plugin's licence.
    """
    texts = {component.name: component.texts for component in components}
    for name, files in {**texts, "k8saudit-eks": (own,)}.items():
        folder = target / name
        folder.mkdir(parents=True)
        for file in files:
            shutil.copyfile(file, folder / file.name)


def _described(component: Component) -> dict[str, Any]:
    described: dict[str, Any] = {
        "type": "library",
        "bom-ref": component.purl or component.name,
        "name": component.name,
        "licenses": [{"expression": component.license}],
    }
    for key in ("version", "purl", "description"):
        if value := getattr(component, key):
            described[key] = value
    return described
