"""deploy/operator: the Falco Operator makes a Falco of it that loads our plugin."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from deploy_files import (
    BUNDLE_RULES,
    RECORDED,
    check_volumes,
    load,
    merged,
    not_restricted,
    only_ours,
    our_section,
)

from k8saudit_eks.errors import PluginError

OPERATOR: dict[str, Any] = yaml.safe_load((RECORDED / "falco_operator.yaml").read_text("utf-8"))


@pytest.fixture
def config() -> dict[str, Any]:
    return dict(load("operator/config.yaml")["spec"]["config"])


@pytest.fixture
def pod() -> dict[str, Any]:
    return dict(load("operator/falco.yaml")["spec"]["podTemplateSpec"]["spec"])


def test_the_section_is_the_generators(config: dict[str, Any]) -> None:
    """The same keys and values as everywhere else."""
    ours = our_section(BUNDLE_RULES)
    assert {key: config[key] for key in ours} == ours


def test_falco_loads_only_our_plugin(config: dict[str, Any]) -> None:
    """The resource is a file in config.d: Falco appends its lists to the operator's."""
    falco = merged(OPERATOR["falco_defaults"], config)
    only_ours(falco)
    assert falco.keys["engine"] == {"kind": "nodriver"}
    assert falco.keys["rules_files"] == ["/etc/falco/rules.d", BUNDLE_RULES]
    assert falco.keys["plugins_hostinfo"] is False
    # Without both, nobody sees what the plugin logs.
    assert falco.keys["libs_logger"] == {"enabled": True, "severity": "info"}
    assert falco.keys["log_stderr"] is True
    # Falco takes config_files in its main file only.
    assert "config_files" not in config


def test_a_typo_in_our_section_is_refused(config: dict[str, Any]) -> None:
    """By the plugin, in a sentence that names it."""
    broken = copy.deepcopy(config)
    broken["plugins"][0]["init_config"]["regoin"] = "eu-central-1"
    with pytest.raises(PluginError, match="regoin"):
        only_ours(merged(OPERATOR["falco_defaults"], broken))


def test_one_reader() -> None:
    """One pod, and the old one ends before the new one starts."""
    spec = load("operator/falco.yaml")["spec"]
    assert (spec["type"], spec["replicas"]) == ("Deployment", 1)
    assert spec["strategy"] == {"type": "Recreate"}


def test_the_pod(pod: dict[str, Any]) -> None:
    """Falco's container, by the operator's name for it, is not privileged; the user can read
    what the operator writes."""
    (falco,) = pod["containers"]
    assert falco["name"] == OPERATOR["container"]
    assert falco["securityContext"]["privileged"] is False
    assert not_restricted(pod) == []
    assert pod["securityContext"]["runAsUser"] == OPERATOR["artifact_operator_user"]
    check_volumes(pod, falco)


def test_volumes_have_names_of_their_own(pod: dict[str, Any]) -> None:
    """A name of the operator's would be merged with what it has there."""
    assert {one["name"] for one in pod["volumes"]}.isdisjoint(OPERATOR["volumes"])


def test_one_namespace_and_one_service_account() -> None:
    """The operator names the service account as the resource: what eksctl.yaml associates."""
    falco, config = load("operator/falco.yaml"), load("operator/config.yaml")
    (association,) = load("eksctl.yaml")["iam"]["podIdentityAssociations"]
    assert falco["metadata"]["name"] == association["serviceAccountName"]
    namespaces = {falco["metadata"]["namespace"], config["metadata"]["namespace"]}
    assert namespaces == {association["namespace"]}
