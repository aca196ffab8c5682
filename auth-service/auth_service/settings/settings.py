"""Settings, from the environment: AUTH_* names, and AUTH_*_FILE for what is secret.

All are checked before anything is opened. A name that does not exist stops the start: it is a setting that somebody
believes to be in force. Only app.py and the commands read these; everything else is given what it needs.
"""

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from ..network.trusted_origins import TrustedOrigins
from ..sealed.versioned_secrets import Secrets, looks_like_a_default, parse_secrets
from .kinds import (
    Certificates,
    CodeTtl,
    Issuer,
    Networks,
    Positive,
    RateLimit,
    RedisTimeout,
    RedisUrl,
    VersionedSecret,
    Words,
    is_encrypted,
    is_loopback,
)

PREFIX = "AUTH_"


class InvalidSettings(Exception):
    """What is wrong with the environment, a line each, without a secret in it."""


class Settings(BaseModel):
    """Durations are ISO 8601 in the environment: PT5M is five minutes, P7D seven days."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    issuer: Issuer = Field(description="Public origin of the gateway; `iss` of every token")
    secret: VersionedSecret = Field(description="Signs cookies; `2:NEWER,1:OLDER`, each of 32 characters or more")
    key_encryption_keys: VersionedSecret = Field(description="Encrypt private keys at rest; written like the secret")
    database_url: SecretStr = Field(
        SecretStr("sqlite+aiosqlite:///auth.db"),
        description="`sqlite+aiosqlite:///PATH` or `postgresql+psycopg://USER:PASSWORD@HOST/NAME`",
    )
    trusted_origins: Words = Field(
        (), description="Further origins whose pages may act for a signed-in person; `*` and `?` are wildcards"
    )
    trusted_proxies: Networks = Field(
        ("127.0.0.1", "::1"), description="Addresses or networks whose X-Forwarded-For is believed"
    )
    outbound_allowed_networks: Networks = Field(
        (), description="Networks that are not public and where clients' `jwks_uri` may lead all the same"
    )
    event_networks: Networks = Field(
        (), description="Networks that are not public and where clients' `event_endpoint` may lead, by http too"
    )
    outbound_ca_file: Certificates | None = Field(
        None, description="Certificates (PEM) to believe beside the system's when a `jwks_uri` is fetched"
    )
    access_token_ttl: Positive = Field(timedelta(minutes=5), description="Life of an access token")
    id_token_ttl: Positive = Field(timedelta(minutes=5), description="Life of an ID token")
    authorization_code_ttl: CodeTtl = Field(timedelta(seconds=60), description="Life of an authorization code")
    refresh_token_idle_ttl: Positive = Field(
        timedelta(days=30), description="Life of a refresh token with `offline_access`; others end with their session"
    )
    refresh_token_absolute_max_age: Positive = Field(
        timedelta(days=180), description="No refresh token lives longer, however often it was replaced"
    )
    key_rotation_interval: Positive = Field(
        timedelta(days=30), description="The worker rotates the signing keys so often"
    )
    key_spare_min_age: Positive = Field(
        timedelta(hours=1), description="A spare key is published for so long before it signs: longer than all caches"
    )
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
    client_rate_limit: RateLimit = Field(
        "30000/PT1M",
        validate_default=True,
        description="Requests of a client that authenticates, at `/oauth/token`, `introspect`, `revoke` each; or `off`",
    )
    redis_url: RedisUrl | None = Field(None, description="Where all processes count them together: see below")
    redis_ca_file: Certificates | None = Field(
        None, description="Certificates (PEM) to believe instead of the system's when Redis is reached over TLS"
    )
    redis_timeout: RedisTimeout = Field(
        timedelta(milliseconds=50), description="For Redis to connect, and to answer; then a request goes on without it"
    )
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level that is logged")

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        TrustedOrigins(self.issuer, self.trusted_origins)
        if self.redis_ca_file and not (self.redis_url and is_encrypted(self.redis_url)):
            raise ValueError(f"{PREFIX}REDIS_CA_FILE is for {PREFIX}REDIS_URL with rediss, which is over TLS")
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

    @property
    def longest_token_ttl(self) -> timedelta:
        """Of what the signing keys sign."""
        return max(self.access_token_ttl, self.id_token_ttl)

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
