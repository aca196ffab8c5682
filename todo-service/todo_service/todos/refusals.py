"""The exceptions of the queries, as problems."""

from collections.abc import Iterator
from contextlib import contextmanager

from ..http import problems
from ..http.problems import Problem
from .owners import QuotaExceeded
from .queries import TodoNotFound, VersionDiffers

_EXCEEDED = {
    "todos": "There may be {most:,} todos. Delete some to make room.",
    "rows": (
        "There may be {most:,} todos, with the deleted ones. Deleted todos count until they are removed, 30 days after"
        " their deletion."
    ),
    "octets": (
        "All that is kept may take {most:,} bytes. Titles and notes count in UTF-8, those of deleted todos too, and the"
        " responses that an Idempotency-Key keeps; each todo and response counts 512 bytes more. To make room, shorten"
        " or empty the notes of todos, before you delete them: a deleted todo counts until it is removed, 30 days"
        " after its deletion, and a kept response for 24 hours."
    ),
}


@contextmanager
def as_problems() -> Iterator[None]:
    try:
        yield
    except TodoNotFound:
        raise not_found() from None
    except VersionDiffers as error:
        detail = "If-Match names another version than the current one."
        etag = f'"{error.version}"'
        raise Problem(problems.PRECONDITION_FAILED, detail, headers={"ETag": etag}) from None
    except QuotaExceeded as error:
        raise Problem(problems.QUOTA_EXCEEDED, _EXCEEDED[error.what].format(most=error.most)) from None


def not_found() -> Problem:
    # The same for unknown ids and for todos of other owners, so that callers learn nothing about these.
    return Problem(problems.NOT_FOUND, "There is no such todo.")
