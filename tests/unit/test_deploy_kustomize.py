"""deploy/kustomize and deploy/storage: what is named exists, and Falco starts with it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy_files import (
    BUNDLE_RULES,
    DEPLOY,
    as_image_reads,
    check_volumes,
    complaints,
    documents,
    load,
    merged,
    not_restricted,
    only_ours,
    our_section,
)

KUSTOMIZATIONS = sorted(path.parent for path in DEPLOY.rglob("kustomization.yaml"))
# `helm template` writes it: docs/install/kustomize.md.
RENDERED = DEPLOY / "kustomize" / "chart" / "falco.yaml"


def named(folder: Path) -> Iterator[Path]:
    """Files and folders that a kustomization names."""
    file = yaml.safe_load((folder / "kustomization.yaml").read_text("utf-8"))
    for key in ("resources", "components"):
        yield from (folder / one for one in file.get(key, []))
    for one in file.get("configMapGenerator", []):
        yield from (folder / name for name in one["files"])
    yield from (folder / one["path"] for one in file.get("patches", []))


@pytest.fixture
def deployment() -> dict[str, Any]:
    return load("kustomize/base/deployment.yaml")


def test_what_kustomizations_name_exists() -> None:
    """Files, and folders with a kustomization of their own; each file is named by one."""
    seen = {path.resolve() for folder in KUSTOMIZATIONS for path in named(folder)}
    for path in seen - {RENDERED}:
        assert (path / "kustomization.yaml").is_file() if path.is_dir() else path.is_file()
    files = {path for folder in KUSTOMIZATIONS for path in folder.glob("*.yaml")}
    unused = files - seen - {folder / "kustomization.yaml" for folder in KUSTOMIZATIONS}
    # Not everybody needs it: docs/deploy.md says who does.
    assert unused == {DEPLOY / "storage" / "storage-class.yaml"}
    assert RENDERED in seen


def test_the_section_is_the_generators() -> None:
    """The same keys and values as everywhere else, for a Falco that watches nothing else."""
    config = load("kustomize/base/falco.yaml")
    ours = our_section(BUNDLE_RULES, audit_only=True)
    assert {key: config[key] for key in ours} == ours
    only_ours(as_image_reads(config))
    assert "config_files" not in config
    assert config["stdout_output"]["enabled"]
    # Falco's default is syslog, which a container does not have.
    assert config["log_stderr"] is True
    assert config["plugins_hostinfo"] is False


def test_one_reader(deployment: dict[str, Any]) -> None:
    """The old pod ends before the new one starts."""
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}


def test_the_pod(deployment: dict[str, Any]) -> None:
    """It fits the namespace's Pod Security, and what it names exists."""
    pod = deployment["spec"]["template"]["spec"]
    (falco,) = pod["containers"]
    labels = load("kustomize/base/namespace.yaml")["metadata"]["labels"]
    assert labels == {"pod-security.kubernetes.io/enforce": "restricted"}
    assert not_restricted(pod) == []
    check_volumes(pod, falco)
    account = load("kustomize/base/service-account.yaml")["metadata"]["name"]
    assert pod["serviceAccountName"] == account
    maps = {one["name"] for one in load("kustomize/base/kustomization.yaml")["configMapGenerator"]}
    assert {one["configMap"]["name"] for one in pod["volumes"] if "configMap" in one} == maps
    config = load("kustomize/base/falco.yaml")
    assert {one["name"] for one in falco["ports"]} == {"web"}
    assert falco["ports"][0]["containerPort"] == config["webserver"].get("listen_port", 8765)


def test_the_service_finds_the_pod(deployment: dict[str, Any]) -> None:
    """Its selector is among the pod's labels, its port among the container's."""
    spec = load("kustomize/base/service.yaml")["spec"]
    template = deployment["spec"]["template"]
    labels = template["metadata"]["labels"].items()
    assert spec["selector"].items() <= labels
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels
    ports = {one["name"] for one in template["spec"]["containers"][0]["ports"]}
    assert {one["targetPort"] for one in spec["ports"]} <= ports


def test_images_that_are_replaced_are_used(deployment: dict[str, Any]) -> None:
    """`images` of the kustomization names the init container's image, as Kustomize compares it."""
    images = {one["name"] for one in load("kustomize/base/kustomization.yaml")["images"]}
    (init,) = deployment["spec"]["template"]["spec"]["initContainers"]
    assert images == {init["image"]}


def test_the_patch_fits_the_charts_deployment() -> None:
    """The name is what the chart gives for the release of the documents: falco."""
    (patch,) = load("kustomize/recreate/kustomization.yaml")["patches"]
    content = load(f"kustomize/recreate/{patch['path']}")
    assert patch["target"] == {"kind": content["kind"], "name": content["metadata"]["name"]}
    assert patch["target"] == {"kind": "Deployment", "name": "falco"}
    assert content["spec"] == {"strategy": {"type": "Recreate", "rollingUpdate": None}}
    text = (DEPLOY.parent / "docs" / "install" / "kustomize.md").read_text("utf-8")
    assert "helm template falco falco --repo" in text
    assert f"> {RENDERED.relative_to(DEPLOY.parent)}" in text


def test_the_claim_has_a_class() -> None:
    """EKS has no default StorageClass; the one that is named waits for the pod's zone."""
    claim, storage_class = load("storage/state-volume.yaml"), load("storage/storage-class.yaml")
    assert claim["spec"]["storageClassName"] == storage_class["metadata"]["name"]
    assert storage_class["volumeBindingMode"] == "WaitForFirstConsumer"


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl has Kustomize")
def test_kustomize_builds_it(tmp_path: Path) -> None:
    """The real Kustomize: the plain manifests, and the patch on what a chart would render."""

    def build(folder: Path) -> dict[str, dict[str, Any]]:
        done = subprocess.run(
            ["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=True
        )
        return {one["kind"]: one for one in documents(done.stdout)}

    deploy = shutil.copytree(DEPLOY, tmp_path / "deploy")
    base = build(deploy / "kustomize" / "base")
    assert [line for one in base.values() for line in complaints(one)] == []
    pod = base["Deployment"]["spec"]["template"]["spec"]
    (name,) = (one["configMap"]["name"] for one in pod["volumes"] if "configMap" in one)
    assert base["ConfigMap"]["metadata"]["name"] == name != "falco"
    only_ours(merged(yaml.safe_load(base["ConfigMap"]["data"]["falco.yaml"])))

    rendered = load("kustomize/base/deployment.yaml")
    rendered["spec"]["strategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}
    (deploy / "kustomize" / "chart" / "falco.yaml").write_text(json.dumps(rendered), "utf-8")
    chart = build(deploy / "kustomize" / "chart")
    assert chart["Deployment"]["spec"]["strategy"] == {"type": "Recreate"}
    assert "PersistentVolumeClaim" in chart
