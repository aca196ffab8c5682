"""`issuer move`: after a change of AUTH_ISSUER clients, consents and refresh tokens go on for the new name."""

import json

from auth_service.commands.issuer import moved
from auth_service.oauth.metadata_values import TOKEN_EXCHANGE

from .code_flow import METADATA, Frontend, sign_up
from .conftest import ISSUER, Service, Start, Store
from .oauth_client import OAuthClient, claims_of, register

NEW = "https://id.example.com"
OFFLINE = "openid offline_access todos:read"


def move(store: Store, **changes: str) -> dict[str, int]:
    done = store.command("issuer", "move", ISSUER, "--yes", "--json", **{"AUTH_ISSUER": NEW} | changes)
    assert done.returncode == 0, done.stderr
    return {line["what"]: line["moved"] for line in map(json.loads, done.stdout.splitlines())}


def test_clients_consents_and_refresh_tokens_go_on_under_the_new_name(start: Start, database_url: str) -> None:
    before = start(database_url)
    api = f"{ISSUER}/api/v1"
    acting = {"protected_resource": api, "exchange": [{"resource": api, "scope": "todos:read"}]}
    both = ["client_credentials", TOKEN_EXCHANGE]
    ours = register(before, scope="todos:read", default_resource=api, grant_types=both, **acting)
    frontend = register(before, **METADATA, default_resource=f"{ISSUER}/api/v1", token_endpoint_auth_method="none")
    person = sign_up(before)
    tokens = Frontend(before, frontend.client_id).tokens(person, OFFLINE)
    for resource in (f"{ISSUER}/api/v1", ISSUER, "https://api.example.com"):
        consent(before, person.account_id, frontend.client_id, resource)
    consent(before, person.account_id, frontend.client_id, NEW, scope='["openid"]')  # given again since
    after = start(database_url, AUTH_ISSUER=NEW)
    old = OAuthClient(after, ours.client_id, ours.secret).token()
    assert claims_of(old.json()["access_token"])["aud"] == f"{ISSUER}/api/v1"

    told = move(after)
    assert (told["clients"], told["consents"], told["refresh_token_families"]) == (3, 1, 1)  # `web` too
    assert (told["resources"], told["resource_scopes"]) == (1, 2)
    assert set(move(after).values()) == {0}
    after = start(database_url, AUTH_ISSUER=NEW)
    own = OAuthClient(after, ours.client_id, ours.secret).token()
    assert (own.status_code, claims_of(own.json()["access_token"])["aud"]) == (200, f"{NEW}/api/v1")
    [[registered]] = after.rows(f"SELECT registered FROM clients WHERE client_id = '{ours.client_id}'")
    assert json.loads(registered)["exchange"] == [{"resource": f"{NEW}/api/v1", "scope": "todos:read"}]
    refreshed = Frontend(after, frontend.client_id).refresh(tokens["refresh_token"])
    assert refreshed.status_code == 200, refreshed.text
    claims = claims_of(refreshed.json()["access_token"])
    assert (claims["iss"], claims["aud"]) == (NEW, f"{NEW}/api/v1")
    assert sorted(after.rows("SELECT resource, scope FROM consents")) == [
        ("https://api.example.com", "[]"),
        (NEW, '["openid"]'),
        (f"{NEW}/api/v1", "[]"),
    ]


def test_only_our_own_names_move() -> None:
    """Codes and refresh tokens of several APIs hold their names separated by spaces."""
    several = "{0} {0}/mcp https://api.example.com"
    assert moved(several.format(ISSUER), ISSUER, NEW) == several.format(NEW)
    for foreign in (f"{ISSUER}.example.net/api", f"{ISSUER}1/api/v1", f"https://api.example.com/{ISSUER}"):
        assert moved(foreign, ISSUER, NEW) == foreign


def consent(service: Service, account_id: str, client_id: str, resource: str, scope: str = "[]") -> None:
    now = "'2026-01-01 00:00:00.000000'"
    values = f"'{account_id}', '{client_id}', '{resource}', '{scope}', {now}, {now}"
    columns = "account_id, client_id, resource, scope, created_at, updated_at"
    service.execute(f"INSERT INTO consents ({columns}) VALUES ({values})")


def test_what_is_no_issuer_of_before_is_refused(sqlite_service: Service) -> None:
    for old in (ISSUER, "http://localhost:8080/", "localhost", "http://localhost:8080/api/v1"):
        done = sqlite_service.command("issuer", "move", old, "--yes")
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
