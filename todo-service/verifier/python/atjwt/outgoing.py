"""The HTTP client for the issuer. It connects to the configured address only."""

import ssl
from collections.abc import Mapping
from datetime import timedelta
from functools import cache

import httpx2


def client(url: str, *, connect: timedelta, total: timedelta, headers: Mapping[str, str]) -> httpx2.AsyncClient:
    """A client for the server of `url`: no redirects, no proxy from the environment, no compressed responses."""
    timeout = httpx2.Timeout(total.total_seconds(), connect=connect.total_seconds())
    headers = {**headers, "Accept-Encoding": "identity"}
    return httpx2.AsyncClient(
        timeout=timeout, follow_redirects=False, trust_env=False, headers=headers, verify=_tls(url)
    )


def _tls(url: str) -> ssl.SSLContext:
    """The TLS context. For an http URL it is an empty one: the system's authorities would be loaded in vain."""
    return _authorities() if url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@cache
def _authorities() -> ssl.SSLContext:
    """One context for all clients, since each takes three megabytes."""
    return httpx2.create_ssl_context(trust_env=False)
