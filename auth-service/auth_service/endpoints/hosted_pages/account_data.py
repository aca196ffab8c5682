"""/account, section "Your data": everything that is stored about the account, as JSON, without secrets.

Columns are named here one by one, so that no new one, which may be a secret, gets into the file by itself. A test finds
the table of an account that is missing here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request, Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ...accounts.accounts import Account, Identity
from ...accounts.factors.challenges import Challenge
from ...accounts.factors.recovery_codes import RecoveryCode
from ...accounts.factors.totp_factors import TotpFactor
from ...accounts.factors.trusted_browsers import TrustedBrowser
from ...accounts.passkeys.passkeys import Passkey
from ...accounts.upstreams.identities import UpstreamIdentity
from ...accounts.usernames import GivenUsername
from ...audit.trail import AuditEvent, record
from ...events.account_events import AccountEvent
from ...events.deliveries import EventDelivery
from ...grants.consents import Consent
from ...grants.grants import Grant
from ...http.current_session import Current
from ...http.parts import Given
from ...mail.links import MailedLink
from ...mail.outbox import OutgoingMail
from ...oauth.parameters import Parameters
from ...roles.assigned import AccountRole
from ...roles.groups import GroupMember
from ...sessions.browser_sessions import BrowserSession
from ...store.database import Database
from ...store.rows import Row
from ...tokens.personal_tokens import PersonalToken
from ...tokens.refresh_tokens import RefreshTokenFamily

MAX_ROWS = 10_000  # of a table, the newest; only the audit trail could have as many
EXPORTED: Mapping[type[Row], tuple[str, ...]] = {
    Identity: ("id", "provider_id", "subject", "created_at", "updated_at"),
    GivenUsername: ("created_at",),
    BrowserSession: (
        "id", "is_remembered", "ip_address", "user_agent", "created_at", "authenticated_at", "updated_at",
        "expires_at", "methods", "second_factor_at",
    ),
    TotpFactor: ("created_at", "confirmed_at"),
    RecoveryCode: ("created_at", "used_at"),
    Passkey: ("name", "aaguid", "transports", "is_synced", "is_backed_up", "created_at", "updated_at", "last_used_at"),
    UpstreamIdentity: ("issuer", "subject", "upstream_id", "email", "created_at", "updated_at", "last_used_at"),
    TrustedBrowser: ("id", "ip_address", "user_agent", "created_at", "used_at", "expires_at"),
    Challenge: ("amr", "created_at", "expires_at"),
    Consent: ("client_id", "resource", "scopes", "created_at", "updated_at"),
    Grant: (
        "id", "client_id", "session_id", "begun_in", "address", "user_agent", "is_offline", "created_at", "ended_at",
    ),
    PersonalToken: ("id", "name", "scope", "resource", "created_at", "last_used_at", "expires_at"),
    AccountRole: ("resource", "role", "created_at"),
    GroupMember: ("group", "created_at"),
    MailedLink: ("kind", "email", "created_at", "expires_at", "used_at"),
    AuditEvent: ("occurred_at", "last_at", "event", "client_id", "facts", "count"),
}  # fmt: skip
# They tell other services that something has ended. They hold the account's id, and are deleted when they have arrived.
NOT_EXPORTED: tuple[type[Row], ...] = (AccountEvent, EventDelivery)
ACCOUNT = (
    "id", "email", "email_verified", "name", "username", "image", "created_at", "updated_at", "suspended_at",
    "second_factor_at", "second_factor_required_at", "profile", "language", "recovery_started_at", "recovery_ready_at",
)  # fmt: skip
REFRESH_TOKEN = ("grant_id", "scope", "resource", "auth_time", "acr", "amr", "created_at", "rotated_at", "expires_at")
MAIL = ("kind", "recipient", "language", "created_at", "attempts", "failed_at")
JSON_TEXTS = frozenset(("facts", "amr", "profile"))


@dataclass(frozen=True)
class AccountDataParts(Given):
    database: Database


async def export(
    request: Request, parts: AccountDataParts, current: Current, form: Parameters, now: datetime
) -> Response:
    """A file to keep. It is sent for a form, so that no other site makes a browser download it."""
    data = await parts.database.transact(_read, current.account, now)
    octets = json.dumps(data, ensure_ascii=False, indent=2).encode()
    headers = {
        "Content-Disposition": 'attachment; filename="account.json"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(octets, 200, headers, "application/json")


async def _read(session: AsyncSession, account: Account, now: datetime) -> dict[str, object]:
    data: dict[str, object] = {"exported_at": _value("", now), "account": _members(account, ACCOUNT)}
    for table, names in EXPORTED.items():
        data[table.__tablename__] = await _rows(session, table, names, table.account_id == account.id)  # type: ignore[attr-defined]  # a test checks that each has it
    own = RefreshTokenFamily.grant_id.in_(select(Grant.id).where(Grant.account_id == account.id))
    data["refresh_tokens"] = await _rows(session, RefreshTokenFamily, REFRESH_TOKEN, own)
    data["outgoing_mails"] = await _rows(session, OutgoingMail, MAIL, OutgoingMail.recipient == account.email)
    await record(session, "data_exported", now=now, account_id=account.id)
    return data


async def _rows(session: AsyncSession, table: type[Row], names: tuple[str, ...], which: object) -> list[object]:
    newest = [key.desc() for key in table.__mapper__.primary_key]  # of the audit trail; of others all
    query = select(table).where(which).order_by(*newest).limit(MAX_ROWS)  # type: ignore[arg-type]  # a comparison
    return [_members(row, names) for row in await session.scalars(query)]


def _members(row: Row, names: tuple[str, ...]) -> dict[str, object]:
    return {name: _value(name, getattr(row, name)) for name in names}


def _value(name: str, value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, frozenset | tuple):
        return sorted(value)
    return json.loads(value) if name in JSON_TEXTS and isinstance(value, str) and value[:1] in "[{" else value
