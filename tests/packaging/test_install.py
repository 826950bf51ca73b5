"""From an empty Falco host to the first alert, with what pip installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from demo import hosts
from demo.attack import STEPS
from demo.local_cloudwatch import LocalCloudWatch, host_environment
from demo.rule_files import load_rules
from demo.rule_host import NoRuleHostError, build
from installation import ROOT, run

sys.path.insert(0, str(ROOT / "tests" / "unit"))

from falco_host import FalcoHost, falco_host

TIMEOUT_S = 60.0
CLUSTER = "production"
STEP = STEPS[3]


def first_alert(command: list[str], folder: Path) -> dict[str, Any]:
    """The first alert that a host prints; it is killed then."""
    with (folder / "host.err").open("w+") as errors:
        process = subprocess.Popen(
            command,
            env=host_environment(),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        assert process.stdout is not None
        watchdog = threading.Timer(TIMEOUT_S, process.kill)
        watchdog.start()
        try:
            for line in process.stdout:
                if line.startswith("{") and "output_fields" in (alert := json.loads(line)):
                    return dict(alert)
        finally:
            watchdog.cancel()
            process.kill()
            process.wait()
            process.stdout.close()
        errors.seek(0)
        pytest.fail(f"no alert within {TIMEOUT_S} s: {errors.read()[-2000:]}")


def host_command(host: FalcoHost, folder: Path) -> list[str]:
    """Falco on the PATH, or the rule host, with the host's merged configuration.

    Neither runs in the root: paths are those below it.
    """

    def below(path: str) -> str:
        return str(host.root / path.lstrip("/"))

    keys = dict(host.config().keys)
    ours = host.config().loaded_plugins()[-1]
    ours["library_path"] = below(ours["library_path"])
    ours["init_config"]["state_dir"] = below(ours["init_config"]["state_dir"])
    named = [Path(below(path)) for path in keys["rules_files"]]
    files = [one for path in named for one in (sorted(path.iterdir()) if path.is_dir() else [path])]
    rules = [str(file) for file in files if file.exists()]
    if (falco := hosts.falco_command()) is not None:
        # What the package brings beside these is not in the root.
        keys |= {"plugins": [ours], "load_plugins": [ours["name"]], "config_files": []}
        keys |= {"rules_files": rules, "engine": {"kind": "nodriver"}, "json_output": True}
        merged = folder / "merged.yaml"
        merged.write_text(yaml.safe_dump(keys), "utf-8")
        return [*falco, "-c", str(merged), "--disable-source", "syscall"]
    try:
        rule_host = build(hosts.NEWEST)
    except NoRuleHostError as error:
        pytest.skip(str(error))
    library, init_config = Path(ours["library_path"]), json.dumps(ours["init_config"])
    loaded = load_rules(map(Path, rules))
    return rule_host.command(library, init_config, ours["open_params"], loaded, folder)


# As long as the server: pytest comes back to this module for each environment.
@pytest.fixture(scope="session")
def cluster(cloudwatch: LocalCloudWatch) -> str:
    """A cluster in which an attack has just begun."""
    cloudwatch.create_cluster(CLUSTER)
    now_us = time.time_ns() // 1000
    cloudwatch.put(STEP.events(Random(1), lambda: now_us), CLUSTER)  # noqa: S311
    return CLUSTER


@pytest.mark.parametrize("version", ["0.40", "0.44"])
def test_the_first_alert(
    environment: Path, cloudwatch: LocalCloudWatch, cluster: str, tmp_path: Path, version: str
) -> None:
    """venv, pip and install are the three commands; the rest is Falco's package as it comes."""
    host = falco_host(tmp_path / "root", version)
    before = host.contents()
    command = environment / "venv" / "bin" / "k8saudit-eks"
    settings = [word for pair in cloudwatch.init_config().items() for word in _option(*pair)]
    place = ["--root", str(host.root), "--user", str(os.geteuid())]
    run([command, "install", cluster, *settings, "--shift", "600", *place])
    assert host.link.resolve().is_relative_to(environment)
    alert = first_alert(host_command(host, tmp_path), tmp_path)
    assert alert["rule"] in {step.rule for step in STEPS}
    assert list(host.state_dir.iterdir())
    run([command, "uninstall", "--purge-state", "--root", host.root])
    left = {path: content for path, content in host.contents().items() if content is not None}
    assert left == {path: content for path, content in before.items() if content is not None}


def _option(key: str, value: str) -> list[str]:
    return [f"--{key.replace('_', '-')}", value]
