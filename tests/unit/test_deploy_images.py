"""deploy/Dockerfile and the ECS task definition."""

from __future__ import annotations

import json
import re
from typing import Any

import botocore.session  # type: ignore[import-untyped]
import pytest
from botocore.validate import ParamValidator  # type: ignore[import-untyped]
from deploy_files import DEPLOY, ROOT, load

from k8saudit_eks import __version__

DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")
PLATFORMS = "--platform linux/amd64,linux/arm64"


def init_containers() -> list[dict[str, Any]]:
    """Of all methods that copy the bundle into a volume."""
    pods = [
        load("kustomize/base/deployment.yaml")["spec"]["template"]["spec"],
        load("operator/falco.yaml")["spec"]["podTemplateSpec"]["spec"],
        load("helm-values.yaml")["extra"],
    ]
    return [one for pod in pods for one in pod["initContainers"]]


def test_the_dockerfile_copies_what_there_is() -> None:
    """Folders exist, stages are named before they are used, the init container's target is one."""
    stages: list[str] = []
    for line in DOCKERFILE.splitlines():
        if found := re.match(r"FROM \S+ AS (\S+)", line):
            stages.append(found[1])
        elif found := re.match(r"COPY --from=(\S+) ", line):
            assert found[1] in stages
        elif found := re.match(r"COPY (\S+) \S+", line):
            assert (ROOT / found[1]).exists()
    assert stages == ["build", "bundle", "falco"]


def test_the_bundle_is_copied_where_it_is_mounted() -> None:
    """By every init container, in this version."""
    found = init_containers()
    assert len(found) == 3
    for init in found:
        (mount,) = init["volumeMounts"]
        assert f'"/bundle/.", "{mount["mountPath"]}"' in DOCKERFILE
    (image,) = load("kustomize/base/kustomization.yaml")["images"]
    images = [one["image"] for one in found if ":" in one["image"]]
    for tag in (*images, *re.findall(r"-t (\S+)", DOCKERFILE), f":{image['newTag']}"):
        assert tag.endswith(f":{__version__}")


def test_each_stage_is_built_for_the_images_platform() -> None:
    """A stage with a platform of its own would bring its compiler's architecture."""
    lines = DOCKERFILE.replace("\\\n#", "").splitlines()
    assert not [line for line in lines if line.startswith("FROM --platform")]
    builds = [line for line in lines if "docker buildx build" in line]
    assert len(builds) == 2
    assert all(PLATFORMS in line for line in builds)


def test_one_falco_version() -> None:
    """Image and manifests name the same one."""
    (version,) = re.findall(r"ARG FALCO_VERSION=(\S+)", DOCKERFILE)
    for path in ("kustomize/base/deployment.yaml", "operator/falco.yaml"):
        text = (DEPLOY / path).read_text("utf-8")
        assert re.findall(r"falcosecurity/falco:(\S+)", text) == [version]


@pytest.fixture
def task() -> dict[str, Any]:
    return dict(json.loads((DEPLOY / "ecs-task-definition.json").read_text("utf-8")))


def test_ecs_takes_the_task_definition(task: dict[str, Any]) -> None:
    """By the model of the API; a misspelt key is seen."""
    service = botocore.session.get_session().get_service_model("ecs")
    shape = service.operation_model("RegisterTaskDefinition").input_shape
    assert not ParamValidator().validate(task, shape).has_errors()
    task["containerDefinitions"][0]["readOnlyRootFilesystem"] = True
    assert "readOnlyRootFilesystem" in ParamValidator().validate(task, shape).generate_report()


def test_the_task_asks_for_nothing(task: dict[str, Any]) -> None:
    """No root, no capabilities, nothing written, no volume."""
    (container,) = task["containerDefinitions"]
    assert container["user"] == "65534:65534"
    assert container["readonlyRootFilesystem"]
    assert container["linuxParameters"]["capabilities"] == {"drop": ["ALL"]}
    assert "volumes" not in task
    assert container["image"].endswith(f":{__version__}")
