"""Token exchange (RFC 8693): an API gets a token for another API, to act there for the person who called it.

`exchange` of a client's metadata has a rule for each API that it may act at, and only an operator sets it:

    "exchange": [{"resource": "https://api.example.com/billing", "scope": "billing:read"}]

Its token says who acts (`act`): delegation. With `"impersonation": true` in the rule it does not, and the API takes the
client for the person (RFC 8693 §1.1).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from . import scope as scopes
from .audiences import Resources
from .errors import InvalidClientMetadata, InvalidRequest, InvalidTarget, OAuthError
from .parameters import Parameters

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a type (RFC 8693 §3)
PERSONAL_TOKEN = "urn:x-auth-service:token-type:personal-access-token"  # noqa: S105 - a type, our own
MAX_ACTORS = 3  # nested in `act`
MAX_RULES = 32
_SHAPE = (
    'exchange: must be a list of objects, each with "resource" and "scope", '
    'and where it is meant with "impersonation": true.'
)


@dataclass(frozen=True)
class ExchangeRule:
    """An API at which the client may act for others, and the scopes that it may have there."""

    resource: str
    scopes: tuple[str, ...]
    is_impersonation: bool = False  # its tokens have no `act`

    def members(self) -> dict[str, str | bool]:
        told = {"impersonation": True} if self.is_impersonation else {}
        return {"resource": self.resource, "scope": " ".join(self.scopes), **told}

    @classmethod
    def restore(cls, members: Mapping[str, Any]) -> Self:
        return cls(members["resource"], tuple(members["scope"].split()), members.get("impersonation", False))


def read_rules(value: object, resources: Resources) -> tuple[ExchangeRule, ...]:
    """The rules of a client's metadata. Identity scopes are refused: they belong to no API.

    Raises:
        InvalidClientMetadata
    """
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MAX_RULES or not all(map(_has_shape, value)):
        raise InvalidClientMetadata(_SHAPE)
    rules = tuple(_read_rule(each, resources) for each in value)
    if len({rule.resource for rule in rules}) < len(rules):
        raise InvalidClientMetadata("exchange: a resource has one rule.")
    return rules


def _has_shape(rule: object) -> bool:
    """Whether it is a rule as on the wire. `impersonation` is a boolean and nothing that looks like one."""
    return (
        isinstance(rule, dict)
        and rule.keys() - {"impersonation"} == {"resource", "scope"}
        and all(isinstance(rule[name], str) for name in ("resource", "scope"))
        and isinstance(rule.get("impersonation", False), bool)
    )


def _read_rule(rule: Mapping[str, Any], resources: Resources) -> ExchangeRule:
    resource, scope = rule["resource"], rule["scope"]
    api = resources.find(resource)
    if api is None:
        known = ", ".join(each.resource for each in resources.registered) or "none; register the API first"
        raise InvalidClientMetadata(f"exchange: known resources are {known}.")
    try:
        return ExchangeRule(resource, scopes.parse(scope, tuple(api.scopes)), rule.get("impersonation", False))
    except OAuthError:
        told = " ".join(api.scopes) or "none"
        raise InvalidClientMetadata(f"exchange: the scopes of {resource} are {told}.") from None


def without(
    rules: Sequence[ExchangeRule], resource: str, lost: Collection[str], *, is_whole: bool
) -> tuple[ExchangeRule, ...]:
    """The rules that are left when an API, or some of its scopes, are removed."""
    left = (
        replace(rule, scopes=tuple(each for each in rule.scopes if each not in lost))
        for rule in rules
        if not (is_whole and rule.resource == resource)
    )
    return tuple(rule for rule in left if rule.scopes)


def check_form(parameters: Parameters, kind: str) -> None:
    """Raises InvalidRequest unless the request trades a token of this kind for an access token, without another actor.

    The actor is the client, which has authenticated. An actor_token could only name somebody else.
    """
    if parameters.require("subject_token_type") != kind:
        raise InvalidRequest(f"The subject_token_type must be {kind}.")
    if parameters.get("requested_token_type") not in (None, ACCESS_TOKEN):
        raise InvalidRequest(f"The requested_token_type must be {ACCESS_TOKEN}.")
    if parameters.get("actor_token") is not None or parameters.get("actor_token_type") is not None:
        raise InvalidRequest("The actor is the client: an actor_token is not supported.")


def choose_rule(rules: Sequence[ExchangeRule], parameters: Parameters) -> ExchangeRule:
    """The rule of the API that the request names by `resource` or `audience`; of the only rule, it may name none.

    Raises:
        InvalidTarget
    """
    audience = parameters.get("audience")
    asked = {*parameters.all("resource"), *(() if audience is None else (audience,))}
    chosen = [rule for rule in rules if rule.resource in asked or not asked]
    if len(asked) > 1 or len(chosen) != 1:
        known = ", ".join(rule.resource for rule in rules) or "none"
        raise InvalidTarget(f"Name one resource for which an operator lets this client exchange tokens: {known}.")
    return chosen[0]


def act_for(client_id: str, earlier: object) -> dict[str, Any]:
    """The claim `act` of the new token: the client, and whoever has acted before it (RFC 8693 §4.1).

    Only the subject and the current actor count for an API. The others are told for its log.

    Args:
        earlier: the claim `act` of the token that is traded, if it has one.

    Raises:
        InvalidRequest: the client has acted in this chain already, or the chain becomes too long.
    """
    chain = actors_of(earlier)
    if client_id in chain:
        raise InvalidRequest("This client has acted in this chain already.")
    if len(chain) >= MAX_ACTORS:
        raise InvalidRequest(f"At most {MAX_ACTORS} actors may follow each other.")
    return {"sub": client_id, **({} if earlier is None else {"act": earlier})}


def actors_of(act: object) -> list[str]:
    """The client_ids in `act`, the current one first."""
    found = []
    while isinstance(act, dict):
        found.append(str(act.get("sub")))
        act = act.get("act")
    return found
