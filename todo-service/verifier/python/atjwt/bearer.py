"""The token of a request, what it must show, and the challenge in a refusal (RFC 6750, RFC 9449, RFC 9470, RFC 9728).

Adapters share it: each framework only reads headers and writes a response in its own way.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote, urlsplit

from .access_token import AccessToken
from .dpop import Proof
from .policy import WhenStale
from .refusals import Refused
from .thread import VerifierThread
from .verifier import Verifier

RETRY_AFTER = "5"  # seconds, for a temporary refusal
METADATA_HEADERS = {"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=3600"}
_UNESCAPED = "/:@!$&'()*+,;=~"  # of a path, beside letters, digits and -._ (RFC 3986 §3.3)


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


@dataclass(frozen=True, slots=True)
class Sent:
    """The request beside its Authorization header, for a token that is bound to a key (RFC 9449).

    `proofs` are the values of all DPoP headers. `url` is public: see `Resource.url`. An adapter that knows no URL gives
    none of this; then only bearer tokens are accepted.
    """

    method: str
    url: str
    proofs: Sequence[str]


class Denied(Exception):
    """A request that is not let through: its HTTP status, and the challenge that tells the client what to change.

    The text quotes nothing of the request. `error` is the code of RFC 6750 §3.1 or RFC 9470 §3. It is empty if the
    request has no token at all (§3.1), for a missing role and for a temporary refusal (503).
    """

    def __init__(self, status: int, text: str, error: str = "", **parameters: str) -> None:
        super().__init__(text)
        self.status, self.error = status, error
        self.parameters = parameters
        self.algorithms = ""  # those for DPoP proofs, separated by spaces, if the request had the scheme DPoP

    def challenge(self, resource_metadata: str = "") -> str | None:
        """The value of WWW-Authenticate; None if no other token would help, or the same one will later.

        Args:
            resource_metadata: the URL of the API's metadata (RFC 9728 §5.1), without quotation marks.
        """
        if self.status != 401 and not self.error:
            return None
        told = {"error": self.error, "error_description": str(self), **self.parameters} if self.error else {}
        if self.algorithms:
            told["algs"] = self.algorithms
        if resource_metadata:
            told["resource_metadata"] = resource_metadata
        return ("DPoP" if self.algorithms else "Bearer") + ",".join(
            f' {name}="{value}"' for name, value in told.items()
        )


@dataclass(frozen=True, slots=True)
class Resource:
    """The API that a verifier protects, as its clients see it (RFC 9728).

    Args:
        base_url: what stands before the path in the URLs that clients use, for DPoP (RFC 9449), without a slash at its
            end. Empty: the origin of the audience. The Host header is never used: whoever replays a proof can choose
            that.
    """

    verifier: Verifier
    base_url: str = ""

    @property
    def metadata_path(self) -> str:
        """The path of the API's metadata (RFC 9728 §3.1); empty if the audience is no URL."""
        resource = urlsplit(self.verifier.audience)
        is_url = resource.scheme in ("https", "http")
        return f"/.well-known/oauth-protected-resource{resource.path.rstrip('/')}" if is_url else ""

    @property
    def metadata_url(self) -> str:
        """The URL of the API's metadata, for challenges; empty if the audience is no URL."""
        return self._origin + self.metadata_path

    @property
    def _origin(self) -> str:
        resource = urlsplit(self.verifier.audience)
        return f"{resource.scheme}://{resource.netloc}" if resource.scheme in ("https", "http") else ""

    def metadata(self, scopes: Iterable[str]) -> dict[str, object]:
        """The API's metadata (RFC 9728 §2), from which clients learn the issuer and the scopes."""
        return {
            "resource": self.verifier.audience,
            "authorization_servers": [self.verifier.issuer],
            "scopes_supported": sorted(scopes),
            "bearer_methods_supported": ["header"],
            "dpop_signing_alg_values_supported": sorted(self.verifier.policy.proof_algorithms),
        }

    def url(self, path: str) -> str:
        """The URL of a request, as its client knows it; empty if that is not known. `path` is escaped."""
        base_url = self.base_url or self._origin
        return base_url + path if base_url else ""

    def sent(self, method: str, path: str, proofs: Sequence[str]) -> Sent:
        """What a DPoP proof must be for. `path` is not escaped, as frameworks give it; escapes in it are lost."""
        return Sent(method, self.url(quote(path, safe=_UNESCAPED)), proofs)

    def headers(self, denied: Denied) -> dict[str, str]:
        """The headers of a refusal: its challenge, or when to try again."""
        challenge = denied.challenge(self.metadata_url)
        headers = {} if challenge is None else {"WWW-Authenticate": challenge}
        return headers | ({"Retry-After": RETRY_AFTER} if denied.status == 503 else {})


