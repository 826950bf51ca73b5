"""Runs the plugin in a real host and hands back what the host printed."""

from __future__ import annotations

import contextlib
import json
import queue
import signal
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from demo.local_cloudwatch import host_environment

TIMEOUT_S = 60.0


@dataclass
class Run:
    """A host at work, or what is left of it.

    events: one mapping an event that passed the filter, field to value, in order.
    """

    process: subprocess.Popen[str]
    errors_file: Path
    events: list[dict[str, Any]] = field(default_factory=list)
    arrivals: queue.Queue[dict[str, Any] | None] = field(default_factory=queue.Queue)

    @property
    def errors(self) -> str:
        """What the host wrote to standard error."""
        return self.errors_file.read_text("utf-8")

    def wait_for_events(self, number: int, timeout_s: float = TIMEOUT_S) -> bool:
        """Wait until `events` has so many; False when the host ended or the time was over."""
        deadline = time.monotonic() + timeout_s
        while len(self.events) < number:
            try:
                event = self.arrivals.get(timeout=max(deadline - time.monotonic(), 0.001))
            except queue.Empty:
                return False
            if event is None:
                return False
            self.events.append(event)
        return True

    def wait(self, timeout_s: float = TIMEOUT_S) -> int:
        """Wait until the host ends by itself; its exit code."""
        code = self.process.wait(timeout_s)
        while (event := self.arrivals.get(timeout=timeout_s)) is not None:
            self.events.append(event)
        return code

    def stop(self) -> int:
        """Stop the host as Ctrl-C would; its exit code."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)
        return self.wait()


class Host(ABC):
    """One host program; every method runs it anew."""

    def __init__(self, command: Sequence[str], library: Path, folder: Path) -> None:
        self.command = list(command)
        self.library = library
        self.folder = folder

    @contextlib.contextmanager
    def running(
        self,
        open_params: str,
        fields: Sequence[str],
        *,
        init_config: Mapping[str, Any] | str = "",
        condition: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> Iterator[Run]:
        """Start the host; it is killed at the end of the block if it still runs.

        Args:
            fields: what is printed of each event; the keys of Run.events.
            condition: only events that match it are printed; a filter of the host's.
            environment: all of it; by default ours, without any AWS setting, and
                invented credentials.
        """
        plugin: dict[str, Any] = {
            "name": "k8saudit-eks",
            "library_path": str(self.library),
            "open_params": open_params,
        }
        if init_config:
            plugin["init_config"] = init_config if isinstance(init_config, str) else {**init_config}
        config = {"plugins": [plugin], "load_plugins": ["k8saudit-eks"], **self.settings()}
        config_file = self.folder / "falco.yaml"
        config_file.write_text(yaml.safe_dump(config), "utf-8")
        errors_file = self.folder / "host.err"
        with errors_file.open("w", encoding="utf-8") as errors:
            process = subprocess.Popen(
                [*self.command, *self.arguments(config_file, fields, condition)],
                cwd=self.folder,
                env=dict(host_environment() if environment is None else environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                errors="replace",
            )
        run = Run(process, errors_file)
        reader = threading.Thread(target=self._read, args=(run,))
        reader.start()
        try:
            yield run
        finally:
            process.kill()
            process.wait()
            reader.join()
            assert process.stdout is not None
            process.stdout.close()

    def run(
        self,
        open_params: str,
        fields: Sequence[str],
        *,
        init_config: Mapping[str, Any] | str = "",
        condition: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> tuple[int, Run]:
        """Run the host until it ends by itself; its exit code and what it printed."""
        with self.running(
            open_params,
            fields,
            init_config=init_config,
            condition=condition,
            environment=environment,
        ) as run:
            return run.wait(), run

    def _read(self, run: Run) -> None:
        assert run.process.stdout is not None
        for line in run.process.stdout:
            event = self.parse(line)
            if event is not None:
                run.arrivals.put(event)
        run.arrivals.put(None)

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """More of falco.yaml."""

    @abstractmethod
    def arguments(self, config_file: Path, fields: Sequence[str], condition: str) -> list[str]:
        """The command line behind the program."""

    @abstractmethod
    def parse(self, line: str) -> dict[str, Any] | None:
        """The event in a line of standard output; None for other lines."""


class Sysdig(Host):
    """sysdig: one filter, fields printed as JSON."""

    def settings(self) -> dict[str, Any]:
        return {}

    def arguments(self, config_file: Path, fields: Sequence[str], condition: str) -> list[str]:
        # The asterisk: print events even where a field has no value.
        output = "*" + " ".join(f"%{name}" for name in fields)
        arguments = ["--plugin-config-file", str(config_file), "--unbuffered", "-j", "-p", output]
        return [*arguments, condition] if condition else arguments

    def parse(self, line: str) -> dict[str, Any] | None:
        return dict(json.loads(line))


class Falco(Host):
    """Falco: one rule that prints the fields."""

    def settings(self) -> dict[str, Any]:
        return {
            "engine": {"kind": "nodriver"},
            "json_output": True,
            "json_include_output_fields_property": True,
            "buffered_outputs": False,
            "stdout_output": {"enabled": True},
        }

    def arguments(self, config_file: Path, fields: Sequence[str], condition: str) -> list[str]:
        rule = {
            "rule": "matched",
            "desc": "what the test asks for",
            "condition": condition or "evt.num > 0",
            "output": " ".join(f"%{name}" for name in fields),
            "priority": "NOTICE",
            "source": "k8s_audit",
        }
        rules_file = self.folder / "rules.yaml"
        rules_file.write_text(yaml.safe_dump([rule]), "utf-8")
        return ["-c", str(config_file), "-r", str(rules_file), "--disable-source", "syscall"]

    def parse(self, line: str) -> dict[str, Any] | None:
        if not line.startswith("{"):
            return None
        fields = json.loads(line).get("output_fields")
        return None if fields is None else dict(fields)
