"""Whether reads stay as fast when the tables grow: get-session with 5,000 and with a million accounts and sessions.

    python tests-e2e/bench/growth.py            needs wrk, and Debian's postgresql

PostgreSQL itself copies the rows of a person who did sign up. The same people ask before and after, and the figure is
the ratio of the slowest percent (p99); of todos bench/todos.py measures it.
"""

import statistics
import sys
import tempfile
from pathlib import Path

sys.path += map(str, Path(__file__).resolve().parents[1:3])

from e2e_fixtures.people import Person, sign_up
from e2e_fixtures.postgres import Postgres, running_postgres
from e2e_fixtures.stack import running_stack
from e2e_fixtures.wrk import Asked, load

ROUNDS, FEW, MANY, PEOPLE = 3, 5_000, 1_000_000, 50
TARGET = 1.2
COPY = """
INSERT INTO accounts SELECT copied.* FROM (SELECT * FROM accounts LIMIT 1) AS one,
generate_series({first}, {last}) AS n, jsonb_populate_record(NULL::accounts, to_jsonb(one) ||
jsonb_build_object('id', md5('account' || n), 'email', n || '@example.org')) AS copied;
INSERT INTO browser_sessions SELECT copied.* FROM (SELECT * FROM browser_sessions LIMIT 1) AS one,
generate_series({first}, {last}) AS n, jsonb_populate_record(NULL::browser_sessions, to_jsonb(one) ||
jsonb_build_object('id', md5('session' || n), 'token', md5('token' || n), 'account_id', md5('account' || n))) AS copied;
ANALYZE
"""


def main() -> int:
    few, many = measure()
    print(f"get-session, p99: {few:.1f} ms with {FEW:,} sessions, {many:.1f} ms with {MANY:,}; at most {TARGET} times")
    return int(many > TARGET * few)


def measure() -> tuple[float, float]:
    """p99 in milliseconds: medians of the rounds, with FEW and with MANY rows."""
    with tempfile.TemporaryDirectory() as folder, running_postgres() as postgres:
        postgres.execute("postgres", "CREATE DATABASE auth")
        with running_stack(Path(folder) / "checkout", "--no-limits", AUTH_DATABASE_URL=postgres.url("auth")) as stack:
            people = [sign_up(stack) for _ in range(PEOPLE)]
            found = []
            for first, last in ((1, FEW), (FEW + 1, MANY)):
                fill(postgres, first, last)
                url, asked = stack.own_url("auth"), [asking(each) for each in people]
                load(url, asked, Path(folder))  # caches are warm
                found.append(statistics.median(load(url, asked, Path(folder)).p99_ms for _ in range(ROUNDS)))
    return found[0], found[1]


def fill(postgres: Postgres, first: int, last: int) -> None:
    for statement in COPY.format(first=first, last=last).split(";"):
        postgres.execute("auth", statement)


def asking(person: Person) -> Asked:
    cookie = "; ".join(f"{name}={value}" for name, value in person.browser.cookies.items())
    return Asked("/api/auth/get-session", {"Cookie": cookie, "Origin": person.stack.url})


if __name__ == "__main__":
    sys.exit(main())
