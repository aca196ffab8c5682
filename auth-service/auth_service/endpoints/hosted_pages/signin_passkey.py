"""The form of a passkey at /signin: the script puts the authenticator's answer into its field (passkeys.js)."""

import json
from datetime import datetime

import structlog
from fastapi import Request

from ...accounts.passkeys.answers import InvalidAnswer, SignInAnswer, parse_sign_in, parse_text
from ...http.current_session import Current
from ...oauth.parameters import Parameters
from ...sessions.browser_sessions import BrowserSession
from ...signing_in.passkey_checks import NoChallenge
from ...signing_in.passkey_sign_in import CopiedPasskey, PasskeySignInParts, UnknownPasskey, sign_in_by_passkey
from ...signing_in.password_sign_in import AccountSuspended, EmailNotVerified
from .sentences import SUSPENDED, UNVERIFIED

FIELD = "passkey"
LATE = "That took too long. Please try again."
INVALID = "This passkey could not be checked. Please try again, or sign in another way."
UNKNOWN = "This passkey belongs to no account here any more. Please sign in another way."
FOREIGN = "This passkey does not belong to your account."
COPIED = "This sign-in was refused: the passkey seems to exist twice. Please sign in another way, and replace it."
_log = structlog.get_logger(__name__)


class PasskeyRefused(Exception):
    """The text is for the person. `unknown` is what the browser may tell the password manager, as JSON, or ""."""

    def __init__(self, text: str, unknown: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.unknown = unknown


async def submit(
    request: Request,
    parts: PasskeySignInParts,
    form: Parameters,
    current: Current | None,
    now: datetime,
    *,
    confirms: bool = False,
) -> BrowserSession:
    """Sign in by the answer in the form. With `confirms` only a passkey of the person who is signed in counts.

    Raises:
        PasskeyRefused
    """
    remember, answer = form.get("remember") is not None, None
    try:
        answer = parse_sign_in(parse_text(form.get(FIELD) or ""))
        _, started = await sign_in_by_passkey(
            request, parts, now, answer, remember=remember, current=current, confirms=confirms
        )
    except NoChallenge:
        raise PasskeyRefused(LATE) from None
    except InvalidAnswer as invalid:
        _log.info("passkey_refused", reason=invalid.reason)
        raise PasskeyRefused(INVALID) from None
    except UnknownPasskey:
        if confirms:
            raise PasskeyRefused(FOREIGN) from None
        raise PasskeyRefused(UNKNOWN, _unknown(parts, answer)) from None
    except CopiedPasskey:
        raise PasskeyRefused(COPIED) from None
    except AccountSuspended:
        raise PasskeyRefused(SUSPENDED) from None
    except EmailNotVerified:
        raise PasskeyRefused(UNVERIFIED) from None
    return started


def _unknown(parts: PasskeySignInParts, answer: SignInAnswer | None) -> str:
    """What `signalUnknownCredential` takes (Web Authentication Level 3 §5.1.10)."""
    credential_id = "" if answer is None else answer.credential_id
    return json.dumps({"rpId": parts.passkey_checks.party.rp_id, "credentialId": credential_id})
