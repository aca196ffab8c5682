"""The account that the sign-in page offers: the one that the client asks for, or the one that is signed in."""

from dataclasses import dataclass

from fastapi import Request

from ...accounts import accounts
from ...accounts.accounts import Account
from ...http.current_session import Current, SessionParts
from ...http.pending_requests import PendingRequest
from ...http.session_cookies import device_tag


@dataclass(frozen=True)
class Offer:
    email: str  # "" if there is nothing to offer
    other: Account | None = None  # who is signed in, if that is another person
    is_required: bool = False  # nobody else may answer the request (id_token_hint, or the claim `sub`)


async def find_offer(
    request: Request, parts: SessionParts, pending: PendingRequest | None, current: Current | None
) -> Offer:
    """The address to fill in, and the account that is signed in instead."""
    hint = (pending.request.login_hint if pending else None) or ""
    subject = pending.request.subject if pending else None
    other = current.account if current else None
    if subject is not None and (other is None or other.id != subject):
        return Offer(await _find_known_address(request, parts, subject) or hint, other, is_required=True)
    if pending is None or other is None:
        return Offer(other.email if other else hint)
    hinted = None if subject else pending.find_other_hint(other.email)
    return Offer(other.email) if hinted is None else Offer(hinted, other)


async def _find_known_address(request: Request, parts: SessionParts, account_id: str) -> str | None:
    """The address of an account that has signed in in this browser before.

    Any client may name an account by its id, without a right to its address. So no other browser is shown the address.
    """
    async with parts.database.reading() as session:
        account = None if "@" in account_id else await accounts.find(session, account_id)  # an id, no address
        password_hash = None if account is None else await accounts.find_password_hash(session, account.id)
    if account is None or password_hash is None:
        return None
    is_known = parts.session_cookies.knows_device(request, device_tag(account.id, password_hash))
    return account.email if is_known else None
