"""deploy/helm-values.yaml, against recorded facts about Falco's chart and image.

test_deploy_chart.py checks it with the chart itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from deploy_files import (
    BUNDLE_RULES,
    CHART,
    OWN_RULES,
    as_image_reads,
    check_volumes,
    load,
    not_restricted,
    only_ours,
    our_section,
)

from k8saudit_eks.errors import PluginError
from k8saudit_eks.falco.merge import FalcoConfigError


@pytest.fixture
def values() -> dict[str, Any]:
    return load("helm-values.yaml")


def unknown_keys(given: Any, known: Any, path: str = "") -> Iterator[str]:
    if known == "*":
        return
    assert isinstance(given, dict), f"{path} is no map"
    for key, value in given.items():
        if key in known:
            yield from unknown_keys(value, known[key], f"{path}{key}.")
        else:
            yield f"{path}{key}"


def falco_yaml(values: Mapping[str, Any]) -> dict[str, Any]:
    """As the chart writes it, by the recorded defaults: Helm replaces lists."""
    return {**CHART["falco_defaults"], **values["falco"]}


def test_the_values_use_keys_of_the_chart(values: dict[str, Any]) -> None:
    """Helm ignores what it does not know: a misspelt key would do nothing, silently."""
    assert list(unknown_keys(values, CHART["keys"])) == []
    values["falco"]["plugin"] = []
    values["rbac"]["enabled"] = False
    assert list(unknown_keys(values, CHART["keys"])) == ["rbac.enabled", "falco.plugin"]


def test_the_section_is_the_generators(values: dict[str, Any]) -> None:
    """The same keys and values as everywhere else."""
    ours = our_section(BUNDLE_RULES, OWN_RULES)
    assert {key: values["falco"][key] for key in ours} == ours


def test_falco_loads_only_our_plugin(values: dict[str, Any]) -> None:
    """With the chart's defaults, and with the files of the image."""
    config = as_image_reads(falco_yaml(values))
    assert only_ours(config)["init_config"]["state_dir"] == "/var/lib/k8saudit-eks"
    # The image's other file is not read either: what it says is said here.
    assert config.keys["time_format_iso_8601"] is True


def test_without_config_files_falco_would_not_start(values: dict[str, Any]) -> None:
    """The container plugin of the image is named, but nothing configures it."""
    del values["falco"]["config_files"]
    with pytest.raises(FalcoConfigError, match="load_plugins names container"):
        only_ours(as_image_reads(falco_yaml(values)))


@pytest.mark.parametrize(
    ("typo", "message"),
    [
        (lambda plugin: plugin["init_config"].update(regoin="eu-central-1"), "regoin"),
        (lambda plugin: plugin.update(name="k8saudit_eks"), "load_plugins names k8saudit-eks"),
        (lambda plugin: plugin.update(open_params="arn:aws:nothing"), "open_params"),
    ],
)
def test_a_typo_in_our_section_is_refused(values: dict[str, Any], typo: Any, message: str) -> None:
    """By Falco or by the plugin, in a sentence that names it."""
    typo(values["falco"]["plugins"][0])
    with pytest.raises(PluginError, match=message):
        only_ours(as_image_reads(falco_yaml(values)))


def test_one_reader(values: dict[str, Any]) -> None:
    """Each replica would deliver every event again, and a second is refused the ledger."""
    assert values["controller"] == {"kind": "deployment", "deployment": {"replicas": 1}}


def test_the_pod_asks_for_nothing_of_the_node(values: dict[str, Any]) -> None:
    """What the values bring to the pod fits Pod Security's "restricted", and its volumes fit."""
    pod = {
        "securityContext": values["podSecurityContext"],
        "initContainers": values["extra"]["initContainers"],
        "containers": [
            {
                "name": "falco",
                "securityContext": values["containerSecurityContext"],
                "volumeMounts": values["mounts"]["volumeMounts"],
            }
        ],
        "volumes": values["mounts"]["volumes"],
    }
    assert not_restricted(pod) == []
    check_volumes(pod, pod["containers"][0])
    assert values["falco"]["plugins_hostinfo"] is False
    assert values["rbac"] == {"create": False}
    assert not values["driver"]["enabled"]
    assert not values["collectors"]["enabled"]
    assert all(not one["enabled"] for one in values["falcoctl"]["artifact"].values())


def test_one_identity_is_the_default(values: dict[str, Any]) -> None:
    """EKS Pod Identity: an annotation for IRSA would win over it, right or wrong."""
    assert values["serviceAccount"]["annotations"] == {}
