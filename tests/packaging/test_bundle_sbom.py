"""The bundle's report of its contents and their licences."""

from __future__ import annotations

import json
import re
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from bundle import FOLDER, contents, elf
from bundle.components import Component
from bundle.sbom import document


@pytest.fixture(scope="module")
def sbom(bundle: Path) -> dict[str, Any]:
    return dict(json.loads((bundle / FOLDER / "sbom.cdx.json").read_text("utf-8")))


def test_it_is_cyclonedx(sbom: dict[str, Any]) -> None:
    """The members that CycloneDX 1.6 requires, each reference to something that is there."""
    assert (sbom["bomFormat"], sbom["specVersion"]) == ("CycloneDX", "1.6")
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", sbom["serialNumber"])
    references = [component["bom-ref"] for component in sbom["components"]]
    assert len(set(references)) == len(references)
    (dependency,) = sbom["dependencies"]
    assert dependency == {"ref": sbom["metadata"]["component"]["bom-ref"], "dependsOn": references}
    for component in sbom["components"]:
        assert component["type"] == "library"
        assert component["licenses"][0]["expression"]


def test_every_package_is_named_with_its_version(sbom: dict[str, Any]) -> None:
    """Python, all packages of site-packages as they are installed, and Debian's libraries."""
    versions = {one["name"]: one.get("version") for one in sbom["components"]}
    for package in contents.PACKAGES:
        assert versions[package] == metadata.version(package)
    assert "python" in versions
    purls = [one["purl"] for one in sbom["components"] if "purl" in one]
    for library in ("libssl", "libsqlite3", "libsimdjson", "libstdc%2B%2B", "libgcc-s", "zlib1g"):
        name = library.replace("%2B", "+")
        assert any(purl.startswith(f"pkg:deb/debian/{name}") for purl in purls), library


def test_every_shared_library_belongs_to_a_component(bundle: Path, sbom: dict[str, Any]) -> None:
    """No library comes along unsaid: their number is that of Debian's packages and Python."""
    libraries = {
        elf.read(path).soname.split("-k8saudit-eks-")[0]
        for path in (bundle / FOLDER / "lib").glob("lib*.so*")
    }
    # Two libraries come from one package.
    expected = {"libpython3", "libcrypto", "libssl"}
    debians = {
        one["name"] for one in sbom["components"] if one.get("purl", "").startswith("pkg:deb/")
    }
    others = {re.sub(r"\.\d+$", "", library) for library in libraries} - expected
    assert len(others) == len(debians) - 1


def test_every_component_has_a_licence_text(bundle: Path, sbom: dict[str, Any]) -> None:
    """There is a folder with at least one text for each component, and for the plugin."""
    names = {one["name"] for one in sbom["components"]} | {"k8saudit-eks"}
    folders = bundle / FOLDER / "licenses"
    assert {path.name for path in folders.iterdir()} == names
    for name in names:
        texts = [path.read_text("utf-8") for path in (folders / name).iterdir()]
        assert any(len(text) > 200 for text in texts), name


def test_the_document_changes_with_a_version_only() -> None:
    """The serial number follows from the contents: the same twice, another for another version."""

    def serial(version: str) -> str:
        component = Component("zlib1g", version, f"pkg:deb/debian/zlib1g@{version}", "Zlib", ())
        return str(json.loads(document([component], 0))["serialNumber"])

    assert serial("1.2") == serial("1.2")
    assert serial("1.2") != serial("1.3")
