"""The exceptions of the queries, as problems."""

from collections.abc import Iterator
from contextlib import contextmanager

from ..http import problems
from ..http.problems import Problem
from .owners import QuotaExceeded
from .queries import TodoNotFound, VersionDiffers


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
    except QuotaExceeded:
        raise Problem(problems.QUOTA_EXCEEDED, "Delete some todos to make room.") from None


def not_found() -> Problem:
    # The same for unknown ids and for todos of other owners, so that callers learn nothing about these.
    return Problem(problems.NOT_FOUND, "There is no such todo.")
