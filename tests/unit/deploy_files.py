"""What deploy/ holds, read and checked the same way by its tests.

Schemas of the objects: tests/data/deploy/schemas.yaml. What Pod Security's standard
"restricted" asks for: Kubernetes, "Pod Security Standards".
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from k8saudit_eks import PLUGIN_NAME
from k8saudit_eks.config.init_config import parse_init_config
from k8saudit_eks.config.open_params import parse_open_params
from k8saudit_eks.falco.merge import CONFIG_FILES, FalcoConfig, merge
from k8saudit_eks.falco.section import section

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
RECORDED = ROOT / "tests" / "data" / "deploy"
SCHEMAS: dict[str, Any] = yaml.safe_load((RECORDED / "schemas.yaml").read_text("utf-8"))
CHART: dict[str, Any] = yaml.safe_load((RECORDED / "falco_chart.yaml").read_text("utf-8"))

CLUSTER = "production"
INIT_CONFIG = {"region": "eu-central-1", "state_dir": "/var/lib/k8saudit-eks"}
BUNDLE = "/usr/share/falco/k8saudit-eks"
BUNDLE_RULES = f"{BUNDLE}/{PLUGIN_NAME}/rules"
OWN_RULES = "/etc/falco/rules.d"


def our_section(*rules_files: str, audit_only: bool = False) -> dict[str, Any]:
    """What the generator gives for the example cluster, with the bundle on a volume."""
    return section(
        CLUSTER,
        f"{BUNDLE}/libk8saudit-eks.so",
        INIT_CONFIG,
        rules_files=rules_files,
        audit_only=audit_only,
    )


def load(path: str) -> dict[str, Any]:
    """The one document of a YAML file of deploy/."""
    return dict(yaml.safe_load((DEPLOY / path).read_text("utf-8")))


def documents(text: str) -> list[dict[str, Any]]:
    """All documents that are not empty."""
    return [one for one in yaml.safe_load_all(text) if one]


def kind_of(document: Mapping[str, Any]) -> str:
    """As in schemas.yaml, e.g. "apps/v1 Deployment"."""
    return f"{document.get('apiVersion')} {document.get('kind')}"


def complaints(document: Mapping[str, Any]) -> list[str]:
    """What the recorded schema does not allow: one line each, with the place."""
    schema = copy.deepcopy(SCHEMAS["kinds"].get(kind_of(document)))
    if schema is None:
        return [f"{kind_of(document)}: no schema of it is recorded"]
    own = schema.get("properties", {})
    schema |= {
        "$defs": SCHEMAS["$defs"],
        "type": "object",
        "additionalProperties": False,
        "properties": SCHEMAS["$defs"]["object"]["properties"] | own,
    }
    return [
        f"{kind_of(document)} {error.json_path}: {error.message}"
        for error in jsonschema.Draft202012Validator(schema).iter_errors(document)
    ]


def merged(falco_yaml: Mapping[str, Any], *included: Mapping[str, Any]) -> FalcoConfig:
    """What Falco makes of falco.yaml and of files in config.d, in this order."""
    # No such folder: every file is in the overlay.
    main, *files = (Path("/nowhere", f"{number}.yaml") for number in range(1 + len(included)))
    keys = {**falco_yaml, CONFIG_FILES: [str(file) for file in files]}
    texts = map(yaml.safe_dump, [keys, *map(dict, included)])
    return merge(main, overlay=dict(zip([main, *files], texts, strict=True)))


def as_image_reads(falco_yaml: Mapping[str, Any]) -> FalcoConfig:
    """falco.yaml in Falco's image: merged with the image's config.d where it asks for that."""
    files = CHART["image_config_d"]
    asks = "/etc/falco/config.d" in (falco_yaml.get(CONFIG_FILES) or [])
    return merged(falco_yaml, *(files[name] for name in sorted(files) if asks))


def only_ours(config: FalcoConfig) -> dict[str, Any]:
    """The entry of our plugin, which is the only one that Falco loads.

    Raises:
        FalcoConfigError: Falco would not start.
        PluginError: the plugin refuses init_config or open_params.
    """
    loaded = config.loaded_plugins()
    assert [one["name"] for one in loaded] == [PLUGIN_NAME]
    (plugin,) = loaded
    parse_init_config(json.dumps(plugin["init_config"]))
    parse_open_params(plugin["open_params"])
    return plugin


def containers(pod: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Init containers, too."""
    yield from pod.get("initContainers", [])
    yield from pod["containers"]


def mounts(container: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """mountPath to the mount."""
    return {one["mountPath"]: one for one in container["volumeMounts"]}


def not_restricted(pod: Mapping[str, Any]) -> list[str]:
    """What Pod Security would refuse in a namespace that enforces "restricted"."""
    own = pod.get("securityContext", {})
    found = [
        f"volume {one['name']}"
        for one in pod.get("volumes", [])
        if not {"configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"} & {*one}
    ]
    if own.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        found.append("seccompProfile")
    for one in containers(pod):
        has = one.get("securityContext", {})
        if has.get("privileged"):
            found.append(f"{one['name']}: privileged")
        if has.get("allowPrivilegeEscalation") is not False:
            found.append(f"{one['name']}: allowPrivilegeEscalation")
        if has.get("capabilities") != {"drop": ["ALL"]}:
            found.append(f"{one['name']}: capabilities")
        if not has.get("runAsNonRoot", own.get("runAsNonRoot")):
            found.append(f"{one['name']}: runAsNonRoot")
    return found


def check_volumes(pod: Mapping[str, Any], falco: Mapping[str, Any], bundle: str = BUNDLE) -> None:
    """The bundle's volume, read-only for Falco; the ledger's on the claim; /tmp to write.

    Args:
        pod: a pod's spec.
        falco: its container of Falco.
        bundle: where Falco sees the bundle.
    """
    claim = load("storage/state-volume.yaml")
    volumes = {one["name"]: one for one in pod["volumes"]}
    (init,) = pod["initContainers"]
    seen = mounts(falco)
    assert seen[bundle]["readOnly"]
    assert mounts(init) == {"/plugins": {"name": seen[bundle]["name"], "mountPath": "/plugins"}}
    assert volumes[seen[bundle]["name"]]["emptyDir"] == {}
    assert volumes[seen["/tmp"]["name"]]["emptyDir"] == {}  # noqa: S108 — a mount path
    state = volumes[seen[INIT_CONFIG["state_dir"]]["name"]]
    assert state["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert falco["securityContext"]["readOnlyRootFilesystem"]
    assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsUser"] > 0


def commands(block: str) -> Sequence[str]:
    """The commands of a fenced block: a backslash goes on with the line before."""
    joined = block.replace("\\\n", "").replace("&&", "\n").replace("|", "\n")
    return [one for one in joined.splitlines() if one.strip() and not one.startswith("#")]
