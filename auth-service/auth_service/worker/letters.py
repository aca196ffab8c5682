"""The words of each mail that is due. Only here it is decided whether an address has an account."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode, urlsplit

from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.accounts import Account
from ..mail.kinds import LINK_TTL, Kind
from ..mail.letters import Letter, write_letter
from ..mail.links import MailedLinks
from ..mail.outbox import OutgoingMail
from ..store.database import Database
from ..store.instants import Clock

# The page that a link leads to. It asks; only its form does something.
PAGES = {
    Kind.VERIFY_EMAIL: "/verify-email",
    Kind.RESET_PASSWORD: "/reset-password",
    Kind.CHANGE_EMAIL: "/confirm",
    Kind.ACCOUNT_EXISTS: "/signin",
}


@dataclass(frozen=True)
class LetterWriter:
    issuer: str
    product: str
    database: Database
    links: MailedLinks
    clock: Clock

    async def write(self, mail: OutgoingMail) -> Letter | None:
        """The letter. None: there is nobody to send it to."""
        kind = Kind(mail.kind)
        facts = {"product": self.product, "host": urlsplit(self.issuer).netloc}
        if kind not in LINK_TTL:
            return write_letter(kind, mail.language, facts, url=f"{self.issuer}{PAGES[kind]}" if kind in PAGES else "")
        token = await self._issue(mail, kind, now=self.clock())
        if token is None:
            return None
        query = {"token": token} | ({"callbackURL": mail.told["return_to"]} if "return_to" in mail.told else {})
        return write_letter(kind, mail.language, facts, url=f"{self.issuer}{PAGES[kind]}?{urlencode(query)}")

    async def _issue(self, mail: OutgoingMail, kind: Kind, *, now: datetime) -> str | None:
        """The secret of the mail's link; None if no account could use it."""
        async with self.database.reading() as session:
            find = _find_changing if kind is Kind.CHANGE_EMAIL else _find_addressed
            account = await find(session, mail, kind)
        if account is None or account.suspended_at is not None:
            return None
        async with self.database.writing() as session:
            return await self.links.issue(session, mail, account.id, now=now)


async def _find_addressed(session: AsyncSession, mail: OutgoingMail, kind: Kind) -> Account | None:
    """The account of the mail's address. None: there is none, or the link would be of no use to it."""
    found = await accounts.find_by_email_with_password(session, mail.recipient)
    if found is None:
        return None
    account, password_hash = found
    is_of_no_use = {Kind.RESET_PASSWORD: password_hash is None, Kind.VERIFY_EMAIL: account.email_verified}
    return None if is_of_no_use[kind] else account


async def _find_changing(session: AsyncSession, mail: OutgoingMail, kind: Kind) -> Account | None:
    """The account that is to get the mail's address. None: its own has changed meanwhile, or the new one is taken."""
    account = await accounts.find(session, mail.told["account_id"])
    if account is None or account.email != mail.told["replaces"]:
        return None
    return account if await accounts.find(session, mail.recipient) is None else None
