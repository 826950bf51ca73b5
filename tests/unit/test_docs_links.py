"""Links in the documents lead somewhere."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from docs_pages import Page, page, pages


def broken(found: Page) -> list[str]:
    """Each link of a page to a file or an anchor that does not exist."""
    wrong = []
    for target, line in found.links():
        parts = urlsplit(target)
        if parts.scheme or parts.netloc:
            continue
        path = found.path.parent / unquote(parts.path) if parts.path else found.path
        if not path.exists():
            wrong.append(f"{found.name}:{line}: {target}: there is no such file")
        elif parts.fragment and path.suffix == ".md":
            anchors = found.anchors if path == found.path else page(path).anchors
            if unquote(parts.fragment) not in anchors:
                wrong.append(f"{found.name}:{line}: {target}: no heading has this anchor")
    return wrong


@pytest.mark.parametrize("found", pages(), ids=lambda found: found.name)
def test_links_resolve(found: Page) -> None:
    """Relative paths exist; anchors are those that GitHub gives to headings."""
    assert broken(found) == []


def test_wrong_links_are_found(tmp_path: Path) -> None:
    """A file and an anchor that do not exist, in a table, too; right ones are not reported."""
    path = tmp_path / "page.md"
    other = tmp_path / "other.md"
    other.write_text("# The `state_dir`, again\n\n## Twice\n\n## Twice\n", "utf-8")
    path.write_text(
        "# Here\n\n[a](other.md) [b](other.md#the-state_dir-again) [c](#here) [d](other.md#twice-1)"
        " [e](https://example.com/none.md)\n\n[f](none.md)\n\n| [g](other.md#none) |\n|---|\n"
        "| ![h](none.svg) [i](#there) |\n",
        "utf-8",
    )
    assert [text.split(": ")[1] for text in broken(page(path))] == [
        "none.md",
        "other.md#none",
        "none.svg",
        "#there",
    ]
