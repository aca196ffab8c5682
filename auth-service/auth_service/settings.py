"""Settings, from the environment: AUTH_* names, and AUTH_*_FILE for what is secret.

All are checked before anything is opened. A name that does not exist stops the start: it is a setting that somebody
believes to be in force. Only app.py and the commands read these; everything else is given what it needs.
"""

import os
import re
import ssl
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from .trusted_origins import TrustedOrigins, parse_origin
from .versioned_secrets import Secrets, looks_like_a_default, parse_secrets

PREFIX = "AUTH_"
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class InvalidSettings(Exception):
    """What is wrong with the environment, a line each, without a secret in it."""


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


Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
VersionedSecret = Annotated[SecretStr, AfterValidator(_secrets)]
Positive = Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(days=3650))]


class Settings(BaseModel):
    """Durations are ISO 8601 in the environment: PT5M is five minutes, P7D seven days."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    issuer: Annotated[str, AfterValidator(_issuer)] = Field(
        description="Public origin of the gateway; `iss` of every token"
    )
    secret: VersionedSecret = Field(description="Signs cookies; `2:NEWER,1:OLDER`, each of 32 characters or more")
    key_encryption_keys: VersionedSecret = Field(description="Encrypt private keys at rest; written like the secret")
    database_url: SecretStr = Field(
        SecretStr("sqlite+aiosqlite:///auth.db"),
        description="`sqlite+aiosqlite:///PATH` or `postgresql+psycopg://USER:PASSWORD@HOST/NAME`",
    )
    trusted_origins: Words = Field(
        (), description="Further origins whose pages may act for a signed-in person; `*` and `?` are wildcards"
    )
    trusted_proxies: Annotated[Words, AfterValidator(_networks)] = Field(
        ("127.0.0.1", "::1"), description="Addresses or networks whose X-Forwarded-For is believed"
    )
    outbound_allowed_networks: Annotated[Words, AfterValidator(_networks)] = Field(
        (), description="Networks that are not public and where clients' `jwks_uri` may lead all the same"
    )
    outbound_ca_file: Annotated[Path, AfterValidator(_certificates)] | None = Field(
        None, description="Certificates (PEM) to believe beside the system's when a `jwks_uri` is fetched"
    )
    access_token_ttl: Positive = Field(timedelta(minutes=5), description="Life of an access token")
    session_ttl: Positive = Field(timedelta(days=7), description="Life of a browser session since it last slid")
    session_update_age: Positive = Field(timedelta(days=1), description="A session slides at most this often")
    session_absolute_max_age: Positive = Field(
        timedelta(days=90), description="No session lives longer, however much it is used"
    )
    session_fresh_max_age: Positive = Field(timedelta(days=1), description="A sign-in counts as recent for so long")
    hashing_threads: int = Field(1, ge=1, le=64, description="Threads that run Argon2id")
    hashing_queue_limit: int = Field(
        64, ge=1, le=10_000, description="Hashes that may wait for a thread; more are answered 429"
    )
    limits: Literal["on", "off"] = Field(
        "on", description="`off` lifts the service's own limits, for outside test suites"
    )
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level that is logged")

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        TrustedOrigins(self.issuer, self.trusted_origins)
        if not is_loopback(self.issuer):
            for name in ("secret", "key_encryption_keys"):
                if any(map(looks_like_a_default, self.versioned(name).values())):
                    raise ValueError(
                        f"{PREFIX}{name.upper()} looks like an example's: draw one with openssl rand -base64 48"
                    )
        return self

    @classmethod
    def shown_default(cls, name: str) -> str:
        """A default as one would write it in the environment."""
        default = cls.model_fields[name].default
        if isinstance(default, SecretStr):
            return default.get_secret_value()
        if default is None or isinstance(default, tuple):
            return ",".join(default or ())
        return (
            TypeAdapter(timedelta).dump_json(default).decode().strip('"')
            if isinstance(default, timedelta)
            else str(default)
        )

    def versioned(self, name: str) -> Secrets:
        secret: SecretStr = getattr(self, name)
        return parse_secrets(secret.get_secret_value())


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process.

    Raises:
        InvalidSettings: with everything that is wrong, not only the first.
    """
    given, problems = _read(os.environ if environment is None else environment)
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        problems += [_explain(dict(detail)) for detail in error.errors(include_url=False, include_input=False)]
    if problems:
        raise InvalidSettings("\n".join(problems))
    return settings


def _read(environment: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    given: dict[str, Any] = {}
    problems = []
    for variable in sorted(name for name in environment if name.startswith(PREFIX)):
        name = variable.removeprefix(PREFIX).lower()
        value = environment[variable]
        if name.endswith("_file") and name.removesuffix("_file") in Settings.model_fields:
            name = name.removesuffix("_file")
            if f"{PREFIX}{name.upper()}" in environment:
                problems.append(f"{variable}: {PREFIX}{name.upper()} is set as well; only one can be meant")
            try:
                value = Path(value).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                problems.append(f"{variable}: cannot be read ({type(error).__name__})")
                continue
        if name not in Settings.model_fields:
            problems.append(f"{variable}: there is no such setting")
        elif value != "":  # an empty variable is how Compose writes "not set"
            given[name] = value
    return given, problems


def _explain(detail: dict[str, Any]) -> str:
    name = f"{PREFIX}{str(detail['loc'][0]).upper()}: " if detail["loc"] else ""
    message = "is required" if detail["type"] == "missing" else re.sub("^Value error, ", "", detail["msg"])
    return f"{name}{message}"
