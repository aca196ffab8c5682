"""The usual end of a sign-in with a password: a session, by one transaction whose statements are sent together.

Each statement that is sent alone costs more than all else that a sign-in does beside its Argon2id hash. Whatever is not
usual changes nothing here, and `begin_or_ask` (begun.py) does it: a second factor, another hash of the password, the
session that this browser has already, or too many sessions.
"""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request

from ..accounts.accounts import holding_password, still_has
from ..audit import trail
from ..http.current_session import device_of
from ..limits.attempts import Attempt
from ..sessions.browser_sessions import BrowserSession
from ..sessions.proofs import BY_PASSWORD
from ..sessions.starting import starting
from ..store.together import Found
from .begun import BeginParts
from .known_passwords import Known, KnownParts
from .mailed_links import MailParts
from .new_devices import telling
from .required_factors import Factor, finding_factor, read_factor

NOTHING_ASKED = Factor(on_since=None, is_required=False)


class _Unusual(Exception):
    """The sign-in is not usual; the transaction is rolled back."""


@dataclass(frozen=True)
class UsualParts(BeginParts, KnownParts, MailParts):
    """The parts to end a usual sign-in."""


def is_usual(known: Known, parts: UsualParts) -> bool:
    """Whether the sign-in may be a usual one, by what was read before the password was compared."""
    account, for_all = known.account, parts.factor_checks.required_of_all
    has_factor = account.second_factor_at is not None or account.second_factor_required_at is not None
    return known.renewed is None and not has_factor and not for_all


async def start_usual_session(
    request: Request,
    parts: UsualParts,
    known: Known,
    attempt: Attempt,
    *,
    remember: bool,
    tells: bool,
    now: datetime,
) -> BrowserSession | None:
    """Start the session, if the sign-in is a usual one. None: it is not, or the password is another one meanwhile.

    Nothing is changed then.

    Args:
        tells: whether a mail tells of the new browser.
    """
    account_id, device, lifetimes = known.account.id, device_of(request), parts.session_lifetimes
    new = starting(account_id, BY_PASSWORD, remember=remember, device=device, lifetimes=lifetimes, now=now)
    facts = {"session_id": new.session_id, "amr": " ".join(BY_PASSWORD.methods)}
    asked = {
        **parts.attempts.giving_back(attempt),
        **holding_password(account_id),
        "factor": finding_factor(account_id),
        **new.asked,
        **({"mail": telling(request, known.account, now)} if tells else {}),
        "event": trail.keeping("signed_in", now=now, account_id=account_id, client_id=None, facts=facts),
    }

    def refuse(found: Found) -> Exception | None:
        is_free = read_factor(found["factor"], parts.factor_checks) == NOTHING_ASKED
        begins = still_has(found, known.password_hash) and is_free and new.find_started(found) is not None
        return None if begins else _Unusual()

    try:
        found = await parts.database.transact_together(asked, refuse)
    except _Unusual:
        return None
    trail.tell("signed_in", {"account_id": account_id, **facts})
    return new.find_started(found)
