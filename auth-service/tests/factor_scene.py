"""Accounts with a second factor, made without their pages, and the codes of their authenticator app."""

from dataclasses import dataclass

from auth_service.accounts import accounts
from auth_service.accounts.factors import recovery_codes, totp
from auth_service.accounts.factors.totp_factors import TotpFactors, seal_of
from auth_service.sealed.versioned_secrets import parse_secrets
from auth_service.store.database import Database

from .conftest import KEY_ENCRYPTION_KEYS, Service

FACTORS = TotpFactors(seal_of(parse_secrets(KEY_ENCRYPTION_KEYS)))


@dataclass
class App:
    """An authenticator app. Its clock is the service's."""

    service: Service
    secret: str
    recovery_codes: list[str]

    def code(self, steps: int = 0) -> str:
        """The code of the present step, or of one before or after it."""
        return totp.code_at(self.secret, totp.step_of(self.service.clock()) + steps)

    def wrong(self) -> str:
        """A code that is none of those which would be accepted."""
        accepted = {self.code(steps) for steps in range(-2, 3)}
        return next(code for code in map("{:06}".format, range(10)) if code not in accepted)

    def wait(self) -> str:
        """The code of the next step: the present one was used."""
        self.service.clock.advance(seconds=totp.PERIOD)
        return self.code()


def protect(service: Service, email: str = "ann@example.com") -> App:
    """Give the account a second factor. The codes of the present step and of those before are used up."""

    async def enable(database: Database) -> App:
        now = service.clock()
        async with database.writing() as session:
            account = await accounts.find(session, email)
            assert account is not None
            await accounts.lock(session, account.id)
            secret = await FACTORS.begin(session, account.id, now=now)
            codes = await recovery_codes.replace_all(session, account.id, now=now)
            assert await FACTORS.confirm(session, account.id, totp.code_at(secret, totp.step_of(now)), now=now)
        return App(service, secret, codes)

    return service.do(enable)
