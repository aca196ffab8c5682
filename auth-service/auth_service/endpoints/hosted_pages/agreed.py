"""The consents that a person has given to applications: showing and withdrawing them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request, Response

from ...clients.authentication import ClientAuthenticator
from ...grants import consents
from ...grants.consents import Consent
from ...http.current_session import Current
from ...http.pages import see_other
from ...oauth.parameters import Parameters
from ...oauth.scope import EMAIL, OFFLINE_ACCESS, OPENID, PROFILE
from ...store.database import Database
from ...store.instants import Clock
from ...telemetry.logs import audit
from .forms import NOT_OURS, FormParts, is_ours, render_form

WITHDRAW = "withdraw"  # the field that names the client
MAX_SHOWN = 500
IN_WORDS = {
    OPENID: "Know that it is you",
    PROFILE: "See your name and your picture",
    EMAIL: "See your e-mail address",
    "todos:read": "Read your todos",
    "todos:write": "Add, change and delete your todos",
    OFFLINE_ACCESS: "Keep this access while you are away, until you remove it",
}


@dataclass(frozen=True)
class AgreedParts(FormParts):
    clock: Clock
    database: Database
    clients: ClientAuthenticator


def in_words(scopes: Collection[str]) -> list[tuple[str, str]]:
    return [(scope, words) for scope, words in IN_WORDS.items() if scope in scopes]


async def render(request: Request, parts: AgreedParts, current: Current, error: str | None = None) -> Response:
    async with parts.database.reading() as session:
        agreed = await consents.list_consents(session, account_id=current.account.id, limit=MAX_SHOWN)
    applications = [
        {"client_id": client_id, "name": await _name(parts, client_id), "scopes": in_words(scopes)}
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
    withdrawn = await parts.database.transact(consents.withdraw, current.account.id, client_id, now=now)
    if withdrawn.consents or withdrawn.grants:  # otherwise client_id may be any text; keep it out of the log
        audit("consent_withdrawn", account_id=current.account.id, client_id=client_id)
    return see_other("/consent")


def _by_client(agreed: Collection[Consent]) -> dict[str, set[str]]:
    scopes: dict[str, set[str]] = {}
    for consent in agreed:
        scopes.setdefault(consent.client_id, set()).update(consent.scopes)
    return scopes


async def _name(parts: AgreedParts, client_id: str) -> str:
    client = await parts.clients.cache.find(client_id, now=parts.clock())
    return client.registration.client_name or client_id if client else client_id
