"""`upstreams`: OpenID providers at which people sign in instead of here. A registration is JSON, as in `apply`."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts.upstreams import providers
from ..accounts.upstreams.dialogue import CALLBACK
from ..accounts.upstreams.providers import Registered
from ..audit.trail import record
from ..oauth.upstreams import InvalidUpstream, Upstream
from ..settings.settings import load_settings
from ..store.instants import utc_now
from .configuration.upstreams import check_secret, describe_loss, read_secret
from .opened import CommandRefused, Yes, confirm, opened, run, transact
from .output import AsJson, Record, show
from .registrations import read_metadata

app = typer.Typer(help="Upstream providers: other sites at which people may sign in.", no_args_is_help=True)

UpstreamId = Annotated[str, typer.Argument(metavar="ID", help="The provider's id, as in /api/auth/callback/ID.")]
SecretFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The file with our client secret there; its content is encrypted.")
]


@app.command()
def create(secret_file: SecretFile = None) -> None:
    """Register a provider. Reads its registration from standard input, and prints it with its callback.

    The callback is the redirect URI to register at the provider. It takes effect within five seconds.
    """
    _print(_put(secret_file, must_exist=False))


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List all providers, in the order of their buttons."""
    show(list(map(_record_of, run(_load()))), as_json=as_json)


@app.command("show")
def show_(upstream_id: UpstreamId) -> None:
    """Show the registration of one provider, without its secret; `update` accepts it."""
    found = next((each for each in run(_load()) if each.upstream.id == upstream_id), None)
    if found is None:
        raise CommandRefused(f"there is no upstream provider {upstream_id!r}")
    _print(found.upstream)


@app.command()
def update(upstream_id: UpstreamId, secret_file: SecretFile = None) -> None:
    """Replace the registration of a provider by the one on standard input. Without --secret-file its secret stays.

    Its issuer cannot change: that would be another provider, whose people nobody here is connected to.
    """
    _print(_put(secret_file, must_exist=True, upstream_id=upstream_id))


@app.command()
def delete(upstream_id: UpstreamId, yes: Yes = False) -> None:
    """Remove a provider. Nobody signs in by it any more, within five seconds.

    Who is connected with it stays on record, and can use it again when the same issuer is registered again.
    """
    if not yes:
        confirm(f"Remove {upstream_id}? {run(transact(_describe_loss, upstream_id))}.", yes=False)
    _print(run(transact(_delete, upstream_id)))


def _put(secret_file: Path | None, *, must_exist: bool, upstream_id: str | None = None) -> Upstream:
    members = read_metadata()
    members.pop("callback", None)  # `show` prints it
    if "client_secret" in members:
        raise CommandRefused("client_secret: give it by --secret-file")
    if upstream_id not in (None, members.get("id")):
        raise CommandRefused("id: cannot be changed; register the provider anew under another one")
    try:
        upstream = Upstream.parse(members, issuer=load_settings().issuer)
        secret = None if secret_file is None else read_secret(secret_file)
        return run(transact(_store, upstream, secret, must_exist=must_exist))
    except InvalidUpstream as error:
        raise CommandRefused(str(error)) from None


async def _load() -> list[Registered]:
    async with opened() as database, database.reading() as session:
        return list(await providers.load(session))


async def _store(session: AsyncSession, upstream: Upstream, secret: str | None, *, must_exist: bool) -> Upstream:
    held = await providers.find(session, upstream.id)
    if (held is not None) is not must_exist:
        reason = "there is no such one" if must_exist else "is registered already; update replaces its registration"
        raise InvalidUpstream(f"id: {reason}")
    if held is not None and held.upstream.issuer != upstream.issuer:
        raise InvalidUpstream("issuer: cannot be changed; register the provider anew under another id")
    sealed = None if held is None or not upstream.uses_secret else held.sealed_secret
    if secret is not None:
        sealed = providers.seal_of(load_settings().versioned("key_encryption_keys")).seal(secret, place=upstream.id)
    check_secret(upstream, is_there=sealed is not None)
    await providers.put(session, upstream, sealed, now=(now := utc_now()))
    await record(session, "upstream_registered", now=now, upstream=upstream.id)
    return upstream


async def _get(session: AsyncSession, upstream_id: str) -> Upstream:
    held = await providers.find(session, upstream_id)
    if held is None:
        raise CommandRefused(f"there is no upstream provider {upstream_id!r}")
    return held.upstream


async def _describe_loss(session: AsyncSession, upstream_id: str) -> str:
    return await describe_loss(session, await _get(session, upstream_id))


async def _delete(session: AsyncSession, upstream_id: str) -> Upstream:
    gone = await _get(session, upstream_id)
    typer.echo(f"auth-service: {await describe_loss(session, gone)}", err=True)
    await providers.remove(session, upstream_id)
    await record(session, "upstream_removed", now=utc_now(), upstream=upstream_id)
    return gone


def _members(upstream: Upstream) -> dict[str, Any]:
    return {**upstream.members(), "callback": f"{load_settings().issuer}{CALLBACK}{upstream.id}"}


def _print(upstream: Upstream) -> None:
    typer.echo(json.dumps(_members(upstream), indent=2 if sys.stdout.isatty() else None))


def _record_of(registered: Registered) -> Record:
    named = ("id", "name", "issuer", "client_id", "trusted", "sign_up", "callback")
    members = _members(registered.upstream)
    return {name: members[name] for name in named}
