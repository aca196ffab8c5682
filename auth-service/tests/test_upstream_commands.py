"""`upstreams` and the same in a configuration file: providers, their secrets, and what ends with them."""

import json
from pathlib import Path
from typing import Any

import pytest

from auth_service.accounts.upstreams import providers
from auth_service.sealed.versioned_secrets import parse_secrets
from auth_service.store.database import Database

from .conftest import ISSUER, KEY_ENCRYPTION_KEYS, Service, Start
from .lying_provider import lying_provider
from .operator_commands import Done
from .test_apply import apply, written
from .upstream_scene import Traveller
from .upstream_scene import register as register_provider

CORP: dict[str, Any] = {"id": "corp", "name": "Corp", "issuer": "https://corp.example.com", "client_id": "us"}
DEFAULTS = {
    "token_endpoint_auth_method": "client_secret_basic", "scope": "openid profile email", "response_mode": "query",
    "trusted": False, "sign_up": True, "callback": f"{ISSUER}/api/auth/callback/corp",
}  # fmt: skip
FILE = """\
configuration: sign-ins
upstreams:
  - id: corp
    name: Corp
    issuer: https://corp.example.com
    client_id: us
    client_secret_file: corp.secret
    trusted: true
"""


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    file = tmp_path / "corp.secret"
    file.write_text("from the provider\n")
    return file


def run(service: Service, *arguments: object, members: dict[str, Any] | None = None) -> Done:
    return service.command("upstreams", *map(str, arguments), stdin="" if members is None else json.dumps(members))


def stored_secret(service: Service, keys: str = KEY_ENCRYPTION_KEYS) -> str | None:
    async def read(database: Database) -> str | None:
        async with database.reading() as session:
            found = await providers.find(session, "corp")
        assert found is not None
        sealed = found.sealed_secret
        return None if sealed is None else providers.seal_of(parse_secrets(keys)).open(sealed, place="corp")

    return service.do(read)


def test_a_provider_is_registered_changed_and_removed(service: Service, secret_file: Path) -> None:
    made = run(service, "create", "--secret-file", secret_file, members=CORP)
    assert json.loads(made.stdout) == {**CORP, **DEFAULTS}
    assert stored_secret(service) == "from the provider"
    shown = json.loads(run(service, "show", "corp").stdout)
    changed = run(service, "update", "corp", members={**shown, "name": "Corporation", "trusted": True})
    assert json.loads(changed.stdout)["name"] == "Corporation"
    assert stored_secret(service) == "from the provider", "without --secret-file it stays"
    assert json.loads(run(service, "list").stdout)["trusted"] is True
    secret_file.write_text("another")
    run(service, "update", "corp", "--secret-file", secret_file, members=CORP)
    assert stored_secret(service) == "another"
    assert "0 people cannot sign in" in run(service, "delete", "corp", "--yes").stderr
    assert run(service, "list").stdout == ""


@pytest.mark.parametrize(
    ("arguments", "members", "said"),
    [
        (["create"], CORP, "client_secret_file: is required"),
        (["create", "--secret-file", "SECRET"], {**CORP, "client_secret": "x"}, "client_secret: give it by"),
        (["create", "--secret-file", "SECRET"], {**CORP, "token_endpoint_auth_method": "none"}, "uses no secret"),
        (["create", "--secret-file", "/nowhere"], CORP, "cannot be read"),
        (["create", "--secret-file", "/dev/null"], CORP, "must hold one line"),
        (["create", "--secret-file", "SECRET"], {**CORP, "id": "first"}, "id: is registered already"),
        (["create", "--secret-file", "SECRET"], {**CORP, "issuer": "https://first.example.com"}, "issuer: another"),
        (["update", "first"], {**CORP, "id": "first"}, "issuer: cannot be changed"),
        (["update", "first"], CORP, "id: cannot be changed"),
        (["update", "corp"], CORP, "id: there is no such one"),
        (["show", "corp"], None, "there is no upstream provider"),
        (["delete", "corp", "--yes"], None, "there is no upstream provider"),
    ],
)
def test_what_cannot_work_is_refused(
    sqlite_service: Service, secret_file: Path, arguments: list[str], members: dict[str, Any] | None, said: str
) -> None:
    first = {**CORP, "id": "first", "issuer": "https://first.example.com"}
    assert run(sqlite_service, "create", "--secret-file", secret_file, members=first).returncode == 0
    filled = [str(secret_file) if each == "SECRET" else each for each in arguments]
    done = run(sqlite_service, *filled, members=members)
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr


