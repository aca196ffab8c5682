"""The services share no code, so each has a copy of some files. The copies differ only in the lines listed here.

A fault that is fixed in one copy must be fixed in the other. `TWINS` lists each line that differs, with the reason.
"""

import ast
import difflib
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e_fixtures.checkout import ROOT

AUTH, TODO = ROOT / "auth-service/auth_service", ROOT / "todo-service/todo_service"


@dataclass(frozen=True)
class Difference:
    """Lines that one service lacks or has in another form."""

    why: str
    auth: str = ""
    todo: str = ""


AUDIT = Difference(
    "Only auth-service has a security review and other providers; only todo-service uses aiosqlite.",
    auth='''
# Below WARNING these libraries log statement parameters, URLs, headers, code verifiers and tokens.
_TALKATIVE = ("alembic", "asyncio", "authlib", "httpcore2", "httpx2", "sqlalchemy")
_audit = structlog.get_logger("audit")


def audit(event: str, **facts: str | int | None) -> None:
    """Log a security-relevant event. `facts` hold ids only."""
    _audit.info(event, **facts)
''',
    todo="""
# Below WARNING these libraries log statement parameters, URLs and headers.
_TALKATIVE = ("aiosqlite", "alembic", "asyncio", "httpcore2", "httpx2", "sqlalchemy")
""",
)
SAID = Difference(
    "Only auth-service's pages speak several languages.",
    auth="""
from ..mail.languages.sentences import Sentence
        raise HTTPException(400, Sentence("The query has more than {number} parameters.", number=MAX_PARAMETERS))
""",
    todo="""
        raise HTTPException(400, f"The query has more than {MAX_PARAMETERS} parameters.")
""",
)
MCP = Difference(
    "Only todo-service uses the MCP SDK.",
    todo='    logging.getLogger("mcp").setLevel(logging.ERROR)  # below, it quotes what clients sent',
)
HINTS = Difference(
    "Only auth-service answers with a stream.",
    auth='UNTRACED = ("/livez", "/readyz", "/internal/status-list-hints")  # probes, and a stream that never ends',
    todo='UNTRACED = ("/livez", "/readyz")',
)
DIALECT = Difference(
    "Only auth-service sends statements with numbered parameters, and keeps connections that it has used.",
    auth='''
    def __init__(self, engine: AsyncEngine, dialect: Dialect | None = None) -> None:
        """`dialect` compiles the statements; None: the engine's."""
        self._dialect = dialect or engine.sync_engine.dialect
        self._give_back(pooled)
    def _give_back(self, pooled: PoolProxiedConnection) -> None:
        pooled.close()
        self._order: Sequence[str] = compiled.positiontup or ()
    def bind_in_order(self, parameters: Mapping[str, object]) -> Sequence[object]:
        """The values in the order of the parameters, for a dialect that numbers them."""
        values = self.bind(parameters)
        return [values[name] for name in self._order]
''',
    todo="""
    def __init__(self, engine: AsyncEngine) -> None:
        self._dialect = engine.sync_engine.dialect
        pooled.close()
""",
)
KEPT = Difference(
    "See above: the connections that are kept count as idle.",
    auth="""
            kept = database.frequent.idle if engine is database.reader else 0
            count.set(name, "used", to=pool.checkedout() - kept)
            count.set(name, "idle", to=pool.checkedin() + kept)
""",
    todo="""
            count.set(name, "used", to=pool.checkedout())
            count.set(name, "idle", to=pool.checkedin())
""",
)
EXAMPLE = Difference(
    "Each example is a kind of the service itself.",
    auth='''
"""`given`: an endpoint or a grant gets those parts of the process that it names. They are assembled at the start.
    class RevokeParts(Given):
        database: Database
    parts = given(request, RevokeParts)
''',
    todo='''
"""`given`: an endpoint gets those parts of the process that it names. They are assembled at the start.
    class ListParts(Given):
        cursor_key: bytes
    parts = given(request, ListParts)
''',
)
MORE_GIVEN = Difference(
    "auth-service's middleware gets parts too, and its clock returns a datetime.",
    auth='''
from datetime import datetime
from typing import Annotated, Any, TypeVar
from fastapi import Depends, Request
from starlette.applications import Starlette
from ..store.instants import Clock
def given_by(app: Starlette, kind: type[Kind]) -> Kind:
    """The same, for code that has an application but no request."""
    supply: Supply = app.state.parts
    return supply.give(kind)
@dataclass(frozen=True)
class TimeParts(Given):
    clock: Clock
async def get_now(request: Request) -> datetime:
    """The time of the request. It is `async` because FastAPI runs plain functions in a thread, which costs too much."""
    return given(request, TimeParts).clock()
Now = Annotated[datetime, Depends(get_now)]
''',
    todo="from typing import Any, TypeVar",
)
TWINS: dict[str, tuple[Difference, ...]] = {
    "__main__.py": (),
    "commands/serving_processes.py": (),
    "commands/whole_responses.py": (),
    "http/head_requests.py": (),
    "http/navigation.py": (),
    "http/parts.py": (EXAMPLE, MORE_GIVEN),
    "http/public_preflight.py": (),
    "http/unserved_addresses.py": (SAID,),
    "limits/redis_address.py": (),
    "limits/redis_clients.py": (),
    "limits/shared_windows.py": (),
    "limits/windows.py": (),
    "settings/environment.py": (),
    "settings/explained.py": (),
    "store/driver_statements.py": (DIALECT,),
    "store/slow_statements.py": (),
    "telemetry/client_address.py": (),
    "telemetry/exported_spans.py": (),
    "telemetry/logs.py": (AUDIT, MCP),
    "telemetry/metrics.py": (),
    "telemetry/process_metrics.py": (KEPT,),
    "telemetry/shared_metrics.py": (),
    "telemetry/tracing.py": (HINTS,),
}
# Files of the same name that are not copies: each has a task of its own.
UNALIKE = {
    "__init__.py": "each room's door describes its own files",
    "assembly.py": "other parts",
    "app.py": "other routes, other background work",
    "limits/__init__.py": "see above",
    "http/__init__.py": "see above",
    "http/pages.py": "auth-service has forms, and templates for them; todo-service has one page for all problems",
    "http/outgoing.py": "todo-service has header fields to send, but no cookies and no session",
    "migrations/__init__.py": "see above; todo-service also grants rights to its serving role",
    "migrations/env.py": "todo-service's runs on the connection that holds the lock",
    "settings/__init__.py": "see above",
    "settings/kinds.py": "other kinds",
    "settings/settings.py": "other settings; todo-service's files are for four names, and one may be empty",
    "store/__init__.py": "see above",
    "store/database.py": "todo-service says whose rows a transaction is for; auth-service has sessions of the ORM",
    "store/prepared.py": "todo-service sends the owner with each statement, and returns named tuples",
    "store/inline_sqlite.py": "todo-service reads through AsyncConnection, which insists that something is awaited",
    "telemetry/__init__.py": "see above",
    "telemetry/access_log.py": "todo-service adds header fields to every answer, and logs probes at DEBUG",
    "telemetry/counts.py": "what happens in each service",
    "commands/__init__.py": "other commands",
}