def refuse_in_query(names: Container[str]) -> None:
    """Raises Denied if a token stands in the address, where it ends up in logs (RFC 9700 §4.3.2)."""
    if "access_token" in names:
        raise Denied(400, "Send the token in the Authorization header.", "invalid_request")


def read_token(authorization: Sequence[str], sent: Sent | None = None) -> tuple[str, Proof | None]:
    """The one token of the one Authorization header (RFC 6750 §2.1), and its proof (RFC 9449 §7.1) or None.

    Args:
        authorization: the values of all Authorization headers of the request.

    Raises:
        Denied: 401 without a token or without its proof, 400 if the header is malformed.
    """
    if len(authorization) > 1:
        raise Denied(400, "There is more than one Authorization header.", "invalid_request")
    scheme, _, token = authorization[0].partition(" ") if authorization else ("", "", "")
    is_bound = scheme.lower() == "dpop" and sent is not None and sent.url != ""
    if scheme.lower() != "bearer" and not is_bound:
        raise Denied(401, "Send an access token of the issuer as a bearer token.")
    token = token.strip(" ")
    if not token or " " in token or "," in token:
        raise Denied(400, "The Authorization header does not hold exactly one token.", "invalid_request")
    if sent is None or not is_bound:
        return token, None
    if len(sent.proofs) != 1:
        raise Denied(401, "A token with the scheme DPoP needs exactly one DPoP header.", "invalid_dpop_proof")
    return token, Proof(sent.proofs[0], sent.method, sent.url)


async def admit(
    verifier: Verifier,
    authorization: Sequence[str],
    requirement: Requirement,
    *,
    sent: Sent | None = None,
    when_stale: WhenStale | None = None,
) -> AccessToken:
    """The token of a request, verified (`Verifier.verify_or_wait`), that shows what is required.

    Raises:
        Denied
    """
    with _denying(verifier, authorization):
        text, proof = read_token(authorization, sent)
        token = await verifier.verify_or_wait(text, proof=proof, when_stale=when_stale)
        require(verifier, token, requirement)
    return token


def admit_now(
    thread: VerifierThread,
    authorization: Sequence[str],
    requirement: Requirement,
    *,
    sent: Sent | None = None,
    when_stale: WhenStale | None = None,
) -> AccessToken:
    """The same for a service without an event loop (`VerifierThread.verify`).

    Raises:
        Denied
    """
    with _denying(thread.verifier, authorization):
        text, proof = read_token(authorization, sent)
        token = thread.verify_with(text, proof, when_stale)
        require(thread.verifier, token, requirement)
    return token


@contextmanager
def _denying(verifier: Verifier, authorization: Sequence[str]) -> Iterator[None]:
    """Makes a denial of each refusal, with a challenge for the scheme of the request."""
    try:
        try:
            yield
        except Refused as refused:
            raise denial_of(refused) from None
    except Denied as denied:
        name_scheme(denied, verifier, authorization)
        raise


def name_scheme(denied: Denied, verifier: Verifier, authorization: Sequence[str]) -> None:
    """Let the challenge be one for DPoP if the request has that scheme (RFC 9449 §7.1) and its token was read."""
    if denied.error and [value.partition(" ")[0].lower() for value in authorization] == ["dpop"]:
        denied.algorithms = " ".join(sorted(verifier.policy.proof_algorithms))


def denial_of(refused: Refused) -> Denied:
    """The answer to a token that the verifier has refused."""
    if refused.is_temporary:
        return Denied(503, f"Try again later: {refused}.")
    return Denied(401, f"The token is refused: {refused}.", refused.error)


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
