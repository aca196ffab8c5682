"""Checks of a password and a profile that need no database."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from ...accounts import passwords
from ...accounts.accounts import IMAGE_MAX_LENGTH
from ...accounts.weak_passwords import WeakPassword
from ...oauth.names import MAX_LENGTH as NAME_MAX_LENGTH
from ...oauth.names import parse_name
from .refusals import Refusal

# No control characters: they are no part of a name, and PostgreSQL cannot store a NUL.
_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
Name = Annotated[str, StringConstraints(max_length=NAME_MAX_LENGTH), AfterValidator(parse_name)]
Image = Annotated[str, StringConstraints(max_length=IMAGE_MAX_LENGTH, pattern=_PRINTABLE)]
Url = Annotated[str, StringConstraints(max_length=2048)]
NewPassword = Annotated[str, StringConstraints(min_length=1)]


def check_password_length(password: str, *, is_new: bool) -> None:
    """Raises Refusal (400). A password that is only compared may be short: then it is just wrong."""
    length = passwords.utf16_length(password)
    if is_new and length < passwords.MIN_LENGTH:
        raise Refusal(400, "PASSWORD_TOO_SHORT", "Password too short")
    if length > passwords.MAX_LENGTH:
        raise Refusal(400, "PASSWORD_TOO_LONG", "Password too long")


def weak_password(weak: WeakPassword) -> Refusal:
    return Refusal(400, weak.code, weak.sentence)
