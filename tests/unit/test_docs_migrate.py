"""docs/migrate.md: the comparison of a trial says what it promises to say."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from docs_pages import ROOT, page

PAGE = page(ROOT / "docs" / "migrate.md")


def alert(rule: str, audit_id: str, source: str = "k8s_audit") -> str:
    """A line of Falco's JSON output, as far as the comparison looks."""
    fields = {"ka.auditid": audit_id, "ka.stage": "ResponseComplete"}
    return json.dumps({"rule": rule, "source": source, "output_fields": fields})


@pytest.mark.skipif(shutil.which("jq") is None, reason="apt-get install jq")
def test_the_comparison_of_a_trial(tmp_path: Path) -> None:
    """Repeated alerts are counted once, other sources and lines that are no JSON are left out."""
    (script,) = (block.text for block in PAGE.blocks() if "comm -23" in block.text)
    both, late, repeated = alert("Rule", "1"), alert("Rule", "2"), alert("Rule", "3")
    old = [both, repeated, repeated, "Falco says something", alert("Rule", "9", "syscall")]
    new = [late, repeated, both]
    for name, lines in (("go", old), ("trial", new)):
        (tmp_path / f"falco-{name}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    done = subprocess.run(
        ["sh", "-eu"],
        input=script.replace("/var/log", str(tmp_path)),
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        timeout=60,
    )
    assert done.stdout.splitlines() == [
        "go: 2 alerts, 1 of them repeated",
        "trial: 3 alerts, 0 of them repeated",
        "only the Go plugin:",
        "only this plugin:",
        "Rule\t2\tResponseComplete",
    ]


def test_both_sides_of_a_trial_write_what_is_compared() -> None:
    """The two YAML blocks differ in the file, and add the same fields to each alert."""
    texts = [block.text for block in PAGE.blocks() if "append_output" in block.text]
    assert len(texts) == 2
    for name, text in zip(("go", "trial"), texts, strict=True):
        assert f"filename: /var/log/falco-{name}.jsonl" in text
        assert "extra_fields: [ka.auditid, ka.stage]" in text
