"""How this process asks others: it goes where configuration says and nowhere else."""

import ssl
from collections.abc import Mapping
from datetime import timedelta
from functools import cache

import httpx2


def client(*, connect: timedelta, total: timedelta, headers: Mapping[str, str]) -> httpx2.AsyncClient:
    """No redirects, no proxy of the environment, nothing that has to be unpacked."""
    timeout = httpx2.Timeout(total.total_seconds(), connect=connect.total_seconds())
    headers = {**headers, "Accept-Encoding": "identity"}
    return httpx2.AsyncClient(timeout=timeout, follow_redirects=False, trust_env=False, headers=headers, verify=_tls())


@cache
def _tls() -> ssl.SSLContext:
    """One for all clients: with the authorities in it, it takes a megabyte."""
    return httpx2.create_ssl_context(trust_env=False)
