"""The words of each mail that is due. Only here it is decided whether an address has an account.

A mail is in the language of the account that gets it, also if another's request caused it. Without one, it
is in the page's language.
"""

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.accounts import Account
from ..mail.kinds import LINK_TTL, Kind
from ..mail.letters import Letter, write_letter
from ..mail.links import MailedLinks
from ..mail.messages import Look
from ..mail.outbox import OutgoingMail
from ..store.database import Database
from ..store.instants import Clock
from .recovery_letters import ToldRecovery, tell_recovery

# The page that a link leads to. It asks; only its form does something.
PAGES = {
    Kind.VERIFY_EMAIL: "/verify-email",
    Kind.RESET_PASSWORD: "/reset-password",
    Kind.CHANGE_EMAIL: "/confirm",
    Kind.SIGN_IN: "/confirm",
    Kind.DELETE_ACCOUNT: "/confirm",
    Kind.RECOVERY_STARTED: "/recovery",
    Kind.RECOVERY_READY: "/recovery",
    Kind.ACCOUNT_EXISTS: "/signin",
    Kind.NO_ACCOUNT: "/signup",
}

# Parameters of a link, by the fact of the mail that each one shows.
QUERY = {"callbackURL": "return_to", "goes_on_to": "goes_on_to", "authorization_request": "handle"}


@dataclass(frozen=True)
class LetterWriter:
    issuer: str
    look: Look
    database: Database
    links: MailedLinks
    clock: Clock

    async def write(self, mail: OutgoingMail) -> Letter | None:
        """The letter. None: there is nobody to send it to."""
        kind, language = Kind(mail.kind), await self._language_of(mail)
        if kind in (Kind.RECOVERY_STARTED, Kind.RECOVERY_READY):
            recovery = await tell_recovery(self.database, self.links, mail, self.clock())
            return None if recovery is None else self._linked(kind, mail, recovery, language)
        if kind not in LINK_TTL:
            return self._plain(mail, kind, language)
        async with self.database.reading() as session:
            find = _find_changing if kind is Kind.CHANGE_EMAIL else _find_addressed
            account = await find(session, mail, kind)
        if account is None:
            return self._plain(mail, Kind.NO_ACCOUNT, language) if kind is Kind.SIGN_IN else None
        if account.suspended_at is not None:
            return None
        async with self.database.writing() as session:
            token = await self.links.issue(session, mail, account.id, now=self.clock())
        url = self._url_of(mail, kind, token)
        code = {"code": self.links.codes.code_of(mail.id)} if "code" in mail.told else {}
        return write_letter(kind, language, {**self._facts, **code}, url=url)

    async def _language_of(self, mail: OutgoingMail) -> str:
        """That of the account with the address, or of the one that is to get the address."""
        async with self.database.reading() as session:
            account = await accounts.find(session, mail.told.get("account_id") or mail.recipient)
        return mail.language if account is None or account.language is None else account.language

    def _url_of(self, mail: OutgoingMail, kind: Kind, token: str) -> str:
        told = {name: mail.told[fact] for name, fact in QUERY.items() if fact in mail.told}
        return f"{self.issuer}{PAGES[kind]}?{urlencode({'token': token, **told})}"

    def _linked(self, kind: Kind, mail: OutgoingMail, recovery: ToldRecovery, language: str) -> Letter:
        url = self._url_of(mail, kind, recovery.token)
        facts = {**mail.told, **self._facts, "from": f"{recovery.ready_at:%Y-%m-%d %H:%M} UTC"}
        return write_letter(kind, language, facts, url=url)

    def _plain(self, mail: OutgoingMail, kind: Kind, language: str) -> Letter:
        """A letter without a secret link."""
        url = f"{self.issuer}{PAGES[kind]}" if kind in PAGES else ""
        return write_letter(kind, language, {**mail.told, **self._facts}, url=url)

    @property
    def _facts(self) -> dict[str, str]:
        return {"product": self.look.product, "host": urlsplit(self.issuer).netloc}


async def _find_addressed(session: AsyncSession, mail: OutgoingMail, kind: Kind) -> Account | None:
    """The account of the mail's address. None: there is none, or the link would be of no use to it."""
    account = await accounts.find(session, mail.recipient)
    if account is None:
        return None
    return None if kind is Kind.VERIFY_EMAIL and account.email_verified else account


async def _find_changing(session: AsyncSession, mail: OutgoingMail, kind: Kind) -> Account | None:
    """The account that is to get the mail's address. None: its own has changed meanwhile, or the new one is taken."""
    account = await accounts.find(session, mail.told["account_id"])
    if account is None or account.email != mail.told["replaces"]:
        return None
    return account if await accounts.find(session, mail.recipient) is None else None
