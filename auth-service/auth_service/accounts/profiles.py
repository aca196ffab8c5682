"""Optional claims about the person of an account, such as a telephone number (oauth/profile.py has their names).

Only operators set them: what an API believes about a person must not be what that person has typed.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from .accounts import Account


async def set_profile(session: AsyncSession, account_id: str, profile: Mapping[str, Any], *, now: datetime) -> None:
    """Replace the claims by those that `parse_profile` has returned; empty: there are none any more."""
    text = json.dumps(profile, ensure_ascii=False) if profile else None
    await session.execute(update(Account).where(Account.id == account_id).values(profile=text, updated_at=now))


def profile_of(account: Account) -> dict[str, Any]:
    """The claims of an account, each with a value."""
    profile: dict[str, Any] = {} if account.profile is None else json.loads(account.profile)
    return profile
