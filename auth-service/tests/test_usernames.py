"""User names: given by an operator, told to clients, and never given to another account."""

import json
from asyncio import gather

import pytest

from auth_service.accounts.usernames import UsernameTaken, set_username
from auth_service.oauth.names import NotAName
from auth_service.oauth.usernames import fold_username, parse_username
from auth_service.store.database import Database

from .code_flow import register_backend, register_frontend, sign_up
from .conftest import Service
from .oauth_client import claims_of
from .test_introspect_and_revoke import introspect
from .test_userinfo import ask

ALLOWED = "must consist of letters, digits, '.', '_' and '-'"
ENDS = "must begin and end with a letter or a digit"
REFUSED = {
    "empty": ("", "must have 1 to 64 characters"),
    "65 characters": ("x" * 65, "must have at most 64 characters"),
    "longer after normalization": ("\u3300" * 17, "must have 1 to 64 characters"),
    "an address": ("ann@example.com", ALLOWED),
    "a full-width @": ("ann\uff20example.com", ALLOWED),
    "a space": ("ann b", ALLOWED),
    "a space around it": (" ann", ALLOWED),
    "a no-break space": ("ann\u00a0b", ALLOWED),
    "a slash": ("ann/b", ALLOWED),
    "a line break": ("ann\n", ALLOWED),
    "NUL": ("an\0n", ALLOWED),
    "a lone surrogate": ("ann\udc80", ALLOWED),
    "a zero width joiner": ("an\u200dn", ALLOWED),
    "right-to-left override": ("ann\u202e", ALLOWED),
    "a variation selector": ("ann\ufe0f", ALLOWED),
    "a Hangul filler": ("ann\u3164", ALLOWED),
    "markup": ("<b>ann</b>", ALLOWED),
    "an option": ("-ann", ENDS),
    "a dot first": (".ann", ENDS),
    "a dot last": ("ann.", ENDS),
    "a mark first": ("\u0301ann", ENDS),
}
SAME = {
    "case": ("Ann", "aNN"),
    "full-width letters": ("ann", "\uff41\uff4e\uff4e"),
    "a ligature": ("office", "o\ufb03ce"),
    "sharp s": ("strasse", "Stra\u00dfe"),
    "composed and decomposed": ("Zo\u00eb", "zoe\u0308"),
    "final sigma": ("\u03c3\u03bf\u03c6\u03bf\u03c2", "\u03a3\u039f\u03a6\u039f\u03a3"),
    "the Kelvin sign": ("kelvin", "\u212aelvin"),
    "an iota below": ("\u1fb3\u0301x", "\u1fb4x"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_user_name_is_refused(name: str) -> None:
    text, reason = REFUSED[name]
    with pytest.raises(NotAName, match=reason.replace(".", r"\.")):
        parse_username(text)


@pytest.mark.parametrize("text", ["a", "Ann.B_c-d9", "x" * 64, "李", "zoe\u0308", "\u0915\u093f\u0930\u0923"])
def test_letters_of_any_script_make_a_user_name(text: str) -> None:
    assert fold_username(parse_username(text)) == fold_username(parse_username(parse_username(text).upper()))


@pytest.mark.parametrize("name", SAME)
def test_spellings_of_one_name_are_the_same(name: str) -> None:
    one, other = map(parse_username, SAME[name])
    assert fold_username(one) == fold_username(other)


def give(service: Service, who: str, *arguments: str) -> str:
    """The reason why the command refuses; "" if it is done."""
    done = service.command("users", "set-username", who, *arguments)
    assert (done.returncode == 0) is (done.stderr == ""), done
    return done.stderr.removeprefix("auth-service: ").strip()


def test_clients_are_told_the_user_name_and_else_the_address(service: Service) -> None:
    """OpenID Connect Core §5.1, RFC 7662 §2.2. The address only with the scope `email`, the user name without it."""
    person, client = sign_up(service), register_backend(service)

    def told(scope: str) -> list[str | None]:
        tokens = client.tokens(person, scope)
        token = tokens["access_token"]
        claims = claims_of(tokens["id_token"]), ask(service, token).json()
        named = [each.get("preferred_username") for each in claims]
        introspected = [introspect(client, each).get("username") for each in (token, tokens["refresh_token"])]
        return [*named, *introspected]

    assert told("openid profile") == [None] * 4
    assert told("openid profile email") == ["ann@example.com"] * 4
    assert give(service, "ann@example.com", "Ann.B") == ""
    assert told("openid profile") == told("openid profile email") == ["Ann.B"] * 4
    assert told("openid email") == [None] * 4
    assert give(service, person.account_id, "--remove") == ""
    assert told("openid profile email") == ["ann@example.com"] * 4


def test_a_user_name_is_never_given_to_another_account(service: Service) -> None:
    """Neither while one has it, nor after it was changed, nor after the account was deleted."""
    for who in ("ann", "eve"):
        service.signed_up(f"{who}@example.com")
    ann, eve = "ann@example.com", "eve@example.com"
    taken = "the user name {!r} belongs to another account, or did so"
    assert give(service, ann, "Ann") == ""
    assert give(service, eve, "\uff21NN") == taken.format("ANN")
    assert give(service, ann, "annie") == ""
    assert give(service, eve, "ann") == taken.format("ann")
    assert give(service, ann, "ANN") == "", "the account itself gets it back"
    assert service.command("users", "delete", ann, "--yes").returncode == 0
    assert give(service, eve, "annie") == taken.format("annie")
    assert give(service, eve, "Ann") == taken.format("Ann")
    assert service.rows("SELECT username FROM accounts") == [(None,)]
    assert "ann" not in str(service.rows("SELECT username_hash FROM given_usernames")), "no list of deleted people"


def test_of_two_accounts_at_once_one_gets_the_name(service: Service) -> None:
    ids = [person.account_id for person in (sign_up(service), sign_up(service, "eve@example.com"))]

    async def give_one(database: Database, account_id: str) -> bool:
        try:
            await database.transact(set_username, account_id, "ann", now=service.clock())
        except UsernameTaken:
            return False
        return True

    async def give_both(database: Database) -> list[bool]:
        return await gather(*(give_one(database, account_id) for account_id in ids))

    assert sorted(service.do(give_both)) == [False, True]
    assert service.rows("SELECT count(*) FROM accounts WHERE username = 'ann'") == [(1,)]


def test_operators_see_and_find_user_names(sqlite_service: Service) -> None:
    person = sign_up(sqlite_service)
    assert give(sqlite_service, "ann@example.com", "Wonder-1") == ""
    shown = json.loads(sqlite_service.command("users", "show", "ann@example.com").stdout)
    found = json.loads(sqlite_service.command("users", "list", "--search", "wONDER").stdout)
    assert (shown["username"], found["id"]) == ("Wonder-1", person.account_id)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "name the new user name, or add --remove"),
        (["ann", "--remove"], "name the new user name, or add --remove"),
        (["ann@example.com"], f"a user name {ALLOWED}"),
        ([""], "a user name must have 1 to 64 characters"),
    ],
)
def test_a_command_without_a_proper_name_changes_nothing(
    sqlite_service: Service, arguments: list[str], reason: str
) -> None:
    sqlite_service.signed_up("ann@example.com")
    assert give(sqlite_service, "ann@example.com", "before") == ""
    assert give(sqlite_service, "ann@example.com", *arguments) == reason
    assert sqlite_service.rows("SELECT username FROM accounts") == [("before",)]
    assert give(sqlite_service, "nobody@example.com", "ann") == "there is no account 'nobody@example.com'"


def test_a_user_name_asked_for_by_its_claim_is_told_without_the_address(sqlite_service: Service) -> None:
    """OpenID Connect Core §5.5."""
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    tokens = frontend.tokens(person, "openid", claims='{"userinfo": {"preferred_username": null}}')
    assert ask(sqlite_service, tokens["access_token"]).json().keys() == {"sub"}
    assert give(sqlite_service, "ann@example.com", "ann") == ""
    assert ask(sqlite_service, tokens["access_token"]).json().keys() == {"sub", "preferred_username"}
