"""docs/support.md: what is called tested names its test; bounds are those of the code."""

from __future__ import annotations

import re
import tomllib

from docs_pages import ROOT, Page, page

PAGE = page(ROOT / "docs" / "support.md")


def unproven(found: Page) -> list[str]:
    """Rows that say tested and name no test or bench."""
    proof = re.compile(r"`(tests|bench)/\S+`|\ball tests\b")
    return [
        " | ".join(row)
        for row in found.rows()
        if any("tested" in cell for cell in row[1:-1]) and not proof.search(row[-1])
    ]


def test_whatever_is_tested_names_its_test() -> None:
    """And the check finds a row that does not."""
    assert unproven(PAGE) == []
    text = "| what | state | shown by |\n|---|---|---|\n| a | tested | |\n"
    assert unproven(Page(PAGE.path, text))


def test_bounds_are_those_of_the_code() -> None:
    """The oldest Python, the plugin API that is asked for, and the version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    least = project["requires-python"].removeprefix(">=")
    versions = [row[0] for row in PAGE.rows() if re.match(r"3\.\d+", row[0])]
    assert f"{least} (Debian 12)" in versions
    header = (ROOT / "csrc" / "abi" / "falco_abi.h").read_text("utf-8")
    (api,) = re.findall(r'REQUIRED_API_VERSION "(\S+)"', header)
    assert f"plugin API {api} or a newer version 3" in PAGE.text
