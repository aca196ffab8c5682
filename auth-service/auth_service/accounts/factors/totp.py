"""Codes of an authenticator app (TOTP, RFC 6238): six digits, SHA-1, a new one every 30 seconds.

Apps support nothing else reliably: many ignore other values of `algorithm`, `digits` and `period` without a word.
"""

import hmac
from datetime import datetime

import pyotp

DIGITS, PERIOD = 6, 30  # seconds
NEIGHBOURS = 1  # steps that an app's clock may be early or late (RFC 6238 §5.2)


def draw_secret() -> str:
    """A random secret of 160 bits in base32 (RFC 4226 §4)."""
    return pyotp.random_base32()


def uri_of(secret: str, *, issuer: str, account: str) -> str:
    """The URI that an app reads from a QR code.

    Args:
        issuer: the product's name, and `account` the person's address, as the app's list shows them.
    """
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def code_at(secret: str, step: int) -> str:
    return pyotp.TOTP(secret).generate_otp(step)


def step_of(now: datetime) -> int:
    return int(now.timestamp()) // PERIOD


def find_step(secret: str, code: str, *, after: int | None, now: datetime) -> int | None:
    """The step whose code this is: the present one or a neighbour. None: there is none that is later than `after`.

    Args:
        after: the last step that was used. Its code, and those before, are refused: a code is accepted once (RFC 6238
            §5.2), so somebody who has seen it cannot use it, or an older one, after its owner.
    """
    if len(code) != DIGITS or not code.isascii() or not code.isdigit():
        return None
    present = step_of(now)
    matches = [
        step
        for step in range(present - NEIGHBOURS, present + NEIGHBOURS + 1)
        if hmac.compare_digest(code_at(secret, step), code)
    ]
    later = [step for step in matches if after is None or step > after]
    return min(later, default=None)
