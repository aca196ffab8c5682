"""Settings from the environment: AUTH_NAME, or AUTH_NAME_FILE with the path of a file that holds the value.

All settings are checked before anything is opened. An unknown AUTH_* name stops the start, because an operator believes
that it is in force. Only app.py, assembly.py and the commands read settings; they pass the values on.
"""

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, SecretStr, TypeAdapter, ValidationError, model_validator

from ..network.mail_urls import SmtpServer
from ..network.trusted_origins import TrustedOrigins
from ..oauth.resources import MAX_TTL
from ..sealed.versioned_secrets import Secrets, looks_like_a_default, parse_secrets
from . import explained
from .environment import read_environment
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
from .passkeys import check_relying_party
from .sign_in import SignInSettings

PREFIX = "AUTH_"


class InvalidSettings(Exception):
    """All problems with the environment, one per line. The text never holds a secret."""


class Settings(SignInSettings):
    """Durations are ISO 8601 in the environment: PT5M is five minutes, P7D seven days."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    issuer: Issuer = Field(description="Public origin of the gateway; `iss` of every token")
    secret: VersionedSecret = Field(description="Signs cookies; `2:NEWER,1:OLDER`, at least 32 characters each")
    key_encryption_keys: VersionedSecret = Field(description="Encrypts private keys at rest; same format as the secret")
    database_url: SecretStr = Field(
        SecretStr("sqlite+aiosqlite:///auth.db"),
        description="`sqlite+aiosqlite:///PATH` or `postgresql+psycopg://USER:PASSWORD@HOST/NAME`",
    )
    trusted_origins: Words = Field(
        (), description="More origins whose pages may act for a signed-in person; `*` and `?` are wildcards"
    )
    origin_resources: Words = Field(
        (), description="APIs that pages of a trusted origin may ask tokens for, `ORIGIN=API,...`; default: one API"
    )
    trusted_proxies: Networks = Field(
        ("127.0.0.1", "::1"), description="Addresses or networks whose X-Forwarded-For is trusted"
    )
    outbound_allowed_networks: Networks = Field(
        (), description="Private networks that clients' `jwks_uri` and metadata documents may point to"
    )
    event_networks: Networks = Field(
        (), description="Private networks where clients may receive events and logout tokens; http is allowed there"
    )
    outbound_ca_file: Certificates | None = Field(
        None, description="Authorities (PEM) trusted beside the system's for all that clients register"
    )
    access_token_ttl: Positive = Field(timedelta(minutes=5), description="Lifetime of an access token")
    id_token_ttl: Positive = Field(timedelta(minutes=5), description="Lifetime of an ID token")
    authorization_code_ttl: CodeTtl = Field(timedelta(seconds=60), description="Lifetime of a code, at most PT10M")
    refresh_token_idle_ttl: Positive = Field(
        timedelta(days=30),
        description="Refresh tokens with `offline_access` end when unused this long; others end with their session",
    )
    refresh_token_absolute_max_age: Positive = Field(
        timedelta(days=180), description="A grant's refresh tokens end after this time, however often they are replaced"
    )
    audit_max_age: Positive = Field(timedelta(days=360), description="Time that an event of the audit trail is kept")
    registration: Literal["off", "token", "open"] = Field(
        "off", description="Who may register clients: programs with an initial access `token`, or anybody (`open`)"
    )
    key_rotation_interval: Positive = Field(
        timedelta(days=30), description="Time between the worker's rotations of the signing keys"
    )
    key_spare_min_age: Positive = Field(
        timedelta(hours=1), description="A spare key is published this long before it signs; must outlast all caches"
    )
    session_ttl: Positive = Field(timedelta(days=7), description="Lifetime of a session after its last extension")
    session_update_age: Positive = Field(timedelta(days=1), description="Least time between a session's extensions")
    session_absolute_max_age: Positive = Field(
        timedelta(days=90), description="A session ends after this time, however often it is used"
    )
    session_fresh_max_age: Positive = Field(timedelta(days=1), description="A sign-in counts as recent for this long")
    limits: Literal["on", "off"] = Field(
        "on", description="`off` turns off the service's own limits, for external test suites"
    )
    client_rate_limit: RateLimit = Field(
        "30000/PT1M",
        validate_default=True,
        description="Requests per authenticated client at each of `/oauth/token`, `introspect`, `revoke`, `par`; "
        "or `off`",
    )
    redis_url: RedisUrl | None = Field(None, description="Redis, where all processes count together; see below")
    redis_ca_file: Certificates | None = Field(
        None, description="Authorities (PEM) trusted instead of the system's for Redis over TLS"
    )
    redis_timeout: RedisTimeout = Field(
        timedelta(milliseconds=50), description="Limit for connecting to Redis and for its answer; then it is skipped"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Lowest level that is logged")

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        trusted = TrustedOrigins(self.issuer, self.trusted_origins, self.origin_resources)
        check_relying_party(self.issuer, self.passkey_rp_id, self.passkey_origins, trusted)
        if self.redis_ca_file and not (self.redis_url and is_encrypted(self.redis_url)):
            raise ValueError(f"{PREFIX}REDIS_CA_FILE is for {PREFIX}REDIS_URL with rediss (TLS)")
        target = self.mail_target
        if target is not None and self.mail_from is None:
            raise ValueError(f"{PREFIX}MAIL_FROM is required with {PREFIX}MAIL_URL")
        if target is None and self.require_verified_email:
            raise ValueError(f"{PREFIX}REQUIRE_VERIFIED_EMAIL needs {PREFIX}MAIL_URL: the link is mailed")
        if not is_loopback(self.issuer):
            if target is not None and not isinstance(target, SmtpServer):
                raise ValueError(f"{PREFIX}MAIL_URL must be a mail server: mails hold secret links")
            for name in ("secret", "key_encryption_keys"):
                if any(map(looks_like_a_default, self.versioned(name).values())):
                    raise ValueError(
                        f"{PREFIX}{name.upper()} looks like an example's: make one with openssl rand -hex 32"
                    )
        return self

    @classmethod
    def shown_default(cls, name: str) -> str:
        """The default, written as in the environment."""
        default = cls.model_fields[name].default
        if isinstance(default, SecretStr):
            return default.get_secret_value()
        if isinstance(default, bool):
            return "on" if default else "off"
        if default is None or isinstance(default, tuple):
            return ",".join(default or ())
        return (
            TypeAdapter(timedelta).dump_json(default).decode().strip('"')
            if isinstance(default, timedelta)
            else str(default)
        )

    @property
    def longest_token_ttl(self) -> timedelta:
        """The longest lifetime of an access token or an ID token."""
        return max(self.longest_access_token_ttl, self.id_token_ttl)

    @property
    def longest_access_token_ttl(self) -> timedelta:
        """The longest lifetime that any access token may have, now or a moment ago.

        An API may choose one of up to MAX_TTL at any time, and make it shorter again. So what has to outlive all tokens
        (a closed status list, a retiring key) stays for at least that long, whichever APIs are registered.
        """
        return max(self.access_token_ttl, MAX_TTL)

    def versioned(self, name: str) -> Secrets:
        secret: SecretStr = getattr(self, name)
        return parse_secrets(secret.get_secret_value())


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read and check the settings of this process.

    Raises:
        InvalidSettings: lists all problems, not only the first.
    """
    names = Settings.model_fields
    values, problems = read_environment(
        os.environ if environment is None else environment, PREFIX, names, in_files=names
    )
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems += [_explain(dict(detail)) for detail in error.errors(include_url=False, include_input=False)]
    if problems:
        raise InvalidSettings("\n".join(problems))
    return settings


def _explain(detail: dict[str, Any]) -> str:
    name = f"{PREFIX}{str(detail['loc'][0]).upper()}: " if detail["loc"] else ""
    return f"{name}{explained.explain(detail)}"
