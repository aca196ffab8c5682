"""A person's applications, at /account and /consent: what each is and may do, when it last did, and taking it back."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from ...audit.trail import record
from ...clients.authentication import ClientAuthenticator
from ...clients.clients import PERSONAL_CLIENT_ID
from ...grants import consents
from ...grants.consents import Consent, Withdrawn
from ...http.current_session import Current
from ...http.pages import see_other
from ...mail.languages.sentences import Sentence
from ...oauth.parameters import Parameters
from ...oauth.resources import Resource
from ...resources.cache import ResourceCache
from ...store.database import Database
from ...store.instants import Clock
from ...tokens import removed_access
from ...tokens.last_uses import find_uses
from ...tokens.removed_access import loss_of
from . import provenance
from .forms import FormParts, is_ours, render_form, why_not_ours
from .moments import day
from .own_access import OwnAccess, list_own_access
from .sentences import Section, sections_of

WITHDRAW = "withdraw"  # the field that names the client
RESOURCE = "resource"  # and the one that names one of its APIs
MAX_SHOWN = 500


@dataclass(frozen=True)
class AgreedParts(FormParts):
    clock: Clock
    database: Database
    resources: ResourceCache
    clients: ClientAuthenticator


class Application(NamedTuple):
    client_id: str
    name: str
    provenance: tuple[str, ...]  # in words
    is_stranger: bool
    sections: list[Section]  # empty: it needs no consent, or what it was for is gone
    since: Sentence  # when the person first allowed it, or, without a consent, since when it has access
    used: Sentence | None  # when it was last used; None: it has no access now
    own: list[OwnAccess]  # its devices and programs, each with access of its own


async def list_applications(parts: AgreedParts, current: Current) -> list[Application]:
    """The clients with the person's consent, and after them those that have access without one."""
    account_id, now = current.account.id, parts.clock()
    async with parts.database.reading() as session:
        given = await consents.list_consents(session, account_id=account_id, limit=MAX_SHOWN)
        uses = await find_uses(session, account_id)
        own = await list_own_access(session, account_id, now)
    agreed, resources = _by_client(given), await parts.resources.current(now=now)
    uses = {client_id: each for client_id, each in uses.items() if client_id != PERSONAL_CLIENT_ID}  # see own_tokens.py
    since = {client_id: each.since for client_id, each in uses.items()} | _first_by_client(given)
    found = [*dict.fromkeys((*agreed, *uses))][:MAX_SHOWN]
    clients = {client_id: await parts.clients.cache.find(client_id, now=now) for client_id in found}
    return [
        Application(
            client_id,
            client.registration.client_name or client_id if client else client_id,
            *provenance.describe(client),
            sections_of(agreed.get(client_id, {}), resources),
            day(since[client_id], now),
            day(uses[client_id].last, now) if client_id in uses else None,
            own.get(client_id, []),
        )
        for client_id, client in clients.items()
    ]


async def render(request: Request, parts: AgreedParts, current: Current, error: str | None = None) -> Response:
    return render_form(
        request,
        parts,
        "agreed",
        None,
        session_id=current.session.id,
        status=403 if error else 200,
        error=error,
        account=current.account,
        applications=await list_applications(parts, current),
    )


async def withdraw(request: Request, parts: AgreedParts, form: Parameters, current: Current, now: datetime) -> Response:
    if not is_ours(request, parts, form, current.session.id):
        return await render(request, parts, current, why_not_ours(request, parts))
    await withdraw_consent(parts, form, current, now)
    return see_other("/consent")


async def withdraw_consent(parts: AgreedParts, form: Parameters, current: Current, now: datetime) -> None:
    """Withdraw all of the person's consents to one client: its grants end. Or only that for one API of several."""
    client_id, account_id = form.get(WITHDRAW) or "", current.account.id
    resource = form.get(RESOURCE)
    api = None if resource is None else (await parts.resources.current(now=now)).find(resource)
    if resource is None or api is not None:  # otherwise it was removed meanwhile, and nothing is left of it
        await parts.database.transact(_withdraw, account_id, client_id, api, now)


def _by_client(agreed: Collection[Consent]) -> dict[str, dict[str, frozenset[str]]]:
    """The scopes by resource, by client."""
    scopes: dict[str, dict[str, frozenset[str]]] = {}
    for consent in agreed:
        scopes.setdefault(consent.client_id, {})[consent.resource] = consent.scopes
    return scopes


def _first_by_client(agreed: Collection[Consent]) -> dict[str, datetime]:
    """When the person first consented, by client."""
    newest_first = sorted(agreed, key=lambda each: each.created_at, reverse=True)
    return {consent.client_id: consent.created_at for consent in newest_first}


async def _withdraw(
    session: AsyncSession, account_id: str, client_id: str, api: Resource | None, now: datetime
) -> None:
    if api is None:
        withdrawn: Withdrawn = await consents.withdraw(session, account_id, client_id, now=now)
    else:
        withdrawn = await removed_access.withdraw(session, account_id, client_id, loss_of(api), now=now)
    if withdrawn.consents or withdrawn.grants:  # otherwise client_id may be any text; keep it out of the trail
        resource = api.resource if api else None
        await record(
            session, "consent_withdrawn", now=now, account_id=account_id, client_id=client_id, resource=resource
        )
