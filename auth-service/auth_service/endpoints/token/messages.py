"""What a grant is given, and what it gives."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from fastapi import Request
from pydantic import BaseModel

from ...clients.clients import Client
from ...oauth.parameters import Parameters


@dataclass(frozen=True)
class TokenRequest:
    """A request of a client that has proved who it is and may use the grant type."""

    http: Request  # by which a grant is given its parts
    client: Client
    parameters: Parameters
    now: datetime


class TokenResponse(BaseModel):
    """RFC 6749 §5.1. `scope` is said whenever there is any, so that nobody has to remember what was asked for."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of a type
    expires_in: int
    refresh_token: str | None = None
    id_token: str | None = None
    scope: str | None
