"""Devices and programs of an application, in words, and the end of one: at /account.

Each has a grant of its own (grants/own_grants.py). The consent stays, and so does the access of the others.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from ...audit.trail import record
from ...grants import own_grants
from ...http.current_session import Current, SessionParts
from ...http.pages import see_other
from ...mail.languages.sentences import Sentence
from ...oauth.parameters import Parameters
from ...sessions.device_names import name_device
from ...tokens.last_uses import OwnUse, find_own_uses
from .moments import day, moment

GRANT = "grant"  # the field of /account that names one
MAX_SHOWN = 100


class OwnAccess(NamedTuple):
    id: str  # of its grant
    name: Sentence
    since: Sentence  # to the minute: two of a day are told apart
    used: Sentence
    address: str  # of the device, or of the browser in which it was allowed; "": unknown


async def list_own_access(session: AsyncSession, account_id: str, now: datetime) -> Mapping[str, list[OwnAccess]]:
    """The newest, by client_id."""
    found = defaultdict[str, list[OwnAccess]](list)
    for each in await find_own_uses(session, account_id, limit=MAX_SHOWN):
        found[each.client_id].append(_describe(each, now))
    return found


def _describe(use: OwnUse, now: datetime) -> OwnAccess:
    browser = None if use.user_agent is None else name_device(use.user_agent)
    name = Sentence("Another device") if browser is None else Sentence("Allowed in: {browser}", browser=browser)
    return OwnAccess(use.grant_id, name, moment(use.since), day(use.last, now), use.address or "")


async def end_own_access(
    request: Request, parts: SessionParts, current: Current, form: Parameters, now: datetime
) -> Response:
    """The button at /account. Another person's, or one that has ended, changes nothing."""
    await parts.database.transact(_end, (form.get(GRANT) or "")[:64], current.account.id, now)
    return see_other("/account", done="end-access")


async def _end(session: AsyncSession, grant_id: str, account_id: str, now: datetime) -> None:
    client_id = await own_grants.end(session, grant_id, account_id, now=now)
    if client_id is not None:
        await record(session, "access_ended", now=now, account_id=account_id, client_id=client_id, grant_id=grant_id)
