"""The kinds of mail. A new one is a line here, and a table in each file of languages/."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum


class Kind(StrEnum):
    VERIFY_EMAIL = "verify_email"  # a link that proves an address
    CHANGE_EMAIL = "change_email"  # a link that gives an account the address that the mail went to
    EMAIL_CHANGED = "email_changed"  # to the old address: the account has another one now
    SIGN_IN = "sign_in"  # a link that signs in
    NO_ACCOUNT = "no_account"  # instead of the former, if the address has no account
    NEW_DEVICE = "new_device"  # somebody has signed in from a browser that is new to the account
    RESET_PASSWORD = "reset_password"  # noqa: S105 - a kind of mail: a link to set a new password
    ACCOUNT_EXISTS = "account_exists"  # somebody has signed up with the address of an account
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - as above: it was changed by such a link
    SECOND_FACTOR_ON = "second_factor_on"
    SECOND_FACTOR_OFF = "second_factor_off"
    RECOVERY_CODE_USED = "recovery_code_used"
    RECOVERY_CODES_REPLACED = "recovery_codes_replaced"
    DELETE_ACCOUNT = "delete_account"  # a link that deletes the account
    ACCOUNT_DELETED = "account_deleted"  # it was deleted, by its owner
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"
    PASSKEY_COPIED = "passkey_copied"  # a counter that did not rise: somebody may have the key of a passkey
    UPSTREAM_LINKED = "upstream_linked"  # another provider signs in to the account
    UPSTREAM_UNLINKED = "upstream_unlinked"
    ACCESS_ENDED = "access_ended"  # the address was proved, which has ended what a stranger may have set up
    RECOVERY_STARTED = "recovery_started"  # a link that replaces a lost second factor after a delay, or stops that
    RECOVERY_READY = "recovery_ready"  # the same link, when the delay is over
    RECOVERY_STOPPED = "recovery_stopped"
    RECOVERED = "recovered"  # the second factor was removed by such a link
    SECOND_FACTOR_REMOVED = "second_factor_removed"  # by an operator
    PASSWORD_SET = "password_set"  # noqa: S105 - a kind of mail: an account without a password has got one
    PERSONAL_TOKEN_MADE = "personal_token_made"  # noqa: S105 - as above
    IMPERSONATED = "impersonated"  # an application acts as the person, and the API cannot tell
    TEST = "test"  # by an operator, to see whether mail works


# Mails that whoever reads the mailbox has asked for, or may have. All others tell the owner what somebody has done.
ASKED_FOR = frozenset(
    (
        Kind.VERIFY_EMAIL,
        Kind.CHANGE_EMAIL,
        Kind.SIGN_IN,
        Kind.NO_ACCOUNT,
        Kind.RESET_PASSWORD,
        Kind.ACCOUNT_EXISTS,
        Kind.TEST,
    )
)
NOTICE_MAX_AGE = timedelta(days=3)  # a mail without a link is given up when it could not be sent for this long
# How long a link works after its mail was first written.
LINK_TTL: Mapping[Kind, timedelta] = {
    Kind.VERIFY_EMAIL: timedelta(hours=24),
    Kind.RESET_PASSWORD: timedelta(hours=1),
    Kind.CHANGE_EMAIL: timedelta(hours=1),
    Kind.SIGN_IN: timedelta(minutes=15),
    Kind.DELETE_ACCOUNT: timedelta(hours=1),
    Kind.RECOVERY_STARTED: timedelta(days=30),  # the recovery ends earlier (accounts/factors/recoveries.py)
}


def send_within(kind: Kind) -> timedelta:
    """The time within which a mail is sent, or given up: nobody waits for an old link."""
    return min(LINK_TTL.get(kind, NOTICE_MAX_AGE), NOTICE_MAX_AGE)
