"""`restore`: ends what a restored backup must not bring back, and says what it may have brought back all the same.

A backup has forgotten the sign-outs, withdrawals and rotations of after it. So everything that grants access ends, in
one transaction: a new epoch of status lists, new keys of every purpose, no codes, refresh tokens, grants, consents or
sessions. Accounts, passwords, suspensions and clients cannot be corrected from here; they are listed with the time in
which a change of theirs is lost.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts.accounts import Account
from ..accounts.factors.challenges import Challenge
from ..accounts.factors.trusted_browsers import TrustedBrowser
from ..accounts.passkeys.passkeys import Passkey
from ..accounts.upstreams.identities import UpstreamIdentity
from ..accounts.upstreams.providers import UpstreamProvider
from ..accounts.upstreams.starts import UpstreamStart
from ..audit.trail import record
from ..clients.clients import Client
from ..clients.registration_tokens import RegistrationToken
from ..grants import status_of_grants
from ..grants.authorization_requests import StoredRequest
from ..grants.consents import Consent
from ..grants.device_codes import DeviceCode
from ..grants.logout_requests import LogoutRequest
from ..keys.rotation import withdraw_all_keys
from ..keys.signing import ACTIVE, NEXT, SigningKey
from ..keys.verifier_reports import VerifierReport
from ..mail.codes import SignInCode
from ..mail.links import MailedLink
from ..mail.outbox import OutgoingMail
from ..migrations.tables import import_tables
from ..resources.resources import RegisteredResource
from ..roles.assigned import AccountRole
from ..roles.groups import GroupMember
from ..sessions.browser_sessions import BrowserSession, end_some
from ..status_lists import epochs
from ..store.database import Database
from ..store.instants import utc_now
from ..store.leases import Lease
from ..tokens.authorization_codes import AuthorizationCode
from ..tokens.personal_tokens import PersonalToken
from ..tokens.refresh_tokens import RefreshTokenFamily
from .key_withdrawal import open_stores, written
from .opened import Yes, confirm, opened, run
from .output import AsJson, Record, show

# A transaction that the backup lacks may have begun before the newest one that it holds.
SLOWEST_TRANSACTION = timedelta(seconds=30)
# Columns that hold the time of a change. Others may hold a time that was in the future at the backup.
_PAST = {
    "created_at",
    "updated_at",
    "ended_at",
    "revoked_at",
    "rotated_at",
    "reported_at",
    "occurred_at",
    "suspended_at",
    "confirmed_at",
    "used_at",
}
_BATCH = 500  # sessions in one statement
# Nothing in these tables outlives a restore. Pending requests and reports are made anew by those who need them.
_EMPTIED = (
    *(AuthorizationCode, RefreshTokenFamily, StoredRequest, LogoutRequest, Consent, VerifierReport, Lease),
    *(Challenge, TrustedBrowser, DeviceCode, PersonalToken, UpstreamStart),
    RegistrationToken,  # the backup does not know which were used up or revoked since
    *(OutgoingMail, MailedLink, SignInCode),  # what it still has to send was sent since, and what it links to was used
)

KeepSessions = Annotated[
    bool, typer.Option("--keep-sessions", help="Leave browsers signed in, also those that signed out after the backup.")
]


def restore(keep_sessions: KeepSessions = False, yes: Yes = False, as_json: AsJson = False) -> None:
    """Run this once after the database was restored from a backup, before the services are started.

    Ends all sessions, grants, consents, codes and tokens, and makes new signing keys. Then lists what may have come
    back, with the time in which a change is lost.
    """
    confirm("Was the database restored from a backup? This signs out everyone and ends all tokens.", yes=yes)
    show(run(_restore(keep_sessions=keep_sessions)), as_json=as_json)
    typer.echo(
        "auth-service: start the services now. Then go through the lines with a time: repeat what was deleted,"
        " suspended, changed or replaced in it (deploy/README.md, Restore)",
        err=True,
    )


async def _restore(*, keep_sessions: bool) -> list[Record]:
    async with opened() as database:
        made = await _make_keys(database)
        now = utc_now()
        async with database.writing() as session:
            if session.get_bind().dialect.name == "postgresql":
                await session.execute(text("SET LOCAL statement_timeout = 0"))
            newest = await _find_newest_change(session, now)
            records = await _list_what_came_back(session, newest - SLOWEST_TRANSACTION, now)
            ended = await _end_access(session, made, keep_sessions=keep_sessions, now=now)
            epoch = next(str(line["count"]) for line in ended if line["what"] == "epoch")
            await record(session, "database_restored", now=now, epoch=epoch)
        await asyncio.sleep(1)  # The epoch is a time in seconds: the next restore of the same backup has another one.
    return ended + records


async def _make_keys(database: Database) -> Sequence[SigningKey]:
    """New keys in place of the stored ones: the first key of an algorithm that did not sign yet waits again.

    Raises:
        UnreadableKey: the stored keys belong to other key-encryption keys.
    """
    made: list[SigningKey] = []
    for store in open_stores(database):
        await store.check_readable()
        stored = {key.state for key in await store.list_keys()}
        states = [state for state in (ACTIVE, NEXT) if store.begins_active or state in stored]
        made += [await asyncio.to_thread(store.generate, state, utc_now()) for state in states]
    return made


async def _end_access(
    session: AsyncSession, made: Sequence[SigningKey], *, keep_sessions: bool, now: datetime
) -> list[Record]:
    """End what gives access, and return one line for each kind."""
    epoch = await epochs.begin(session, now=now)
    await withdraw_all_keys(session, made, now=now)
    sessions = 0
    while not keep_sessions and (batch := await end_some(session, limit=_BATCH, now=now)):
        sessions += batch
    ended = {"sessions": sessions, "grants": await status_of_grants.end_all(session, now=now)}
    for table in _EMPTIED:
        await session.execute(delete(table))
    await session.execute(update(Account).values(recovery_started_at=None, recovery_ready_at=None))
    for holder in (BrowserSession, Client):
        forgotten = update(holder).values(status_list_id=None, status_index=None)
        await session.execute(forgotten, execution_options={"synchronize_session": False})
    lines = {"epoch": epoch, **ended, "keys": len(made)}
    meanings = {"epoch": "a new epoch of status lists", "keys": "new signing keys"}
    return [_line(what, count, meanings.get(what, "ended"), None, None) for what, count in lines.items()]


async def _find_newest_change(session: AsyncSession, now: datetime) -> datetime:
    """The newest instant of a change in the database: the backup holds everything until then."""
    found: list[datetime] = []
    for table in import_tables():
        for column in table.__table__.columns:
            if column.name in _PAST:
                newest = await session.scalar(select(func.max(column)).where(column <= now))
                found += [] if newest is None else [newest]
    return max(found, default=now)


async def _list_what_came_back(session: AsyncSession, since: datetime, until: datetime) -> list[Record]:
    """One line for each kind of row whose changes after the backup are lost."""

    async def count(table: Any, *which: Any) -> int:
        return await session.scalar(select(func.count()).select_from(table).where(*which)) or 0

    accounts, suspended = await count(Account), await count(Account, Account.suspended_at.is_not(None))
    factors = await count(Account, Account.second_factor_at.is_not(None))
    clients, secrets = await count(Client), await count(Client, Client.secret_hash.is_not(None))
    roles = await count(AccountRole) + await count(Client, Client.roles != "{}")
    told = [
        ("accounts", accounts, "deleted ones are back, new ones are missing; profiles and (user) names are as before"),
        ("passwords", accounts, "changed ones are as before"),
        ("suspensions", suspended, "new ones are undone, lifted ones are back"),
        ("second factors", factors, "disabled ones are back, new ones are missing; used recovery codes work again"),
        ("passkeys", await count(Passkey), "removed ones are back, new ones are missing"),
        ("other sign-ins", await count(UpstreamIdentity), "disconnected ones are back, new ones are missing"),
        (
            "upstream providers",
            await count(UpstreamProvider),
            "removed ones are back, new ones and secrets are missing",
        ),
        ("clients", clients, "deleted ones are back, new ones are missing; metadata is as before"),
        ("client secrets", secrets, "replaced and revoked ones are valid again"),
        ("APIs", await count(RegisteredResource), "removed ones and their scopes are back, new ones are missing"),
        ("roles", roles, "revoked ones are back, granted ones are missing"),
        ("group members", await count(GroupMember), "removed ones are back, new ones are missing; so are groups"),
    ]
    return [_line(*each, since, until) for each in told]


def _line(what: str, count: int, effect: str, since: datetime | None, until: datetime | None) -> Record:
    return {"what": what, "count": count, "effect": effect, "since": written(since), "until": written(until)}
