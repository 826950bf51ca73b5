"""What hands out credentials in a pod, and AWS behind TLS: small servers on 127.0.0.1."""

from __future__ import annotations

import contextlib
import datetime
import http.server
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = datetime.timedelta(days=1)


class PodIdentityAgent:
    """What EKS Pod Identity's agent answers a pod, at 169.254.170.23 there.

    https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html

    Attributes:
        authorizations: the Authorization header of each request that came.
    """

    def __init__(self, token: str) -> None:
        self.authorizations: list[str | None] = []
        agent = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                given = self.headers.get("Authorization")
                agent.authorizations.append(given)
                expires = datetime.datetime.now(datetime.UTC) + _DAY
                answer = {
                    "AccessKeyId": "ASIAPODIDENTITY00000",
                    "SecretAccessKey": "invented",
                    "Token": "invented",
                    "AccountId": "111122223333",
                    "Expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
                }
                body = json.dumps(answer).encode()
                self.send_response(200 if given == token else 403)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                """Print nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        """Answer requests inside the block; gives the URI of the credentials."""
        thread = threading.Thread(target=self._server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{self._server.server_port}/v1/credentials"
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()


class Authority:
    """A certificate authority that nobody knows, and a certificate by it for 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        self.ca_file = folder / "ca.pem"
        self.chain_file = folder / "server.pem"
        ca_key = ec.generate_private_key(ec.SECP256R1())
        ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Invented CA")])
        server_key = ec.generate_private_key(ec.SECP256R1())
        server_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
        address = x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))
        ca = (
            _certificate(ca_name, ca_name, ca_key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(ca_key, hashes.SHA256())
        )
        server = (
            _certificate(server_name, ca_name, server_key)
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            .sign(ca_key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        self.ca_file.write_bytes(ca.public_bytes(pem))
        self.chain_file.write_bytes(
            server_key.private_bytes(
                pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + server.public_bytes(pem)
        )

    @contextlib.contextmanager
    def in_front_of(self, endpoint_url: str) -> Iterator[str]:
        """Forward what comes by TLS to a plain endpoint; gives the https URL."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain_file)
        url = urlsplit(endpoint_url)
        target = (str(url.hostname), int(url.port or 80))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=_accept, args=(listener, context, target))
            thread.start()
            try:
                yield f"https://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                listener.shutdown(socket.SHUT_RDWR)
                thread.join()


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
    )


def _accept(listener: socket.socket, context: ssl.SSLContext, target: tuple[str, int]) -> None:
    with contextlib.suppress(OSError):  # the listener was shut down
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_forward, args=(connection, context, target)).start()


def _forward(connection: socket.socket, context: ssl.SSLContext, target: tuple[str, int]) -> None:
    # A client that refuses the certificate hangs up in the handshake.
    with (
        contextlib.suppress(OSError),
        context.wrap_socket(connection, server_side=True) as client,
    ):
        while request := _read_message(client):
            with socket.create_connection(target) as server:
                server.sendall(request)
                client.sendall(_read_message(server))


def _read_message(stream: socket.socket) -> bytes:
    """One HTTP message with a Content-Length; empty at the end of the stream."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = stream.recv(65536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        body += stream.recv(65536)
    return head + b"\r\n\r\n" + body
