"""The table of rooms in ARCHITECTURE.md: prose from here, what is forbidden from pyproject.toml.

pyproject.toml has the contracts of import-linter, one for each room of the package, and for
each room of csrc/ the rooms that it may include.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from k8saudit_eks.docs.page import DocsPage

ROOT = Path(__file__).resolve().parents[3]


class Room(NamedTuple):
    """A file or folder with one subject.

    Attributes:
        name: as the table shows it.
        knows: its subject.
        does_not_know: what no import tells.
        contract: the contract of import-linter that holds for it.
        include: its name among the rooms of csrc/.
    """

    name: str
    knows: str
    does_not_know: str
    contract: str | None = None
    include: str | None = None


ROOMS: Final = (
    Room(
        "`csrc/abi/falco_abi.h`",
        "the binary interface of the hosts",
        "anything of this plugin",
    ),
    Room(
        "`csrc/abi/exports.c`",
        (
            "every `plugin_*` symbol: each sets the refusal first, checks its arguments, and "
            "calls another room"
        ),
        "AWS, how JSON is parsed, Python's C API",
        include="abi",
    ),
    Room(
        "`csrc/python/`",
        "how CPython starts inside a host, and in which folder it lies",
        "what Python is used for",
        include="python",
    ),
    Room(
        "`csrc/abi/plugin.c`, `metrics.c`",
        "one handle: error, log, metrics, buffers",
        "where events come from",
    ),
    Room(
        "`csrc/queue/queue.c`",
        "order of events, waiting while the queue is full, acknowledgement",
        "what is in an event",
        include="queue",
    ),
    Room(
        "`csrc/log_events/`",
        (
            "the log events of one page or of added lines: flat arrays for whoever decides which "
            "are new, and framed events for the queue"
        ),
        "a cluster, an account, a rule; Python",
        include="log_events",
    ),
    Room(
        "`csrc/extract/`",
        (
            "field programs that run on a simdjson document, and know a few members of an event "
            "by name, among them `auditID` and `verb`"
        ),
        "which fields exist: the table is generated",
        include="extract",
    ),
    Room(
        "`csrc/json/`",
        "JSON as bytes: cut, repaired, numbers, times, UTF-8; memory that is used again",
        "what a member means, except those that tell a cut event",
        include="json",
    ),
    Room(
        "`src/k8saudit_eks/embed.py`",
        "cffi types, the callbacks that C calls, the list of handles",
        "what is behind `Plugin`",
        contract="embed",
    ),
    Room(
        "`src/k8saudit_eks/plugin.py`",
        (
            "one handle's configuration, captures and threads. It imports a source, or `aws/` "
            "for a list of clusters, only when the host asks for it"
        ),
        "the ABI, boto3",
        contract="plugin",
    ),
    Room(
        "`src/k8saudit_eks/config/`",
        "the keys of the configuration: table, schema, validation, docs",
        "who uses a key",
        contract="config",
    ),
    Room(
        (
            "`src/k8saudit_eks/event_queue.py`, `log_events.py`, `envelope.py`, `host_log.py`, "
            "`metrics.py`, `errors.py`, `rfc3339.py`"
        ),
        (
            "what the other rooms share: the protocols of queue, host and log events, how an "
            "envelope begins, log records, the list of metrics, error types, times as text"
        ),
        "C, AWS",
        contract="shared",
    ),
    Room(
        "`src/k8saudit_eks/native_log_events.py`, `native_queue.py`",
        "how the C functions for log events and queue are called, by whatever they are loaded",
        "the embedded module, AWS, what is in an event",
        contract="native",
    ),
    Room(
        "`src/k8saudit_eks/sources/`",
        "how events are read, from CloudWatch Logs (through `aws/`) and from files",
        "the ABI, boto3",
        contract="sources",
    ),
    Room(
        "`src/k8saudit_eks/delivery/`",
        (
            "what to read next, and what was delivered. It makes no call and takes its clock as "
            "an argument. Of log events it sees flat arrays, never their text"
        ),
        "the ABI, `aws/`, boto3",
        contract="delivery",
    ),
    Room(
        "`src/k8saudit_eks/aws/`",
        (
            "botocore, which boto3 brings: sessions, clients, answers, errors as sentences. No "
            "other code that runs in a host imports it"
        ),
        "the ABI, delivery",
        contract="aws",
    ),
    Room(
        "`src/k8saudit_eks/fields/`",
        ("the table of fields, its compiler and its outputs (`emit.py`)"),
        "the ABI",
        contract="fields",
    ),
    Room(
        "`src/k8saudit_eks/targets.py`",
        (
            "the grammar of what can be read: clusters, patterns, places, ARNs, queues. "
            "`config/open_params.py` takes one cluster of it; `policy` takes several targets"
        ),
        "AWS; what a target is used for",
        contract="targets",
    ),
    Room(
        "`src/k8saudit_eks/partitions.py`",
        "to which partition of AWS a region belongs",
        "any other room: it imports none",
        contract="partitions",
    ),
    Room(
        "`src/k8saudit_eks/iam_policy.py`",
        "which actions the plugin needs in AWS, and the statements that allow them",
        "who makes the calls; targets",
        contract="iam_policy",
    ),
    Room(
        "`src/k8saudit_eks/falco/`",
        (
            "Falco on a machine: how it merges its files, its places, service and version, the "
            "section for this plugin, and how `install` and `uninstall` change files"
        ),
        (
            "the command line, AWS, the keys of `init_config` except `state_dir` and "
            "`external_id`. The code that runs in a host never imports it"
        ),
        contract="falco",
    ),
    Room(
        "`src/k8saudit_eks/docs/`",
        "the generated parts of the docs",
        "the prose around them",
        contract="docs",
    ),
    Room(
        "`src/k8saudit_eks/docs/sizing.py`",
        (
            "the tables of `docs/sizing.md`: it computes them from constants of `delivery/`, "
            "defaults of the configuration and measured numbers"
        ),
        "AWS, how the numbers were measured",
    ),
    Room(
        "`src/k8saudit_eks/library_host/`",
        (
            "a small host for the command line: it loads the library into its own process, and "
            "answers with what the library answers"
        ),
        "where the library lies; what is asked, and how answers are shown",
        contract="library_host",
    ),
    Room(
        "`src/k8saudit_eks/cli/`",
        (
            "the `k8saudit-eks` command; it may import every room except `embed.py`. It imports "
            "botocore only where a command needs it"
        ),
        "the ABI",
        contract="cli",
    ),
    Room(
        "`src/k8saudit_eks/cli/policies.py`",
        ("which policies a list of targets needs, and which identity or role gets each of them"),
        "options and output (click), trust policies, `aws/`, boto3",
    ),
    Room(
        "`src/k8saudit_eks/cli/trust_policy.py`",
        "who may assume a role: statements for EKS Pod Identity, IRSA and other identities",
        ("options and output (click), targets, boto3. It never holds the value of `external_id`"),
    ),
    Room(
        "`rules/`",
        "what an attack looks like, in terms of fields",
        "how a field gets its value",
    ),
    Room(
        "`demo/`",
        (
            "the story of a cluster, a local CloudWatch Logs, real hosts (`rule_host.cpp` "
            "evaluates rules with libsinsp, as Falco does)"
        ),
        "the inside of the plugin: it uses the library as users do",
    ),
    Room(
        "`bundle/`",
        ("what the plugin needs beside it, and how that stays apart from the host's own libraries"),
        "what the plugin does",
    ),
    Room(
        "`deploy/`",
        "examples to copy: Helm values, images, roles. A test checks each of them",
        "the code",
    ),
    Room(
        "`scripts/`",
        "what a machine must have, and how it gets it",
        "the code",
    ),
)


def settings() -> Mapping[str, Any]:
    """The tables below `tool` in pyproject.toml."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        tools: Mapping[str, Any] = tomllib.load(file)["tool"]
    return tools


def markdown() -> str:
    """The table of rooms."""
    tools = settings()
    forbidden = {
        contract["name"]: contract["forbidden_modules"]
        for contract in tools["importlinter"]["contracts"]
    }
    includes = tools["k8saudit-eks"]["includes"]
    lines = ["| room | what it knows | what it does not know |", "|---|---|---|"]
    for room in ROOMS:
        last = room.does_not_know
        if room.contract is not None:
            names = (name.removeprefix("k8saudit_eks.") for name in forbidden[room.contract])
            last += f". It does not import {_listed(names)}"
        if room.include is not None:
            names = (name for name in includes if name not in includes[room.include])
            last += f". It does not include {_listed(set(names) - {room.include})}"
        lines.append(f"| {room.name} | {room.knows} | {last} |")
    return "\n".join(lines)


def _listed(names: Iterable[str]) -> str:
    *most, last = [f"`{name}`" for name in sorted(names)]
    return f"{', '.join(most)} or {last}" if most else last


PAGE = DocsPage("python -m k8saudit_eks.docs.rooms", {"rooms": markdown})

if __name__ == "__main__":
    sys.exit(PAGE.main())
