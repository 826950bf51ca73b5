"""Answers that botocore would take for a page without events; credentials that hang."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from readers import reader

from k8saudit_eks.aws import session as aws_session
from k8saudit_eks.aws.errors import Failure, ReadError
from k8saudit_eks.aws.log_group import LogGroup
from k8saudit_eks.aws.session import new_client, new_session
from k8saudit_eks.config.table import Config


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[bytes]]]:
    """A server's URL, and the bodies that it answers with, first in first out."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the base class's naming
            self.rfile.read(int(self.headers["Content-Length"]))
            body = bodies.pop(0)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing on stderr."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", bodies
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"events": {}}',
        b'{"events": null}',
        b'{"logs": []}',
        b'{"events": {}, "x": {"events": []}}',
        b'{"events": "", "x": [{"events": [1]}]}',
    ],
)
def test_an_answer_without_a_list_of_events_is_no_page(
    answering: tuple[str, list[bytes]], body: bytes
) -> None:
    """A page that is believed to be empty ends a chain, and what it hides would be lost."""
    url, bodies = answering
    config = Config(region="eu-west-1", endpoint_url=url)
    client = new_client(new_session(config), config, 1)
    group = LogGroup(client, reader=reader(), name="g", stream_prefix="")
    bodies += [body, b'{"events" : [ ], "searchedLogStreams": []}']
    with pytest.raises(ReadError, match="not one of FilterLogEvents") as caught:
        group.page(0, None)
    assert caught.value.kind is Failure.PASSING
    assert len(group.page(0, None).events) == 0


@pytest.fixture
def profile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An AWS config file, and nothing else to take credentials from."""
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    config = tmp_path / "config"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    return config


@pytest.mark.parametrize(("name", "section"), [(None, "default"), ("a", "profile a")])
def test_a_credential_process_is_asked(profile: Path, name: str | None, section: str) -> None:
    """As botocore does it, also for a profile that the configuration names."""
    answer = profile.with_name("answer.json")
    answer.write_text('{"Version": 1, "AccessKeyId": "k", "SecretAccessKey": "s"}')
    profile.write_text(f"[{section}]\ncredential_process = cat {answer}\n")
    session = new_session(Config(region="eu-west-1", profile=name))
    assert session.get_credentials().access_key == "k"


def test_a_credential_process_that_hangs_is_ended(
    profile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the poller would wait for it for ever; the message says what it was."""
    monkeypatch.setattr(aws_session, "CREDENTIAL_PROCESS_TIMEOUT_S", 0.05)
    profile.write_text("[default]\ncredential_process = sleep 20\n")
    with pytest.raises(Exception, match=r"custom-process.*no answer within"):
        new_session(Config(region="eu-west-1")).get_credentials()
