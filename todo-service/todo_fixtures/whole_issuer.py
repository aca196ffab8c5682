"""An issuer on loopback with metadata, keys and status lists, and `atjwt.Verifier`s of its tokens."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from atjwt import Reason, Refused, Seams, Verifier, VerifierThread
from todo_fixtures.event_loop import until
from todo_fixtures.issuer import AUDIENCE, ISSUER, JwksEndpoint, jwk
from todo_fixtures.service import QUICK, QUICK_POLLING
from todo_fixtures.status_lists import SIGNER, StatusEndpoint

METADATA = "/.well-known/oauth-authorization-server"
SEAMS = Seams(schedule=QUICK, polling=QUICK_POLLING)


class Issuer:
    """Metadata, keys and status lists on loopback; the tokens name ISSUER."""

    def __init__(self, endpoint: JwksEndpoint) -> None:
        self.endpoint, self.lists = endpoint, StatusEndpoint()
        self.metadata: dict[str, Any] = {
            "issuer": ISSUER,
            "jwks_uri": f"{ISSUER}/.well-known/jwks.json",
            "status_list_aggregation_endpoint": f"{ISSUER}/oauth/status-lists",
        }
        self.fetched: list[str] = []
        endpoint.keys = [jwk("first"), jwk(SIGNER, signs="statuslist+jwt")]
        endpoint.elsewhere = {"/oauth/status-lists": self.lists.answer, "/.well-known/o": self._metadata}
        self.lists.publish("1")

    def _metadata(self, path: str, etag: str | None) -> tuple[int, dict[str, str], bytes]:
        self.fetched.append(path)
        found = self.metadata if path == METADATA else None
        return (404, {}, b"") if found is None else (200, {}, json.dumps(found).encode())


def made(issuer: Issuer, **more: Any) -> Verifier:
    return Verifier(ISSUER, AUDIENCE, **{"reached_at": issuer.endpoint.url, "seams": SEAMS, **more})


@asynccontextmanager
async def running(issuer: Issuer, **more: Any) -> AsyncIterator[Verifier]:
    async with made(issuer, **more) as verifier:
        await until(lambda: verifier.is_ready)
        yield verifier


def reason_of(verifier: Verifier | VerifierThread, text: str, **more: Any) -> Reason | None:
    try:
        verifier.verify(text, **more)
    except Refused as refused:
        return refused.reason
    return None
