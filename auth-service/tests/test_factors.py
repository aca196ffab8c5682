"""Codes of an authenticator app, recovery codes, and what operators do with them."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from auth_service.accounts import accounts
from auth_service.accounts.factors import recovery_codes, totp
from auth_service.accounts.factors.rewrap import rewrap_secrets
from auth_service.accounts.factors.totp_factors import TotpFactors, seal_of
from auth_service.sealed.versioned_secrets import parse_secrets
from auth_service.store.database import Database

from .conftest import KEY_ENCRYPTION_KEYS, Service
from .factor_scene import FACTORS, protect

ANN = "ann@example.com"
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
AT = datetime(2026, 11, 29, 12, 0, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (2000000000, "279037"), (20000000000, "353130")],
)
def test_codes_are_those_of_rfc_6238(seconds: int, code: str) -> None:
    """Appendix B, the last six of its eight digits."""
    now = datetime.fromtimestamp(seconds, UTC)
    assert totp.find_step(SECRET, code, after=None, now=now) == totp.step_of(now)


def test_a_code_is_accepted_one_step_early_or_late_and_no_other() -> None:
    """RFC 6238 §5.2."""
    present = totp.step_of(AT)
    codes = {steps: totp.code_at(SECRET, present + steps) for steps in range(-3, 4)}
    found = {steps: totp.find_step(SECRET, code, after=None, now=AT) for steps, code in codes.items()}
    assert found == {steps: present + steps if abs(steps) <= 1 else None for steps in codes}


def test_a_code_of_the_last_used_step_or_before_it_is_refused() -> None:
    """RFC 6238 §5.2: also the code of a neighbour step that was not used itself."""
    present = totp.step_of(AT)
    accepted = [
        steps
        for steps in (-1, 0, 1)
        if totp.find_step(SECRET, totp.code_at(SECRET, present + steps), after=present, now=AT) is not None
    ]
    assert accepted == [1]


@pytest.mark.parametrize("code", ["", "28708", "2870820", "28708a", "٢٨٧٠٨٢", " 287082", "287082\n", "-87082"])
def test_what_is_no_code_is_refused(code: str) -> None:
    assert totp.find_step(SECRET, code, after=None, now=datetime.fromtimestamp(59, UTC)) is None


def test_a_recovery_code_is_found_as_people_type_it() -> None:
    assert recovery_codes.hash_of("a", " ABCD efgh-jkmn 2345") == recovery_codes.hash_of("a", "abcd-efgh-jkmn-2345")
    assert recovery_codes.hash_of("a", "abcd-efgh-jkmn-2345") != recovery_codes.hash_of("b", "abcd-efgh-jkmn-2345")


def test_of_simultaneous_uses_of_one_code_one_succeeds(service: Service) -> None:
    service.signed_up(ANN)
    app = protect(service)
    code = app.wait()

    async def use(database: Database) -> tuple[bool, bool]:
        async with database.writing() as session:
            account = await accounts.find(session, ANN)
            assert account is not None
            await accounts.lock(session, account.id)
            by_app = await FACTORS.use(session, account.id, code, now=service.clock())
            return by_app, await recovery_codes.use(session, account.id, app.recovery_codes[0], now=service.clock())

    with ThreadPoolExecutor(8) as threads:
        used = list(threads.map(lambda _: service.do(use), range(8)))
    assert [sum(successes) for successes in zip(*used, strict=True)] == [1, 1]


def test_nothing_stored_is_a_secret_or_a_code(service: Service) -> None:
    service.signed_up(ANN)
    app = protect(service)
    stored = str(service.rows("SELECT * FROM totp_factors") + service.rows("SELECT * FROM recovery_codes"))
    assert app.secret not in stored
    assert not [code for code in app.recovery_codes if code in stored]


def test_a_deleted_account_leaves_no_factor(sqlite_service: Service) -> None:
    sqlite_service.signed_up(ANN)
    protect(sqlite_service)
    assert sqlite_service.command("users", "delete", ANN, "--yes").returncode == 0
    for table in ("totp_factors", "recovery_codes"):
        assert sqlite_service.rows(f"SELECT count(*) FROM {table}") == [(0,)]


def test_an_operator_sees_and_disables_a_second_factor(sqlite_service: Service) -> None:
    sqlite_service.signed_up(ANN)
    protect(sqlite_service)
    shown = json.loads(sqlite_service.command("users", "show", ANN).stdout)
    assert shown["second_factor"] == "on"
    assert sqlite_service.command("users", "disable-second-factor", ANN).returncode == 1, "it asks first"
    done = sqlite_service.command("users", "disable-second-factor", ANN, "--yes")
    assert json.loads(done.stdout)["second_factor"] == "off"
    assert sqlite_service.rows("SELECT count(*) FROM recovery_codes") == [(0,)]
    again = sqlite_service.command("users", "disable-second-factor", ANN, "--yes")
    assert (again.returncode, again.stderr) == (1, f"auth-service: {ANN} has no second factor\n")


def test_a_rewrap_takes_the_secrets_of_apps_along(service: Service) -> None:
    service.signed_up(ANN)
    app = protect(service)
    newer = f"2:{'n7Vq2' * 8}"
    both, newest = (seal_of(parse_secrets(text)) for text in (f"{newer},{KEY_ENCRYPTION_KEYS}", newer))

    async def rewrap(database: Database) -> tuple[list[int], str | None]:
        counts = [await rewrap_secrets(database, both) for _ in range(2)]
        async with database.reading() as session:
            account = await accounts.find(session, ANN)
            assert account is not None
            return counts, await TotpFactors(newest).find_secret(session, account.id)

    assert service.do(rewrap) == ([1, 0], app.secret)
