"""deploy/: what it says is what Falco's chart, AWS and this plugin take."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import hcl2  # type: ignore[import-untyped]
import pytest
import yaml

from k8saudit_eks import PLUGIN_NAME, __version__
from k8saudit_eks.config import parse_init_config, parse_open_params
from k8saudit_eks.iam_policy import reading_policy

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
POLICY = reading_policy(
    ["/aws/eks/production/cluster"],
    partition="aws",
    region="eu-central-1",
    account="111122223333",
    names_clusters=True,
)


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "helm-values.yaml").read_text("utf-8")))


def unknown_keys(given: Any, known: Any, path: str = "") -> list[str]:
    if known == "*":
        return []
    assert isinstance(given, dict), f"{path} is no map"
    found = []
    for key, value in given.items():
        if key in known:
            found += unknown_keys(value, known[key], f"{path}{key}.")
        else:
            found.append(f"{path}{key}")
    return found


def test_helm_values_use_keys_of_the_chart(values: dict[str, Any]) -> None:
    """Helm ignores what it does not know: a misspelt key would do nothing, silently."""
    known = yaml.safe_load((ROOT / "tests/data/deploy/falco_chart_keys.yaml").read_text("utf-8"))
    assert unknown_keys(values, known) == []
    assert unknown_keys({"falco": {"plugin": []}}, known) == ["falco.plugin"]


def test_the_plugin_takes_its_section(values: dict[str, Any]) -> None:
    """init_config and open_params, checked as the plugin checks them."""
    (plugin,) = values["falco"]["plugins"]
    assert values["falco"]["load_plugins"] == [plugin["name"]] == [PLUGIN_NAME]
    config = parse_init_config(json.dumps(plugin["init_config"]))
    parse_open_params(plugin["open_params"])
    assert config.state_dir is not None


def test_paths_lie_on_the_volumes_that_are_mounted(values: dict[str, Any]) -> None:
    """The library and the rules on the bundle's volume, read-only; the ledger on the claim."""
    claim = yaml.safe_load((DEPLOY / "state-volume.yaml").read_text("utf-8"))
    volumes = {one["name"]: one for one in values["mounts"]["volumes"]}
    mounted = {one["mountPath"]: one for one in values["mounts"]["volumeMounts"]}
    (plugin,) = values["falco"]["plugins"]
    (init,) = values["extra"]["initContainers"]
    bundle = mounted[str(Path(plugin["library_path"]).parent)]
    assert bundle["readOnly"]
    assert init["volumeMounts"] == [{"name": bundle["name"], "mountPath": "/plugins"}]
    assert "emptyDir" in volumes[bundle["name"]]
    assert values["falco"]["rules_files"][0] == f"{bundle['mountPath']}/{PLUGIN_NAME}/rules"
    state = volumes[mounted[plugin["init_config"]["state_dir"]]["name"]]
    assert state["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]


def test_one_reader(values: dict[str, Any]) -> None:
    """Each replica would deliver every event again, and a second is refused the ledger."""
    assert values["controller"] == {"kind": "deployment", "deployment": {"replicas": 1}}


def test_the_dockerfile_copies_what_there_is(values: dict[str, Any]) -> None:
    """Folders exist, stages are named before they are used, the init container's target is one."""
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    stages: list[str] = []
    for line in text.splitlines():
        if found := re.match(r"FROM \S+ AS (\S+)", line):
            stages.append(found[1])
        elif found := re.match(r"COPY --from=(\S+) ", line):
            assert found[1] in stages
        elif found := re.match(r"COPY (\S+) \S+", line):
            assert (ROOT / found[1]).exists()
    assert stages == ["build", "bundle", "falco"]
    (init,) = values["extra"]["initContainers"]
    assert f'"/bundle/.", "{init["volumeMounts"][0]["mountPath"]}"' in text
    for image in (init["image"], *re.findall(r"-t (\S+)", text)):
        assert image.endswith(f":{__version__}")


def test_eksctl_allows_what_the_policy_allows(values: dict[str, Any]) -> None:
    """The same statements, for the service account of the chart."""
    config = yaml.safe_load((DEPLOY / "eksctl.yaml").read_text("utf-8"))
    (association,) = config["iam"]["podIdentityAssociations"]
    assert association["permissionPolicy"] == POLICY
    assert association["serviceAccountName"] == values["serviceAccount"]["name"]
    (plugin,) = values["falco"]["plugins"]
    assert config["metadata"]["name"] == plugin["open_params"]
    assert config["metadata"]["region"] == plugin["init_config"]["region"]


def test_terraform_allows_what_the_policy_allows(values: dict[str, Any]) -> None:
    """The same statements, with the cluster, the account and the region filled in."""
    module = hcl2.loads((DEPLOY / "terraform" / "main.tf").read_text("utf-8"))
    text = json.dumps(module).replace('\\"', "")
    prefix = POLICY["Statement"][1]["Resource"][0].removesuffix("*")
    text = text.replace("${local.log_groups}", prefix).replace("${var.cluster}", "production")
    for statement in POLICY["Statement"]:
        assert statement["Sid"] in text
        assert statement["Action"] in text
        for arn in statement["Resource"]:
            assert arn in text
    assert set(re.findall(r"logs:[A-Z]\w+", text)) == {s["Action"] for s in POLICY["Statement"]}
    assert values["serviceAccount"]["name"] in text


def test_the_docs_name_this_version() -> None:
    """Archives and images of docs/deploy.md are those that are built here."""
    text = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    versions = re.findall(r"k8saudit-eks[:-](\d+\.\d+\.\d+)", text)
    versions += re.findall(r"--version (\S+)", text)
    assert len(versions) > 5
    assert set(versions) == {__version__}


def test_each_way_takes_five_commands_or_fewer() -> None:
    """One line a command; a backslash goes on with the one before."""
    text = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 6
    for block in blocks:
        commands = block.replace("\\\n", "").replace("&&", "\n").strip().splitlines()
        assert len(commands) <= 5


def test_the_docs_falco_yaml_is_accepted() -> None:
    """The complete falco.yaml: what the plugin takes, and where the image has its files."""
    text = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    config = yaml.safe_load(block)
    (plugin,) = config["plugins"]
    parse_init_config(json.dumps(plugin["init_config"]))
    dockerfile = (DEPLOY / "Dockerfile").read_text("utf-8")
    assert f"/bundle {Path(plugin['library_path']).parent}\n" in dockerfile
    assert f"rules/ {config['rules_files'][0]}/\n" in dockerfile
