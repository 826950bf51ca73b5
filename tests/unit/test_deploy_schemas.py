"""Every YAML file of deploy/ is what its reader takes."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from deploy_files import DEPLOY, complaints, documents, load, not_restricted

# They are no objects: test_deploy_helm.py and test_deploy_kustomize.py check them.
NO_OBJECTS = {"helm-values.yaml", "kustomize/base/falco.yaml"}
OBJECTS = sorted(
    path for path in DEPLOY.rglob("*.yaml") if path.relative_to(DEPLOY).as_posix() not in NO_OBJECTS
)


@pytest.mark.parametrize("path", OBJECTS, ids=lambda path: path.relative_to(DEPLOY).as_posix())
def test_each_object_fits_its_schema(path: Path) -> None:
    """No key that the API would ignore or refuse."""
    found = documents(path.read_text("utf-8"))
    assert found
    assert [line for one in found for line in complaints(one)] == []


@pytest.mark.parametrize(
    ("path", "at", "key", "value"),
    [
        ("kustomize/base/deployment.yaml", ["spec"], "stratgy", {"type": "Recreate"}),
        ("kustomize/base/deployment.yaml", ["spec", "template", "spec"], "fsGroup", 1),
        ("operator/falco.yaml", ["spec"], "updateStrategy", {"type": "Recreate"}),
        ("operator/falco.yaml", ["spec"], "replicas", "1"),
        ("operator/config.yaml", ["spec"], "plugins", []),
        ("storage/state-volume.yaml", ["spec"], "storageClass", "gp3"),
        ("kustomize/recreate/kustomization.yaml", [], "patch", "recreate.yaml"),
        ("eksctl.yaml", ["iam"], "podIdentityAssociation", []),
    ],
)
def test_a_misspelt_key_is_seen(path: str, at: list[str], key: str, value: Any) -> None:
    """The schemas refuse what they don't name, at every depth."""
    document = copy.deepcopy(load(path))
    place: Any = document
    for step in at:
        place = place[step]
    place[key] = value
    assert len(complaints(document)) == 1


def test_a_kind_without_schema_is_seen() -> None:
    """A new kind of object needs a schema first."""
    assert complaints({"apiVersion": "apps/v2", "kind": "Deployment"}) == [
        "apps/v2 Deployment: no schema of it is recorded"
    ]


def test_what_pod_security_refuses_is_seen() -> None:
    """The check for "restricted" finds each thing that it looks for."""
    pod = copy.deepcopy(load("kustomize/base/deployment.yaml")["spec"]["template"]["spec"])
    assert not_restricted(pod) == []
    del pod["securityContext"]
    pod["volumes"].append({"name": "proc", "hostPath": {"path": "/proc"}})
    pod["containers"][0]["securityContext"] = {"privileged": True}
    assert not_restricted(pod) == [
        "volume proc",
        "seccompProfile",
        "falco: privileged",
        "falco: allowPrivilegeEscalation",
        "falco: capabilities",
        "falco: runAsNonRoot",
    ]
