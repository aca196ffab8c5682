"""The kinds of settings. Each checks its value, and raises ValueError with a text that says what is wrong."""

import ipaddress
import ssl
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, TypeAdapter
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from ..limits.redis_address import parse_redis_url
from ..limits.windows import QuotaPolicy
from .explained import iso_8601

_DRIVERS = ("sqlite+aiosqlite", "postgresql+psycopg")


def _origin(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or value != f"{parts.scheme}://{parts.netloc}":
        raise ValueError("must be an http or https origin, without a path and without a trailing slash")
    if "@" in parts.netloc or not value.isascii() or not value.isprintable() or set(value) & set(' "\\'):
        raise ValueError(
            "must be an origin of printable ASCII characters, without a user, spaces, quotes or backslashes"
        )
    return value


def _words(value: object) -> object:
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


def _network(value: str) -> str:
    return str(ipaddress.ip_network(value)) if "/" in value else str(ipaddress.ip_address(value))


def _database_url(value: SecretStr) -> SecretStr:
    try:
        driver = make_url(value.get_secret_value()).drivername
    except ArgumentError:
        driver = ""
    if driver not in _DRIVERS:
        raise ValueError(f"must begin with one of {', '.join(_DRIVERS)}")
    return value


def _redis_url(value: SecretStr) -> SecretStr:
    parse_redis_url(value.get_secret_value())
    return value


def is_encrypted(redis_url: SecretStr) -> bool:
    return parse_redis_url(redis_url.get_secret_value()).tls


def _certificates(value: Path) -> Path:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(value)
    except OSError as error:  # SSLError, too
        raise ValueError("is no readable file of PEM certificates") from error
    return value


def _rate_limit(value: object) -> object:
    """`6000/PT1M` is 6000 requests per minute (an ISO 8601 duration); `off` is None."""
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
        raise ValueError("must have a duration of whole seconds, at most a day")
    return QuotaPolicy(int(requests), window)


_DURATION: TypeAdapter[timedelta] = TypeAdapter(timedelta)
Origin = Annotated[str, AfterValidator(_origin)]  # not a URL type: those append "/" and break the comparison with iss
Origins = Annotated[tuple[Origin, ...], BeforeValidator(_words)]
Networks = Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], BeforeValidator(_words)]
Certificates = Annotated[Path, AfterValidator(_certificates)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
RateLimit = Annotated[QuotaPolicy | None, BeforeValidator(_rate_limit)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]
RedisTimeout = Annotated[timedelta, BeforeValidator(iso_8601), Field(gt=timedelta(0), le=timedelta(seconds=5))]
