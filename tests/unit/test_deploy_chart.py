"""deploy/helm-values.yaml, rendered with Falco's chart itself.

K8SAUDIT_EKS_FALCO_CHART names folders of the chart (several with ":" between them); without
it these tests are skipped. Helm comes with `pip install -e '.[chart]'`.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy_files import (
    BUNDLE_RULES,
    CHART,
    DEPLOY,
    OWN_RULES,
    as_image_reads,
    check_volumes,
    complaints,
    documents,
    load,
    not_restricted,
    only_ours,
    our_section,
)

from k8saudit_eks import PLUGIN_NAME
from k8saudit_eks.errors import PluginError
from k8saudit_eks.falco.merge import FalcoConfigError

FOLDERS = [one for one in os.environ.get("K8SAUDIT_EKS_FALCO_CHART", "").split(":") if one]
if not FOLDERS:
    pytest.skip(
        "K8SAUDIT_EKS_FALCO_CHART names no folder of Falco's chart", allow_module_level=True
    )


@pytest.fixture
def values() -> dict[str, Any]:
    return load("helm-values.yaml")


class Rendered:
    """The objects that a chart makes of values, as `helm install falco` would send them."""

    def __init__(self, folder: str, values: Mapping[str, Any]) -> None:
        # Imported here: it is in the extra `chart` only, whose wheel has 70 MB.
        from helm_python.chart import Chart

        with Chart.load(folder) as chart:
            self.version = chart.version
            self.defaults = chart.values
            texts = chart.render(copy.deepcopy(dict(values)), name="falco", namespace="falco")
        self.objects = [
            one
            for name, text in texts.items()
            if name.endswith((".yaml", ".yml"))
            for one in documents(text)
        ]

    def the(self, kind: str, name: str) -> dict[str, Any]:
        (found,) = (
            one for one in self.objects if one["kind"] == kind and one["metadata"]["name"] == name
        )
        return found

    def falco_yaml(self) -> dict[str, Any]:
        return dict(yaml.safe_load(self.the("ConfigMap", "falco")["data"]["falco.yaml"]))

    def volumes_of_the_node(self) -> list[str]:
        """As not_restricted() names what this version of the chart mounts in any case."""
        return ["volume proc-fs"] if self.version in CHART["always_mount_proc"] else []

    def pod(self) -> dict[str, Any]:
        return dict(self.the("Deployment", "falco")["spec"]["template"]["spec"])


@pytest.fixture(params=FOLDERS, ids=lambda folder: Path(folder).parts[-3:])
def folder(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def has_keys(given: Any, known: Any, path: str = "") -> Iterator[str]:
    """Recorded keys that the chart does not have; a null or empty default may hold any."""
    if known == "*" or not given:
        return
    for key, below in known.items():
        if key in given:
            yield from has_keys(given[key], below, f"{path}{key}.")
        else:
            yield f"{path}{key}"


def test_the_record_is_what_the_chart_says(folder: str, values: dict[str, Any]) -> None:
    """Its version, keys and defaults."""
    chart = Rendered(folder, values)
    assert chart.version in CHART["charts"]
    assert list(has_keys(chart.defaults, CHART["keys"])) == []
    recorded = CHART["falco_defaults"]
    assert {key: chart.defaults["falco"][key] for key in recorded} == recorded


def test_rendered_falco_loads_only_our_plugin(folder: str, values: dict[str, Any]) -> None:
    """falco.yaml in the ConfigMap, merged as Falco merges it."""
    merged = as_image_reads(Rendered(folder, values).falco_yaml())
    only_ours(merged)
    config = merged.keys
    ours = our_section(BUNDLE_RULES, OWN_RULES)
    assert {key: config[key] for key in ours} == ours
    assert config["webserver"]["prometheus_metrics_enabled"]
    assert config["metrics"]["plugins_metrics_enabled"]
    assert config["metrics"]["include_empty_values"]


def test_rendered_without_config_files_would_not_start(folder: str, values: dict[str, Any]) -> None:
    """The same of the chart itself."""
    del values["falco"]["config_files"]
    with pytest.raises(FalcoConfigError, match="load_plugins names container"):
        only_ours(as_image_reads(Rendered(folder, values).falco_yaml()))


def test_a_typo_is_refused_after_rendering(folder: str, values: dict[str, Any]) -> None:
    """The chart hands it on; the plugin refuses it."""
    values["falco"]["plugins"][0]["init_config"]["regoin"] = "eu-central-1"
    with pytest.raises(PluginError, match="regoin"):
        only_ours(as_image_reads(Rendered(folder, values).falco_yaml()))


def test_rendered_pod(folder: str, values: dict[str, Any]) -> None:
    """One pod, unprivileged, without volumes of the node; what it mounts exists."""
    chart = Rendered(folder, values)
    assert chart.the("Deployment", "falco")["spec"]["replicas"] == 1
    pod = chart.pod()
    (falco,) = pod["containers"]
    assert not_restricted(pod) == chart.volumes_of_the_node()
    check_volumes(pod, falco)
    assert falco["args"] == ["/usr/bin/falco", "--disable-source", "syscall"]
    mounted = {one["name"] for c in [falco, *pod["initContainers"]] for one in c["volumeMounts"]}
    maps = {one["metadata"]["name"] for one in chart.objects if one["kind"] == "ConfigMap"}
    maps_of = {
        one["name"]: one["configMap"]["name"] for one in pod["volumes"] if "configMap" in one
    }
    assert mounted <= {one["name"] for one in pod["volumes"]}
    # Without falcoctl the chart still lists its volume, which kubelet leaves out: no
    # container mounts it.
    assert {name for volume, name in maps_of.items() if volume in mounted} <= maps
    assert falco["startupProbe"]["httpGet"]["port"] == 8765


def test_rendered_objects(folder: str, values: dict[str, Any]) -> None:
    """No permissions in the cluster; the service account that has the role; valid objects."""
    chart = Rendered(folder, values)
    assert sorted(one["kind"] for one in chart.objects) == [
        "ConfigMap",
        "Deployment",
        "Service",
        "ServiceAccount",
    ]
    account = chart.the("ServiceAccount", "falco-k8saudit-eks")
    assert "annotations" not in account["metadata"]
    assert chart.pod()["serviceAccountName"] == account["metadata"]["name"]
    found = [line for one in chart.objects for line in complaints(one)]
    assert len(found) == len(chart.volumes_of_the_node()), found
    assert PLUGIN_NAME in [one["name"] for one in chart.pod()["initContainers"]]


def test_irsa_by_the_commented_lines(folder: str, values: dict[str, Any]) -> None:
    """What takes the place of the empty annotations reaches the service account."""
    text = (DEPLOY / "helm-values.yaml").read_text("utf-8")
    text = text.replace("annotations: {}\n  #   eks", "annotations:\n    eks")
    account = Rendered(folder, yaml.safe_load(text)).the("ServiceAccount", "falco-k8saudit-eks")
    assert account["metadata"]["annotations"] == {
        "eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/falco-k8saudit-eks"
    }
