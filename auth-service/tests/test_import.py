"""Accounts of another system: `users import`, and the first sign-in with a hash that another system has made."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from auth_service.accounts.factors import totp
from auth_service.accounts.foreign_hashes import PREFIX
from auth_service.accounts.sign_ins import StandIns, find_for_sign_in, lock_or_renew
from auth_service.sealed.versioned_secrets import parse_secrets
from auth_service.store.database import Database

from .conftest import SECRET, Service, Start
from .factor_scene import protect
from .operator_commands import Done
from .test_foreign_hashes import HASHES, PASSWORD
from .test_trusted_browsers import is_asked, trusted

ANN, OLD_ID = "ann@example.com", "a" * 31 + "1"
BCRYPT = HASHES["bcrypt"]


def imported(service: Service, *people: Any, options: tuple[str, ...] = ()) -> Done:
    lines = [each if isinstance(each, str) else json.dumps(each) for each in people]
    return service.command("users", "import", "-", *options, stdin="\n".join(lines))


def sign_in(service: Service, email: str = ANN, password: str = PASSWORD) -> int:
    return service.client().post("/sign-in/email", json={"email": email, "password": password}).status_code


def stored(service: Service) -> list[str]:
    return [value for (value,) in service.rows("SELECT password_hash FROM identities ORDER BY created_at, id")]


def test_people_sign_in_with_the_password_that_they_have_and_it_is_hashed_anew(service: Service) -> None:
    forms = ("bcrypt", "Better Auth", "Django, PBKDF2", "Argon2id")
    people = [{"email": f"p{number}@example.com", "password_hash": HASHES[each]} for number, each in enumerate(forms)]
    assert imported(service, *people).returncode == 0
    assert all(each.startswith(PREFIX) for each in stored(service))
    for person in people:
        assert sign_in(service, person["email"], "not-the-password") == 401
    assert all(each.startswith(PREFIX) for each in stored(service)), "a wrong password renews nothing"
    for person in people:
        assert [sign_in(service, person["email"]) for _ in range(2)] == [200, 200], person
    assert all(each.startswith("$argon2id$") for each in stored(service))


def test_what_the_file_says_about_a_person_is_kept(service: Service) -> None:
    made = datetime(2024, 5, 1, 14, tzinfo=UTC)
    person = {
        "id": OLD_ID, "email": "Ann@Example.com", "email_verified": True, "name": "Ann", "username": "ann",
        "created_at": "2024-05-01T16:00:00+02:00", "password_hash": BCRYPT,
    }  # fmt: skip
    done = imported(service, person, {"email": "eve@example.com", "suspended": True, "password_hash": BCRYPT})
    assert done.returncode == 0, done.stderr
    shown = json.loads(service.command("users", "show", ANN).stdout)
    assert shown == {
        **shown, "id": OLD_ID, "email": ANN, "name": "Ann", "username": "ann", "email_verified": True,
        "status": "active",
    }  # fmt: skip
    assert datetime.fromisoformat(shown["created_at"]) == made
    assert sign_in(service) == 200
    assert sign_in(service, "eve@example.com") == 403
    events = service.rows("SELECT event, account_id FROM audit_events WHERE event = 'account_imported'")
    assert ("account_imported", OLD_ID) in events
    taken = service.command("users", "set-username", "eve@example.com", "ANN")
    assert "belongs to another account" in taken.stderr


def test_an_authenticator_app_goes_on(service: Service) -> None:
    secret = totp.draw_secret()
    uri = f"otpauth://totp/Old:ann?secret={secret.lower()}&issuer=Old&algorithm=SHA1&digits=6&period=30"
    imported(service, {"email": ANN, "password_hash": BCRYPT, "totp_secret": uri})
    client = service.client()
    asked = client.post("/sign-in/email", json={"email": ANN, "password": PASSWORD})
    assert asked.json()["twoFactorRedirect"]
    code = totp.code_at(secret, totp.step_of(service.clock()))
    assert client.post("/two-factor/verify-totp", json={"code": code}).status_code == 200


def test_an_account_without_a_password_has_none(sqlite_service: Service) -> None:
    done = imported(sqlite_service, {"email": ANN, "password_hash": "!unusable"}, {"email": "eve@example.com"})
    assert done.returncode == 0, done.stderr
    assert (stored(sqlite_service), sign_in(sqlite_service)) == ([], 401)


SECRETS = ("correct horse", BCRYPT, "JBSWY3DPEHPK3PXP")
REFUSED: dict[str, tuple[Any, str]] = {
    "no JSON": ('{"email": ', "not JSON"),
    "a list": ("[]", "not an object"),
    "a name twice": ('{"email": "a@example.com", "email": "b@example.com"}', "a name occurs twice"),
    "no text": (json.dumps({"email": "\ud800@example.com"}), "not Unicode"),
    "too long": ({"email": ANN, "name": "x" * 20_000}, "more than 16384 octets"),
    "misspelled": ({"email": ANN, "emailVerified": True}, "unknown members"),
    "no address": ({"name": "Ann"}, "email: is required"),
    "another address": ({"email": "ann"}, "email: is not an e-mail address"),
    "an address that is a number": ({"email": 7}, "email: must be a string"),
    "verified by a word": ({"email": ANN, "email_verified": "yes"}, "email_verified: must be true or false"),
    "an id of another form": ({"email": ANN, "id": "7"}, "id: must have 32"),
    "escape codes": ({"email": ANN, "name": "a\x1b[2J"}, "name: must not contain control"),
    "an address as user name": ({"email": ANN, "username": ANN}, "username: must consist of"),
    "no offset": ({"email": ANN, "created_at": "2024-05-01T12:00:00"}, "created_at: must be a time with an offset"),
    "the future": ({"email": ANN, "created_at": "2999-05-01T12:00:00Z"}, "created_at: must be between 1990 and now"),
    "a password": ({"email": ANN, "password_hash": "correct horse"}, "password_hash: has none of the forms"),
    "years of work": ({"email": ANN, "password_hash": BCRYPT.replace("$04$", "$31$")}, "password_hash: has a cost"),
    "no base32": ({"email": ANN, "totp_secret": "JBSWY3DPEHPK3PXP1"}, "totp_secret: is not base32"),
    "a short secret": ({"email": ANN, "totp_secret": "JBSWY3DP"}, "totp_secret: must have 10 to 64 octets"),
    "an app of eight digits": (
        {"email": ANN, "totp_secret": "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP&digits=8"},
        "totp_secret: must be of an app with",
    ),
    "an app that counts": (
        {"email": ANN, "totp_secret": "otpauth://hotp/x?secret=JBSWY3DPEHPK3PXP"}, "totp_secret: must be of an app"
    ),
}  # fmt: skip


def test_refused_lines_are_told_by_number_and_reason_and_the_others_are_stored(sqlite_service: Service) -> None:
    lines = [line for line, _ in REFUSED.values()]
    done = imported(sqlite_service, *lines, "", {"email": ANN, "name": "Ann"})
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["line"] for each in told] == list(range(1, len(lines) + 1))
    for (name, (_, reason)), each in zip(REFUSED.items(), told, strict=True):
        assert reason in each["refused"], name
    assert not any(secret in done.stdout + done.stderr for secret in SECRETS)
    assert (done.returncode, sqlite_service.rows("SELECT email, name FROM accounts")) == (1, [(ANN, "Ann")])
    assert f"{len(lines) + 1} lines: 1 imported, 0 there already, {len(lines)} refused" in done.stderr


def test_a_run_that_is_repeated_passes_over_who_is_there(service: Service) -> None:
    people = [{"email": f"p{number}@example.com", "username": f"p{number}"} for number in range(250)]
    people[0]["id"] = OLD_ID
    cut = imported(service, *people[:230], '{"email": "p230@exa')
    assert (cut.returncode, "230 imported" in cut.stderr) == (1, True)
    again = imported(service, *people)
    assert (again.returncode, "20 imported, 230 there already, 0 refused" in again.stderr) == (0, True), again.stderr
    assert service.rows("SELECT count(*) FROM accounts") == [(250,)]
    service.command("users", "set-email", OLD_ID, "other@example.com")
    assert "0 imported, 250 there already" in imported(service, *people).stderr


def test_nobodys_address_or_user_name_is_taken(service: Service) -> None:
    service.signed_up(ANN)
    service.command("users", "set-username", ANN, "ann")
    before = service.rows("SELECT * FROM accounts")
    done = imported(
        service,
        {"email": ANN, "id": OLD_ID},
        {"email": "eve@example.com", "username": "ANN"},
        {"email": ANN.upper(), "name": "Eve"},
        {"email": "bob@example.com", "id": "b" * 32},
        {"email": "Bob@example.com", "id": "c" * 32},
    )
    assert [json.loads(line)["line"] for line in done.stdout.splitlines()] == [1, 2, 5]
    assert "1 imported, 1 there already, 3 refused" in done.stderr
    assert service.rows(f"SELECT * FROM accounts WHERE email = '{ANN}'") == before


def test_a_dry_run_stores_nothing_and_new_ids_are_drawn_on_request(sqlite_service: Service, tmp_path: Path) -> None:
    file = tmp_path / "people.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps({"email": ANN, "id": "7"}).encode() + b"\r\n")
    dry = sqlite_service.command("users", "import", str(file), "--new-ids", "--dry-run")
    assert (dry.returncode, "1 would be imported" in dry.stderr) == (0, True), dry.stderr
    assert sqlite_service.rows("SELECT count(*) FROM accounts") == [(0,)]
    assert sqlite_service.command("users", "import", str(file), "--new-ids").returncode == 0
    [(account_id,)] = sqlite_service.rows("SELECT id FROM accounts")
    assert len(account_id) == 32
    missing = sqlite_service.command("users", "import", str(tmp_path / "none"))
    assert (missing.returncode, "cannot be read" in missing.stderr) == (1, True)


def test_parallel_first_sign_ins_all_succeed(service: Service) -> None:
    """Each has compared the old hash; the one that renews it must not turn the others away."""
    imported(service, {"email": ANN, "password_hash": BCRYPT})
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: sign_in(service), range(4))) == {200}
    [renewed] = stored(service)
    assert renewed.startswith("$argon2id$")


def test_a_renewal_never_undoes_a_change_of_the_password(service: Service) -> None:
    """The password was changed after the sign-in had compared it."""
    imported(service, {"email": ANN, "id": OLD_ID, "password_hash": BCRYPT})

    async def renew(database: Database, compared: str) -> bool:
        async with database.writing() as session:
            return await lock_or_renew(session, OLD_ID, compared, "$argon2id$renewed", now=service.clock())

    service.command("users", "set-password", ANN, stdin="brand-new-horse-2\n")
    [changed] = stored(service)
    assert not service.do(lambda database: renew(database, PREFIX + BCRYPT))
    assert stored(service) == [changed]
    assert service.do(lambda database: renew(database, changed))
    service.command("users", "suspend", ANN, "--yes")
    assert not service.do(lambda database: renew(database, "$argon2id$renewed"))


def test_other_costs_renew_the_hash_and_a_trusted_browser_stays_so(start: Start, database_url: str) -> None:
    service = start(database_url)
    service.signed_up(ANN)
    app = protect(service)
    browser = trusted(service, app)
    [before] = stored(service)
    costly = start(database_url, AUTH_HASHING_PASSES="3")
    browser.client.base_url = costly.url
    assert not is_asked(browser)
    [after] = stored(service)
    assert (",t=1," in before, ",t=2," in after) == (True, True)
    browser.open("/signout").press("signout-form", "sign-out")
    assert not is_asked(browser)
    assert stored(service) == [after]


def test_an_unknown_address_takes_the_work_of_some_account(service: Service) -> None:
    """Otherwise an imported hash, which takes longer or shorter than ours, would tell that there is an account."""
    imported(service, *({"email": f"p{number}@example.com", "password_hash": BCRYPT} for number in range(8)))
    for number in range(8):
        service.signed_up(f"n{number}@example.com")
    stand_ins = StandIns(parse_secrets(SECRET))

    async def stand_ins_of(database: Database, emails: Sequence[str]) -> list[str | None]:
        found = [await find_for_sign_in(database, each, place=stand_ins.place_of(each)) for each in emails]
        assert not any(each.account for each in found)
        return [each.stand_in for each in found]

    addresses = [f"nobody{number}@example.com" for number in range(60)]
    found, again = (service.do(lambda database: stand_ins_of(database, addresses)) for _ in range(2))
    assert found == again
    kinds = {each[:9] for each in found if each is not None}
    assert kinds == {PREFIX, "$argon2id"}
    assert sign_in(service, addresses[0]) == 401, "the stand-in's own password opens nothing"
