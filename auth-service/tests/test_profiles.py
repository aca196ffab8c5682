"""Optional claims about people (OpenID Connect Core §5.1): given by an operator, and told under their scopes."""

import json
from typing import Any

import pytest

from auth_service.oauth.profile import InvalidProfile, parse_profile

from .browser import Browser
from .code_flow import METADATA, register_frontend, sign_up
from .conftest import Service
from .oauth_client import claims_of
from .test_userinfo import ask

EMAIL = "ann@example.com"
IDENTITY = {
    "given_name": "Ann", "family_name": "Lee", "middle_name": "M.", "nickname": "Annie", "gender": "female",
    "profile": "https://ann.example.com/about", "website": "https://ann.example.com/", "birthdate": "1990-12-31",
    "zoneinfo": "Europe/Berlin", "locale": "de-DE",
}  # fmt: skip
ADDRESS = {"street_address": "Hauptstr. 1\n2nd floor", "postal_code": "10115", "locality": "Berlin", "country": "DE"}
PHONE = {"phone_number": "+491701234567", "phone_number_verified": True}
PROFILE: dict[str, Any] = {**IDENTITY, "address": ADDRESS, **PHONE}

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown member": ({"shoe_size": "40"}, "'shoe_size': no such member"),
    "a claim that is kept elsewhere": ({"email": EMAIL}, "'email': no such member"),
    "a number for a name": ({"given_name": 1}, "given_name: must be a text"),
    "a long name": ({"given_name": "x" * 257}, "given_name: must have at most 256"),
    "a line break in a name": ({"nickname": "a\nb"}, "nickname: must not contain control"),
    "NUL": ({"family_name": "a\0"}, "family_name: must not contain control"),
    "a lone surrogate": ({"family_name": "\ud800"}, "family_name: must not contain control"),
    "a script as website": ({"website": "javascript:alert(1)"}, "website: must be an https URI"),
    "http": ({"profile": "http://ann.example.com"}, "profile: must be an https URI"),
    "a day that does not exist": ({"birthdate": "1990-02-30"}, "birthdate: must be like"),
    "a day in another order": ({"birthdate": "31.12.1990"}, "birthdate: must be like"),
    "digits of another script": ({"birthdate": "١٩٩٠"}, "birthdate: must be like"),
    "neither year nor day": ({"birthdate": "0000"}, "birthdate: must be like"),
    "a zone that is a path": ({"zoneinfo": "../etc/passwd"}, "zoneinfo: must be like"),
    "a locale with a space": ({"locale": "de DE"}, "locale: must be like"),
    "a number without its country": ({"phone_number": "0170 1234567"}, "phone_number: must be like"),
    "a number that nobody gave": ({"phone_number_verified": True}, "phone_number_verified: needs"),
    "text for a truth": ({"phone_number": "+491701234567", "phone_number_verified": "no"}, "phone_number_verified: mu"),
    "an address as a text": ({"address": "Hauptstr. 1"}, "address: must be an object"),
    "an unknown part of an address": ({"address": {"city": "Berlin"}}, "address: must be an object"),
    "a list in an address": ({"address": {"country": ["DE"]}}, "address.country: must be a text"),
    "lines in a place": ({"address": {"locality": "Berlin\nMitte"}}, "address.locality: must not contain control"),
    "a long address": ({"address": {"formatted": "a\n" * 200}}, "address.formatted: must have at most 256"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_client_could_use_is_refused(name: str) -> None:
    members, reason = REFUSED[name]
    with pytest.raises(InvalidProfile) as raised:
        parse_profile(members)
    assert str(raised.value).startswith(reason)


def test_what_is_empty_is_left_out() -> None:
    assert parse_profile({}) == {}
    empty = {"given_name": "", "website": "", "nickname": None, "address": {"country": "", "region": None}}
    assert parse_profile(empty) == {}
    assert parse_profile({"phone_number": "+4930123;ext=7"})["phone_number_verified"] is False
    assert [parse_profile({"birthdate": day})["birthdate"] for day in ("1990", "0000-02-29")] == ["1990", "0000-02-29"]


def give(service: Service, profile: object) -> dict[str, Any]:
    done = service.command("users", "set-profile", EMAIL, stdin=json.dumps(profile))
    assert done.returncode == 0, done.stderr
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


def test_clients_are_told_each_claim_under_its_scope_and_in_no_other_way(service: Service) -> None:
    """§5.4, §5.5. In ID tokens, too, unless the client wants them minimal."""
    scopes = {"profile": IDENTITY, "address": {"address": ADDRESS}, "phone": PHONE}
    registered = {"scope": f"openid {' '.join(scopes)} email"}
    person, client = sign_up(service), register_frontend(service, **registered)
    minimal = register_frontend(service, **registered, id_token_claims="minimal")
    assert json.loads(give(service, PROFILE)["profile"]) == PROFILE
    for scope, told in {"email": {}, **scopes}.items():
        tokens = client.tokens(person, f"openid {scope}")
        for claims in (claims_of(tokens["id_token"]), ask(service, tokens["access_token"]).json()):
            assert {name: value for name, value in claims.items() if name in PROFILE} == told
        assert not claims_of(minimal.tokens(person, f"openid {scope}")["id_token"]).keys() & PROFILE.keys()
    asked = '{"userinfo": {"phone_number": null, "address": {"essential": true}}}'
    named = ask(service, client.tokens(person, "openid", claims=asked)["access_token"]).json()
    assert named == {"sub": person.account_id, "phone_number": PHONE["phone_number"], "address": ADDRESS}
    withheld = register_frontend(service).tokens(person, "openid", claims=asked)
    assert ask(service, withheld["access_token"]).json().keys() == {"sub"}, "not registered for these scopes"


def test_claims_are_replaced_removed_exported_and_end_with_the_account(sqlite_service: Service) -> None:
    person = sign_up(sqlite_service)
    client = register_frontend(sqlite_service, **{**METADATA, "scope": "openid profile"})
    give(sqlite_service, PROFILE)
    browser = Browser(sqlite_service).open("/signin").sign_in()
    exported = browser.open("/account").press("export-form", "export").last.json()
    assert exported["account"]["profile"] == PROFILE
    give(sqlite_service, {"nickname": "Annie"})
    told = ask(sqlite_service, client.tokens(person, "openid profile")["access_token"]).json()
    assert told.keys() & PROFILE.keys() == {"nickname"}
    refused = sqlite_service.command("users", "set-profile", EMAIL, stdin='{"nickname": 1}')
    assert (refused.returncode, refused.stderr) == (1, "auth-service: nickname: must be a text\n")
    assert json.loads(sqlite_service.command("users", "show", EMAIL).stdout)["profile"] == '{"nickname": "Annie"}'
    assert "profile" not in give(sqlite_service, {})
    assert sqlite_service.rows("SELECT profile FROM accounts") == [(None,)]
