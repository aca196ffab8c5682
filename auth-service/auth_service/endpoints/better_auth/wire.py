"""People, sessions and identities as the protocol sends them: names in camelCase, instants with exactly three decimals.

The Better Auth client reads the decimals as a number of milliseconds: six of them would add up to 16 minutes.
"""

from datetime import UTC, datetime
from typing import Annotated, Self

from fastapi import Response
from pydantic import BaseModel, ConfigDict, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

from ...accounts.accounts import Account, Identity
from ...accounts.upstreams.identities import UpstreamIdentity
from ...sessions.browser_sessions import BrowserSession


def render_instant(instant: datetime) -> str:
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


WireInstant = Annotated[
    datetime, PlainSerializer(render_instant), WithJsonSchema({"type": "string", "format": "date-time"})
]


class Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True)


def render(view: Wire | None, response: Response) -> Response:
    """Write the view into the response, without members that were not set, and keep the headers that it has.

    Only for the hottest paths: FastAPI would validate what an endpoint returns, although its model has just made it.
    """
    response.body = b"null" if view is None else view.model_dump_json(exclude_unset=True).encode()
    response.headers["Content-Length"] = str(len(response.body))
    response.headers["Content-Type"] = "application/json"
    return response


class Done(Wire):
    status: bool


class UserView(Wire):
    id: str
    name: str
    email: str
    email_verified: bool
    image: str | None
    created_at: WireInstant
    updated_at: WireInstant
    two_factor_enabled: bool

    @classmethod
    def of(cls, account: Account) -> Self:
        return cls.model_construct(
            id=account.id,
            name=account.name,
            email=account.email,
            email_verified=account.email_verified,
            image=account.image,
            created_at=account.created_at,
            updated_at=account.updated_at,
            two_factor_enabled=account.second_factor_at is not None,
        )


class SessionView(Wire):
    id: str
    token: str
    user_id: str
    expires_at: WireInstant
    created_at: WireInstant
    updated_at: WireInstant
    ip_address: str
    user_agent: str

    @classmethod
    def of(cls, session: BrowserSession) -> Self:
        return cls.model_construct(
            id=session.id,
            token=session.token,
            user_id=session.account_id,
            expires_at=session.expires_at,
            created_at=session.created_at,
            updated_at=session.updated_at,
            ip_address=session.ip_address,
            user_agent=session.user_agent,
        )


class IdentityView(Wire):
    id: str
    account_id: str  # the identity's subject: the protocol calls an identity an account
    provider_id: str
    user_id: str
    created_at: WireInstant
    updated_at: WireInstant
    scopes: list[str]

    @classmethod
    def of(cls, identity: Identity) -> Self:
        return cls._of(identity, identity.provider_id)

    @classmethod
    def of_upstream(cls, identity: UpstreamIdentity) -> Self:
        return cls._of(identity, identity.upstream_id)

    @classmethod
    def _of(cls, identity: Identity | UpstreamIdentity, provider_id: str) -> Self:
        return cls.model_construct(
            id=identity.id,
            account_id=identity.subject,
            provider_id=provider_id,
            user_id=identity.account_id,
            created_at=identity.created_at,
            updated_at=identity.updated_at,
            scopes=[],
        )
