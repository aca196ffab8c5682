"""The FAPI 2.0 Security Profile (final): `"profile": "fapi2"` sets what it asks of a client, and refuses the rest."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from .algorithms import ES256, PS256, SIGNED_RESPONSE_ALG, USERINFO_ALG
from .errors import InvalidClientMetadata
from .metadata_values import DPOP_BOUND, PRIVATE_KEY_JWT, PUSHED_REQUIRED, REQUEST_ALG

FAPI2 = "fapi2"
ALGORITHMS = (PS256, ES256)  # of everything that the client signs, and of its ID tokens (§5.4.1)
CODE_MAX_TTL = timedelta(seconds=60)  # §5.3.2.1

# Members with the values that the profile allows. The first is set where the metadata say nothing.
_MEMBERS: Mapping[str, tuple[object, ...]] = {
    "token_endpoint_auth_method": (PRIVATE_KEY_JWT,),
    PUSHED_REQUIRED: (True,),
    DPOP_BOUND: (True,),
    "require_pkce": (True,),
    SIGNED_RESPONSE_ALG: (ES256, PS256),
    USERINFO_ALG: (None, ES256, PS256),
    REQUEST_ALG: (None, ES256, PS256),
    "assertion_audience": (None,),
}


def apply_profile(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The members with those that the profile sets. Raises InvalidClientMetadata if one contradicts it."""
    profile = given.get("profile")
    if profile is None:
        return given
    if profile != FAPI2:
        raise InvalidClientMetadata(f"profile: supported is {FAPI2}.")
    for name, allowed in _MEMBERS.items():
        if given.get(name) not in (None, *allowed):
            told = " or ".join(str(value).lower() if value is True else str(value) for value in allowed if value)
            raise InvalidClientMetadata(f"{name}: with profile {FAPI2} it must be {told or 'left out'}.")
    return {**{name: allowed[0] for name, allowed in _MEMBERS.items() if allowed[0] is not None}, **given}
