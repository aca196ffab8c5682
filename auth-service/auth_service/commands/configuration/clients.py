"""The change of one client: its metadata, its secret and its roles."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ...audit.trail import record
from ...clients import clients, revoked_secrets
from ...clients import roles as client_roles
from ...clients.clients import WEB_CLIENT_ID, Client
from ...clients.keys import UnusableKey, parse_key_set
from ...clients.secret_files import UnusableSecretFile, find_secret, write_secret
from ...grants.consents import Consent
from ...grants.grants import Grant
from ...oauth.audiences import Resources
from ...oauth.client_metadata import ClientMetadata, parse
from ...oauth.errors import OAuthError
from ...oauth.metadata_values import CLIENT_CREDENTIALS
from ...roles.bounds import TooMany
from ...sealed import opaque
from .changes import CHANGED, CLIENT, GONE, NEW, Change, compare
from .wanted import WantedClient


@dataclass(frozen=True)
class Checked:
    """A wanted client whose metadata fit the APIs."""

    wanted: WantedClient
    metadata: ClientMetadata

    @property
    def client_id(self) -> str:
        return self.wanted.client_id


def check(wanted: WantedClient, resources: Resources, grant_types: Sequence[str]) -> Checked:
    """Raises InvalidConfiguration."""
    part, is_web = wanted.part, wanted.client_id == WEB_CLIENT_ID
    try:
        metadata = parse(
            wanted.members, resources=resources, supported_grant_types=grant_types, needs_grant_type=not is_web
        )
        if metadata.jwks is not None:
            parse_key_set(metadata.jwks, strictly=True)
    except OAuthError as error:
        part.refuse(error.description, _member_in(error.description, part.value))
    except UnusableKey as error:
        part.refuse(f"jwks: {error}", "jwks")
    if is_web and not metadata.is_public:
        part.refuse("token_endpoint_auth_method: none is the only one for web", "token_endpoint_auth_method")
    if metadata.uses_secret and wanted.secret_file is None:
        part.refuse("secret_file: is required, because the token_endpoint_auth_method uses a secret")
    if wanted.secret_file is not None and not metadata.uses_secret:
        part.refuse("secret_file: the token_endpoint_auth_method uses no secret", "secret_file")
    _check_roles(wanted, metadata, resources)
    return Checked(wanted, metadata)


def _check_roles(wanted: WantedClient, metadata: ClientMetadata, resources: Resources) -> None:
    if wanted.roles and CLIENT_CREDENTIALS not in metadata.grant_types:
        wanted.part.refuse(f"roles: only a client with the grant type {CLIENT_CREDENTIALS} has its own", "roles")
    for resource, names in (wanted.roles or {}).items():
        api = resources.find(resource)
        if api is None:
            wanted.part.refuse(f"roles: there is no API {resource!r}", "roles", resource)
        if undeclared := [name for name in names if name not in api.roles]:
            known = ", ".join(sorted(api.roles)) or "none"
            wanted.part.refuse(
                f"roles: {resource} declares no role {undeclared[0]!r}: it declares {known}", "roles", resource
            )


def _member_in(text: str, members: Collection[str]) -> str:
    """The member that an error is about: the first word of its text that is one."""
    return next((word for word in re.findall(r"\w+", text) if word in members), "")


async def plan_client(session: AsyncSession, checked: Checked, *, ends_tokens: bool, now: datetime) -> Change | None:
    """The change that makes a client what is wanted; None if it is.

    Args:
        ends_tokens: if its roles change, revoke the access tokens that it has received for itself.

    Raises:
        InvalidConfiguration
    """
    wanted, part = checked.wanted, checked.wanted.part
    held = await clients.find(session, checked.client_id)
    if held is not None and held.registered_by is not None:
        part.refuse("client_id: this client registered itself", "client_id")
    before = {} if held is None else held.registration.members()
    details = compare(before, checked.metadata.members())
    secret = await _find_secret(session, wanted.secret_file, held, wanted, now=now)
    details += secret.details
    roles = () if wanted.roles is None else compare(_sorted(_roles_of(held)), _sorted(wanted.roles), "roles.")
    revokes = ends_tokens and held is not None and roles != ()
    details += roles + (("access tokens: all that it has are revoked",) if revokes else ())
    if held is not None and not details:
        return None

    async def store(session: AsyncSession, now: datetime) -> None:
        await _store(session, checked, secret, now=now)
        if revokes:
            await clients.revoke_own_tokens(session, checked.client_id, now=now)

    return Change(CLIENT, checked.client_id, NEW if held is None else CHANGED, store, details)


def _roles_of(held: Client | None) -> client_roles.Roles:
    return {} if held is None else client_roles.roles_of(held)


def _sorted(roles: client_roles.Roles) -> Mapping[str, list[str]]:
    return {resource: sorted(names) for resource, names in roles.items() if names}


@dataclass(frozen=True)
class _Secret:
    """What becomes of a client's secret. `kept`: the stored one stays. `written_to`: it is new, for this file."""

    value: str | None = None
    kept: bool = False
    written_to: Path | None = None
    replaced_hash: str | None = None
    details: tuple[str, ...] = ()


