"""Settings are checked before anything is opened, and README.md describes each of them correctly."""

import re
from pathlib import Path

import pytest

from auth_service.settings.settings import PREFIX, InvalidSettings, Settings, load_settings

from .conftest import ISSUER, KEY_ENCRYPTION_KEYS, SECRET, Service, environment
from .https_server import write_certificate

README = Path(__file__).parents[1] / "README.md"
GOOD = {"AUTH_ISSUER": ISSUER, "AUTH_SECRET": SECRET, "AUTH_KEY_ENCRYPTION_KEYS": KEY_ENCRYPTION_KEYS}
PUBLIC = "https://id.example.com"

REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "an unknown name": ({"AUTH_ISUER": "x"}, "AUTH_ISUER: there is no such setting"),
    "a lower-case name": ({"AUTH_issuer_": "x"}, "there is no such setting"),
    "a path in the issuer": ({"AUTH_ISSUER": f"{PUBLIC}/x"}, "AUTH_ISSUER: must be an origin"),
    "a trailing slash": ({"AUTH_ISSUER": f"{PUBLIC}/"}, "AUTH_ISSUER: must be an origin"),
    "capitals": ({"AUTH_ISSUER": "https://ID.example.com"}, "AUTH_ISSUER: must be an origin"),
    "a default port": ({"AUTH_ISSUER": f"{PUBLIC}:443"}, "AUTH_ISSUER: must be an origin"),
    "http elsewhere": ({"AUTH_ISSUER": "http://id.example.com"}, "AUTH_ISSUER: must be https"),
    "a short secret": ({"AUTH_SECRET": "short"}, "AUTH_SECRET: holds a secret of under 32 characters"),
    "versions that rise": ({"AUTH_SECRET": f"1:{'x' * 40},2:{'y' * 40}"}, "newest first"),
    "a version twice": ({"AUTH_SECRET": f"1:{'x' * 40},1:{'y' * 40}"}, "newest first"),
    "no number": ({"AUTH_HASHING_THREADS": "many"}, "AUTH_HASHING_THREADS: "),
    "no time to stop a recovery": ({"AUTH_RECOVERY_DELAY": "PT59M"}, "AUTH_RECOVERY_DELAY: must be at least 1 hour"),
    "a recovery for nobody": ({"AUTH_RECOVERY_DELAY": "P15D"}, "AUTH_RECOVERY_DELAY: must be at most 14 days"),
    "no duration": ({"AUTH_SESSION_TTL": "soon"}, "AUTH_SESSION_TTL: "),
    "no time at all": ({"AUTH_SESSION_TTL": "PT0S"}, "AUTH_SESSION_TTL: "),
    "a wild origin": ({"AUTH_TRUSTED_ORIGINS": "https://*"}, "is not a pattern"),
    "APIs of an unknown origin": (
        {"AUTH_TRUSTED_ORIGINS": "https://a.example", "AUTH_ORIGIN_RESOURCES": "https://b.example=https://api.example"},
        "'https://b.example' is not among the trusted origins",
    ),
    "an origin without an API": (
        {"AUTH_TRUSTED_ORIGINS": "https://a.example", "AUTH_ORIGIN_RESOURCES": "https://a.example"},
        "is not ORIGIN=RESOURCE",
    ),
    "no network": ({"AUTH_TRUSTED_PROXIES": "10.0.0.1/8"}, "AUTH_TRUSTED_PROXIES: "),
    "no network to fetch from": ({"AUTH_OUTBOUND_ALLOWED_NETWORKS": "internal"}, "AUTH_OUTBOUND_ALLOWED_NETWORKS: "),
    "no certificates": ({"AUTH_OUTBOUND_CA_FILE": __file__}, "AUTH_OUTBOUND_CA_FILE: is no readable file of PEM"),
    "no such certificates": ({"AUTH_OUTBOUND_CA_FILE": "/nonexistent/x"}, "AUTH_OUTBOUND_CA_FILE: is no readable"),
    "no rate": ({"AUTH_CLIENT_RATE_LIMIT": "lots"}, "AUTH_CLIENT_RATE_LIMIT: "),
    "a rate without a duration": ({"AUTH_CLIENT_RATE_LIMIT": "10/60"}, "AUTH_CLIENT_RATE_LIMIT: "),
    "a rate of nothing": ({"AUTH_CLIENT_RATE_LIMIT": "0/PT1M"}, "AUTH_CLIENT_RATE_LIMIT: must begin with"),
    "a rate in half seconds": ({"AUTH_CLIENT_RATE_LIMIT": "9/PT0.5S"}, "AUTH_CLIENT_RATE_LIMIT: must end in"),
    "another kind of URL": ({"AUTH_REDIS_URL": "http://:short@h"}, "AUTH_REDIS_URL: must be redis://"),
    "no URL": ({"AUTH_REDIS_URL": "redis://:short@[h"}, "AUTH_REDIS_URL: "),
    "several servers": ({"AUTH_REDIS_URL": "redis://:short@h,i"}, "AUTH_REDIS_URL: names several hosts"),
    "no host": ({"AUTH_REDIS_URL": "redis://:short@"}, "AUTH_REDIS_URL: has a host or port"),
    "no name of a host": ({"AUTH_REDIS_URL": f"redis://{'h' * 64}"}, "AUTH_REDIS_URL: has a host or port"),
    "no database": ({"AUTH_REDIS_URL": "redis://h/main"}, "AUTH_REDIS_URL: must end in"),
    "unknown options": ({"AUTH_REDIS_URL": "redis://h?password=short"}, "AUTH_REDIS_URL: has unknown options"),
    "Sentinels without a name": ({"AUTH_REDIS_URL": "redis+sentinel://h"}, "AUTH_REDIS_URL: must end in /NAME"),
    "a cluster's database": ({"AUTH_REDIS_URL": "redis+cluster://h/1"}, "AUTH_REDIS_URL: names a database"),
    "no authorities of Redis": ({"AUTH_REDIS_CA_FILE": __file__}, "AUTH_REDIS_CA_FILE: is no readable file of PEM"),
    "no patience": ({"AUTH_REDIS_TIMEOUT": "PT0S"}, "AUTH_REDIS_TIMEOUT: "),
    "both ways of a secret": ({"AUTH_SECRET_FILE": "/x"}, "AUTH_SECRET is set as well"),
    "empty file": ({"AUTH_DATABASE_URL_FILE": "/dev/null"}, "AUTH_DATABASE_URL_FILE: the file is empty"),
    "mixed case": ({"AUTH_Log_Level": "DEBUG"}, "AUTH_Log_Level: there is no such setting"),
    "prefix in lower case": ({"auth_LOG_LEVEL": "DEBUG"}, "auth_LOG_LEVEL: there is no such setting"),
    "no such file": ({"AUTH_DATABASE_URL_FILE": "/nonexistent/x"}, "AUTH_DATABASE_URL_FILE: cannot be read"),
    "an example's secret in public": (
        {"AUTH_ISSUER": PUBLIC, "AUTH_SECRET": "please-change-me-please-change-me-1"},
        "AUTH_SECRET looks like an example's",
    ),
    "one letter as a secret in public": (
        {"AUTH_ISSUER": PUBLIC, "AUTH_KEY_ENCRYPTION_KEYS": "1:" + "x" * 40},
        "AUTH_KEY_ENCRYPTION_KEYS looks like an example's",
    ),
}


