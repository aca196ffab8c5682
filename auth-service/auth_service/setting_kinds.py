"""What a setting may be: each kind checks its value, and says in a ValueError what is wrong with it."""

import ssl
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from .trusted_origins import parse_origin
from .versioned_secrets import parse_secrets

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
        ip_network(network)  # a ValueError says what is wrong
    return value


def _certificates(value: Path) -> Path:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(value)
    except OSError as error:  # SSLError, too
        raise ValueError("is no readable file of PEM certificates") from error
    return value


def _secrets(value: SecretStr) -> SecretStr:
    parse_secrets(value.get_secret_value())
    return value


Issuer = Annotated[str, AfterValidator(_issuer)]
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Networks = Annotated[Words, AfterValidator(_networks)]
Certificates = Annotated[Path, AfterValidator(_certificates)]
VersionedSecret = Annotated[SecretStr, AfterValidator(_secrets)]
Positive = Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(days=3650))]
CodeTtl = Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(minutes=10))]  # RFC 6749 §4.1.2
