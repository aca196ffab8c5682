"""Types of settings. Each checks its value, and explains in a ValueError what is wrong."""

import ssl
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, TypeAdapter

from ..limits.redis_address import parse_redis_url
from ..limits.windows import QuotaPolicy
from ..network.trusted_origins import parse_origin
from ..sealed.versioned_secrets import parse_secrets
from .explained import iso_8601

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _issuer(value: str) -> str:
    if parse_origin(value) != value:
        raise ValueError(
            "must be an origin in lower case without a path or a trailing slash, such as https://id.example.com"
        )
    if value.startswith("http:") and not is_loopback(value):
        raise ValueError("must be https unless it is on localhost")
    return value


def is_loopback(issuer: str) -> bool:
    return (urlsplit(issuer).hostname or "") in LOOPBACK


def _words(value: object) -> object:
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


def _networks(value: tuple[str, ...]) -> tuple[str, ...]:
    for network in value:
        ip_network(network)  # its ValueError explains the problem
    return value


def _certificates(value: Path) -> Path:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(value)
    except OSError as error:  # SSLError is an OSError
        raise ValueError("is no readable file of PEM certificates") from error
    return value


def _secrets(value: SecretStr) -> SecretStr:
    parse_secrets(value.get_secret_value())
    return value


def _redis_url(value: SecretStr) -> SecretStr:
    parse_redis_url(value.get_secret_value())
    return value


def is_encrypted(redis_url: SecretStr) -> bool:
    return parse_redis_url(redis_url.get_secret_value()).tls


def _rate_limit(value: object) -> object:
    """Parse REQUESTS/DURATION, such as `30000/PT1M`, with an ISO 8601 duration; `off` is None."""
    if not isinstance(value, str):
        return value
    if value == "off":
        return None
    requests, _, duration = value.partition("/")
    try:
        window = _DURATION.validate_python(iso_8601(duration))
    except ValueError:
        raise ValueError("must be REQUESTS/DURATION, such as 600/PT1M, or off") from None
    if not requests.isdecimal() or not 1 <= int(requests) <= 10**9:
        raise ValueError("must begin with a number of requests from 1 to 1000000000")
    if window.microseconds or not timedelta(seconds=1) <= window <= timedelta(days=1):
        raise ValueError("must end in a duration of whole seconds, at most a day")
    return QuotaPolicy(int(requests), window)


_DURATION: TypeAdapter[timedelta] = TypeAdapter(timedelta)
Issuer = Annotated[str, AfterValidator(_issuer)]
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Networks = Annotated[Words, AfterValidator(_networks)]
Certificates = Annotated[Path, AfterValidator(_certificates)]
RateLimit = Annotated[QuotaPolicy | None, BeforeValidator(_rate_limit)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]
RedisTimeout = Annotated[timedelta, BeforeValidator(iso_8601), Field(gt=timedelta(0), le=timedelta(seconds=5))]
VersionedSecret = Annotated[SecretStr, AfterValidator(_secrets)]
Positive = Annotated[timedelta, BeforeValidator(iso_8601), Field(gt=timedelta(0), le=timedelta(days=3650))]
CodeTtl = Annotated[
    timedelta, BeforeValidator(iso_8601), Field(gt=timedelta(0), le=timedelta(minutes=10))
]  # RFC 6749 §4.1.2
