"""How this process asks others: it goes where configuration says and nowhere else."""

import ssl
from collections.abc import Mapping
from datetime import timedelta
from functools import cache

import httpx2


def client(url: str, *, connect: timedelta, total: timedelta, headers: Mapping[str, str]) -> httpx2.AsyncClient:
    """For a server: no redirects, no proxy of the environment, nothing that has to be unpacked."""
    timeout = httpx2.Timeout(total.total_seconds(), connect=connect.total_seconds())
    headers = {**headers, "Accept-Encoding": "identity"}
    return httpx2.AsyncClient(
        timeout=timeout, follow_redirects=False, trust_env=False, headers=headers, verify=_tls(url)
    )


def _tls(url: str) -> ssl.SSLContext:
    """Where http is asked for nothing else will be, and nobody needs to be believed."""
    return _authorities() if url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@cache
def _authorities() -> ssl.SSLContext:
    """One for all clients: it takes three megabytes."""
    return httpx2.create_ssl_context(trust_env=False)
