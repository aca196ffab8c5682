"""Access tokens that an API gets for the person who called it, to act at another API (RFC 8693).

The new token has the status index of the token that it was traded for. So whatever ends that one ends this one, and no
row is needed. It never lives longer: the list that has the index is kept for as long as its tokens live.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ..oauth.access_token import AccessToken, Authentication
from ..oauth.audiences import Audience
from ..oauth.status_list import StatusReference
from ..roles.held import HeldRoles
from ..store import identifiers
from .access_tokens import VerifiedToken
from .issuer import TokenIssuer


def issue_exchanged(
    issuer: TokenIssuer,
    subject: VerifiedToken,
    client_id: str,
    audience: Audience,
    scope: str,
    roles: HeldRoles,
    *,
    act: Mapping[str, Any],
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
            claims["sid"], datetime.fromtimestamp(claims["auth_time"], UTC), claims["acr"], tuple(claims["amr"])
        ),
        roles=roles.at(audience.identifier),
        groups=roles.groups if audience.names_groups else (),
        status=StatusReference(claims["status"]["status_list"]["uri"], claims["status"]["status_list"]["idx"]),
        jkt=jkt,
        act=act,
    )
    return issuer.sign_access_token(token, audience), int(token.ttl.total_seconds())
