"""The consents that a person has given to applications: showing and withdrawing them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request, Response

from ...audit.trail import recorded
from ...clients.authentication import ClientAuthenticator
from ...grants import consents
from ...grants.consents import Consent
from ...http.current_session import Current
from ...http.pages import see_other
from ...oauth.parameters import Parameters
from ...resources.cache import ResourceCache
from ...store.database import Database
from ...store.instants import Clock
from .forms import NOT_OURS, FormParts, is_ours, render_form
from .sentences import sections_of

WITHDRAW = "withdraw"  # the field that names the client
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
    """Withdraw all of the person's consents to one client. Its grants end."""
    if not is_ours(request, parts, form, current.session.id):
        return await render(request, parts, current, NOT_OURS)
    client_id = form.get(WITHDRAW) or ""
    record = recorded(
        consents.withdraw,
        "consent_withdrawn",
        at=now,
        if_=lambda withdrawn: withdrawn.consents or withdrawn.grants,  # otherwise client_id may be any text
        account_id=current.account.id,
        client_id=client_id,
    )
    await parts.database.transact(record, current.account.id, client_id, now=now)
    return see_other("/consent")


def _by_client(agreed: Collection[Consent]) -> dict[str, dict[str, frozenset[str]]]:
    """The scopes by resource, by client."""
    scopes: dict[str, dict[str, frozenset[str]]] = {}
    for consent in agreed:
        scopes.setdefault(consent.client_id, {})[consent.resource] = consent.scopes
    return scopes


async def _name(parts: AgreedParts, client_id: str) -> str:
    client = await parts.clients.cache.find(client_id, now=parts.clock())
    return client.registration.client_name or client_id if client else client_id
