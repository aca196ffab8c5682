"""Serve /metrics to Prometheus: the seconds until the certificate that the gateway serves expires.

    python certificate_metrics.py GATEWAY_HOST GATEWAY_PORT PORT

The certificate is read from a connection and not from a file, because nginx serves the old one until it is reloaded.
"""

from __future__ import annotations

import socket
import ssl
import sys
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509

TIMEOUT = 5  # seconds to connect to the gateway and for the handshake
METRIC = """\
# HELP gateway_certificate_expiry_seconds Time until the certificate that the gateway serves expires
# TYPE gateway_certificate_expiry_seconds gauge
gateway_certificate_expiry_seconds {:.0f}
"""


class Handler(BaseHTTPRequestHandler):
    def __init__(self, gateway: tuple[str, int], *arguments: object) -> None:
        self._gateway = gateway
        super().__init__(*arguments)  # type: ignore[arg-type]  # what socketserver passes to every handler

    def do_GET(self) -> None:
        """Answer 503 if the gateway does not: Prometheus then has `up` 0."""
        try:
            status, text = 200, METRIC.format(expiry_seconds(*self._gateway))
        except OSError:  # ssl.SSLError is one
            status, text = 503, ""
        if self.path != "/metrics":
            status, text = 404, ""
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Log nothing: Prometheus asks four times a minute."""


def expiry_seconds(host: str, port: int) -> float:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # an expired certificate must be readable, too
    with socket.create_connection((host, port), TIMEOUT) as opened, context.wrap_socket(opened) as connection:
        certificate = connection.getpeercert(binary_form=True)
    assert certificate  # noqa: S101 - a TLS server of ours always has one
    return (x509.load_der_x509_certificate(certificate).not_valid_after_utc - datetime.now(UTC)).total_seconds()


if __name__ == "__main__":
    host, port, listen = sys.argv[1:]
    ThreadingHTTPServer(("", int(listen)), partial(Handler, (host, int(port)))).serve_forever()
