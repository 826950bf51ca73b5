"""Forms for issues: GitHub takes them, and they ask for no secrets."""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from docs_pages import ROOT

FOLDER = ROOT / ".github" / "ISSUE_TEMPLATE"
SCHEMA = yaml.safe_load((ROOT / "tests/data/github/issue_forms.yaml").read_text("utf-8"))
FORMS = sorted(path for path in FOLDER.glob("*.yml") if path.name != "config.yml")
SCALARS: dict[str, type] = {"text": str, "boolean": bool, "integer": int}


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def wrong(value: Any, schema: Any, place: str = "") -> list[str]:
    """What GitHub would refuse, by its place."""
    if isinstance(schema, dict):
        if not isinstance(value, dict):
            return [f"{place}: is no map"]
        known = {key.rstrip("!"): inner for key, inner in schema.items()}
        found = [f"{place}.{key}: is unknown" for key in value.keys() - known.keys()]
        needed = {key[:-1] for key in schema if key.endswith("!")}
        found += [f"{place}.{key}: is missing" for key in needed - value.keys()]
        for key in value.keys() & known.keys():
            found += wrong(value[key], known[key], f"{place}.{key}")
        return found
    if schema in SCALARS:
        fits = isinstance(value, SCALARS[schema]) and value != ""
        return [] if fits else [f"{place}: is no {schema}"]
    if not isinstance(value, list) or not value:
        return [f"{place}: is no list, or empty"]
    inner = {"texts": "text", "boxes": SCHEMA["box"], "links": SCHEMA["link"]}
    found = []
    for number, item in enumerate(value):
        if schema == "elements":
            kind = item.get("type") if isinstance(item, dict) else None
            if kind not in SCHEMA["element"]:
                found.append(f"{place}[{number}]: has an unknown type {kind}")
                continue
            found += wrong(item, SCHEMA["element"][kind], f"{place}[{number}]")
        else:
            found += wrong(item, inner[schema], f"{place}[{number}]")
    return found


def wrong_form(form: Any) -> list[str]:
    """What GitHub would refuse in a form, beyond keys and types, too."""
    found = wrong(form, SCHEMA["form"])
    if found:
        return found
    asked = [item for item in form["body"] if item["type"] != "markdown"]
    if not asked:
        found.append("body: asks for nothing")
    for what in ([item.get("id") for item in asked], [i["attributes"]["label"] for i in asked]):
        found += [f"{one}: stands twice" for one in set(what) if one and what.count(one) > 1]
    for item in asked:
        if not re.fullmatch(r"[\w-]+", item.get("id", "none")):
            found.append(f"{item['id']}: is no id")
        options = item["attributes"].get("options", [])
        if len({str(option) for option in options}) != len(options):
            found.append(f"{item['id']}: an option stands twice")
    return found


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_github_takes_the_form(path: Path) -> None:
    """Keys, types, ids and labels are as GitHub documents them."""
    assert wrong_form(load(path)) == []


def test_the_bug_form_asks_for_what_we_need_and_for_no_secrets() -> None:
    """Versions, configuration and log; it warns of credentials before anything is asked."""
    body = load(FOLDER / "bug.yml")["body"]
    assert body[0]["type"] == "markdown"
    for word in ("credentials", "external_id", "contents of audit events", "SECURITY.md"):
        assert word in body[0]["attributes"]["value"]
    assert {"version", "falco", "config", "log"} <= {item.get("id") for item in body}
    (config,) = (item for item in body if item.get("id") == "config")
    assert "external_id" in config["attributes"]["description"]


def test_contact_links_lead_to_this_repository() -> None:
    """The address is the one of pyproject.toml, and the documents that are named exist."""
    config = load(FOLDER / "config.yml")
    assert wrong(config, SCHEMA["config"]) == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    source = project["urls"]["Source"]
    urls = [link["url"] for link in config["contact_links"]] + list(project["urls"].values())
    assert len(urls) > 4
    for url in urls:
        assert url.startswith(source)
        if "/blob/main/" in url:
            assert (ROOT / url.partition("/blob/main/")[2]).exists()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda form: form.pop("description"),
        lambda form: form.update(about="x"),
        lambda form: form["body"][1].update(type="text"),
        lambda form: form["body"][1]["attributes"].pop("label"),
        lambda form: form["body"][1]["attributes"].update(options=["a"]),
        lambda form: form["body"][1].update(id=form["body"][2]["id"]),
        lambda form: form["body"][1].update(id="two words"),
        lambda form: form["body"][1]["validations"].update(required="yes"),
        lambda form: form.update(body=form["body"][:1]),
    ],
)
def test_a_wrong_form_is_found(spoil: Callable[[Any], object]) -> None:
    """Each kind of mistake that makes GitHub drop a form."""
    form = copy.deepcopy(load(FOLDER / "bug.yml"))
    spoil(form)
    assert wrong_form(form)
