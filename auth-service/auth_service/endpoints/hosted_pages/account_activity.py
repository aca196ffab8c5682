"""/account, section "Recent activity": what the audit trail has about the person's own account, in words."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from ...audit.trail import AuditEvent
from ...clients.cache import ClientCache
from ...store.database import Database
from .moments import moment

MAX_SHOWN = 20
IN_WORDS: Mapping[str, str] = {
    "access_ended": "A device or a program of an application lost its access",
    "account_created": "The account was created by an operator",
    "account_activated": "The account was activated again",
    "account_imported": "The account was taken over from another system",
    "account_suspended": "The account was suspended",
    "browser_trusted": "A browser was trusted to sign in without a code",
    "browsers_forgotten": "A browser is asked for a code again",
    "consent_given": "An application was allowed to act for you",
    "consent_declined": "An application was refused",
    "consent_withdrawn": "An application's access was removed",
    "data_exported": "Your data were downloaded",
    "email_changed": "The email address was changed",
    "email_verified": "The email address was confirmed",
    "identity_unlinked": "A way to sign in was removed",
    "impersonated": "An application acted as you, by the operator's rule",
    "mailed_code_refused": "A wrong code of a mail was entered",
    "passkey_added": "A passkey was added",
    "passkey_copied": "A sign-in with a passkey that seems to exist twice was refused",
    "passkey_removed": "A passkey was removed",
    "passkey_renamed": "A passkey got another name",
    "passkeys_removed": "An operator removed all passkeys",
    "password_changed": "The password was changed",
    "password_reset": "A new password was set by a mailed link",
    "personal_token_created": "A personal access token was made",
    "personal_token_revoked": "A personal access token was ended",
    "profile_changed": "An operator changed what applications are told about you",
    "recovery_code_used": "A recovery code was used",
    "recovery_codes_replaced": "New recovery codes were made",
    "recovered": "The second factor was removed by a mailed link, and a new password was set",
    "recovery_started": "A mailed link was asked for, to remove the second factor",
    "recovery_stopped": "The removal of the second factor by a mailed link was stopped",
    "password_set": "A first password was set",
    "username_changed": "The user name was changed",
    "second_factor_disabled": "The second factor was turned off",
    "second_factor_enabled": "The second factor was turned on",
    "second_factor_refused": "A wrong code was entered",
    "session_revoked": "A device was signed out",
    "sessions_revoked": "Several devices were signed out",
    "sign_in_refused": "A wrong password was entered",
    "signed_in": "Signed in",
    "signed_out": "Signed out",
    "signed_up": "The account was created",
    "upstream_linked": "Another sign-in was connected",
    "upstream_unlinked": "Another sign-in was disconnected",
}
# They may be somebody else's guesses, so they are shown in another colour.
BY_OTHERS = frozenset(
    ("sign_in_refused", "second_factor_refused", "mailed_code_refused", "passkey_copied", "recovery_started")
)


# The client is named beside these.
BY_CLIENTS = frozenset(("access_ended", "consent_given", "consent_declined", "consent_withdrawn", "impersonated"))


class Activity(NamedTuple):
    words: str
    who: str  # the name of a client; "": of none
    when: str
    at: str  # the same for programs
    times: int
    is_alarming: bool


async def list_activity(database: Database, clients: ClientCache, account_id: str, now: datetime) -> list[Activity]:
    """The newest events that have words. A client that is gone is named by its client_id."""
    own = (AuditEvent.account_id == account_id, AuditEvent.event.in_(IN_WORDS))
    newest = select(AuditEvent).where(*own).order_by(AuditEvent.occurred_at.desc(), AuditEvent.id.desc())
    async with database.reading() as session:
        events = (await session.scalars(newest.limit(MAX_SHOWN))).all()
    ids = {each.client_url or each.client_id for each in events if each.event in BY_CLIENTS}
    names = {client_id: await _name(clients, client_id, now) for client_id in ids if client_id is not None}
    return [
        Activity(
            IN_WORDS[each.event],
            names.get(each.client_url or each.client_id or "", "") if each.event in BY_CLIENTS else "",
            moment(each.last_at),
            each.last_at.isoformat(timespec="seconds"),
            each.count,
            each.event in BY_OTHERS,
        )
        for each in events
    ]


async def _name(clients: ClientCache, client_id: str, now: datetime) -> str:
    client = await clients.find(client_id, now=now)
    return client.registration.client_name or client_id if client else client_id
