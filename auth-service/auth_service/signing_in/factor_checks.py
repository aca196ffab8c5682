"""What checks codes in a process: the apps, mailed codes, the budgets, and the cookies."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from ..accounts.factors.totp_factors import TotpFactors, seal_of
from ..http.factor_cookies import FactorCookies
from ..limits.code_attempts import CodeAttempts
from ..mail.codes import MailedCodes
from ..sealed.versioned_secrets import Secrets


@dataclass(frozen=True)
class FactorChecks:
    apps: TotpFactors
    attempts: CodeAttempts
    mailed_codes: MailedCodes
    cookies: FactorCookies
    product: str  # the name that an authenticator app shows
    required_of_all: bool  # nobody signs in without a second factor (required_factors.py)


def open_factor_checks(
    issuer: str,
    product: str | None,
    secrets: Secrets,
    key_encryption_keys: Secrets,
    *,
    limits: bool,
    required_of_all: bool,
) -> FactorChecks:
    """Open the parts.

    Args:
        product: None: the issuer's host.
        secrets: they sign the cookies, and mailed codes are derived from them.
        key_encryption_keys: they seal the apps' secrets.
        limits: whether codes are held after too many wrong ones.
        required_of_all: AUTH_REQUIRE_SECOND_FACTOR
    """
    attempts, codes = CodeAttempts(secrets, is_on=limits), MailedCodes(secrets)
    cookies = FactorCookies(secrets, issuer)
    apps, product = TotpFactors(seal_of(key_encryption_keys)), product or urlsplit(issuer).netloc
    return FactorChecks(apps, attempts, codes, cookies, product, required_of_all)
