"""The exceptions of the queries, as problems."""

from collections.abc import Iterator
from contextlib import contextmanager

from ..http import problems
from ..http.problems import FieldError, Problem
from .invitations import InvitationNotFound, OwnList
from .list_queries import ListNotFound
from .memberships import InsufficientRole, MemberNotFound
from .owners import QuotaExceeded
from .queries import TodoNotFound, UnknownList, VersionDiffers

_EXCEEDED = {
    "todos": "There may be {most:,} todos. Delete some to make room.",
    "rows": (
        "There may be {most:,} todos, with the deleted ones. Deleted todos count until they are removed, 30 days after"
        " their deletion."
    ),
    "lists": "There may be {most:,} lists. Delete one to make room.",
    "list_rows": (
        "There may be {most:,} lists, with the deleted ones. Deleted lists count until they are removed, 30 days after"
        " their deletion."
    ),
    "members": "A list may be shared with {most:,} others. Remove one to make room.",
    "invitations": "A list may have {most:,} open invitations. Withdraw one to make room.",
    "shared_lists": "You may be a member of {most:,} lists of others. Leave one to make room.",
    "octets": (
        "All that is kept may take {most:,} bytes. Titles and notes count in UTF-8, those of deleted todos too, and the"
        " responses that an Idempotency-Key keeps; each todo, list and response counts 512 bytes more. To make room,"
        " shorten or empty the notes of todos, before you delete them: a deleted todo counts until it is removed, 30"
        " days after its deletion, and a kept response for 24 hours."
    ),
}


@contextmanager
def as_problems(within: str = "") -> Iterator[None]:
    """`within` is the pointer of the todo in the body."""
    try:
        yield
    except TodoNotFound:
        raise not_found() from None
    except ListNotFound:
        raise list_not_found() from None
    except InsufficientRole:
        detail = "The list is shared with you for less than this."
        raise Problem(problems.INSUFFICIENT_ROLE, detail) from None
    except MemberNotFound:
        raise member_not_found() from None
    except InvitationNotFound:
        raise invitation_not_found() from None
    except OwnList:
        raise Problem(problems.OWN_LIST, "You have made this invitation yourself. The list is yours.") from None
    except UnknownList:
        # The same for unknown lists and for those of other owners.
        wrong = FieldError(pointer=f"{within}/list_id", detail="must be the id of one of your lists, or null")
        raise Problem(problems.INVALID_FIELDS, "See errors.", errors=[wrong]) from None
    except VersionDiffers as error:
        detail = "If-Match names another version than the current one."
        etag = f'"{error.version}"'
        raise Problem(problems.PRECONDITION_FAILED, detail, headers={"ETag": etag}) from None
    except QuotaExceeded as error:
        raise Problem(problems.QUOTA_EXCEEDED, _EXCEEDED[error.what].format(most=error.most)) from None


def not_found() -> Problem:
    # The same for unknown ids and for todos of other owners, so that callers learn nothing about these.
    return Problem(problems.NOT_FOUND, "There is no such todo.")


def list_not_found() -> Problem:
    return Problem(problems.NOT_FOUND, "There is no such list.")


def member_not_found() -> Problem:
    return Problem(problems.NOT_FOUND, "The list has no such member.")


def invitation_not_found() -> Problem:
    # The same for all invitations that there are not, so that a guess learns nothing.
    detail = "There is no such invitation: it was used or withdrawn, or it has expired."
    return Problem(problems.NOT_FOUND, detail)
