"""Builds rule_host.cpp, a host that evaluates rules as Falco does, on libsinsp alone.

Falco is libsinsp with a rule loader before it and outputs behind it. Debian packages
libsinsp as the oldest supported Falco has it, and one that is newer: so the rules meet
both filter engines, and without the scripts that sysdig needs for rules.

libsinsp in Falco: 0.20.0 in 0.40.0 (falcosecurity/falco, pull request 3457), 0.23.2 in
0.43.1 (pull request 3851).
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from demo import hosts
from demo.rule_files import Rule

_SOURCE = Path(__file__).with_suffix(".cpp")


class NoRuleHostError(Exception):
    """The rule host can't be built or run; says what to do."""


@dataclass(frozen=True)
class RuleHost:
    """A built rule host: the machine's compiler, a Debian root's libraries."""

    root: Path
    program: Path

    @property
    def libsinsp(self) -> str:
        """The version of libsinsp, e.g. 0.20.0."""
        (file,) = self.root.glob("usr/lib/*/pkgconfig/libsinsp.pc")
        fields = dict(line.partition(":")[::2] for line in file.read_text("utf-8").splitlines())
        return fields["Version"].strip()

    def command(
        self, library: Path, init_config: str, open_params: str, rules: Sequence[Rule], folder: Path
    ) -> list[str]:
        """The command that evaluates those rules that are on; writes them into the folder.

        Args:
            init_config: JSON text, or "".

        Raises:
            NoRuleHostError: the root has no loader.
        """
        rows = [
            {
                "name": rule.name,
                "condition": rule.condition,
                # The asterisk: print the event even where a field has no value.
                "output": "*" + " ".join(f"%{field}" for field in rule.output_fields),
            }
            for rule in rules
            if rule.enabled
        ]
        file = folder / "rules.json"
        file.write_text(json.dumps(rows), "utf-8")
        program = hosts.command_in_root(self.root, self.program)
        if program is None:
            raise NoRuleHostError(f"{self.root} has no dynamic loader: build it again")
        return [*program, str(library), init_config, open_params, str(file)]


def build(suite: str) -> RuleHost:
    """The rule host for the libsinsp of a Debian suite, compiled if it is not there yet.

    Raises:
        NoRuleHostError: there is no root of that suite, or the compiler failed.
    """
    root = hosts.host_root(suite)
    libraries = list(root.glob("usr/lib/*/libsinsp.so"))
    if not libraries:
        raise NoRuleHostError(f"no libsinsp in {root}: run `make hosts` once as root")
    program = hosts.PROJECT / "build" / f"rule_host_{suite}"
    newest_ns = max(path.stat().st_mtime_ns for path in (_SOURCE, *libraries))
    if not program.exists() or program.stat().st_mtime_ns < newest_ns:
        _compile(root, program)
    return RuleHost(root, program)


def _compile(root: Path, program: Path) -> None:
    include = root / "usr" / "include"
    command = [
        *("g++", "-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", f"--sysroot={root}"),
        *("-isystem", f"{include}/falcosecurity", "-isystem", f"{include}/jsoncpp"),
        *(str(_SOURCE), "-o", str(program)),
        # libsinsp needs a newer libstdc++ than the compiler's: the root has it.
        *("-Wl,--allow-shlib-undefined", "-lsinsp", "-lscap", "-ljsoncpp"),
    ]
    program.parent.mkdir(exist_ok=True)
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        raise NoRuleHostError(f"{_SOURCE.name} can't be compiled for {root}:\n{finished.stderr}")
