"""POST /password-verdict, which the original lacks: whether a password would be accepted, while a person types it.

The judge is the one that decides when it is stored (accounts/weak_passwords.py), so no meter praises what is refused
later. Nothing is stored or counted; the request takes a place in the hashing queue, of which one network has a quarter.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Request
from pydantic import StringConstraints

from ...accounts.accounts import EMAIL_MAX_LENGTH
from ...accounts.passwords import PasswordHasher
from ...accounts.weak_passwords import WeakPassword, check_new
from ...http.parts import given
from ...oauth.names import MAX_LENGTH as NAME_MAX_LENGTH
from ...signing_in.guessing import place_in_queue
from . import bodies, credentials
from .bodies import BODY_REFUSALS, BodyParts
from .refusals import Refusal
from .routes import new_router
from .wire import Wire

router = new_router()


@dataclass(frozen=True)
class VerdictParts(BodyParts):
    passwords: PasswordHasher


class Typed(bodies.Body):
    password: str
    name: Annotated[str, StringConstraints(max_length=NAME_MAX_LENGTH)] = ""
    email: Annotated[str, StringConstraints(max_length=EMAIL_MAX_LENGTH)] = ""


class Verdict(Wire):
    accepted: bool
    code: str | None = None  # of the refusal that storing it would get
    message: str | None = None


@router.post("/password-verdict", openapi_extra=bodies.document(Typed), responses=bodies.refuses(*BODY_REFUSALS, 429))
async def judge_password(request: Request) -> Verdict:
    parts = given(request, VerdictParts)
    typed = await bodies.receive(request, Typed, parts)
    try:
        credentials.check_password_length(typed.password, is_new=True)
        with place_in_queue(request, parts.passwords) as place:
            await check_new(place, typed.password, typed.name, typed.email)
    except Refusal as refusal:
        return Verdict(accepted=False, code=refusal.code, message=refusal.message)
    except WeakPassword as weak:
        return Verdict(accepted=False, code=weak.code, message=weak.sentence)
    return Verdict(accepted=True)
