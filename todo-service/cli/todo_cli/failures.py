"""What can go wrong. Each kind has an exit code, which scripts may rely on (README.md, "Exit codes")."""

from typing import ClassVar


class Failure(Exception):
    """A sentence for the person, and the exit code."""

    code: ClassVar[int] = 1
    name: ClassVar[str] = "failed"


class WrongUsage(Failure):
    """The command line is wrong."""

    code = 2
    name = "usage"


class NotSignedIn(Failure):
    """There are no tokens, or the server accepts them no more."""

    code = 3
    name = "not-signed-in"


class NotFound(Failure):
    """No todo or list has this name, or several have."""

    code = 4
    name = "not-found"


class RefusedByServer(Failure):
    """The server understood the request and refuses it: a wrong value, no room, not allowed."""

    code = 5
    name = "refused"


class Unavailable(Failure):
    """The server does not answer, cannot at the moment, or got too many requests. Later the same may succeed."""

    code = 6
    name = "unavailable"
