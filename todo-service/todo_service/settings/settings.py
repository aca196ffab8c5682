"""Settings: TODO_* of the environment, checked before anything starts. Known to the top rooms only."""

import ipaddress
import ssl
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, TypeAdapter, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from ..limits.redis_address import parse_redis_url
from ..limits.subjects import QuotaPolicy

PREFIX = "TODO_"
_FILE_SUFFIX = "_FILE"
_DRIVERS = ("sqlite+aiosqlite", "postgresql+psycopg")


class InvalidSettings(Exception):
    """The environment is refused. The text is one line for the terminal and holds no secret."""


def _origin(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or value != f"{parts.scheme}://{parts.netloc}":
        raise ValueError("must be an http or https origin, without a path and without a trailing slash")
    if "@" in parts.netloc or not value.isascii() or not value.isprintable() or set(value) & set(' "\\'):
        raise ValueError("must be a plain origin")
    return value


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


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


def _redis_url(value: SecretStr | None) -> SecretStr | None:
    if value is not None:
        parse_redis_url(value.get_secret_value())
    return value


def _certificates(value: Path | None) -> Path | None:
    try:
        if value is not None:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(value)
    except OSError:  # SSLError, too
        raise ValueError("is no readable file of PEM certificates") from None
    return value


_DURATION: TypeAdapter[timedelta] = TypeAdapter(timedelta)


def _rate_limit(value: object) -> object:
    """`6000/PT1M`: so many requests in so long (ISO 8601)."""
    if not isinstance(value, str):
        return value
    if value == "off":
        return None
    requests, _, duration = value.partition("/")
    try:
        window = _DURATION.validate_python(duration)
    except ValidationError:
        raise ValueError("must be REQUESTS/DURATION, such as 600/PT1M, or off") from None
    if not requests.isdecimal() or not 1 <= int(requests) <= 10**9:
        raise ValueError("must begin with a number of requests")
    if window.microseconds or not timedelta(seconds=1) <= window <= timedelta(days=1):
        raise ValueError("must end in whole seconds, a day at most")
    return QuotaPolicy(int(requests), window)


Origin = Annotated[str, AfterValidator(_origin)]  # not a URL type: those append "/" and break the comparison with iss
Network = Annotated[str, AfterValidator(_network)]


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    issuer: Origin = Field(description="whose tokens are taken: the public origin, compared with `iss` as it is")
    auth_url: Origin = Field(default="", validate_default=False, description="where the issuer answers from inside")
    database_url: Annotated[SecretStr, AfterValidator(_database_url)] = Field(
        default=SecretStr("sqlite+aiosqlite:///todo.db"), description="where todos are stored; may be read from a file"
    )
    migration_database_url: Annotated[SecretStr, AfterValidator(_database_url)] | None = Field(
        default=None, description="the same database as the tables' owner, for `migrate`; may be read from a file"
    )
    client_id: str = Field(
        default="",
        description="this service as the issuer's client, to report keys and be told of accounts; empty: neither",
    )
    client_secret: SecretStr = Field(default=SecretStr(""), description="of that client; may be read from a file")
    quota: int = Field(default=10_000, ge=1, le=10_000_000, description="todos that a person or service may have")
    rate_limit: Annotated[QuotaPolicy | None, NoDecode, BeforeValidator(_rate_limit)] = Field(
        default=QuotaPolicy(6000, timedelta(minutes=1)),
        description="requests of a person or service, and within what time (ISO 8601); `off`: no limit",
    )
    redis_url: Annotated[SecretStr | None, BeforeValidator(lambda given: given or None), AfterValidator(_redis_url)] = (
        Field(default=None, description="where all processes count requests together; may be read from a file")
    )
    redis_ca_file: Annotated[
        Path | None, BeforeValidator(lambda given: given or None), AfterValidator(_certificates)
    ] = Field(default=None, description="certificates (PEM) to believe instead of the system's when Redis is over TLS")
    redis_timeout: Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(seconds=5))] = Field(
        default=timedelta(milliseconds=50), description="for Redis to connect, and to answer; then goes on without it"
    )
    jwks_file: Path = Field(default=Path("jwks.json"), description="copy of the last good key set")
    web_folder: Annotated[Path | None, BeforeValidator(lambda given: given or None)] = Field(
        default=None, description="where the web application was built to; none: not served"
    )
    status_lists_file: Path = Field(default=Path("status_lists.json"), description="copy of the last status lists")
    require_status: Literal["on", "off"] = Field(
        default="on", description="`on` refuses a person's token that names no status list"
    )
    status_hints: Literal["on", "off"] = Field(
        default="on", description="`on` listens at TODO_AUTH_URL for status lists that change; `off` only polls"
    )
    cors_origins: Annotated[tuple[Origin, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=(), description="origins whose pages may call the API with a bearer token, by commas"
    )
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=("127.0.0.1", "::1"), description="addresses and networks whose X-Forwarded-For is believed, by commas"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="least that is logged")

    @model_validator(mode="after")
    def _has_tls_for_its_authorities(self) -> Self:
        if self.redis_ca_file is not None:
            url = self.redis_url.get_secret_value() if self.redis_url else None
            if url is None or not parse_redis_url(url).tls:
                raise ValueError(f"{PREFIX}REDIS_CA_FILE is for {PREFIX}REDIS_URL with rediss, which is over TLS")
        return self

    @property
    def jwks_uri(self) -> str:
        return f"{self.auth_url or self.issuer}/.well-known/jwks.json"

    @property
    def status_hints_url(self) -> str | None:
        """Only on the inside: the gateway does not route it."""
        return f"{self.auth_url}/internal/status-list-hints" if self.auth_url and self.status_hints == "on" else None


SECRETS = ("database_url", "migration_database_url", "client_secret", "redis_url")  # these may also come as NAME_FILE


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings.

    Raises:
        InvalidSettings: a name that is not ours, a value that is not one, or a file that cannot be read.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    files = {PREFIX + name.upper() + _FILE_SUFFIX: name for name in SECRETS}
    unknown = sorted(name for name in environ if name.upper().startswith(PREFIX) and name not in known | files.keys())
    if unknown:
        raise InvalidSettings(f"unknown setting {', '.join(unknown)}; known are {', '.join(sorted(known | {*files}))}")
    values: dict[str, Any] = {name.removeprefix(PREFIX).lower(): environ[name] for name in known & environ.keys()}
    for variable, name in files.items():
        if variable in environ:
            values[name] = _read(variable, environ[variable], also_given=name in values)
    try:
        return Settings(**values)
    except ValidationError as error:
        raise InvalidSettings(_line(error)) from None


def _read(variable: str, path: str, *, also_given: bool) -> str:
    if also_given:
        raise InvalidSettings(f"{variable} and {variable.removesuffix(_FILE_SUFFIX)} are both set")
    try:
        return Path(path).read_text().strip()
    except (OSError, ValueError) as error:
        raise InvalidSettings(f"{variable} cannot be read: {type(error).__name__}") from None


def _line(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)
    named = ((f"{PREFIX}{str(each['loc'][0]).upper()}: " if each["loc"] else "", each["msg"]) for each in found)
    return "; ".join(f"{name}{message}" for name, message in named)
