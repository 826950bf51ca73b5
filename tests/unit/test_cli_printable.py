"""What the command prints of others' text can't steer a terminal."""

from __future__ import annotations

import sys

import pytest

from k8saudit_eks.cli.main import main
from k8saudit_eks.cli.printable import printable


def test_what_is_escaped() -> None:
    """Control characters, line breaks and bytes that are no UTF-8; letters of any language stay."""
    assert printable("a\x1b[2J\n\u202e\udcff ä漢") == "a\\x1b[2J\\n\\u202e\\udcff ä漢"


def test_a_refusal_is_one_plain_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it names a file whose name somebody else chose."""
    monkeypatch.setattr(sys, "argv", ["k8saudit-eks", "extract", "/absent\x1b]0;x\x07\nb.json"])
    with pytest.raises(SystemExit):
        main()
    said = capsys.readouterr().err
    assert "/absent\\x1b]0;x\\x07 b.json" in said
    assert said.count("\n") == 1
