"""Authentication strength (`acr`) and methods (`amr`)."""

from collections.abc import Collection, Sequence

ONE_FACTOR, TWO_FACTORS = "aal1", "aal2"  # the names in NIST SP 800-63B
ACRS = (TWO_FACTORS, ONE_FACTOR)  # the strongest first
PASSWORD, OTP, MULTIPLE = "pwd", "otp", "mfa"  # RFC 8176 §2
HARDWARE_KEY, SOFTWARE_KEY, PRESENCE = "hwk", "swk", "user"  # RFC 8176 §2: a passkey, and a person at it
EMAIL = "email"  # a mailed link, for which RFC 8176 has no name
FEDERATED = "fed"  # a sign-in at an upstream provider, for which RFC 8176 has no name either


def acr_of(methods: Collection[str]) -> str:
    """The strength of a sign-in by these methods."""
    return TWO_FACTORS if MULTIPLE in methods else ONE_FACTOR


def meets(acr: str, accepted: Sequence[object]) -> bool:
    """Whether a sign-in of this strength is at least as strong as one of these values; unknown ones do not count."""
    return any(each in ACRS and ACRS.index(acr) <= ACRS.index(str(each)) for each in accepted)


def shown(acr: str, accepted: Sequence[object]) -> str:
    """The `acr` of tokens: the reached one, or the first accepted value that it meets, since clients compare them."""
    met = (str(each) for each in accepted if meets(acr, (each,)))
    return acr if acr in accepted else next(met, acr)
