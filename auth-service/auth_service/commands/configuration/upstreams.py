"""The change of one upstream provider, with its client secret."""

from datetime import datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from ...accounts.upstreams import providers
from ...accounts.upstreams.identities import count_of_issuer
from ...accounts.upstreams.providers import Registered
from ...audit.trail import record
from ...oauth.upstreams import InvalidUpstream, Upstream
from ...sealed.sealing import Seal
from .changes import CHANGED, GONE, NEW, UPSTREAM, Change, compare
from .wanted import WantedUpstream

MAX_SECRET = 2048  # characters


def read_secret(path: Path) -> str:
    """The client secret in a file, as the provider has given it. Raises InvalidUpstream."""
    try:
        with path.open(encoding="ascii") as file:
            secret = file.read(MAX_SECRET + 2).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidUpstream(f"client_secret_file: {path} cannot be read: {type(error).__name__}") from None
    if not 0 < len(secret) <= MAX_SECRET or not secret.isprintable():
        raise InvalidUpstream(f"client_secret_file: {path} must hold one line of at most {MAX_SECRET} characters")
    return secret


def check_secret(upstream: Upstream, *, is_there: bool) -> None:
    """Raises InvalidUpstream if a secret is given but not used, or missing but needed."""
    method = upstream.token_endpoint_auth_method
    if upstream.uses_secret and not is_there:
        raise InvalidUpstream(f"client_secret_file: is required, because {method} uses a secret")
    if is_there and not upstream.uses_secret:
        raise InvalidUpstream("client_secret_file: the token_endpoint_auth_method uses no secret")


async def plan_upstream(session: AsyncSession, wanted: WantedUpstream, seal: Seal) -> Change | None:
    """The change that makes a provider what is wanted; None if it is. Raises InvalidConfiguration."""
    upstream, held = wanted.upstream, await providers.find(session, wanted.upstream.id)
    try:
        check_secret(upstream, is_there=wanted.secret_file is not None)
        secret = None if wanted.secret_file is None else read_secret(wanted.secret_file)
    except InvalidUpstream as error:
        wanted.part.refuse(str(error), "client_secret_file")
    details = compare({} if held is None else held.upstream.members(), upstream.members())
    if secret != _stored(held, seal):
        details += ("client secret: " + ("the one" if held is None else "another one") + f" in {wanted.secret_file}",)
    loss = await _loss(session, held, upstream)
    if held is not None and not details:
        return None

    async def store(session: AsyncSession, now: datetime) -> None:
        sealed = None if secret is None else seal.seal(secret, place=upstream.id)
        try:
            await providers.put(session, upstream, sealed, now=now)
        except InvalidUpstream as error:
            wanted.part.refuse(str(error), str(error).partition(":")[0])
        await record(session, "upstream_registered", now=now, upstream=upstream.id)

    return Change(UPSTREAM, upstream.id, NEW if held is None else CHANGED, store, details, loss)


async def plan_end(session: AsyncSession, upstream_id: str) -> Change | None:
    """The deletion of a provider, with what ends with it. None if it is gone already."""
    held = await providers.find(session, upstream_id)
    if held is None:
        return None

    async def delete(session: AsyncSession, now: datetime) -> None:
        await providers.remove(session, upstream_id)
        await record(session, "upstream_removed", now=now, upstream=upstream_id)

    return Change(UPSTREAM, upstream_id, GONE, delete, (), await describe_loss(session, held.upstream))


async def describe_loss(session: AsyncSession, upstream: Upstream) -> str:
    return f"{await count_of_issuer(session, upstream.issuer)} people cannot sign in by it any more"


async def _loss(session: AsyncSession, held: Registered | None, upstream: Upstream) -> str:
    """Another issuer is another provider: accounts that are linked to the old one are not linked to it."""
    if held is None or held.upstream.issuer == upstream.issuer:
        return ""
    return await describe_loss(session, held.upstream)


def _stored(held: Registered | None, seal: Seal) -> str | None:
    """The stored secret. None: there is none, or it cannot be read any more."""
    if held is None or held.sealed_secret is None:
        return None
    return seal.open(held.sealed_secret, place=held.upstream.id)
