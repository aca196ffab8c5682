"""`resources`: the registry of APIs. A registration is JSON on standard input and output (REGISTRATION.md)."""

import json
import sys
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from ..oauth.audiences import Resources
from ..oauth.resource_identifiers import InvalidResource
from ..oauth.resources import Resource
from ..resources import resources as registry
from ..settings.settings import load_settings
from ..store.instants import utc_now
from ..tokens.removed_access import count_affected, loss_of
from . import algorithms
from .configuration.apis import ApiChange, change_api, check_api
from .opened import CommandRefused, Yes, confirm, opened, run, transact
from .output import AsJson, Record, show
from .registrations import read_metadata

app = typer.Typer(help="APIs: the resources that tokens are for.", no_args_is_help=True)

Identifier = Annotated[str, typer.Argument(metavar="URI", help="The API's identifier, the `aud` of its tokens.")]

AtOnce = Annotated[bool, typer.Option("--now", help="Change the algorithm although a verifier lacks its key.")]


@app.command()
def create() -> None:
    """Register an API. Reads its registration from standard input, and prints it with its defaults filled in."""
    _print(run(_register(_read(), may_exist=False, must_exist=False)))


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List all APIs, the oldest first."""
    show([_record_of(each) for each in run(_load()).registered], as_json=as_json)


@app.command("show")
def show_(uri: Identifier) -> None:
    """Show the registration of one API; `update` accepts it."""
    _print(_get(run(_load()), uri))


@app.command()
def update(uri: Identifier, yes: Yes = False, at_once: AtOnce = False) -> None:
    """Replace the registration of an API by the one on standard input. It takes effect within five seconds.

    A scope that is left out is removed from consents, grants and clients, too, and a role from accounts and clients.
    This says how many, and needs --yes.
    Another signing algorithm is refused while a verifier of the API reports that it lacks the key, unless --now is
    given. An algorithm that nobody has used yet begins later; this says when.
    """
    resource = _read()
    if resource.resource != uri:
        raise CommandRefused("resource: cannot be changed; register the API anew under another one")
    _print(run(_register(resource, may_exist=True, must_exist=True, yes=yes, at_once=at_once)))


@app.command()
def provision(yes: Yes = False, at_once: AtOnce = False) -> None:
    """Deprecated, see `apply`. Register the API on standard input, or replace its registration."""
    _print(run(_register(_read(), may_exist=True, must_exist=False, yes=yes, at_once=at_once)))


@app.command()
def delete(uri: Identifier, yes: Yes = False) -> None:
    """Remove an API, and with it all consents, grants and registrations of clients for it. Its tokens are revoked.

    It takes effect within five seconds. Nothing that is registered later under the same identifier inherits anything.
    """
    if not yes:
        confirm(f"Remove {uri}? {run(_count(uri))} lose it.", yes=False)
    _print(run(transact(_delete, uri)))


def _read() -> Resource:
    try:
        return Resource.parse(read_metadata(), issuer=load_settings().issuer)
    except InvalidResource as error:
        raise CommandRefused(str(error)) from None


def _get(resources: Resources, uri: str) -> Resource:
    found = resources.find(uri)
    if found is None:
        raise CommandRefused(f"there is no API {uri!r}")
    return found


def _print(resource: Resource) -> None:
    typer.echo(json.dumps(resource.members(), indent=2 if sys.stdout.isatty() else None))


def _record_of(resource: Resource) -> Record:
    members: dict[str, Any] = resource.members()
    named = ("resource", "name", "clients", "identity", "groups", "listed", "access_token_signing_alg")
    return {
        **{name: members[name] for name in named},
        "access_token_ttl": members.get("access_token_ttl"),
        "scope": " ".join(resource.scopes),
    }


async def _load() -> Resources:
    async with opened() as database, database.reading() as session:
        return await registry.load(session, load_settings().issuer)


async def _register(resource: Resource, **how: bool) -> Resource:
    done = await transact(_put, resource, **how)
    await algorithms.begin(done.access_token_signing_alg, f"access tokens for {done.resource}")
    return done


async def _put(
    session: AsyncSession,
    resource: Resource,
    *,
    may_exist: bool,
    must_exist: bool,
    yes: bool = False,
    at_once: bool = False,
) -> Resource:
    resources = await registry.load_locked(session, load_settings().issuer)
    change = ApiChange(resources.find(resource.resource), resource)
    if must_exist:
        _get(resources, resource.resource)
    if change.before is not None and not may_exist:
        raise CommandRefused("resource: is registered already; update replaces its registration")
    try:
        check_api(resource, resources)
    except InvalidResource as error:
        raise CommandRefused(str(error)) from None
    if change.before == resource:
        return resource
    if change.before is not None and not at_once:
        await algorithms.check_change(session, change.before, resource)
    if not yes and (told := await change.describe_loss(session)):
        raise CommandRefused(f"{told}; add --yes")  # standard input is the registration, so there is nobody to ask
    await change_api(session, change, now=utc_now())
    return resource


async def _count(uri: str) -> str:
    async with opened() as database, database.reading() as session:
        found = _get(await registry.load(session, load_settings().issuer), uri)
        return str(await count_affected(session, loss_of(found)))


async def _delete(session: AsyncSession, uri: str) -> Resource:
    gone = _get(await registry.load_locked(session, load_settings().issuer), uri)
    affected = await count_affected(session, loss_of(gone))
    await change_api(session, ApiChange(gone, None), now=utc_now())
    typer.echo(f"auth-service: {affected} lost it", err=True)
    return gone
