"""A sign-in of the last minutes, which important changes need beside a session, or instead of a password."""

from datetime import datetime, timedelta

from ..http.current_session import Current
from ..store.instants import is_recent

FRESH_FOR = timedelta(minutes=10)


class NotFresh(Exception):
    """The sign-in was too long ago, or was without the account's second factor."""


def is_signed_in_recently(current: Current, *, now: datetime) -> bool:
    return is_recent(current.session.authenticated_at, within=FRESH_FOR, now=now)


def require_recent(current: Current, *, now: datetime) -> None:
    """Require a recent sign-in, for a form that asks for the second factor by itself. Raises NotFresh."""
    if not is_signed_in_recently(current, now=now):
        raise NotFresh


def require_fresh(current: Current, *, now: datetime) -> None:
    """Require a recent sign-in with the second factor, if there is one. Raises NotFresh.

    A browser that is trusted not to show a code has not proved the second factor.
    """
    require_recent(current, now=now)
    if lacks_second_factor(current, now=now):
        raise NotFresh


def lacks_second_factor(current: Current, *, now: datetime) -> bool:
    """Whether the account has a second factor, and it was not proved in the last minutes."""
    if current.account.second_factor_at is None:
        return False
    proved_at = current.session.second_factor_at
    return proved_at is None or not is_recent(proved_at, within=FRESH_FOR, now=now)
