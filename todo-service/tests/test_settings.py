"""Settings are checked before anything starts, and the README's table lists them."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from todo_fixtures.certificates import write_certificate
from todo_service.limits.windows import QuotaPolicy
from todo_service.settings import settings
from todo_service.settings.settings import SECRETS, InvalidSettings, Settings, load_settings

ISSUER = {"TODO_ISSUER": "https://example.com"}
README = (Path(__file__).parents[1] / "README.md").read_text()


def test_only_the_issuer_is_needed() -> None:
    loaded = load_settings(ISSUER)
    assert loaded.issuer == "https://example.com"
    assert loaded.auth_url == ""
    assert loaded.database_url.get_secret_value() == "sqlite+aiosqlite:///todo.db"


def test_every_setting_is_read() -> None:
    loaded = load_settings(
        {
            "TODO_ISSUER": "http://localhost:8080",
            "TODO_AUTH_URL": "http://auth:8081",
            "TODO_DATABASE_URL": "postgresql+psycopg://todo:hidden@db/todo",
            "TODO_JWKS_FILE": "/var/lib/todo/jwks.json",
            "TODO_TRUSTED_PROXIES": "10.0.0.0/8, ::1",
            "TODO_RATE_LIMIT": "100/PT10S",
            "TODO_REDIS_URL": "redis://:hidden@cache/1",
            "TODO_LOG_LEVEL": "DEBUG",
            "PATH": "/bin",
        }
    )
    assert loaded.auth_url == "http://auth:8081"
    assert loaded.trusted_proxies == ("10.0.0.0/8", "::1")
    assert (str(loaded.jwks_file), loaded.log_level) == ("/var/lib/todo/jwks.json", "DEBUG")
    assert loaded.rate_limit == QuotaPolicy(100, timedelta(seconds=10))
    assert "hidden" not in repr(loaded)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(InvalidSettings) as caught:
        load_settings({"TODO_QUOTA": "0", "TODO_FOO": "hunter2"})
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == [
        "TODO_FOO", "TODO_ISSUER", "TODO_QUOTA"
    ]  # fmt: skip
    assert "hunter2" not in str(caught.value)


def test_what_is_empty_is_not_set_except_for_whom_to_believe() -> None:
    """Compose passes an unset variable as an empty one. An empty TODO_TRUSTED_PROXIES has a meaning: trust no proxy."""
    loaded = load_settings({**ISSUER, "TODO_QUOTA": "", "TODO_LOG_LEVEL": "", "TODO_TRUSTED_PROXIES": ""})
    assert (loaded.quota, loaded.log_level, loaded.trusted_proxies) == (10_000, "INFO", ())


def test_rate_limit_and_redis_may_be_off() -> None:
    loaded = load_settings({**ISSUER, "TODO_RATE_LIMIT": "off", "TODO_REDIS_URL": ""})
    assert (loaded.rate_limit, loaded.redis_url) == (None, None)


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("sqlite+aiosqlite:////data/todo.db\n")
    loaded = load_settings({**ISSUER, "TODO_DATABASE_URL_FILE": str(tmp_path / "url")})
    assert loaded.database_url.get_secret_value() == "sqlite+aiosqlite:////data/todo.db"


def test_an_empty_name_of_a_file_and_an_empty_value_beside_a_file_are_not_set(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("redis://cache")
    redis = {"TODO_REDIS_URL": "", "TODO_REDIS_URL_FILE": str(tmp_path / "url")}
    loaded = load_settings({**ISSUER, **redis, "TODO_DATABASE_URL_FILE": ""})
    assert loaded.redis_url
    assert loaded.redis_url.get_secret_value() == "redis://cache"
    assert loaded.database_url.get_secret_value() == "sqlite+aiosqlite:///todo.db"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        pytest.param({}, "TODO_ISSUER", id="no-issuer"),
        pytest.param({**ISSUER, "TODO_ISUER": "x"}, "TODO_ISUER", id="unknown-name"),
        pytest.param({**ISSUER, "todo_issuer": "x"}, "todo_issuer", id="lower-case"),
        pytest.param({**ISSUER, "TODO_issuer": "https://b.example"}, "TODO_issuer", id="mixed-case"),
        pytest.param({**ISSUER, "TODO_DATABASE_URL_FILE": "/dev/null"}, "the file is empty", id="empty-file"),
        pytest.param({**ISSUER, "TODO_ISSUER_FILE": "x"}, "TODO_ISSUER_FILE", id="no-secret-no-file"),
        pytest.param({"TODO_ISSUER": "https://example.com/"}, "TODO_ISSUER", id="trailing-slash"),
        pytest.param({"TODO_ISSUER": "https://example.com/a"}, "TODO_ISSUER", id="path"),
        pytest.param({"TODO_ISSUER": "https://example.com?a"}, "TODO_ISSUER", id="query"),
        pytest.param({"TODO_ISSUER": "https://a@example.com"}, "TODO_ISSUER", id="userinfo"),
        pytest.param({"TODO_ISSUER": 'https://exa"mple.com'}, "TODO_ISSUER", id="quote"),
        pytest.param({"TODO_ISSUER": "file:///etc/passwd"}, "TODO_ISSUER", id="file"),
        pytest.param({"TODO_ISSUER": "example.com"}, "TODO_ISSUER", id="no-scheme"),
        pytest.param({"TODO_ISSUER": ""}, "TODO_ISSUER", id="empty"),
        pytest.param({**ISSUER, "TODO_AUTH_URL": "http://auth:8081/"}, "TODO_AUTH_URL", id="auth-url"),
        pytest.param({**ISSUER, "TODO_DATABASE_URL": "mysql://x:hunter2@y/z"}, "TODO_DATABASE_URL", id="mysql"),
        pytest.param({**ISSUER, "TODO_DATABASE_URL": "hunter2"}, "TODO_DATABASE_URL", id="no-url"),
        pytest.param({**ISSUER, "TODO_DATABASE_URL_FILE": "/missing"}, "TODO_DATABASE_URL_FILE", id="no-file"),
        pytest.param(
            {**ISSUER, "TODO_REDIS_URL_FILE": "/missing", "TODO_REDIS_URL": "redis://:hunter2@h"},
            "TODO_REDIS_URL is set as well",
            id="both",
        ),
        pytest.param({**ISSUER, "TODO_TRUSTED_PROXIES": "nginx"}, "TODO_TRUSTED_PROXIES", id="no-address"),
        pytest.param({**ISSUER, "TODO_RATE_LIMIT": "lots"}, "TODO_RATE_LIMIT", id="no-rate"),
        pytest.param({**ISSUER, "TODO_RATE_LIMIT": "10/60"}, "TODO_RATE_LIMIT", id="no-duration"),
        pytest.param({**ISSUER, "TODO_RATE_LIMIT": "0/PT1M"}, "TODO_RATE_LIMIT", id="no-requests"),
        pytest.param({**ISSUER, "TODO_RATE_LIMIT": "10/PT0.5S"}, "TODO_RATE_LIMIT", id="part-of-a-second"),
        pytest.param({**ISSUER, "TODO_RATE_LIMIT": "10/P2D"}, "TODO_RATE_LIMIT", id="days"),
        pytest.param({**ISSUER, "TODO_REDIS_URL": "http://:hunter2@h"}, "TODO_REDIS_URL", id="redis-scheme"),
        pytest.param({**ISSUER, "TODO_REDIS_URL": "redis://:hunter2@h,i"}, "TODO_REDIS_URL", id="redis-hosts"),
        pytest.param({**ISSUER, "TODO_REDIS_URL": "redis://:hunter2@"}, "TODO_REDIS_URL", id="redis-no-host"),
        pytest.param(
            {**ISSUER, "TODO_REDIS_URL": f"redis://:hunter2@{'h' * 64}"}, "TODO_REDIS_URL", id="redis-long-name"
        ),
        pytest.param({**ISSUER, "TODO_REDIS_URL": "redis://:hunter2@h..i"}, "TODO_REDIS_URL", id="redis-no-name"),
        pytest.param({**ISSUER, "TODO_REDIS_URL": "redis://:hunter2@h:0"}, "TODO_REDIS_URL", id="redis-port"),
        pytest.param({**ISSUER, "TODO_REDIS_URL": "redis://:hunter2@h/main"}, "TODO_REDIS_URL", id="redis-path"),
        pytest.param({**ISSUER, "TODO_REDIS_URL": "redis://h?db=hunter2"}, "TODO_REDIS_URL", id="redis-options"),
        pytest.param({**ISSUER, "TODO_REDIS_URL": "redis://:hunter2@[h"}, "TODO_REDIS_URL", id="redis-no-url"),
        pytest.param(
            {**ISSUER, "TODO_REDIS_URL": "redis+sentinel://:hunter2@h"}, "TODO_REDIS_URL", id="sentinel-no-name"
        ),
        pytest.param(
            {**ISSUER, "TODO_REDIS_URL": "redis+cluster://:hunter2@h/1"}, "TODO_REDIS_URL", id="cluster-database"
        ),
        pytest.param({**ISSUER, "TODO_REDIS_CA_FILE": __file__}, "TODO_REDIS_CA_FILE", id="redis-no-authorities"),
        pytest.param({**ISSUER, "TODO_REDIS_CA_FILE": "/missing"}, "TODO_REDIS_CA_FILE", id="redis-no-ca-file"),
        pytest.param({**ISSUER, "TODO_REDIS_TIMEOUT": "PT0S"}, "TODO_REDIS_TIMEOUT", id="redis-no-time"),
        pytest.param({**ISSUER, "TODO_LOG_LEVEL": "LOUD"}, "TODO_LOG_LEVEL", id="log-level"),
    ],
)
def test_a_wrong_environment_is_refused_in_one_line_without_secrets(environ: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        load_settings(environ)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", [{}, {"TODO_REDIS_URL": "redis://:hunter2@h"}], ids=["no Redis", "no TLS"])
def test_authorities_of_what_is_not_encrypted_are_refused(tmp_path: Path, url: dict[str, str]) -> None:
    """The operator who sets TODO_REDIS_CA_FILE believes that the connection is encrypted."""
    _, ca_file = write_certificate(tmp_path, "localhost")
    with pytest.raises(InvalidSettings, match="TODO_REDIS_CA_FILE is for TODO_REDIS_URL with rediss") as caught:
        load_settings({**ISSUER, **url, "TODO_REDIS_CA_FILE": str(ca_file)})
    assert "hunter2" not in str(caught.value)


def test_the_readme_lists_the_settings() -> None:
    rows = dict(re.findall(r"^\| `(TODO_\w+)`[^|]*\| ([^|]*) \|", README, re.MULTILINE))
    assert rows.keys() == {settings.PREFIX + name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        cell = rows[settings.PREFIX + name.upper()]
        assert (cell == "required") is field.is_required(), name
    for name in SECRETS:
        assert f"`{settings.PREFIX}{name.upper()}_FILE`" in README


def test_every_setting_is_used() -> None:
    room = Path(settings.__file__).parent
    text = "".join(path.read_text() for path in room.parent.rglob("*.py") if room not in path.parents)
    for name in Settings.model_fields:
        assert f"settings.{name}" in text, name


@pytest.mark.parametrize("value", ["1", "50ms", "00:00:01", "PT", "one", "PT1S\n"])
def test_a_duration_that_is_not_iso_8601_is_refused_in_our_words(value: str) -> None:
    with pytest.raises(InvalidSettings) as refused:
        load_settings({"TODO_ISSUER": "https://id.example.com", "TODO_REDIS_TIMEOUT": value})
    assert str(refused.value) == "TODO_REDIS_TIMEOUT: must be an ISO 8601 duration, such as PT5M or P7D"
