"""Serves the board on its own origin: python serve.py PORT FOLDER ISSUER CLIENT_ID.

The board is on 127.0.0.1 and the issuer on localhost, so they are two sites, as two domains would be. Two ports of one
host would share cookies. FOLDER holds these files and the packages of the lock.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/board.js": ("board.js", "text/javascript; charset=utf-8"),
    "/board.css": ("board.css", "text/css; charset=utf-8"),
    "/oidc-client-ts.min.js": (
        "node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js",
        "text/javascript; charset=utf-8",
    ),
}


class Board(BaseHTTPRequestHandler):
    folder: ClassVar[Path]
    issuer: ClassVar[str]
    client_id: ClassVar[str]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/settings.json":
            settings = {"issuer": self.issuer, "client_id": self.client_id}
            self.answer(200, json.dumps(settings).encode(), "application/json")
        elif path in FILES:
            name, media_type = FILES[path]
            self.answer(200, (self.folder / name).read_bytes(), media_type)
        else:
            self.answer(404, b"There is nothing here.", "text/plain")

    def answer(self, status: int, body: bytes, media_type: str) -> None:
        policy = f"default-src 'self'; connect-src 'self' {self.issuer}; img-src data:; frame-ancestors 'none'"
        headers = {
            "Content-Type": media_type,
            "Content-Length": str(len(body)),
            "Content-Security-Policy": f"{policy}; base-uri 'none'; object-src 'none'; form-action 'none'",
            "Cache-Control": "no-cache",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        self.send_response(status)
        for header in headers.items():
            self.send_header(*header)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        """Log nothing, because an address may contain a code."""


def main() -> None:
    port, folder, Board.issuer, Board.client_id = sys.argv[1:]
    Board.folder = Path(folder)
    ThreadingHTTPServer(("127.0.0.1", int(port)), Board).serve_forever()


if __name__ == "__main__":
    main()
