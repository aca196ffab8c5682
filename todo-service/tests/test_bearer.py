"""What adapters of atjwt share: the token of a request, what it must show, and the challenge (RFC 6750, 9470, 9728)."""

from datetime import timedelta

import pytest

from atjwt import AccessToken, Policy, Proof, Reason, Refused, Seams, Verifier
from atjwt.bearer import Denied, Requirement, Resource, Sent, denial_of, name_scheme, read_token, require

NOW = 1_800_000_000.0
STRICT = frozenset({"ES256", "PS256"})
VERIFIER = Verifier("https://id.example.com", "https://api.example.com", seams=Seams(clock=lambda: NOW))


def token(**changes: object) -> AccessToken:
    values: dict[str, object] = {"sub": "alice", "client_id": "web", "jti": "j", "iat": NOW, "exp": NOW + 300}
    values |= {"scope": frozenset({"read"}), "auth_time": NOW - 100, **changes}
    return AccessToken(**values)  # type: ignore[arg-type]  # a test's values


@pytest.mark.parametrize("values", [["Bearer abc"], ["bearer abc"], ["BEARER  abc "]], ids=str)
def test_a_token_stands_in_one_header_behind_the_scheme(values: list[str]) -> None:
    assert read_token(values) == ("abc", None)


@pytest.mark.parametrize(
    ("values", "status", "challenge"),
    [
        ([], 401, "Bearer"),
        (["Basic YTpi"], 401, "Bearer"),
        (["DPoP abc"], 401, "Bearer"),
        (["Bearer"], 400, 'Bearer error="invalid_request", error_description='),
        (["Bearer a b"], 400, 'Bearer error="invalid_request", error_description='),
        (["Bearer a,Bearer b"], 400, 'Bearer error="invalid_request", error_description='),
        (["Bearer a", "Bearer a"], 400, 'Bearer error="invalid_request", error_description='),
    ],
    ids=str,
)
def test_anything_else_is_refused_and_without_a_token_no_error_is_named(
    values: list[str], status: int, challenge: str
) -> None:
    with pytest.raises(Denied) as denied:
        read_token(values)
    assert denied.value.status == status
    assert (denied.value.challenge() or "").startswith(challenge)


@pytest.mark.parametrize("proofs", [[], ["a", "b"]], ids=["none", "two"])
def test_a_token_with_the_scheme_dpop_has_one_proof_beside_it(proofs: list[str]) -> None:
    """RFC 9449 §4.3, §7.1."""
    url = "https://api.example.com/billing/1"
    assert read_token(["dpop abc"], Sent("GET", url, ["p"])) == ("abc", Proof("p", "GET", url))
    with pytest.raises(Denied) as denied:
        read_token(["DPoP abc"], Sent("GET", url, proofs))
    assert (denied.value.status, denied.value.error) == (401, "invalid_dpop_proof")


@pytest.mark.parametrize(
    ("audience", "base_url", "url"),
    [
        ("https://api.example.com", "", "https://api.example.com/1"),
        ("https://api.example.com:8443/billing", "", "https://api.example.com:8443/1"),
        ("https://api.example.com", "https://edge.example.com/api", "https://edge.example.com/api/1"),
        ("billing", "https://edge.example.com", "https://edge.example.com/1"),
        ("billing", "", ""),
    ],
)
def test_the_url_of_a_request_has_the_origin_that_was_configured(audience: str, base_url: str, url: str) -> None:
    """Without one only bearer tokens are accepted."""
    resource = Resource(Verifier("https://id.example.com", audience), base_url)
    assert resource.url("/1") == url
    assert resource.sent("GET", "/a b/ü(1)", []).url == (url and f"{url[:-2]}/a%20b/%C3%BC(1)")
    if not url:
        with pytest.raises(Denied, match="as a bearer token"):
            read_token(["DPoP abc"], Sent("GET", url, ["p"]))


@pytest.mark.parametrize("kind", list(Reason), ids=str)
def test_what_is_temporary_is_503_and_everything_else_is_invalid_token(kind: Reason) -> None:
    refused = Refused(kind, "why")
    denied = denial_of(refused)
    if refused.is_temporary:
        assert (denied.status, denied.challenge()) == (503, None)
    else:
        error = "invalid_dpop_proof" if kind.startswith("proof-") else "invalid_token"
        assert (denied.status, denied.error) == (401, error)


@pytest.mark.parametrize(
    ("changes", "needed", "status", "parameters"),
    [
        ({}, Requirement(frozenset({"read"})), None, {}),
        ({}, Requirement(frozenset({"read", "pay"})), 403, {"scope": "pay read"}),
        ({}, Requirement(roles=frozenset({"admin"})), 403, {}),
        ({"roles": frozenset({"admin"})}, Requirement(roles=frozenset({"admin"})), None, {}),
        ({}, Requirement(max_age=timedelta(seconds=100)), None, {}),
        ({}, Requirement(max_age=timedelta(seconds=99)), 401, {"max_age": "99"}),
        ({"auth_time": None}, Requirement(max_age=timedelta(seconds=99)), 401, {"max_age": "99"}),
        ({"auth_time": NOW + 61}, Requirement(max_age=timedelta(seconds=99)), 401, {"max_age": "99"}),
        ({"sub": "web", "auth_time": None}, Requirement(max_age=timedelta(seconds=99)), None, {}),
    ],
    ids=range(9),  # a set's text differs between processes, and pytest-xdist compares ids
)
def test_a_token_must_show_every_scope_and_role_and_a_recent_sign_in(
    changes: dict[str, object], needed: Requirement, status: int | None, parameters: dict[str, str]
) -> None:
    if status is None:
        require(VERIFIER, token(**changes), needed)
        return
    with pytest.raises(Denied) as denied:
        require(VERIFIER, token(**changes), needed)
    assert (denied.value.status, denied.value.parameters) == (status, parameters)


def test_a_challenge_names_the_metadata_of_the_api() -> None:
    with pytest.raises(Denied) as denied:
        require(VERIFIER, token(), Requirement(frozenset({"pay"})))
    assert denied.value.challenge("https://api.example.com/m") == (
        'Bearer error="insufficient_scope", error_description="The token needs the scope pay.", '
        'scope="pay", resource_metadata="https://api.example.com/m"'
    )


def test_challenges_and_metadata_name_the_algorithms_that_count_for_proofs() -> None:
    """RFC 9449 §7.1, RFC 9728 §2."""
    strict = Verifier("https://id.example.com", "https://api.example.com", policy=Policy(proof_algorithms=STRICT))
    denied = Denied(401, "Bad proof.", "invalid_dpop_proof")
    name_scheme(denied, strict, ["DPoP abc"])
    challenge = denied.challenge() or ""
    assert (challenge.partition(" ")[0], 'algs="ES256 PS256"' in challenge) == ("DPoP", True)
    assert Resource(strict).metadata([])["dpop_signing_alg_values_supported"] == ["ES256", "PS256"]


def test_requirements_add_up() -> None:
    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    joined = Requirement.of(["read pay"], max_age=hour).joined(Requirement.of([], ["admin"], minute))
    assert joined == Requirement(frozenset({"read", "pay"}), frozenset({"admin"}), minute)


@pytest.mark.parametrize(
    ("scope", "max_age", "why"),
    [('a"b', None, "scope"), ("é", None, "scope"), ("a\\b", None, "scope"), ("a", 0, "max_age"), ("a", -1, "max_age")],
    ids=str,
)
def test_words_that_cannot_stand_in_a_challenge_are_refused(scope: str, max_age: float | None, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Requirement.of([scope], max_age=None if max_age is None else timedelta(seconds=max_age))
