"""Access tokens and ID tokens for the clients of this issuer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..accounts.accounts import Account
from ..clients.clients import WEB_CLIENT_ID
from ..grants.grants import Authorized
from ..keys import jws
from ..keys.ring import KeyRing
from ..oauth import access_token, claims, id_token
from ..oauth.access_token import AccessToken, Authentication
from ..oauth.audiences import Audience
from ..oauth.authentication_context import acr_of
from ..oauth.id_token import IdToken
from ..oauth.status_list import StatusReference
from ..roles.held import NOTHING, HeldRoles
from ..sessions.browser_sessions import BrowserSession
from ..store import identifiers
from .holders import Held


@dataclass(frozen=True)
class TokenIssuer:
    issuer: str
    access_token_ttl: timedelta
    id_token_ttl: timedelta
    keys: KeyRing

    def ttl_of(self, audience: Audience) -> timedelta:
        return audience.access_token_ttl or self.access_token_ttl

    def issue_for_session(
        self,
        account: Account,
        session: BrowserSession,
        audience: Audience,
        scope: str,
        status: StatusReference,
        roles: HeldRoles,
        *,
        now: datetime,
    ) -> str:
        """An access token for a signed-in person (RFC 9068 §2), for the client `web`.

        It names the session by id and not by its token, because the token could be used to end the session.
        """
        methods = session.methods
        authentication = Authentication(session.id, session.authenticated_at, acr_of(methods), methods)
        return self._issue(
            sub=account.id,
            audience=audience,
            client_id=WEB_CLIENT_ID,
            scope=scope,
            status=status,
            authentication=authentication,
            roles=roles,
            now=now,
        )

    def issue_for_client(
        self,
        client_id: str,
        audience: Audience,
        scope: str,
        status: StatusReference,
        roles: HeldRoles,
        *,
        jkt: str | None,
        now: datetime,
    ) -> str:
        """An access token for client_credentials: `sub` is the client_id (RFC 9068 §2.2)."""
        named: dict[str, Any] = {"sub": client_id, "client_id": client_id, "scope": scope, "roles": roles, "jkt": jkt}
        return self._issue(audience=audience, status=status, now=now, **named)

    def issue_for_grant(
        self,
        held: Held[Authorized],
        audience: Audience,
        scope: str,
        status: StatusReference,
        roles: HeldRoles,
        *,
        registered: tuple[str, ...],
        jkt: str | None,
        now: datetime,
    ) -> str:
        """An access token for a client that acts for a person (RFC 9068 §2).

        Args:
            jkt: the thumbprint of the key that it is bound to; None: a bearer token.
            registered: the scope that the client is registered for now. Claims that need another scope are left out.
        """
        given, grant = held.authorized, held.holder.grant
        asked = claims.asked_for(given.claims, claims.USERINFO, registered) if audience.opens_userinfo else ()
        return self._issue(
            sub=grant.account_id,
            audience=audience,
            client_id=grant.client_id,
            scope=scope,
            status=status,
            authentication=_authentication(held),
            userinfo_claims=asked,
            roles=roles,
            jkt=jkt,
            now=now,
        )

    def issue_id_token(
        self,
        held: Held[Authorized],
        access_token: str,
        *,
        nonce: str | None,
        person: Mapping[str, Any],
        alg: str | None,
        now: datetime,
    ) -> str:
        """An ID token issued with an access token.

        Args:
            alg: what the client registered for its ID tokens. None: RS256.
            person: claims about the person. OpenID Connect Core §5.4 would leave those of the scopes to userinfo, but
                most client libraries look nowhere else.
        """
        grant = held.holder.grant
        token = IdToken(
            iss=self.issuer,
            sub=grant.account_id,
            client_id=grant.client_id,
            issued_at=now,
            ttl=self.id_token_ttl,
            authentication=_authentication(held),
            nonce=nonce,
            at_hash=id_token.hash_token(access_token),
            person=person,
        )
        return self._sign(token.claims(), id_token.TYP, alg)

    def sign_userinfo(self, described: Mapping[str, Any], client_id: str, alg: str) -> str:
        """A userinfo response as a JWT (OpenID Connect Core §5.3.2).

        It has no `iat` and no `exp`, so nobody takes it for an ID token.
        """
        return self._sign({**described, "iss": self.issuer, "aud": client_id}, id_token.TYP, alg)

    def kid_for(self, audience: Audience) -> str:
        """The key that signs this audience's access tokens now."""
        return self.keys.current.signer(audience.signing_alg).kid

    def _issue(
        self,
        *,
        sub: str,
        audience: Audience,
        client_id: str,
        scope: str,
        status: StatusReference,
        authentication: Authentication | None = None,
        userinfo_claims: tuple[str, ...] = (),
        roles: HeldRoles = NOTHING,
        jkt: str | None = None,
        now: datetime,
    ) -> str:
        token = AccessToken(
            iss=self.issuer,
            sub=sub,
            aud=audience.identifier,
            client_id=client_id,
            scope=scope,
            issued_at=now,
            ttl=self.ttl_of(audience),
            jti=identifiers.draw(),
            authentication=authentication,
            userinfo_claims=userinfo_claims,
            roles=roles.at(audience.identifier),
            groups=roles.groups if audience.names_groups else (),
            status=status,
            jkt=jkt,
        )
        return self.sign_access_token(token, audience)

    def sign_access_token(self, token: AccessToken, audience: Audience) -> str:
        return self._sign(token.claims(), access_token.TYP, audience.signing_alg)

    def _sign(self, members: Mapping[str, Any], typ: str, alg: str | None) -> str:
        return jws.sign(members, typ=typ, by=self.keys.current.signer(alg))


def _authentication(held: Held[Authorized]) -> Authentication:
    given = held.authorized
    return Authentication(held.holder.grant.sid, given.auth_time, given.acr, tuple(json.loads(given.amr)))
