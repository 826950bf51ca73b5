"""A CloudWatch Logs on 127.0.0.1 that real boto3 talks to, and that goes wrong as told.

    python -m server [--port N] [--seed N] [--events N] [--duration-s S] [--speed X]

(in this folder) serves one generated scenario until it is stopped, and prints its
endpoint_url first and then the audit ids that must arrive, as JSON lines.

The server's clock may run faster than the real one: its Date headers say so, and the
plugin follows AWS's clock. So minutes of visibility delay pass in seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import socket
import struct
import sys
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs

from credential_issuer import CredentialIssuer, sts_answer
from fault_plan import REFUSALS, WRONG_SHAPES, Fault, FaultPlan
from simulated_logs import RefusedRequest, SimulatedLogs

ACCOUNT = "123456789012"
REGION = "eu-west-1"
_HUMAN_PAGE = "<html><body>Bad gateway. Please call your administrator.</body></html>"
# How long a request that is never answered is held: longer than any client waits.
_HOLD_S = 90.0


class FaultyCloudWatch:
    """Use as a context manager: entering starts the server, leaving stops it.

    Attributes:
        logs: the log group; touch it while holding `lock`.
        speed: how many seconds the server's clock makes of a real one.
        skew_ms: by how much the server's clock is ahead of this machine's at the start.
        calls, answered: calls of FilterLogEvents, and those that got a page.
        events_sent: events on those pages, but for the first, which is a host's open.
        events_received: without the last page, which may still be under way.
    """

    def __init__(
        self,
        logs: SimulatedLogs | None = None,
        plan: FaultPlan | None = None,
        *,
        speed: float = 1.0,
        skew_ms: int = 0,
        port: int = 0,
    ) -> None:
        self.logs = logs or SimulatedLogs()
        self.plan = plan or FaultPlan(calm_calls=0)
        self.issuer = CredentialIssuer()
        self.lock = threading.Lock()
        self.calls = 0
        self.answered = 0
        self.events_sent = self.events_received = 0
        self.exists = True
        self._speed = speed
        self._skew_ms = skew_ms
        self._progress = threading.Condition(self.lock)
        self._stopped = threading.Event()
        self._wall_s, self._monotonic_s = time.time(), time.monotonic()
        self._server = _Server(("127.0.0.1", port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> FaultyCloudWatch:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def init_config(self, **more: Any) -> dict[str, Any]:
        """The plugin's init_config for this server."""
        return {
            "region": REGION,
            "endpoint_url": self.endpoint_url,
            "polling_interval": 1,
            "api_rate": 100,
            # The time until the host has opened, by a clock that runs fast.
            "shift": 300,
            **more,
        }

    def now_ms(self) -> int:
        """The server's clock."""
        passed_s = (time.monotonic() - self._monotonic_s) * self._speed
        return round((self._wall_s + passed_s) * 1000) + self._skew_ms

    def wait_for_calls(self, calls: int, timeout_s: float = 60.0) -> bool:
        """Wait until so many calls of FilterLogEvents have come altogether."""
        with self._progress:
            return self._progress.wait_for(lambda: self.calls >= calls, timeout_s)

    def wait_for_quiet(self, after_ms: int, answers: int = 4, timeout_s: float = 60.0) -> bool:
        """Wait until the server's clock has passed `after_ms`, and for some pages more.

        What is read again by then has had its chance to be delivered again.
        """
        deadline_s = time.monotonic() + timeout_s
        with self._progress:
            if not self._progress.wait_for(lambda: self.now_ms() >= after_ms, timeout_s):
                return False
            enough = self.answered + answers
            left_s = deadline_s - time.monotonic()
            return self._progress.wait_for(lambda: self.answered >= enough, left_s)

    def delete_log_group(self) -> None:
        """With everything that is in it."""
        with self.lock:
            self.exists = False
            self.logs.events.clear()
            self.logs.streams.clear()

    def create_log_group(self) -> None:
        """Empty."""
        with self.lock:
            self.exists = True

    def answer(
        self, operation: str, request: dict[str, Any], *, good_credentials: bool = True
    ) -> dict[str, Any] | Fault:
        """What one call of CloudWatch Logs gets.

        Raises:
            RefusedRequest: an error answer.
        """
        with self._progress:
            if not good_credentials:
                self.calls += operation == "FilterLogEvents"
                self._progress.notify_all()
                raise RefusedRequest(*REFUSALS[Fault.CREDENTIALS_EXPIRED])
            if operation == "DescribeLogGroups":
                arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{self.logs.name}:*"
                groups = [{"logGroupName": self.logs.name, "arn": arn}] if self.exists else []
                return {"logGroups": groups}
            if operation != "FilterLogEvents":
                raise RefusedRequest("UnknownOperationException", operation)
            self.calls += 1
            self._progress.notify_all()
            now_ms = self.now_ms()
            fault = self.plan.fault(request, now_ms)
            if fault is None and not self.exists:
                fault = Fault.LOG_GROUP_GONE
            if fault in REFUSALS:
                raise RefusedRequest(*REFUSALS[fault])
            if fault is Fault.EMPTY_PAGE:
                return self.logs.empty_page(request)
            if fault is Fault.WRONG_SHAPE:
                shape: dict[str, Any] = self.plan.chance.choice(WRONG_SHAPES)
                return shape
            if fault not in (None, Fault.HALF_SENT):
                assert fault is not None
                return fault
            answer = self.logs.filter_log_events(request, now_ms)
            if fault is Fault.HALF_SENT:
                answer["half_sent"] = True
            else:
                self.answered += 1
                if self.calls > 1:
                    self.events_received = self.events_sent
                    self.events_sent += len(answer["events"])
            return answer

    def hold(self) -> None:
        """Keep a request waiting that gets no answer."""
        self._stopped.wait(_HOLD_S)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], cloudwatch: FaultyCloudWatch) -> None:
        super().__init__(address, _Handler)
        self.cloudwatch = cloudwatch

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is its own business."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        """EKS Pod Identity's agent."""
        issuer = self.server.cloudwatch.issuer
        if self.headers.get("Authorization") != "pod token":
            self._send(401, json.dumps({"message": "who are you?"}))
            return
        credentials = issuer.issue("pod identity", time.time())
        if credentials is None:
            self._send(500, json.dumps({"code": "InternalServerException", "message": "not now"}))
            return
        self._send(200, json.dumps(credentials))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = self.headers.get("X-Amz-Target")
        if target is None:
            self._sts(parse_qs(body.decode()))
            return
        cloudwatch = self.server.cloudwatch
        try:
            signed = self.headers.get("Authorization", "")
            good = cloudwatch.issuer.is_good(signed, time.time())
            answer = cloudwatch.answer(
                target.rpartition(".")[2], json.loads(body), good_credentials=good
            )
        except RefusedRequest as refused:
            text = {"__type": refused.code, "message": refused.message}
            self._send(refused.status, json.dumps(text))
            return
        if isinstance(answer, Fault):
            self._go_wrong(answer)
            return
        half = isinstance(answer, dict) and answer.pop("half_sent", False)
        self._send(200, json.dumps(answer), half=bool(half))

    def _sts(self, form: dict[str, list[str]]) -> None:
        credentials = None
        if form.get("WebIdentityToken") == ["web token"]:
            credentials = self.server.cloudwatch.issuer.issue("web identity", time.time())
        if credentials is None:
            error = (
                "<ErrorResponse><Error><Code>IDPCommunicationError</Code></Error></ErrorResponse>"
            )
            self._send(400, error, content_type="text/xml")
            return
        self._send(200, sts_answer(credentials), content_type="text/xml")

    def _go_wrong(self, fault: Fault) -> None:
        if fault is Fault.NOT_JSON:
            self._send(200, _HUMAN_PAGE, content_type="text/html")
        elif fault is Fault.SERVER_ERROR:
            by_proxy = self.server.cloudwatch.plan.chance.random() < 0.5
            aws = json.dumps({"__type": "ServiceUnavailableException", "message": "busy"})
            self._send(502 if by_proxy else 503, _HUMAN_PAGE if by_proxy else aws)
        elif fault is Fault.NO_ANSWER:
            self.server.cloudwatch.hold()
            self.close_connection = True
        else:
            assert fault is Fault.RESET
            # Closing with a linger of 0 s sends RST (socket(7)).
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()

    def _send(
        self,
        status: int,
        text: str,
        *,
        content_type: str = "application/x-amz-json-1.1",
        half: bool = False,
    ) -> None:
        body = text.encode()
        self.send_response_only(status)
        # The Date of the server's own clock.
        self.send_header("Date", formatdate(self.server.cloudwatch.now_ms() // 1000, usegmt=True))
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if half else body)
        self.close_connection = self.close_connection or half

    def finish(self) -> None:
        # After a reset there is nothing left to flush.
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def main() -> None:
    from scenario import Scenario

    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("port", 0), ("seed", 1), ("events", 1000), ("late-s", 30)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name, number in (("duration-s", 60.0), ("speed", 1.0), ("delay-s", 5.0)):
        parser.add_argument(f"--{name}", type=float, default=number)
    for fault in Fault:
        parser.add_argument(f"--{fault.name.lower().replace('_', '-')}", type=float, default=0.0)
    asked = parser.parse_args()
    rates = {fault: getattr(asked, fault.name.lower()) for fault in Fault}
    plan = FaultPlan(asked.seed, rates)
    with FaultyCloudWatch(plan=plan, speed=asked.speed, port=asked.port) as server:
        scenario = Scenario(
            asked.events,
            round(asked.duration_s * 1000),
            delay_ms=round(asked.delay_s * 1000),
            late_ms=asked.late_s * 1000,
        )
        with server.lock:
            truth = scenario.write(server.logs, server.now_ms(), asked.seed)
        print(json.dumps({"endpoint_url": server.endpoint_url}), flush=True)
        print(json.dumps({"audit_ids": sorted(truth.audit_ids)}), flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
