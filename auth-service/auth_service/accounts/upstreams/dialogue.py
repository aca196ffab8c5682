"""`Upstreams`: talking to the upstream providers, for one process."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network
from typing import TYPE_CHECKING

from ...clients.fetched_keys import FetchedKeys
from ...limits.clients import ClientLimits
from ...limits.networks import UPSTREAM_STARTS, NetworkLimits, limit_networks
from ...network.outbound import Outbound
from ...oauth.upstream_answers import Answer, Person, check_issuer
from ...sealed.sealing import Seal
from ...sealed.versioned_secrets import Secrets
from ...store.database import Database
from . import providers, starts
from .cache import UpstreamCache
from .discovery import ProviderMetadata, ProviderUnavailable
from .providers import Registered
from .starts import Start

if TYPE_CHECKING:
    from .openid_client import Setup

CALLBACK = "/api/auth/callback/"


@dataclass(frozen=True)
class Upstreams:
    issuer: str
    cache: UpstreamCache
    metadata: ProviderMetadata
    keys: FetchedKeys
    outbound: Outbound
    secrets: Seal
    starts: Seal
    limits: NetworkLimits

    async def make_address(
        self, registered: Registered, start: Start, state: str, now: datetime, **further: str
    ) -> str:
        """Where the person signs in. `further` are `login_hint`, `prompt` and `max_age`. Raises ProviderUnavailable."""
        setup = await self._set_up(registered, now)
        from .openid_client import make_address

        return await make_address(setup, state=state, nonce=start.nonce, code_verifier=start.code_verifier, **further)

    async def redeem(self, registered: Registered, start: Start, answer: Answer, now: datetime) -> Person:
        """The person of an answer with a code. Raises ProviderUnavailable, BadAnswer."""
        setup = await self._set_up(registered, now)
        check_issuer(answer, registered.upstream.issuer, is_sent=setup.discovered.sends_iss)
        from .openid_client import redeem

        return await redeem(setup, code=answer.code, nonce=start.nonce, code_verifier=start.code_verifier)

    async def check_reachable(self, registered: Registered, now: datetime) -> None:
        """Raises ProviderUnavailable, before anything is stored."""
        self._open_secret(registered)
        await self.metadata.get(registered.upstream.issuer, now=now)

    async def _set_up(self, registered: Registered, now: datetime) -> "Setup":
        """What the client of openid_client.py needs. Authlib is imported in a thread: at first it takes a while."""
        upstream, secret = registered.upstream, self._open_secret(registered)
        discovered = await self.metadata.get(upstream.issuer, now=now)
        await asyncio.to_thread(_import_client)
        from .openid_client import Setup

        redirect_uri = f"{self.issuer}{CALLBACK}{upstream.id}"
        return Setup(upstream, secret, discovered, self.outbound, self.keys, redirect_uri, now)

    def _open_secret(self, registered: Registered) -> str | None:
        upstream, sealed = registered.upstream, registered.sealed_secret
        if not upstream.uses_secret:
            return None
        secret = None if sealed is None else self.secrets.open(sealed, place=upstream.id)
        if secret is None:
            raise ProviderUnavailable("its client secret is missing, or needs a key-encryption key that is missing")
        return secret


def _import_client() -> None:
    from . import openid_client  # noqa: F401 - so that the next import costs nothing


def open_upstreams(
    issuer: str,
    database: Database,
    like: Outbound,
    networks: Sequence[str],
    key_encryption_keys: Secrets,
    limits: ClientLimits,
) -> Upstreams:
    """Open the parts.

    Args:
        like: how the URLs of clients are requested; the authorities are the same here.
        networks: private ones where providers may be.
    """
    outbound = Outbound([*map(ip_network, networks)], like.ca_file, reads_http=True)
    return Upstreams(
        issuer=issuer,
        cache=UpstreamCache(database),
        metadata=ProviderMetadata(outbound),
        keys=FetchedKeys(outbound),
        outbound=outbound,
        secrets=providers.seal_of(key_encryption_keys),
        starts=starts.seal_of(key_encryption_keys),
        limits=limit_networks(limits, "upstream", UPSTREAM_STARTS),
    )
