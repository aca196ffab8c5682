"""Frontends at origins of their own: the pages in frontends/relying-parties/web, each with its client settings."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from e2e_fixtures.checkout import ROOT
from e2e_fixtures.npm import installed
from e2e_fixtures.providers import Provider

LIFETIME = 300  # seconds; both providers' access tokens


@contextmanager
def serving(
    provider: Provider,
    library: str,
    scope: str = "openid email",
    *,
    told: dict[str, Any] | None = None,
    **metadata: Any,
) -> Iterator[str]:
    """Serve a frontend on this library, registered as a public client; yield its page's address.

    It uses https if the provider does. A page with another scheme is another site, and browsers send no cookies when
    such a page renews its tokens in a hidden frame.
    """
    settings: dict[str, Any] = {"issuer": provider.issuer, "scope": scope, "lifetime": LIFETIME}

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/settings.json":
                return super().do_GET()
            body = json.dumps(settings).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return None

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
            pass

    folder = installed(ROOT / "tests-e2e/frontends/relying-parties")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server:
        if provider.certificate:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(provider.certificate, provider.certificate.with_suffix(".key"))
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        page = f"{provider.issuer.partition(':')[0]}://localhost:{server.server_port}/web/{library}.html"
        asked = {
            "client_name": f"Frontend on {library}",
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "redirect_uris": [page],
            "post_logout_redirect_uris": [page],
            "scope": scope,
        }
        settings["client_id"] = provider.register(**{**asked, **metadata})["client_id"]
        if told is not None:
            told.update(settings)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield page
        finally:
            server.shutdown()
            thread.join()