async def _find_secret(
    session: AsyncSession, file: Path | None, held: Client | None, wanted: WantedClient, *, now: datetime
) -> _Secret:
    if file is None:
        return _Secret()
    stored = None if held is None else held.secret_hash
    try:
        secret = find_secret(file)
    except UnusableSecretFile as error:
        wanted.part.refuse(f"secret_file: {error}", "secret_file")
    if secret is None and stored is not None:
        return _Secret(kept=True)
    if secret is None:
        return _Secret(opaque.draw(), written_to=file, details=(f"secret: a new one, written to {file}",))
    ended_at = await revoked_secrets.find_end(session, secret, now=now)
    if ended_at is not None:
        wanted.part.refuse(
            f"secret_file: the secret in {file} was replaced or revoked on {ended_at:%Y-%m-%d %H:%M} UTC and stays so: "
            "write a new one to that file (openssl rand -hex 32) and restart its service, or delete the file",
            "secret_file",
        )
    if held is not None and held.has_secret(secret, now=now):
        return _Secret(secret)
    is_new = stored is None
    return _Secret(
        secret, replaced_hash=stored, details=(f"secret: {'the one' if is_new else 'another one'} in {file}",)
    )


async def _store(session: AsyncSession, checked: Checked, secret: _Secret, *, now: datetime) -> None:
    client_id, part = checked.client_id, checked.wanted.part
    held = await clients.lock(session, client_id)
    if secret.kept and held is not None:
        await clients.replace_registration(session, held, checked.metadata, now=now)
    else:
        await clients.provision(session, client_id, checked.metadata, secret.value, now=now)
        await revoked_secrets.remember(session, client_id, {secret.replaced_hash: now})
    if checked.wanted.roles is not None:
        try:
            await client_roles.replace(session, client_id, checked.wanted.roles, now=now)
        except TooMany as error:
            part.refuse(f"roles: {error}", "roles")
    await record(session, "client_provisioned", now=now, client_id=client_id)
    if secret.written_to is not None and secret.value is not None:
        try:
            write_secret(secret.written_to, secret.value)  # last: if the commit fails, the next apply reads this file
        except UnusableSecretFile as error:
            part.refuse(f"secret_file: {error}", "secret_file")


async def plan_end(session: AsyncSession, client: Client) -> Change:
    """The deletion of a client, with what ends with it."""
    client_id = client.client_id
    live = (Grant.client_id == client_id, Grant.ended_at.is_(None))
    grants = await session.scalar(select(func.count()).select_from(Grant).where(*live)) or 0
    agreed = select(func.count()).select_from(Consent).where(Consent.client_id == client_id)
    consents = await session.scalar(agreed) or 0

    async def delete(session: AsyncSession, now: datetime) -> None:
        await clients.delete_client(session, client_id, now=now)
        await record(session, "client_deleted", now=now, client_id=client_id)

    loss = f"{consents} consents, {grants} grants and the client's own tokens"
    name = f'client_name: "{client.registration.client_name}"'
    return Change(CLIENT, client_id, GONE, delete, (name,), loss)