def test_a_file_makes_providers_and_prunes_them(service: Service, tmp_path: Path, secret_file: Path) -> None:
    file = written(tmp_path, FILE)
    planned = apply(service, file)
    assert planned[0] == "+ upstream corp"
    assert any(f"client secret: the one in {secret_file}" in line for line in planned)
    assert "from the provider" not in "".join(planned)
    assert apply(service, file) == ["Nothing to change."]
    secret_file.write_text("another")
    assert apply(service, file)[:2] == ["~ upstream corp", f"    client secret: another one in {secret_file}"]
    assert stored_secret(service) == "another"
    file.write_text(FILE.replace("https://corp", "https://other"))
    assert "0 people cannot sign in by it any more" in apply(service, file, refused=True)[0]
    file.write_text("configuration: sign-ins\n")
    assert apply(service, file)[0] == "? upstream corp is in no file any more; --prune deletes it"
    assert apply(service, file, "--prune", "--yes")[0] == "- upstream corp"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (FILE.replace("us\n", '"u s"\n'), ":6: client_id: 1 to 255"),
        (FILE.replace("    client_secret_file: corp.secret\n", ""), ":3: client_secret_file: is required"),
        (FILE.replace("corp.secret", "nowhere"), ":7: client_secret_file: "),
        (FILE.replace("trusted", "trustworthy"), ":8: trustworthy: is no member"),
        (FILE + FILE.partition("upstreams:\n")[2], ":9: id: this one stands twice"),
    ],
    ids=["client_id", "no secret", "no file", "unknown", "twice"],
)
def test_a_fault_in_a_file_is_told_with_its_line(
    sqlite_service: Service, tmp_path: Path, secret_file: Path, changed: str, said: str
) -> None:
    assert secret_file.exists()
    assert said in apply(sqlite_service, written(tmp_path, changed), refused=True)[0]


def test_removing_a_provider_says_how_many_people_lose_it_and_brings_them_back(service: Service) -> None:
    with lying_provider() as provider:
        register_provider(service, provider, "corp")
        path = "/api/auth/callback/corp"
        traveller = Traveller.of(service, provider)
        traveller.come_back(provider.answer(traveller.leave(upstream_id="corp")), path)
        removed = run(service, "delete", "corp", "--yes")
        assert "1 people cannot sign in by it any more" in removed.stderr
        service.forget()
        assert "upstream-form" not in Traveller.of(service, provider).browser.open("/signin").page.forms
        register_provider(service, provider, "corp")
        again = Traveller.of(service, provider)
        again.come_back(provider.answer(again.leave(upstream_id="corp")), path)
        assert service.rows("SELECT count(*) FROM accounts") == [(1,)]


def test_secrets_are_sealed_anew_with_the_newest_key(start: Start, sqlite_url: str, secret_file: Path) -> None:
    service = start(sqlite_url)  # its own: the keys of the next test stay as they are
    run(service, "create", "--secret-file", secret_file, members=CORP)
    newer = "2:b3JlcnNjaGFmZnRl-Yq7RkT5mJx2LwZ9," + KEY_ENCRYPTION_KEYS
    done = service.command("keys", "rewrap", AUTH_KEY_ENCRYPTION_KEYS=newer)
    assert done.returncode == 0, done.stderr
    assert stored_secret(service, newer.partition(",")[0]) == "from the provider"