def lines(text: str, package: str) -> list[str]:
    """The non-empty lines, without the service's name."""
    named = text.replace(package, "SERVICE").replace(package.replace("_", "-"), "SERVICE")
    return [line for line in named.splitlines() if line.strip()]


def changes(auth: list[str], todo: list[str]) -> tuple[list[str], list[str]]:
    compared = list(difflib.ndiff(auth, todo))
    only_auth, only_todo = ([line[2:] for line in compared if line.startswith(sign)] for sign in "-+")
    return only_auth, only_todo


@pytest.mark.parametrize("path", TWINS)
def test_twins_differ_by_what_is_listed_and_no_more(path: str) -> None:
    auth = lines((AUTH / path).read_text(encoding="utf-8"), "auth_service")
    todo = lines((TODO / path).read_text(encoding="utf-8"), "todo_service")
    listed = TWINS[path]
    assert changes(auth, todo) == (
        [line for each in listed for line in lines(each.auth, "auth_service")],
        [line for each in listed for line in lines(each.todo, "todo_service")],
    )


def test_files_of_the_same_name_are_twins_or_have_a_reason() -> None:
    both = {path.relative_to(AUTH).as_posix() for path in AUTH.rglob("*.py")} & {
        path.relative_to(TODO).as_posix() for path in TODO.rglob("*.py")
    }
    assert both == TWINS.keys() | UNALIKE.keys()
    assert not TWINS.keys() & UNALIKE.keys()


def named(room: Path, name: str) -> str:
    """The assignment or function of that name in one of the room's files, without comments."""
    for path in sorted(room.glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
                return ast.unparse(node)
            if isinstance(node, ast.FunctionDef) and node.name == name:
                return ast.unparse(node)
    raise AssertionError(f"{room} has no {name}")


@pytest.mark.parametrize(
    "name",
    ["LOCK_TIMEOUT", "STATEMENT_TIMEOUT", "POOL_TIMEOUT", "REACHABILITY", "MAX_AGE", "has_ended", "_prepare_sqlite"],
)
def test_both_open_their_databases_in_the_same_way(name: str) -> None:
    """DECISIONS.md, "Both services open their databases in the same way"."""
    assert named(AUTH / "store", name) == named(TODO / "store", name)


@pytest.mark.parametrize(("option", "value"), [("max_overflow", "0"), ("pool_recycle", "MAX_AGE")])
def test_no_pool_overflows_and_connections_are_closed_after_the_same_time(option: str, value: str) -> None:
    """However it is passed: as a keyword or in a dict of them."""
    values = [
        {
            value
            for path in (service / "store").glob("*.py")
            for value in re.findall(rf'\b{option}"?[=:] ?(\w+)', path.read_text(encoding="utf-8"))
        }
        for service in (AUTH, TODO)
    ]
    assert values == [{value}] * 2
