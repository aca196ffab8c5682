"""Authentication strength (`acr`) and methods (`amr`)."""

from collections.abc import Collection

ONE_FACTOR, TWO_FACTORS = "aal1", "aal2"  # the names in NIST SP 800-63B
ACRS = (ONE_FACTOR,)
PASSWORD, OTP, MULTIPLE = "pwd", "otp", "mfa"  # RFC 8176 §2
EMAIL = "email"  # a mailed link, for which RFC 8176 has no name


def acr_of(methods: Collection[str]) -> str:
    """The strength of a sign-in by these methods."""
    return TWO_FACTORS if MULTIPLE in methods else ONE_FACTOR
