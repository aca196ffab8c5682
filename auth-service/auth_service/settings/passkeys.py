"""Settings about passkeys: the domain that they belong to, and the origins whose pages may use them."""

import ipaddress
from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from ..network.trusted_origins import TrustedOrigins, parse_origin
from .kinds import Words, is_loopback

RpId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*$", max_length=253)]


def _origins(value: tuple[str, ...]) -> tuple[str, ...]:
    for origin in value:
        if parse_origin(origin) != origin or (origin.startswith("http:") and not is_loopback(origin)):
            raise ValueError(f"{origin!r} is not an https origin such as https://app.example.com")
    return value


class PasskeySettings(BaseModel):
    """The settings about passkeys, a part of `Settings`."""

    passkey_rp_id: RpId | None = Field(
        None, description="Domain that passkeys belong to: the issuer's host (default), or a parent domain of it"
    )
    passkey_origins: Annotated[Words, AfterValidator(_origins)] = Field(
        (),
        description="More origins whose pages may use passkeys, each also a trusted origin. See [Passkeys](#passkeys)",
    )


def check_relying_party(issuer: str, rp_id: str | None, origins: Sequence[str], trusted: TrustedOrigins) -> None:
    """Raises ValueError if browsers would refuse the domain, or if a page could use passkeys but get no session."""
    host = urlsplit(issuer).hostname or ""
    if rp_id is not None and host != rp_id and not (host.endswith(f".{rp_id}") and "." in rp_id):
        raise ValueError(f"AUTH_PASSKEY_RP_ID must be {host} or a parent domain of it")
    if rp_id is not None and is_address(host):
        raise ValueError("AUTH_PASSKEY_RP_ID needs an issuer with a name: passkeys do not work for an IP address")
    for origin in origins:
        if not trusted.trusts(origin):
            raise ValueError(f"AUTH_PASSKEY_ORIGINS: {origin} must also be in AUTH_TRUSTED_ORIGINS")


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
