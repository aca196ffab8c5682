"""Impersonation (RFC 8693 §1.1): what the API that gets such a token cannot see is recorded, and told to the person.

The token has no `act`, so for the API it is the person's own. Its `client_id` is that of the client that impersonates.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from ...accounts.accounts import Account
from ...audit.trail import has_happened, record
from ...clients.clients import Client
from ...mail.kinds import Kind
from ...mail.languages.choosing import DEFAULT_LANGUAGE
from ...mail.outbox import Outbox
from ...oauth.resources import Resource

EVENT = "impersonated"
TOLD_EVERY = timedelta(days=1)  # by mail, for a client and a person
ROWS_PER_HOUR = 5  # for a client and a person; further ones are counted, and in the log


@dataclass(frozen=True)
class Impersonated:
    account: Account
    client: Client  # that impersonates
    subject_client_id: str  # whose token was traded
    api: Resource  # where the new token is good
    scope: str


async def tell(session: AsyncSession, told: Impersonated, outbox: Outbox, *, now: datetime) -> None:
    """Record it, and post a mail unless the person got one about this client in the last TOLD_EVERY.

    Two requests at the same moment may both post. Only a confirmed address is written to. /account always shows it.
    """
    account, client = told.account, told.client
    since = now - TOLD_EVERY
    is_known = await has_happened(session, EVENT, account_id=account.id, client_id=client.client_id, since=since)
    if account.email_verified and not is_known:
        name = client.registration.client_name or client.client_id  # only an operator may give it a rule
        facts = {"application": name, "api": told.api.name, "time": f"{now:%Y-%m-%d %H:%M} UTC"}
        outbox.post(session, Kind.IMPERSONATED, account.email, language=DEFAULT_LANGUAGE, now=now, **facts)
    await record(
        session,
        EVENT,
        now=now,
        account_id=account.id,
        client_id=client.client_id,
        most=ROWS_PER_HOUR,
        subject_client_id=told.subject_client_id,
        resource=told.api.resource,
        scope=told.scope,
    )
