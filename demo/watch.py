"""Starts a host with the plugin and rules, and hands over its alerts as they come."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from demo import chisels, hosts
from demo.rule_files import Rule
from demo.rule_host import RuleHost

_STOP_TIMEOUT_S = 15


@dataclass(frozen=True)
class Alert:
    """One event that a rule matched.

    fields maps the rule's output fields to what the host read: text, a list, or None.
    """

    rule: str
    priority: str
    fields: dict[str, Any]
    seen_at: float  # time.time() when the host's line was read


class HostError(Exception):
    """No host, or it ended by itself; says what it wrote."""


@dataclass(frozen=True)
class Subject:
    """What to watch: the plugin's configuration and which rules."""

    init_config: dict[str, Any]
    open_params: str
    rule_files: Sequence[Path]
    rules: Sequence[Rule]


class Watch:
    """A running host. Use as a context manager: leaving stops the host."""

    def __init__(
        self,
        subject: Subject,
        folder: Path,
        environment: dict[str, str],
        rule_host: RuleHost | None = None,
    ) -> None:
        """Start the host.

        Args:
            folder: an empty folder for the files that the host reads.
            environment: the host's environment variables, complete.
            rule_host: the host; by default Falco if it is on the PATH, else sysdig.

        Raises:
            HostError: there is no host on this machine.
        """
        self._alerts: queue.Queue[Alert] = queue.Queue()
        self._priorities = {rule.name: rule.priority for rule in subject.rules}
        self._count = threading.Condition()
        self._events = 0
        self._ended = False
        if rule_host is None:
            self.name, command = _command(subject, folder)
        else:
            self.name = f"libsinsp {rule_host.libsinsp}"
            init_config = json.dumps(subject.init_config)
            command = rule_host.command(
                hosts.LIBRARY, init_config, subject.open_params, subject.rules, folder
            )
        self._errors = (folder / "host.err").open("w+", encoding="utf-8")
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._errors.close()
        if self._process.stdout is not None:
            self._process.stdout.close()

    @property
    def counts_events(self) -> bool:
        """Whether the host says how many events it has read (all but Falco do)."""
        return self.name != "falco"

    @property
    def events(self) -> int:
        """Events read so far."""
        return self._events

    def next_alert(self, timeout_s: float) -> Alert | None:
        """The next alert, or None when none came in time.

        Raises:
            HostError: the host has ended by itself.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            ended = self._process.poll() is not None and not self._reader.is_alive()
            try:
                wait_s = min(0.2, max(deadline - time.monotonic(), 0))
                return self._alerts.get(timeout=wait_s) if wait_s else self._alerts.get_nowait()
            except queue.Empty:
                if ended:
                    raise HostError(self.complaint()) from None
                if time.monotonic() >= deadline:
                    return None

    def wait_for_events(self, number: int, timeout_s: float) -> bool:
        """Wait until so many events have been read; False when the time was over first."""

        def done() -> bool:
            return self._events >= number or self._ended

        with self._count:
            self._count.wait_for(done, timeout_s)
        return self._events >= number

    def stop(self) -> int:
        """Stop the host as Ctrl-C would; its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._reader.join(_STOP_TIMEOUT_S)
        return self._process.wait()

    def complaint(self) -> str:
        """What the host wrote to standard error, its end."""
        self._errors.seek(0)
        text = self._errors.read().strip()
        return f"{self.name} ended with code {self._process.poll()}: {text[-2000:]}"

    def _read(self) -> None:
        self._read_lines()
        with self._count:
            self._ended = True
            self._count.notify_all()

    def _read_lines(self) -> None:
        rule = ""
        assert self._process.stdout is not None  # noqa: S101 - Popen was asked for a pipe
        for line in self._process.stdout:
            try:
                message = json.loads(line)
            except ValueError:
                continue  # Falco also greets and says good-bye
            if "output_fields" in message:
                self._put(message["rule"], message["output_fields"])
            elif "events" in message:
                with self._count:
                    self._events = message["events"]
                    self._count.notify_all()
            elif "rule" in message:
                rule = message["rule"]
            else:
                self._put(rule, message)

    def _put(self, rule: str, fields: dict[str, Any]) -> None:
        priority = self._priorities.get(rule, "NOTICE")
        self._alerts.put(Alert(rule, priority, fields, time.time()))


def _command(subject: Subject, folder: Path) -> tuple[str, list[str]]:
    config: dict[str, Any] = {
        "plugins": [
            {
                "name": "k8saudit-eks",
                "library_path": str(hosts.LIBRARY),
                "init_config": subject.init_config,
                "open_params": subject.open_params,
            }
        ],
        "load_plugins": ["k8saudit-eks"],
    }
    falco = hosts.falco_command()
    if falco is not None:
        config |= {
            "engine": {"kind": "nodriver"},
            "json_output": True,
            "json_include_output_fields_property": True,
            "buffered_outputs": False,
            "rule_matching": "all",
            "stdout_output": {"enabled": True},
        }
    config_file = folder / "falco.yaml"
    config_file.write_text(yaml.safe_dump(config), "utf-8")
    if falco is not None:
        rule_arguments = [part for path in subject.rule_files for part in ("-r", str(path))]
        return "falco", [
            *falco,
            *("-c", str(config_file), "--disable-source", "syscall"),
            *rule_arguments,
        ]
    sysdig = hosts.sysdig_command()
    if sysdig is None:
        raise HostError(f"there is no host for the plugin: {hosts.HOW_TO_GET_ONE}")
    scripts = chisels.write_chisels(subject.rules, folder)
    arguments = [part for script in scripts for part in ("-c", str(script))]
    return "sysdig", [
        *sysdig,
        *("--plugin-config-file", str(config_file), "--unbuffered", "-j"),
        *arguments,
    ]
