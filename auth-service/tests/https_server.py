"""An https server with a certificate of its own authority. The test sets its response."""

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass
class HttpsServer:
    port: int
    ca_file: Path
    status: int = 200
    body: bytes = b'{"keys": []}'
    headers: dict[str, str] = field(default_factory=dict)
    pause: float = 0  # seconds after each octet of the body
    requests: list[tuple[str, str]] = field(default_factory=list)  # Host, path

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/jwks"


@contextmanager
def https_server(folder: Path, name: str = "localhost") -> Iterator[HttpsServer]:
    """A server on 127.0.0.1 with a certificate for `name`."""
    certificate, ca_file = write_certificate(folder, name)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.requests.append((self.headers["Host"], self.path))
            self.send_response(served.status)
            for header, value in served.headers.items():
                self.send_header(header, value)
            self.end_headers()
            if not served.pause:
                self.wfile.write(served.body)
            for octet in served.body if served.pause else b"":
                self.wfile.write(bytes([octet]))
                time.sleep(served.pause)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """Ignore disconnects, which some tests cause on purpose."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        served = HttpsServer(server.server_port, ca_file)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()


def write_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Write a certificate with its key, and the authority that signed it; return both paths."""
    authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
    now = datetime.now(UTC)

    def build(subject: x509.Name, public_key: ec.EllipticCurvePublicKey, *extensions: x509.ExtensionType) -> bytes:
        builder = x509.CertificateBuilder(issuer, subject, public_key, x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(authority, SHA256()).public_bytes(Encoding.PEM)

    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = build(subject, key.public_key(), x509.SubjectAlternativeName([x509.DNSName(name)]))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "server.pem").write_bytes(certificate + private)
    ca = build(issuer, authority.public_key(), x509.BasicConstraints(ca=True, path_length=None))
    (folder / "ca.pem").write_bytes(ca)
    return folder / "server.pem", folder / "ca.pem"
