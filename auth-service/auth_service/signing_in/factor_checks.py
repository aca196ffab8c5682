"""What checks second factors in a process: the apps, the budgets of codes, and the cookies."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from ..accounts.factors.totp_factors import TotpFactors, seal_of
from ..http.factor_cookies import FactorCookies
from ..limits.code_attempts import CodeAttempts
from ..sealed.versioned_secrets import Secrets


@dataclass(frozen=True)
class FactorChecks:
    apps: TotpFactors
    attempts: CodeAttempts
    cookies: FactorCookies
    product: str  # the name that an authenticator app shows


def open_factor_checks(
    issuer: str, product: str | None, *, secrets: Secrets, key_encryption_keys: Secrets, limits: bool
) -> FactorChecks:
    """Open the parts.

    Args:
        product: None: the issuer's host.
        secrets: they sign the cookies, and `key_encryption_keys` seal the apps' secrets.
        limits: whether codes are held after too many wrong ones.
    """
    attempts, cookies = CodeAttempts(secrets, is_on=limits), FactorCookies(secrets, issuer)
    return FactorChecks(
        TotpFactors(seal_of(key_encryption_keys)), attempts, cookies, product or urlsplit(issuer).netloc
    )
