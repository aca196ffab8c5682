"""The account of whoever signs in with a password: read before the password is compared, and renewed afterwards.

A hash is outdated if it was imported, or if it costs something else than the settings say. Only a sign-in can renew it,
because only then is the password known. The new hash is made in the hashing threads, and stored by the transaction that
starts the session.
"""

from dataclasses import dataclass, field, replace

from ..accounts.accounts import Account
from ..accounts.passwords import Place
from ..accounts.sign_ins import StandIns, find_for_sign_in
from ..http.session_cookies import device_tag
from ..store.database import Database
from .guessing import GuessingParts


@dataclass(frozen=True)
class Credentials:
    email: str  # as parse_email returns it
    password: str = field(repr=False)


@dataclass(frozen=True)
class Known:
    """An account with a password. `renewed` is another hash of it, if the stored one is outdated."""

    account: Account
    password_hash: str = field(repr=False)
    renewed: str | None = field(default=None, repr=False)

    @property
    def device_tag(self) -> str:
        return device_tag(self.account.id, self.password_hash)

    @property
    def device_tag_after(self) -> str:
        return device_tag(self.account.id, self.renewed or self.password_hash)


@dataclass(frozen=True)
class KnownParts(GuessingParts):
    database: Database
    stand_ins: StandIns


async def find_known(parts: KnownParts, email: str) -> tuple[Known | None, str | None]:
    """The account, if it has a password; otherwise the hash to compare instead. The database is closed again."""
    found = await find_for_sign_in(parts.database, email, place=parts.stand_ins.place_of(email))
    if found.account is None or found.password_hash is None:
        return None, found.stand_in
    return Known(found.account, found.password_hash), None


async def renewed(place: Place, known: Known, password: str) -> Known:
    """The same with a newer hash, if the stored one is outdated. The password has matched."""
    if not place.is_outdated(known.password_hash):
        return known
    return replace(known, renewed=await place.hash(password))
