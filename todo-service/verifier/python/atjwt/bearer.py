"""The bearer token of a request, what it must show, and the challenge in a refusal (RFC 6750, RFC 9470, RFC 9728).

Pure functions and values, for adapters: each framework reads a header and writes a response in its own way.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .access_token import AccessToken
from .refusals import Refused

RETRY_AFTER = "2"  # seconds, like the interval between polls of the status lists
LEEWAY = 60.0  # seconds that a person's sign-in may lie in the future: two clocks differ


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a valid token must show for a request: all of these scopes, all of these roles, a sign-in so recent.

    `max_age` is in seconds since the person's sign-in (`auth_time`). A service's token has none and always passes: the
    service authenticated itself to get it.
    """

    scopes: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    max_age: float | None = None

    def joined(self, other: "Requirement") -> "Requirement":
        """Both requirements at once."""
        ages = [each for each in (self.max_age, other.max_age) if each is not None]
        return Requirement(self.scopes | other.scopes, self.roles | other.roles, min(ages) if ages else None)


class Denied(Exception):
    """A request that is not let through: its HTTP status, and the challenge that tells the client what to change.

    The text quotes nothing of the request. `error` is the code of RFC 6750 §3.1 or RFC 9470 §3; empty if the request
    has no token at all (RFC 6750 §3.1), and for a temporary refusal (503).
    """

    def __init__(self, status: int, text: str, error: str = "", **parameters: str) -> None:
        super().__init__(text)
        self.status, self.error = status, error
        self.parameters = parameters

    def challenge(self, resource_metadata: str = "") -> str | None:
        """The value of WWW-Authenticate; None for a temporary refusal.

        Args:
            resource_metadata: the URL of the API's metadata (RFC 9728 §5.1), without quotation marks.
        """
        if self.status >= 500:
            return None
        told = {"error": self.error, "error_description": str(self), **self.parameters} if self.error else {}
        if resource_metadata:
            told["resource_metadata"] = resource_metadata
        return "Bearer" + ",".join(f' {name}="{value}"' for name, value in told.items())


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


def denial_of(refused: Refused) -> Denied:
    """The answer to a token that the verifier has refused."""
    if refused.is_temporary:
        return Denied(503, f"Try again later: {refused}.")
    return Denied(401, f"The token is refused: {refused}.", "invalid_token")


def require(token: AccessToken, requirement: Requirement, *, now: float) -> None:
    """Raises Denied if the token does not show what is required.

    A missing scope is 403 `insufficient_scope`, with all scopes that the request needs. A missing role is 403 without
    a scope, as no other token of the person would help. A sign-in that is too old is 401 (RFC 9470 §3).
    """
    if not requirement.scopes <= token.scope:
        scope = " ".join(sorted(requirement.scopes))
        raise Denied(403, "The token does not have the scope that is needed.", "insufficient_scope", scope=scope)
    if not requirement.roles <= token.roles:
        raise Denied(403, "The token does not have the role that is needed.", "insufficient_scope")
    if requirement.max_age is not None and not token.is_of_service:
        age = math.inf if token.auth_time is None else now - token.auth_time
        if not -LEEWAY <= age <= requirement.max_age:
            raise Denied(
                401,
                "This needs a more recent sign-in.",
                "insufficient_user_authentication",
                max_age=str(int(requirement.max_age)),
            )


def requirement_of(scopes: Iterable[str], roles: Iterable[str] = (), max_age: float | None = None) -> Requirement:
    """A requirement from words as a developer or an operator writes them.

    Raises:
        ValueError: a scope has characters that RFC 6749 §3.3 does not allow, or `max_age` is not positive.
    """
    found = frozenset(word for each in scopes for word in each.split(" ")) - {""}
    if not all("!" <= character <= "~" and character not in '"\\' for word in found for character in word):
        raise ValueError("a scope consists of printable ASCII without quotation marks and backslashes")
    if max_age is not None and not 0 < max_age < math.inf:
        raise ValueError("max_age is a positive number of seconds")
    return Requirement(found, frozenset(roles) - {""}, max_age)