@pytest.mark.parametrize(("changes", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_meant_is_refused(changes: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidSettings, match=re.escape(message)) as refused:
        load_settings({**GOOD, **changes})
    for secret in ("short", "x" * 40, "y" * 40, "please-change-me"):
        assert secret not in str(refused.value)


@pytest.mark.parametrize("url", [{}, {"AUTH_REDIS_URL": "redis://:short@h"}], ids=["no Redis", "no TLS"])
def test_authorities_of_what_is_not_encrypted_are_refused(tmp_path: Path, url: dict[str, str]) -> None:
    """The operator who sets them believes that the connection is encrypted."""
    _, ca_file = write_certificate(tmp_path, "localhost")
    with pytest.raises(InvalidSettings, match="AUTH_REDIS_CA_FILE is for AUTH_REDIS_URL with rediss") as refused:
        load_settings({**GOOD, **url, "AUTH_REDIS_CA_FILE": str(ca_file)})
    assert "short" not in str(refused.value)


@pytest.mark.parametrize("name", GOOD)
def test_identity_and_secrets_have_no_default(name: str) -> None:
    with pytest.raises(InvalidSettings, match=f"{name}: is required"):
        load_settings({key: value for key, value in GOOD.items() if key != name})


def test_an_example_secret_is_good_enough_on_loopback() -> None:
    assert load_settings({**GOOD, "AUTH_SECRET": "please-change-me-please-change-me-1"})


def test_secrets_may_come_from_files_and_are_never_shown(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET + "\n")
    environment = {key: value for key, value in GOOD.items() if key != "AUTH_SECRET"}
    settings = load_settings({**environment, "AUTH_SECRET_FILE": str(tmp_path / "secret")})
    assert settings.versioned("secret") == {1: SECRET.removeprefix("1:")}
    assert SECRET.removeprefix("1:") not in repr(settings)


def test_an_empty_name_of_a_file_and_an_empty_value_beside_a_file_are_not_set(tmp_path: Path) -> None:
    """Compose passes a variable that is not set as an empty one."""
    (tmp_path / "secret").write_text(SECRET)
    files = {"AUTH_SECRET": "", "AUTH_SECRET_FILE": str(tmp_path / "secret"), "AUTH_REDIS_URL_FILE": ""}
    settings = load_settings({**GOOD, **files})
    assert settings.versioned("secret") == {1: SECRET.removeprefix("1:")}
    assert settings.redis_url is None


@pytest.mark.process
def test_everything_wrong_is_said_at_once_and_stops_the_start(sqlite_service: Service) -> None:
    result = sqlite_service.process("serve", AUTH_ISSUER="nonsense", AUTH_TYPO="x", AUTH_SESSION_TTL="soon")
    assert result.returncode == 1
    assert [line.split(":")[1].strip() for line in result.stderr.splitlines()] == [
        "AUTH_TYPO", "AUTH_ISSUER", "AUTH_SESSION_TTL",
    ]  # fmt: skip


def test_the_table_of_settings_is_true() -> None:
    rows = dict(re.findall(r"^\| `(AUTH_[A-Z_]+)` \| ([^|]*) \|", README.read_text(encoding="utf-8"), re.MULTILINE))
    names = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    assert names - set(rows) == set(), "settings without a row in README.md"
    assert set(rows) - names == set(), "rows of README.md without a setting"
    for name, field in Settings.model_fields.items():
        expected = "required" if field.is_required() else f"`{Settings.shown_default(name)}`"
        assert rows[f"{PREFIX}{name.upper()}"].strip() == expected, name


def test_no_setting_is_unused() -> None:
    sources = [path for path in (README.parent / "auth_service").rglob("*.py") if path.name != "settings.py"]
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    for name in Settings.model_fields:
        assert f"settings.{name}" in code or f'versioned("{name}")' in code, name


NAMES = ["AUTH_ACCESS_TOKEN_TTL", "AUTH_AUTHORIZATION_CODE_TTL", "AUTH_REDIS_TIMEOUT"]
NO_DURATIONS = ["300", "5m", "00:05:00", "PT", "P", "five minutes", "pt5m", "PT5M ", "PT5M\n", "1e3"]


@pytest.mark.parametrize("value", NO_DURATIONS)
@pytest.mark.parametrize("name", NAMES)
def test_a_duration_that_is_not_iso_8601_is_refused_in_our_words(name: str, value: str) -> None:
    with pytest.raises(InvalidSettings) as refused:
        load_settings({**environment("sqlite+aiosqlite:///x.db"), name: value})
    assert str(refused.value) == f"{name}: must be an ISO 8601 duration, such as PT5M or P7D"


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("AUTH_REDIS_TIMEOUT", "PT0S", "must be more than PT0S"),
        ("AUTH_AUTHORIZATION_CODE_TTL", "PT11M", "must be at most PT10M"),
        ("AUTH_HASHING_THREADS", "two", "must be an integer"),
        ("AUTH_HASHING_THREADS", "0", "must be at least 1"),
        ("AUTH_LIMITS", "maybe", "must be 'on' or 'off'"),
        ("AUTH_LOG_LEVEL", "LOUD", "must be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("AUTH_CLIENT_RATE_LIMIT", "6/300", "must be REQUESTS/DURATION, such as 600/PT1M, or off"),
    ],
)
def test_a_setting_is_refused_in_our_words(name: str, value: str, text: str) -> None:
    with pytest.raises(InvalidSettings) as refused:
        load_settings({**environment("sqlite+aiosqlite:///x.db"), name: value})
    assert str(refused.value) == f"{name}: {text}"
