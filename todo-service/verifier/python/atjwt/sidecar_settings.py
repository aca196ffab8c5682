"""The sidecar's settings, from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from . import dpop
from .algorithms import ALGORITHMS
from .bearer import Requirement
from .policy import Policy, WhenStale
from .sidecar import Sidecar, read_requirement
from .verifier import Verifier

PREFIX = "ATJWT_"
HELP = {
    "ISSUER": "the issuer, as the `iss` of its tokens (required)",
    "AUDIENCE": "this API, as in the `aud` of its tokens (required)",
    "SCOPE": "scopes that every request needs, separated by spaces",
    "ROLE": "a role that every request needs",
    "MAX_AGE": "seconds since the person's sign-in, at most",
    "REACHED_AT": "the issuer's origin inside the network; http is allowed",
    "HINTS": "an address that tells at once which status list has changed",
    "SAVED": "a folder for copies of keys and lists, so that a restart needs no issuer",
    "ALGORITHMS": "some of ES256, PS256 and RS256 (default: all)",
    "PROOF_ALGORITHMS": "the same for DPoP proofs (default: all; FAPI 2.0 leaves RS256 out)",
    "REQUIRES_STATUS": "yes: a person's token must name a status list (default: no)",
    "WHEN_STALE": "accept or refuse tokens whose status list is too old (default: refuse)",
    "BASE_URL": "what stands before the path in the URLs of clients; turns DPoP on (the proxy needs more lines)",
    "RESOURCE_METADATA": "URL of the API's metadata (RFC 9728), for challenges",
    "HEADER_PREFIX": "prefix of the headers with claims (default: X-Auth-)",
    "ADDRESS": "where to listen (default: 127.0.0.1:9400)",
}


class InvalidSettings(Exception):
    """The text names each setting that is wrong, one per line."""


@dataclass(frozen=True)
class Listening:
    host: str
    port: int


def read_settings(environment: Mapping[str, str]) -> tuple[Sidecar, Listening]:
    """The sidecar, and where it listens. Empty variables count as not set.

    Raises:
        InvalidSettings
    """
    ours = {name: value for name, value in environment.items() if name.startswith(PREFIX) and value}
    given = {name.removeprefix(PREFIX): value for name, value in ours.items()}
    faults = [f"{PREFIX}{name}: unknown" for name in sorted(given.keys() - HELP.keys())]
    faults += [f"{PREFIX}{name}: missing" for name in ("ISSUER", "AUDIENCE") if name not in given]
    required = {name.lower(): [given[name]] for name in ("SCOPE", "ROLE", "MAX_AGE") if name in given}
    requirement = read_requirement(required)
    if requirement is None:
        faults.append(f"{PREFIX}SCOPE, {PREFIX}MAX_AGE: scopes are ASCII words, the age is in seconds")
    base_url = given.get("BASE_URL", "").rstrip("/")
    if base_url and not _is_base(base_url):
        faults.append(f"{PREFIX}BASE_URL: must be a URL of http or https without query and fragment")
    metadata, prefix = given.get("RESOURCE_METADATA", ""), given.get("HEADER_PREFIX", "X-Auth-")
    if not _is_one_line(metadata):
        faults.append(f"{PREFIX}RESOURCE_METADATA: must be a URL")
    if not prefix.isascii() or not prefix.replace("-", "").isalnum():
        faults.append(f"{PREFIX}HEADER_PREFIX: consists of letters, digits and -")
    host, _, port = given.get("ADDRESS", "127.0.0.1:9400").rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        faults.append(f"{PREFIX}ADDRESS: must be HOST:PORT")
    policy = _policy(given, faults)
    if faults:
        raise InvalidSettings("\n".join(faults))
    sidecar = Sidecar(
        _verifier(given, policy),
        requirement or Requirement(),
        metadata,
        prefix,
        base_url,
    )
    return sidecar, Listening(host.strip("[]"), int(port))


def _policy(given: Mapping[str, str], faults: list[str]) -> Policy:
    stale = given.get("WHEN_STALE", WhenStale.REFUSE)
    if stale not in list(WhenStale):
        faults.append(f"{PREFIX}WHEN_STALE: must be accept or refuse")
        stale = WhenStale.REFUSE
    requires = given.get("REQUIRES_STATUS", "no")
    if requires not in ("yes", "no"):
        faults.append(f"{PREFIX}REQUIRES_STATUS: must be yes or no")
    return Policy(
        leeway=timedelta(seconds=60),
        algorithms=_algorithms(given, "ALGORITHMS", faults),
        proof_algorithms=_algorithms(given, "PROOF_ALGORITHMS", faults),
        requires_status=requires == "yes",
        when_stale=WhenStale(stale),
    )


def _algorithms(given: Mapping[str, str], name: str, faults: list[str]) -> frozenset[str]:
    algorithms = frozenset(given.get(name, " ".join(ALGORITHMS)).split())
    if algorithms and algorithms <= ALGORITHMS:
        return algorithms
    faults.append(f"{PREFIX}{name}: must be some of {', '.join(sorted(ALGORITHMS))}")
    return ALGORITHMS


def _verifier(given: Mapping[str, str], policy: Policy) -> Verifier:
    try:
        return Verifier(
            given["ISSUER"],
            given["AUDIENCE"],
            policy=policy,
            reached_at=given.get("REACHED_AT"),
            hints=given.get("HINTS"),
            saved=Path(given["SAVED"]) if "SAVED" in given else None,
        )
    except ValueError as error:
        raise InvalidSettings(f"{PREFIX}ISSUER: {error}") from None


def _is_base(url: str) -> bool:
    try:
        return dpop.normalize(f"{url}/") != "" and not {"?", "#"} & set(url)
    except ValueError:
        return False


def _is_one_line(text: str) -> bool:
    return text.isascii() and text.isprintable() and '"' not in text and "\\" not in text
