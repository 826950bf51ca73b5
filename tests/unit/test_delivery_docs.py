"""The picture in docs/delivery.md can't drift from the code."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from k8saudit_eks.docs import delivery as delivery_docs

DRAWN = Path(__file__).parents[2] / "docs" / "delivery.svg"
NAMESPACE = "{http://www.w3.org/2000/svg}"


def test_the_picture_is_up_to_date() -> None:
    """docs/delivery.svg shows the constants as they are now."""
    assert delivery_docs.PICTURE.main(["--check", str(DRAWN)]) == 0


def test_it_is_shapes_and_words_only() -> None:
    """Well-formed, and nothing in it runs or is fetched."""
    tags = {element.tag for element in ElementTree.fromstring(delivery_docs.svg()).iter()}  # noqa: S314
    known = ("svg", "title", "style", "rect", "line", "text")
    assert tags == {NAMESPACE + name for name in known}


def test_no_words_lie_over_others() -> None:
    """Their boxes, taken widely, do not touch, and none leaves the picture."""
    boxes = []
    for text in ElementTree.fromstring(delivery_docs.svg()).iter(NAMESPACE + "text"):  # noqa: S314
        width = 7.6 * len(text.text or "")
        share = {"start": 0.0, "middle": 0.5, "end": 1.0}[text.attrib["text-anchor"]]
        left = float(text.attrib["x"]) - share * width
        boxes.append((left, left + width, float(text.attrib["y"]), text.text))
    for number, (left, right, y, words) in enumerate(boxes):
        assert left >= 0, words
        assert right <= 1000, words
        for other_left, other_right, other_y, other in boxes[:number]:
            apart = abs(y - other_y) >= 14 or right <= other_left or left >= other_right
            assert apart, (words, other)
