"""Whether a request needs a second factor that the session has not proved, and whether the person can prove one."""

from dataclasses import dataclass
from datetime import datetime

from ...accounts.passkeys.passkeys import count_passkeys
from ...http.current_session import Current
from ...http.parts import Given
from ...http.pending_requests import PendingRequest
from ...oauth import interaction
from ...oauth.authentication_context import TWO_FACTORS, acr_of
from ...resources.cache import ResourceCache
from ...signing_in.factor_checks import FactorChecks
from ...signing_in.required_factors import is_required_now
from ...store.database import Database


@dataclass(frozen=True)
class NeededFactorParts(Given):
    database: Database
    factor_checks: FactorChecks
    resources: ResourceCache


async def needs_second_factor(
    pending: PendingRequest, current: Current, parts: NeededFactorParts, now: datetime
) -> bool:
    """Whether the client has to see one proved, or the account has to have one and has none."""
    has_proved = acr_of(current.session.methods) == TWO_FACTORS
    if has_proved or pending.client.registration.require_second_factor:
        return not has_proved
    if current.account.second_factor_at is not None:
        return False
    resources = await parts.resources.current(now=now)
    return await is_required_now(parts.database, parts.factor_checks, current.account, resources)


async def has_second_factor(pending: PendingRequest, current: Current, parts: NeededFactorParts) -> bool:
    """A passkey counts, as it is two factors in one. It is looked for only if the client asks for an `acr`."""
    if current.account.second_factor_at is not None or not interaction.accepted_acrs(pending.request):
        return current.account.second_factor_at is not None
    async with parts.database.reading() as session:
        return await count_passkeys(session, current.account.id) > 0
