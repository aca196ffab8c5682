"""GET /token and the key set: access tokens as RFC 9068 has them (rules S1 and S18 of RULES.md)."""

import jwt

from .conftest import ISSUER, Service, Start

PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


def key_of(service: Service, token: str, path: str = "/jwks") -> jwt.PyJWK:
    kid = jwt.get_unverified_header(token)["kid"]
    [key] = [key for key in service.client().get(path).json()["keys"] if key["kid"] == kid]
    return jwt.PyJWK(key)


def test_an_access_token_says_exactly_what_the_contract_says(service: Service) -> None:
    service.clock.stop()
    client = service.signed_up()
    session = client.get("/get-session").json()
    token = client.get("/token").json()["token"]
    header = jwt.get_unverified_header(token)
    assert (header["typ"], header["alg"], set(header)) == ("at+jwt", "RS256", {"typ", "alg", "kid"})
    audience = f"{ISSUER}/api/v1"
    claims = jwt.decode(token, key_of(service, token), algorithms=["RS256"], audience=audience, issuer=ISSUER)
    expected = {
        "iss": ISSUER,
        "aud": audience,
        "sub": session["user"]["id"],
        "client_id": "web",
        "scope": "todos:read todos:write",
        "sid": session["session"]["id"],
        "acr": "aal1",
        "amr": ["pwd"],
    }
    assert claims | expected == claims
    assert claims["exp"] - claims["iat"] == 300
    assert claims["auth_time"] == claims["iat"]
    assert set(claims) == set(expected) | {"iat", "exp", "jti", "auth_time", "status"}


def test_a_token_never_holds_the_session_handle(service: Service) -> None:
    client = service.signed_up()
    token = client.get("/token").json()["token"]
    handle = client.get("/get-session").json()["session"]["token"]
    assert handle not in str(jwt.decode(token, options={"verify_signature": False}))


def test_get_session_hands_out_an_access_token_too(sqlite_service: Service) -> None:
    client = sqlite_service.signed_up()
    response = client.get("/get-session")
    token = response.headers["set-auth-jwt"]
    jwt.decode(token, key_of(sqlite_service, token), algorithms=["RS256"], audience=f"{ISSUER}/api/v1")
    assert "set-auth-jwt" in response.headers["access-control-expose-headers"]


def test_auth_time_stays_that_of_the_sign_in(sqlite_service: Service) -> None:
    """RFC 9068 §2.2.1."""
    client = sqlite_service.signed_up()
    first = jwt.decode(client.get("/token").json()["token"], options={"verify_signature": False})
    sqlite_service.clock.advance(days=2)
    later = jwt.decode(client.get("/token").json()["token"], options={"verify_signature": False})
    assert later["auth_time"] == first["auth_time"]
    assert later["iat"] >= first["iat"] + 172_800
    assert later["jti"] != first["jti"]


def test_the_key_set_is_the_same_in_both_places_and_public(start: Start, database_url: str) -> None:
    """RFC 7517 §5: the set has the signing key and its spare."""
    service = start(database_url)  # of its own: other tests bring other algorithms into use
    with service.client() as client:
        well_known = client.get(f"{service.url}/.well-known/jwks.json")
        assert client.get("/jwks").json() == well_known.json()
    keys = well_known.json()["keys"]
    assert [key.get("signs") for key in keys] == [None, None, "statuslist+jwt", "statuslist+jwt"]
    for key in keys:
        assert set(key) - {"signs"} == {"kty", "use", "alg", "kid", "n", "e"}
        assert not PRIVATE_MEMBERS & set(key)


def test_the_key_set_is_cacheable_and_revalidates(sqlite_service: Service) -> None:
    """RFC 9110 §13.1.2."""
    client = sqlite_service.client()
    url = f"{sqlite_service.url}/.well-known/jwks.json"
    first = client.get(url)
    assert first.headers["cache-control"] == "public, max-age=60, s-maxage=5, stale-if-error=86400"
    etag = first.headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}'):
        again = client.get(url, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert client.get(url, headers={"If-None-Match": '"other"'}).status_code == 200
    assert client.get(url, headers={"If-None-Match": "*"}).status_code == 304
