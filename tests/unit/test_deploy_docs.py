"""docs/deploy.md and docs/install/: short, exact, and of this version."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from deploy_files import CHART, CLUSTER, DEPLOY, INIT_CONFIG, ROOT, commands

from k8saudit_eks import __version__
from k8saudit_eks.config.init_config import parse_init_config
from k8saudit_eks.falco.section import section

INDEX = ROOT / "docs" / "deploy.md"
METHODS = ("ecs", "falcoctl", "helm", "image", "kustomize", "operator")
PAGES = [ROOT / "docs" / "install" / f"{name}.md" for name in METHODS]
MUST_HAVE = ["Prerequisites", "Install", "Check that it works", "Update", "Remove"]


def name_of(page: Path) -> str:
    return page.stem


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_each_page_has_the_same_sections(page: Path) -> None:
    """What one needs, types, sees; and how it is updated and taken away again."""
    titles = re.findall(r"^## (.*)$", page.read_text("utf-8"), re.MULTILINE)
    assert [title for title in titles if title in MUST_HAVE] == MUST_HAVE


@pytest.mark.parametrize("page", [INDEX, *PAGES], ids=name_of)
def test_each_block_takes_five_commands_or_fewer(page: Path) -> None:
    """And each page has commands."""
    found = blocks(page, "sh")
    assert found
    assert all(1 <= len(commands(block)) <= 5 for block in found)


@pytest.mark.parametrize("page", [INDEX, *PAGES], ids=name_of)
def test_each_page_names_this_version(page: Path) -> None:
    """Archives and images are those that are built here; the chart is the newest tested one."""
    text = page.read_text("utf-8")
    versions = re.findall(r"registry\.example\.com/[\w-]+:(\d[\w.]*)", text)
    versions += re.findall(r"k8saudit-eks-(\d+\.\d+\.\d+)-linux", text)
    assert versions
    assert set(versions) == {__version__}
    assert set(re.findall(r"--version (\S+) *\\?$", text, re.MULTILINE)) <= {CHART["charts"][-1]}


def test_the_charts_that_are_tested_are_named() -> None:
    """In the values and on the page, in the same words."""
    *others, newest = CHART["charts"]
    page = (ROOT / "docs" / "install" / "helm.md").read_text("utf-8")
    assert f"{', '.join(others)} or {newest}" in page
    values = (DEPLOY / "helm-values.yaml").read_text("utf-8")
    assert f"{', '.join(others)} and {newest}" in values


def test_the_index_lists_each_page() -> None:
    """Each with when to use it."""
    rows = re.findall(
        r"^\| \[[^]]+\]\(install/(\w+)\.md\) \| .+ \|$", INDEX.read_text("utf-8"), re.M
    )
    assert sorted(rows) == sorted([*METHODS, "host"])


def test_every_file_of_deploy_is_named() -> None:
    """A reader finds each from the documents: by its own name or by its folder's."""
    text = "".join(page.read_text("utf-8") for page in (INDEX, *PAGES))
    for path in DEPLOY.rglob("*"):
        inner = path.relative_to(ROOT)
        folders = {str(one) for one in inner.parents} - {".", "deploy"}
        if path.is_file() and path.suffix != ".dockerignore":
            assert any(one in text for one in (str(inner), *folders)), inner


def test_the_complete_falco_yaml_is_the_generators() -> None:
    """Of the image: where the Dockerfile puts the library and the rules."""
    (block,) = blocks(ROOT / "docs" / "install" / "image.md", "yaml")
    config = yaml.safe_load(block)
    dockerfile = (DEPLOY / "Dockerfile").read_text("utf-8")
    (plugins,) = re.findall(r"/bundle (/usr\S+)\n", dockerfile)
    (rules,) = re.findall(r"COPY rules/ (\S+)/\n", dockerfile)
    ours = section(
        CLUSTER,
        f"{plugins}/libk8saudit-eks.so",
        INIT_CONFIG,
        rules_files=[rules],
        audit_only=True,
    )
    # Falco's default for its log is syslog, which a container does not have.
    assert config == {**ours, "stdout_output": {"enabled": True}, "log_stderr": True}
    assert list(config) == [*ours, "stdout_output", "log_stderr"]
    parse_init_config(json.dumps(config["plugins"][0]["init_config"]))


def test_the_file_for_falcoctl_is_the_generators() -> None:
    """Library and rules as falcoctl unpacks the bundle."""
    (block,) = blocks(ROOT / "docs" / "install" / "falcoctl.md", "yaml")
    plugins = "/usr/share/falco/plugins"
    assert yaml.safe_load(block) == section(
        CLUSTER,
        f"{plugins}/libk8saudit-eks.so",
        INIT_CONFIG,
        rules_files=[f"{plugins}/k8saudit-eks/rules"],
    )
