"""The bundle unpacked in a root's layer, what it reads there, and how it is watched."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from bare_root import sysdig
from demo.audit_event import Target, audit_event
from demo.identities import CLUSTER, DEVELOPER, Json
from demo.local_cloudwatch import LocalCloudWatch
from installation import run

PLUGINS = Path("usr/share/falco/plugins")


@dataclass
class Installation:
    """The bundle unpacked in a folder of a root's layer."""

    layer: Path
    folder: Path

    def plugin(self, cloudwatch: LocalCloudWatch, **settings: Any) -> dict[str, Any]:
        """The plugin's section of falco.yaml."""
        return {
            "library_path": f"/{self.folder}/libk8saudit-eks.so",
            "init_config": {
                **cloudwatch.init_config(),
                "polling_interval": 1,
                "shift": 120,
                **settings,
            },
            "open_params": CLUSTER,
        }


def unpack(archive: Path, layer: Path, folder: Path = PLUGINS) -> Installation:
    """Unpack the archive in a folder of the root that runs with this layer."""
    (layer / folder).mkdir(parents=True)
    run(["tar", "-xzf", archive, "-C", layer / folder])
    return Installation(layer, folder)


def look(name: str, age_s: float = 60) -> Json:
    """A developer's look at a pod of that name."""
    time_us = time.time_ns() // 1000 - int(age_s * 1_000_000)
    random = Random(name)  # noqa: S311 - only has to differ
    return audit_event(random, time_us, DEVELOPER, "get", Target("pods", "shop", name))


def watch(layer: Path, plugin: dict[str, Any]) -> list[str]:
    """The command of a host that prints the name of each event's object."""
    return sysdig(layer, plugin, ["ka.target.name"])
