"""What `serve` does not load at its start: packages that only some requests, settings or databases need.

Each takes 0.5 to 14 MB of memory. They are imported where they are used.
"""

import subprocess
import sys

import pytest

FOR_SOME = (
    *("alembic", "authlib", "bcrypt", "cbor2", "httpx2", "jinja2", "joserfc", "segno", "webauthn", "zxcvbn"),
    *("aiosmtplib", "psycopg", "redis", "sqlalchemy.dialects.postgresql"),
    *("click", "opentelemetry.sdk", "pydantic.v1", "rich", "uvicorn.supervisors", "watchfiles"),
)


@pytest.mark.process
@pytest.mark.parametrize("process", ["serving", "working"])
def test_what_only_some_need_is_not_loaded_at_the_start(process: str) -> None:
    code = f"import sys, auth_service.__main__, auth_service.commands.{process}\n"
    code += f"print([name for name in {FOR_SOME} if sys.modules.get(name)])"
    folder = __file__.rpartition("/tests/")[0]
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env={}, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")
