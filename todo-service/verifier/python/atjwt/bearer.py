"""The bearer token of a request, what it must show, and the challenge in a refusal (RFC 6750, RFC 9470, RFC 9728).

Adapters share it: each framework only reads a header and writes a response in its own way.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from .access_token import AccessToken
from .policy import WhenStale
from .refusals import Refused
from .thread import VerifierThread
from .verifier import Verifier

RETRY_AFTER = "5"  # seconds, for a temporary refusal
METADATA_HEADERS = {"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=3600"}


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a valid token must show for a request: all of these scopes, all of these roles, a sign-in so recent.

    `max_age` is the time since the person's sign-in (`auth_time`). A service's token has none and always passes: the
    service authenticated itself to get it.
    """

    scopes: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    max_age: timedelta | None = None

    @classmethod
    def of(
        cls, scopes: Iterable[str], roles: Iterable[str] = (), max_age: timedelta | int | None = None
    ) -> "Requirement":
        """A requirement from words as a developer or an operator writes them. Each may hold several scopes.

        Args:
            max_age: a number is in seconds.

        Raises:
            ValueError: a scope has characters that RFC 6749 §3.3 does not allow, or `max_age` is not positive.
        """
        max_age = timedelta(seconds=max_age) if isinstance(max_age, int) else max_age
        found = frozenset(word for each in scopes for word in each.split(" ")) - {""}
        if not all("!" <= character <= "~" and character not in '"\\' for word in found for character in word):
            raise ValueError("a scope consists of printable ASCII without quotation marks and backslashes")
        if max_age is not None and max_age <= timedelta(0):
            raise ValueError("max_age is a positive time")
        return cls(found, frozenset(roles) - {""}, max_age)

    def joined(self, other: "Requirement") -> "Requirement":
        """Both requirements at once."""
        ages = [each for each in (self.max_age, other.max_age) if each is not None]
        return Requirement(self.scopes | other.scopes, self.roles | other.roles, min(ages) if ages else None)


class Denied(Exception):
    """A request that is not let through: its HTTP status, and the challenge that tells the client what to change.

    The text quotes nothing of the request. `error` is the code of RFC 6750 §3.1 or RFC 9470 §3. It is empty if the
    request has no token at all (§3.1), for a missing role and for a temporary refusal (503).
    """

    def __init__(self, status: int, text: str, error: str = "", **parameters: str) -> None:
        super().__init__(text)
        self.status, self.error = status, error
        self.parameters = parameters

    def challenge(self, resource_metadata: str = "") -> str | None:
        """The value of WWW-Authenticate; None if no other token would help, or the same one will later.

        Args:
            resource_metadata: the URL of the API's metadata (RFC 9728 §5.1), without quotation marks.
        """
        if self.status != 401 and not self.error:
            return None
        told = {"error": self.error, "error_description": str(self), **self.parameters} if self.error else {}
        if resource_metadata:
            told["resource_metadata"] = resource_metadata
        return "Bearer" + ",".join(f' {name}="{value}"' for name, value in told.items())


def metadata_path(audience: str) -> str:
    """The path of the API's metadata (RFC 9728 §3.1); empty if the audience is no URL."""
    resource = urlsplit(audience)
    is_url = resource.scheme in ("https", "http")
    return f"/.well-known/oauth-protected-resource{resource.path.rstrip('/')}" if is_url else ""


def metadata_url(audience: str) -> str:
    """The URL of the API's metadata, for challenges; empty if the audience is no URL."""
    resource, path = urlsplit(audience), metadata_path(audience)
    return f"{resource.scheme}://{resource.netloc}{path}" if path else ""


def metadata_of(verifier: Verifier, scopes: Iterable[str]) -> dict[str, object]:
    """The API's metadata (RFC 9728 §2), from which clients learn the issuer and the scopes."""
    return {
        "resource": verifier.audience,
        "authorization_servers": [verifier.issuer],
        "scopes_supported": sorted(scopes),
        "bearer_methods_supported": ["header"],
    }


def read_token(authorization: Sequence[str]) -> str:
    """The one token of the one Authorization header (RFC 6750 §2.1).

    Args:
        authorization: the values of all Authorization headers of the request.

    Raises:
        Denied: 401 without a token, 400 if the header is malformed.
    """
    if len(authorization) > 1:
        raise Denied(400, "There is more than one Authorization header.", "invalid_request")
    scheme, _, token = authorization[0].partition(" ") if authorization else ("", "", "")
    if scheme.lower() != "bearer":
        raise Denied(401, "Send an access token of the issuer as a bearer token.")
    token = token.strip(" ")
    if not token or " " in token or "," in token:
        raise Denied(400, "The Authorization header does not hold exactly one token.", "invalid_request")
    return token


async def admit(
    verifier: Verifier,
    authorization: Sequence[str],
    requirement: Requirement,
    *,
    when_stale: WhenStale | None = None,
) -> AccessToken:
    """The token of a request, verified (`Verifier.verify_or_wait`), that shows what is required.

    Raises:
        Denied
    """
    text = read_token(authorization)
    try:
        token = await verifier.verify_or_wait(text, when_stale=when_stale)
    except Refused as refused:
        raise denial_of(refused) from None
    require(verifier, token, requirement)
    return token


def admit_now(
    thread: VerifierThread,
    authorization: Sequence[str],
    requirement: Requirement,
    *,
    when_stale: WhenStale | None = None,
) -> AccessToken:
    """The same for a service without an event loop (`VerifierThread.verify`).

    Raises:
        Denied
    """
    text = read_token(authorization)
    try:
        token = thread.verify(text, when_stale=when_stale)
    except Refused as refused:
        raise denial_of(refused) from None
    require(thread.verifier, token, requirement)
    return token


def denial_of(refused: Refused) -> Denied:
    """The answer to a token that the verifier has refused."""
    if refused.is_temporary:
        return Denied(503, f"Try again later: {refused}.")
    return Denied(401, f"The token is refused: {refused}.", "invalid_token")


def require(verifier: Verifier, token: AccessToken, requirement: Requirement) -> None:
    """Raises Denied if the token does not show what is required.

    A missing scope is 403 `insufficient_scope`, with all scopes that the request needs. A missing role is 403 without a
    challenge, because no other scope would help. A sign-in that is too old is 401 (RFC 9470 §3).
    """
    if not requirement.scopes <= token.scope:
        scope = " ".join(sorted(requirement.scopes))
        raise Denied(403, f"The token needs the scope {scope}.", "insufficient_scope", scope=scope)
    if lacking := requirement.roles - token.roles:
        raise Denied(403, f"This needs the role {', '.join(sorted(lacking))}.")
    if requirement.max_age is not None and not verifier.has_recent_sign_in(token, requirement.max_age):
        seconds = str(int(requirement.max_age.total_seconds()))
        text = f"This needs a sign-in within the last {seconds} seconds."
        raise Denied(401, text, "insufficient_user_authentication", max_age=seconds)
