"""A person changes their own name and user name."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts.accounts import update_profile
from ..accounts.usernames import GivenUsername, UsernameTaken, set_username
from ..audit.trail import record
from ..http.current_session import Current
from ..oauth.usernames import fold_username, parse_username

MAX_USERNAMES = 10  # that an account has ever had; nobody else gets one of them
# Clients, and people, may take their bearer for somebody in charge. Operators may give them.
RESERVED = frozenset(
    (
        *("abuse", "admin", "administrator", "help", "hostmaster", "info", "moderator", "noreply", "no-reply"),
        *("operator", "owner", "postmaster", "root", "security", "staff", "support", "system", "webmaster"),
    )
)


class TooManyUsernames(Exception):
    """The account has had MAX_USERNAMES user names."""


async def change_profile(
    session: AsyncSession, current: Current, name: str, language: str | None, username: str | None, now: datetime
) -> None:
    """Change the name, the language (None: none is chosen), and the user name unless it is None; "" removes it.

    Raises:
        NotAName, UsernameTaken, TooManyUsernames: nothing is changed.
    """
    account = current.account
    await update_profile(session, account.id, {"name": name, "language": language}, now)
    if username is None or username == (account.username or ""):
        return
    parsed = parse_username(username) if username else None
    if parsed is not None and fold_username(parsed) in RESERVED:
        raise UsernameTaken
    await set_username(session, account.id, parsed, now=now)
    given = select(func.count()).select_from(GivenUsername).where(GivenUsername.account_id == account.id)
    if (await session.scalar(given) or 0) > MAX_USERNAMES:
        raise TooManyUsernames
    await record(session, "username_changed", now=now, account_id=account.id, session_id=current.session.id)
