"""deploy/eksctl.yaml and deploy/terraform: the role that the policy needs, for our pod."""

from __future__ import annotations

import json
import re
from typing import Any

import hcl2  # type: ignore[import-untyped]
import pytest
from deploy_files import DEPLOY, load

from k8saudit_eks.iam_policy import ASSUME, TAG, LogGroups, policy_of, reading_statements

GROUPS = [LogGroups("aws", "eu-central-1", "111122223333", "/aws/eks/production/cluster")]
POLICY = policy_of(reading_statements(GROUPS, names_clusters=True))
ADDONS = {"eks-pod-identity-agent", "aws-ebs-csi-driver"}


@pytest.fixture
def values() -> dict[str, Any]:
    return load("helm-values.yaml")


def terraform(name: str) -> str:
    """A file of the module as JSON text, without the quotes of HCL's strings."""
    module = hcl2.loads((DEPLOY / "terraform" / name).read_text("utf-8"))
    return json.dumps(module).replace('\\"', "")


def test_eksctl_allows_what_the_policy_allows(values: dict[str, Any]) -> None:
    """The same statements, for the service account of the chart."""
    config = load("eksctl.yaml")
    (association,) = config["iam"]["podIdentityAssociations"]
    assert association["permissionPolicy"] == POLICY
    assert association["serviceAccountName"] == values["serviceAccount"]["name"]
    (plugin,) = values["falco"]["plugins"]
    assert config["metadata"]["name"] == plugin["open_params"]
    assert config["metadata"]["region"] == plugin["init_config"]["region"]


def test_terraform_allows_what_the_policy_allows(values: dict[str, Any]) -> None:
    """The same statements, with the cluster, the account and the region filled in."""
    prefix = POLICY["Statement"][1]["Resource"][0].removesuffix("*")
    text = terraform("main.tf")
    text = text.replace("${local.log_groups}", prefix).replace("${var.cluster}", "production")
    for statement in POLICY["Statement"]:
        assert statement["Sid"] in text
        assert statement["Action"] in text
        for arn in statement["Resource"]:
            assert arn in text
    assert set(re.findall(r"logs:[A-Z]\w+", text)) == {s["Action"] for s in POLICY["Statement"]}
    assert values["serviceAccount"]["name"] in text


def test_terraform_trusts_pod_identity() -> None:
    """The principal of EKS Pod Identity, with the two actions that it takes."""
    text = terraform("main.tf")
    assert '"identifiers": ["pods.eks.amazonaws.com"]' in text
    assert f'"actions": ["{ASSUME}", "{TAG}"]' in text
    assert set(re.findall(r"sts:[A-Z]\w+", text)) == {ASSUME, TAG}


def test_both_bring_the_add_ons() -> None:
    """Pod Identity's agent, and the driver of the state volume with a role of its own."""
    assert {one["name"] for one in load("eksctl.yaml")["addons"]} == ADDONS
    text = terraform("addons.tf")
    assert set(re.findall(r'"addon_name": "([^"]+)"', text)) == ADDONS
    assert "AmazonEBSCSIDriverPolicy" in text
    assert load("storage/storage-class.yaml")["provisioner"] == "ebs.csi.aws.com"
