"""The consents that a person has given to applications: showing and withdrawing them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from ...audit.trail import record
from ...clients.authentication import ClientAuthenticator
from ...grants import consents
from ...grants.consents import Consent
from ...http.current_session import Current
from ...http.pages import see_other
from ...oauth.parameters import Parameters
from ...oauth.resources import Resource
from ...resources.cache import ResourceCache
from ...store.database import Database
from ...store.instants import Clock
from ...tokens import removed_access
from ...tokens.removed_access import loss_of
from .forms import FormParts, is_ours, render_form, why_not_ours
from .sentences import sections_of

WITHDRAW = "withdraw"  # the field that names the client
RESOURCE = "resource"  # and the one that names one of its APIs
MAX_SHOWN = 500


@dataclass(frozen=True)
class AgreedParts(FormParts):
    clock: Clock
    database: Database
    resources: ResourceCache
    clients: ClientAuthenticator


async def render(request: Request, parts: AgreedParts, current: Current, error: str | None = None) -> Response:
    async with parts.database.reading() as session:
        agreed = await consents.list_consents(session, account_id=current.account.id, limit=MAX_SHOWN)
    resources = await parts.resources.current(now=parts.clock())
    applications = [
        {"client_id": client_id, "name": await _name(parts, client_id), "sections": sections_of(scopes, resources)}
        for client_id, scopes in _by_client(agreed).items()
    ]
    return render_form(
        request,
        parts,
        "agreed",
        None,
        session_id=current.session.id,
        status=403 if error else 200,
        error=error,
        account=current.account,
        applications=applications,
    )


async def withdraw(request: Request, parts: AgreedParts, form: Parameters, current: Current, now: datetime) -> Response:
    """Withdraw all of the person's consents to one client: its grants end. Or only that for one API of several."""
    if not is_ours(request, parts, form, current.session.id):
        return await render(request, parts, current, why_not_ours(request, parts))
    client_id, account_id = form.get(WITHDRAW) or "", current.account.id
    resource = form.get(RESOURCE)
    api = None if resource is None else (await parts.resources.current(now=now)).find(resource)
    if resource is not None and api is None:
        return await render(request, parts, current)  # removed meanwhile, and nothing is left of it
    await parts.database.transact(_withdraw, account_id, client_id, api, now)
    return see_other("/consent")


async def _withdraw(
    session: AsyncSession, account_id: str, client_id: str, api: Resource | None, now: datetime
) -> None:
    if api is None:
        withdrawn = await consents.withdraw(session, account_id, client_id, now=now)
    else:
        withdrawn = await removed_access.withdraw(session, account_id, client_id, loss_of(api), now=now)
    if withdrawn.consents or withdrawn.grants:  # otherwise client_id may be any text; keep it out of the trail
        resource = None if api is None else api.resource
        await record(
            session, "consent_withdrawn", now=now, account_id=account_id, client_id=client_id, resource=resource
        )


def _by_client(agreed: Collection[Consent]) -> dict[str, dict[str, frozenset[str]]]:
    """The scopes by resource, by client."""
    scopes: dict[str, dict[str, frozenset[str]]] = {}
    for consent in agreed:
        scopes.setdefault(consent.client_id, {})[consent.resource] = consent.scopes
    return scopes


async def _name(parts: AgreedParts, client_id: str) -> str:
    client = await parts.clients.cache.find(client_id, now=parts.clock())
    return client.registration.client_name or client_id if client else client_id
