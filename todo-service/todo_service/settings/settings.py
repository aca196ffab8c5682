"""Settings from environment variables: TODO_*, and TODO_*_FILE for secrets.

All are checked before anything is opened. A TODO_* name that does not exist stops the start, because an operator
believes that it has an effect. Only app.py, assembly.py and the commands read settings; they pass the values on.
"""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from ..limits.windows import QuotaPolicy
from . import explained
from .environment import read_environment
from .kinds import (
    Certificates,
    DatabaseUrl,
    Networks,
    Origin,
    Origins,
    RateLimit,
    RedisTimeout,
    RedisUrl,
    is_encrypted,
)

PREFIX = "TODO_"
SECRETS = ("database_url", "migration_database_url", "client_secret", "redis_url")  # these may also come as NAME_FILE
_EMPTY_COUNTS = ("trusted_proxies",)  # empty: no proxy is trusted. All other empty variables count as not set


class InvalidSettings(Exception):
    """All problems of the environment, one line each, without secrets."""


class Settings(BaseModel):
    """The settings. Durations are ISO 8601 in the environment: PT5M is five minutes."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    issuer: Origin = Field(description="public origin of the issuer; must equal the `iss` of access tokens exactly")
    auth_url: Origin = Field(default="", description="the issuer's address inside the network")
    database_url: DatabaseUrl = Field(
        default=SecretStr("sqlite+aiosqlite:///todo.db"), description="database of the todos; may be read from a file"
    )
    migration_database_url: DatabaseUrl | None = Field(
        default=None,
        description="the same database with the role that owns the tables, for `migrate`; may be read from a file",
    )
    client_id: str = Field(
        default="",
        description="client of this service at the issuer; it reports keys and receives account events; empty: neither",
    )
    client_secret: SecretStr = Field(
        default=SecretStr(""), description="secret of that client; may be read from a file"
    )
    quota: int = Field(default=10_000, ge=1, le=10_000_000, description="most todos of one person or service")
    quota_bytes: int = Field(
        default=128 * 1024 * 1024,
        ge=1024 * 1024,
        le=1024**4,
        description="most bytes of one person or service: todos, also deleted ones, and kept responses",
    )
    rate_limit: RateLimit = Field(
        default=QuotaPolicy(6000, timedelta(minutes=1)),
        description="most requests of one person or service per time (ISO 8601); `off`: no limit",
    )
    redis_url: RedisUrl | None = Field(
        default=None, description="Redis, where all processes count together; may be read from a file"
    )
    redis_ca_file: Certificates | None = Field(
        default=None, description="authorities (PEM) trusted instead of the system's for Redis over TLS"
    )
    redis_timeout: RedisTimeout = Field(
        default=timedelta(milliseconds=50),
        description="limit for connecting to Redis and for its answer; then it is skipped",
    )
    jwks_file: Path = Field(default=Path("jwks.json"), description="file for a copy of the last good key set")
    web_folder: Path | None = Field(
        default=None, description="folder with the built web application; none: it is not served"
    )
    status_lists_file: Path = Field(
        default=Path("status_lists.json"), description="file for a copy of the last status lists"
    )
    require_status: Literal["on", "off"] = Field(
        default="on", description="`on` refuses persons' tokens that name no status list"
    )
    status_hints: Literal["on", "off"] = Field(
        default="on", description="`on` listens at TODO_AUTH_URL for changes of status lists; `off` only polls"
    )
    cors_origins: Origins = Field(
        default=(), description="origins whose pages may call the API with a bearer token, separated by commas"
    )
    trusted_proxies: Networks = Field(
        default=("127.0.0.1", "::1"),
        description="addresses or networks whose X-Forwarded-For is trusted, separated by commas",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="lowest level that is logged"
    )

    @model_validator(mode="after")
    def _has_tls_for_its_authorities(self) -> Self:
        if self.redis_ca_file and not (self.redis_url and is_encrypted(self.redis_url)):
            raise ValueError(f"{PREFIX}REDIS_CA_FILE is for {PREFIX}REDIS_URL with rediss, which is Redis over TLS")
        return self

    @property
    def status_hints_url(self) -> str | None:
        """The address of the stream of hints, or None. It needs TODO_AUTH_URL: the gateway does not route the path."""
        return f"{self.auth_url}/internal/status-list-hints" if self.auth_url and self.status_hints == "on" else None


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read and check the settings of this process.

    Raises:
        InvalidSettings: lists all problems, not only the first.
    """
    values, problems = read_environment(
        os.environ if environment is None else environment,
        PREFIX,
        Settings.model_fields,
        in_files=SECRETS,
        empty_counts=_EMPTY_COUNTS,
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
