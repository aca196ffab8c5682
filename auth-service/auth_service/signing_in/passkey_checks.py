"""What issues and checks passkeys' challenges in a process."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from fastapi import Request

from ..accounts.passkeys.answers import Answer
from ..accounts.passkeys.challenges import REGISTRATION, SIGN_IN, Challenge, Challenges
from ..accounts.passkeys.relying_party import RelyingParty
from ..http.current_session import Current
from ..http.passkey_cookies import PasskeyCookies
from ..sealed.versioned_secrets import Secrets


class NoChallenge(Exception):
    """The answer is to no challenge of this browser and purpose: it has expired, was answered, or is another's."""


@dataclass(frozen=True)
class PasskeyChecks:
    party: RelyingParty
    challenges: Challenges
    cookies: PasskeyCookies

    @property
    def is_on(self) -> bool:
        """Whether pages offer passkeys. Browsers know none of an IP address."""
        return not self.party.rp_id.replace(".", "").isdigit() and ":" not in self.party.rp_id

    def challenge(self, request: Request, now: datetime, registering: Current | None = None) -> bytes:
        """A challenge for this browser, and for the session that registers. Its cookie goes with the response."""
        purpose, *place = _purpose(self.cookies.recognize(request), registering)
        return self.challenges.issue(purpose, *place, now=now)

    def find(self, request: Request, answer: Answer, now: datetime, registering: Current | None = None) -> Challenge:
        """The challenge that was answered.

        Raises:
            NoChallenge
            InvalidAnswer: the answer names none.
        """
        browser = self.cookies.read(request)
        if browser is None:
            raise NoChallenge
        purpose, *place = _purpose(browser, registering)
        challenge = self.challenges.find(answer.challenge, purpose, *place, now=now)
        if challenge is None:
            raise NoChallenge
        return challenge


def _purpose(browser: str, registering: Current | None) -> tuple[str, ...]:
    if registering is None:
        return SIGN_IN, browser
    return REGISTRATION, browser, registering.account.id, registering.session.id


def open_passkey_checks(
    issuer: str, product: str | None, rp_id: str | None, origins: tuple[str, ...], secrets: Secrets
) -> PasskeyChecks:
    """Open the parts.

    Args:
        product: the name that an authenticator shows. None: the issuer's host.
        rp_id: None: the issuer's host.
        origins: of pages, beside the issuer's, that may use passkeys.
    """
    host = urlsplit(issuer)
    party = RelyingParty(rp_id or host.hostname or "", product or host.netloc, (issuer, *origins))
    return PasskeyChecks(party, Challenges(secrets), PasskeyCookies(secrets, issuer))
