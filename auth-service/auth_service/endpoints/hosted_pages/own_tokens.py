"""A person's own access tokens in words, and the end of one: at /personal-tokens and at /account."""

from datetime import datetime
from typing import Any, NamedTuple

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from ...audit.trail import record
from ...http.current_session import Current, SessionParts
from ...http.pages import see_other
from ...mail.languages.sentences import Sentence
from ...oauth.audiences import Resources
from ...oauth.parameters import Parameters
from ...tokens import personal_tokens
from ...tokens.personal_tokens import MAX_PER_ACCOUNT, PersonalToken
from .moments import day

TOKEN = "token"  # noqa: S105 - the field of /account that names one


class OwnToken(NamedTuple):
    id: str
    name: str
    api: str
    scopes: list[str]  # in words
    made: Sentence
    used: Sentence | None  # None: not yet
    ends: Sentence


async def list_own(session: AsyncSession, account_id: str, resources: Resources, now: datetime) -> list[OwnToken]:
    """The tokens that still work."""
    found = await personal_tokens.list_live(session, account_id, limit=MAX_PER_ACCOUNT, now=now)
    return [_describe(each, resources, now) for each in found]


def _describe(token: PersonalToken, resources: Resources, now: datetime) -> OwnToken:
    api = resources.find(token.resource)
    words = [api.scopes.get(each, each) for each in token.scopes] if api else list(token.scopes)
    return OwnToken(
        token.id,
        token.name,
        api.name if api else token.resource,
        words,
        day(token.created_at, now),
        day(token.last_used_at, now) if token.last_used_at else None,
        Sentence("on {day}", day=token.expires_at.date()),
    )


async def end_own(session: AsyncSession, token_id: str, account_id: str, now: datetime) -> None:
    """End one of the person's own tokens. Nothing happens if it has ended, or is another person's."""
    ended = await personal_tokens.revoke(session, token_id, account_id=account_id, now=now)
    if ended is not None:
        facts: dict[str, Any] = {"personal_token_id": ended.id, "by": "person"}
        await record(session, "personal_token_revoked", now=now, account_id=account_id, **facts)


async def end_at_account(
    request: Request, parts: SessionParts, current: Current, form: Parameters, now: datetime
) -> Response:
    """The button at /account."""
    await parts.database.transact(end_own, (form.get(TOKEN) or "")[:64], current.account.id, now)
    return see_other("/account", done="end-token")
