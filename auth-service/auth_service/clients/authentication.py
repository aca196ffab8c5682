"""Client authentication (RFC 6749 §2.3, RFC 7523 §2.2). A client may use only its registered method.

HTTP Basic and the form are two spellings of one method, the secret: whichever of them a client registered, it may use
the other, since many client libraries have no choice.
"""

from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..oauth import client_assertion, fapi2
from ..oauth.client_assertion import ASSERTION_TYPE
from ..oauth.compact_jwt import InvalidJwt
from ..oauth.errors import InvalidClient, InvalidRequest
from ..oauth.metadata_values import (
    CLIENT_SECRET_BASIC,
    CLIENT_SECRET_POST,
    NONE,
    PRIVATE_KEY_JWT,
    SECRET_METHODS,
    TOKEN_ENDPOINT,
    WORKLOAD_JWT,
)
from ..oauth.parameters import Parameters, decode_form_text
from .assertions import AssertionVerifier
from .cache import ClientCache
from .clients import WEB_CLIENT_ID, Client

DIFFERS = "The parameter client_id differs from the one in the client authentication."
FindClient = Callable[[str], Awaitable[Client | None]]
UNREADABLE_BASIC = (
    "The Basic credentials are not readable: client_id and client_secret are each form-encoded, joined by a colon, and "
    "encoded in Base64."
)


@dataclass(frozen=True)
class Credentials:
    """The credentials of a request: one method, a client_id, and the secret or assertion ("" for a public client)."""

    method: str
    client_id: str
    secret_or_assertion: str


def read_credentials(authorization: Sequence[str], parameters: Parameters) -> Credentials:
    """Read the credentials of a request.

    A client_id alone is the method `none`, of a public client (RFC 6749 §3.2.1). So is Basic with an empty secret:
    some libraries send that for such a client.

    Raises:
        InvalidRequest: the request uses more than one method (RFC 6749 §2.3), or one incompletely.
        InvalidClient: the request has no credentials, or they cannot be parsed.
    """
    secret, assertion = parameters.get("client_secret"), parameters.get("client_assertion")
    is_asserted = assertion is not None or parameters.get("client_assertion_type") is not None
    if len(authorization) + (secret is not None) + is_asserted > 1:
        raise InvalidRequest("The request uses more than one client authentication method.")
    if authorization:
        found = _read_basic(authorization[0])
    elif is_asserted:
        found = _read_assertion(parameters)
    elif secret is not None:
        found = Credentials(CLIENT_SECRET_POST, parameters.require("client_id"), secret)
    elif parameters.get("client_id") is not None:
        found = Credentials(NONE, parameters.require("client_id"), "")
    else:
        raise InvalidClient("The request has neither client authentication nor a client_id.")
    if parameters.get("client_id") not in (None, found.client_id):
        raise InvalidRequest(DIFFERS)
    return found


def _read_basic(authorization: str) -> Credentials:
    """Read HTTP Basic (RFC 7617 §2). Both halves are form-encoded before they are joined (RFC 6749 §2.3.1)."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClient("The Authorization header of a client must be Basic.")
    try:
        name, separator, secret = b64decode(encoded.strip(" ").encode("ascii"), validate=True).partition(b":")
        method = CLIENT_SECRET_BASIC if secret else NONE
        found = Credentials(method, decode_form_text(name), decode_form_text(secret))
    except (NotBase64, ValueError) as error:
        raise InvalidClient(UNREADABLE_BASIC) from error
    if not separator or not name:
        raise InvalidClient(UNREADABLE_BASIC)
    return found


def _is_same_method(shown: str, registered: str) -> bool:
    return shown == registered or (shown in SECRET_METHODS and registered in SECRET_METHODS)


def _read_assertion(parameters: Parameters) -> Credentials:
    assertion = parameters.require("client_assertion")
    if parameters.require("client_assertion_type") != ASSERTION_TYPE:
        raise InvalidClient(f"The client_assertion_type must be {ASSERTION_TYPE}.")
    try:
        subject, named = client_assertion.read_client_id(assertion), parameters.get("client_id")
    except InvalidJwt as error:
        raise InvalidClient(f"The client_assertion is refused: {error}.") from error
    if named not in (None, subject):  # a platform's token: its subject is the platform's name for the client
        return Credentials(WORKLOAD_JWT, parameters.require("client_id"), assertion)
    return Credentials(PRIVATE_KEY_JWT, subject, assertion)


@dataclass(frozen=True)
class ClientAuthenticator:
    issuer: str
    cache: ClientCache
    verifier: AssertionVerifier

    async def authenticate(
        self,
        authorization: Sequence[str],
        parameters: Parameters,
        *,
        find: FindClient | None = None,
        now: datetime,
    ) -> Client:
        """Authenticate the client of a request.

        Args:
            find: how the client is found; None: in the database. It may raise an OAuthError.

        Raises:
            InvalidRequest, InvalidClient: as in `read_credentials`.
            InvalidClient: the client is unknown, its method is not the registered one, or its credentials are wrong.
                The description says which: a client_id is no secret, and any request to /oauth/authorize tells which
                exist.
        """
        shown = read_credentials(authorization, parameters)
        client = await (find(shown.client_id) if find else self.cache.find(shown.client_id, now=now))
        if client is None or client.client_id == WEB_CLIENT_ID:  # its tokens come from sessions only
            raise InvalidClient("No client with this client_id is registered.")
        registered = client.registration.token_endpoint_auth_method
        if shown.method == WORKLOAD_JWT and registered != WORKLOAD_JWT:
            raise InvalidRequest(DIFFERS)
        if not _is_same_method(shown.method, registered):
            raise InvalidClient(
                f"This client is registered for {registered}, and the request uses {shown.method}.",
                client_id=client.client_id,
            )
        if shown.method == PRIVATE_KEY_JWT:
            await self._verify(shown.secret_or_assertion, client, now)
        elif shown.method == WORKLOAD_JWT:
            await self._verify_workload(shown.secret_or_assertion, client, now)
        elif shown.method != NONE and not client.has_secret(shown.secret_or_assertion, now=now):
            raise InvalidClient("The client_secret is wrong.", client_id=client.client_id)
        return client

    def _audiences(self, client: Client) -> Sequence[str]:
        """The issuer, and for clients whose operator said so the token endpoint too (OpenID Connect Core §9)."""
        takes_endpoint = client.registration.assertion_audience == TOKEN_ENDPOINT
        return (self.issuer, f"{self.issuer}/oauth/token") if takes_endpoint else (self.issuer,)

    async def _verify(self, text: str, client: Client, now: datetime) -> None:
        try:
            is_strict = client.registration.is_fapi2
            assertion = client_assertion.parse(
                text,
                audiences=self._audiences(client),
                algorithms=fapi2.ALGORITHMS if is_strict else client_assertion.ALGORITHMS,
                takes_list=not is_strict,
                now=now,
            )
            await self.verifier.verify(assertion, client, now=now)
        except InvalidJwt as error:
            reason = f"The client_assertion is refused: {error}."
            raise InvalidClient(reason, client_id=client.client_id) from error

    async def _verify_workload(self, text: str, client: Client, now: datetime) -> None:
        try:
            await self.verifier.verify_workload(text, client, now=now)
        except InvalidJwt as error:
            reason = f"The platform's token is refused: {error}."
            raise InvalidClient(reason, client_id=client.client_id) from error
