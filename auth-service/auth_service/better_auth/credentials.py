"""E-mail and password as they arrive, and what is refused before anything is looked up."""

from collections.abc import Awaitable
from typing import Annotated, TypeVar

from pydantic import StringConstraints

from .. import passwords
from .refusals import Refusal, TooManyRequests

# No control characters: they are no part of a name, and PostgreSQL cannot store a NUL.
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$")]
Name = Annotated[str, StringConstraints(max_length=256, pattern=r"^[^\x00-\x1f\x7f]*$")]
Image = Annotated[str, StringConstraints(max_length=2048, pattern=r"^[^\x00-\x1f\x7f]*$")]
Url = Annotated[str, StringConstraints(max_length=2048)]
NewPassword = Annotated[str, StringConstraints(min_length=1)]

T = TypeVar("T")


def check_password_length(password: str, *, is_new: bool) -> None:
    """Raises Refusal (400). A password that is only compared may be short: it is simply wrong."""
    length = passwords.utf16_length(password)
    if is_new and length < passwords.MIN_LENGTH:
        raise Refusal(400, "PASSWORD_TOO_SHORT", "Password too short")
    if length > passwords.MAX_LENGTH:
        raise Refusal(400, "PASSWORD_TOO_LONG", "Password too long")


async def in_queue(work: Awaitable[T]) -> T:
    """Work that waits for the hashing threads. Raises Refusal (429) when their queue is full."""
    try:
        return await work
    except passwords.TooBusy:
        raise TooManyRequests(passwords.RETRY_AFTER, reason="the hashing queue is full") from None
