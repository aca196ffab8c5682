"""Access tokens that another token is traded for (RFC 8693), and which never live longer than that one.

An API acts at another API for the person who called it. Its token has the status index of the token that it was traded
for. So whatever ends that one ends this one, and no row is needed. The list that has the index is kept for as long as
its tokens live.

A personal access token has a grant, and what it is traded for has the index of that.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ..oauth.access_token import AccessToken, Authentication
from ..oauth.audiences import Audience
from ..oauth.status_list import StatusReference
from ..roles.held import HeldRoles
from ..store import identifiers
from .access_tokens import VerifiedToken
from .holders import Held
from .issuer import TokenIssuer
from .personal_tokens import PersonalToken

PERSONAL_MAX_TTL = timedelta(minutes=5)  # of what a personal access token is traded for, also if the API allows more


def issue_exchanged(
    issuer: TokenIssuer,
    subject: VerifiedToken,
    client_id: str,
    audience: Audience,
    scope: str,
    roles: HeldRoles,
    *,
    act: Mapping[str, Any] | None,
    jkt: str | None,
    now: datetime,
) -> tuple[str, int]:
    """The token of `client_id` for the subject of a token of a person, and its lifetime in seconds."""
    claims = subject.claims
    left = datetime.fromtimestamp(claims["exp"], UTC) - now.replace(microsecond=0)
    token = AccessToken(
        iss=issuer.issuer,
        sub=subject.sub,
        aud=audience.identifier,
        client_id=client_id,
        scope=scope,
        issued_at=now,
        ttl=min(issuer.ttl_of(audience), left),
        jti=identifiers.draw(),
        authentication=Authentication(
            claims.get("sid"), datetime.fromtimestamp(claims["auth_time"], UTC), claims["acr"], tuple(claims["amr"])
        ),
        roles=roles.at(audience.identifier),
        groups=roles.groups if audience.names_groups else (),
        status=StatusReference(claims["status"]["status_list"]["uri"], claims["status"]["status_list"]["idx"]),
        jkt=jkt,
        act=act,
    )
    return issuer.sign_access_token(token, audience), int(token.ttl.total_seconds())


def issue_for_personal(
    issuer: TokenIssuer,
    held: Held[PersonalToken],
    audience: Audience,
    scope: str,
    status: StatusReference,
    roles: HeldRoles,
    *,
    jkt: str | None,
    now: datetime,
) -> tuple[str, int]:
    """The access token that a personal access token is traded for, and its lifetime in seconds. It has no `sid`."""
    own = held.authorized
    left = timedelta(seconds=int((own.expires_at - now).total_seconds()))
    token = AccessToken(
        iss=issuer.issuer,
        sub=own.account_id,
        aud=audience.identifier,
        client_id=held.holder.grant.client_id,
        scope=scope,
        issued_at=now,
        ttl=min(issuer.ttl_of(audience), PERSONAL_MAX_TTL, left),
        jti=identifiers.draw(),
        authentication=Authentication(None, own.auth_time, own.acr, tuple(json.loads(own.amr))),
        roles=roles.at(audience.identifier),
        groups=roles.groups if audience.names_groups else (),
        status=status,
        jkt=jkt,
    )
    return issuer.sign_access_token(token, audience), int(token.ttl.total_seconds())
