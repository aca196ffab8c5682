"""atjwt in three languages' ways, each for an API of its own, asked every 50 ms until it refuses a token.

Each verifier runs as two processes: one only polls, the other also follows the issuer's hints.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
from deploy.local.ports import free_port

from e2e_fixtures.checkout import ROOT, ambient
from e2e_fixtures.npm import built, node
from e2e_fixtures.people import bearer
from e2e_fixtures.stack import Stack
from e2e_fixtures.waiting import wait_until

ASKED_EVERY, GIVEN_UP_AFTER = 0.05, 60.0  # seconds
STARTUP_TIMEOUT = 180  # seconds: on a busy machine six programs start slowly
TARGETS = {"polling": 6.0, "with hints": 3.0}  # seconds at p99
ATJWT = ROOT / "todo-service/verifier"

PYTHON = """
from typing import Annotated
import uvicorn
from fastapi import FastAPI
from atjwt import AccessToken, Verifier
from atjwt.fastapi import Protection

protection = Protection(Verifier(issuer="{issuer}", audience="{audience}", hints="{hints}" or None))
app = FastAPI(lifespan=protection.lifespan)

@app.get("/check")
async def check(token: Annotated[AccessToken, protection.requires("{scope}")]) -> str:
    return token.sub

uvicorn.run(app, port={port}, log_level="error")
"""
TYPESCRIPT = """
import express from "express";
import {{ Verifier }} from "atjwt";
import {{ protect }} from "atjwt/express";

const hints = "{hints}" === "" ? {{}} : {{ hints: "{hints}" }};
const {{ requires }} = protect(Verifier.start({{ issuer: "{issuer}", audience: "{audience}", ...hints }}));
const app = express();
app.get("/check", requires("{scope}"), (request, response) => response.json(request.token.sub));
app.listen({port}, "127.0.0.1");
"""


@dataclass(frozen=True)
class Api:
    """An API: its identifier, and the scope that a request needs."""

    audience: str
    scope: str


@dataclass(frozen=True)
class Verifier:
    name: str
    way: str
    url: str

    def status(self, token: str) -> int:
        """The status of a request with the token; 0 if nothing listens yet."""
        with suppress(httpx2.TransportError):
            return httpx2.get(self.url, headers=bearer(token), trust_env=False, timeout=30).status_code
        return 0

    def wait_until_accepted(self, token: str) -> None:
        wait_until(lambda: self.status(token) == 200, STARTUP_TIMEOUT)

    def refused_at(self, token: str) -> float:
        """The time of the first refusal. The asking is cheap, so that it does not slow down what it measures."""
        address = urlsplit(self.url)
        with closing(HTTPConnection(address.netloc, timeout=30)) as connection:
            given_up_at = time.monotonic() + GIVEN_UP_AFTER

            def ask() -> int:
                connection.request("GET", address.path, headers=bearer(token))
                with connection.getresponse() as response:
                    response.read()
                    return response.status

            while (status := ask()) != 401:
                if status != 200 or time.monotonic() > given_up_at:
                    raise SystemExit(f"{self.name}, {self.way}: still {status}")
                time.sleep(ASKED_EVERY)
            return time.monotonic()


@contextmanager
def running_verifiers(stack: Stack, folder: Path, apis: Mapping[str, Api]) -> Iterator[list[Verifier]]:
    """Verifiers of these APIs by the names in STARTS, polling and with hints. Wait until each accepts a token."""
    with ExitStack() as opened:
        yield [
            Verifier(name, way, _start(name, stack, api, way, folder, opened))
            for way in TARGETS
            for name, api in apis.items()
        ]


def _start(name: str, stack: Stack, api: Api, way: str, folder: Path, opened: ExitStack) -> str:
    port = free_port()
    hints = "" if way == "polling" else f"{stack.own_url('auth')}/internal/status-list-hints"
    values = {"issuer": stack.url, "audience": api.audience, "scope": api.scope, "hints": hints, "port": str(port)}
    command, environ = STARTS[name](values, folder)
    log = opened.enter_context((folder / f"{name}-{port}.log").open("wb"))
    process = subprocess.Popen(command, stdout=log, stderr=log, env={**ambient(), **environ}, cwd=folder)
    opened.callback(process.wait)
    opened.callback(process.kill)
    return f"http://127.0.0.1:{port}/check"


def _python(values: dict[str, str], folder: Path) -> tuple[list[str], dict[str, str]]:
    script = folder / f"application_{values['port']}.py"
    script.write_text(PYTHON.format(**values), encoding="utf-8")
    return [sys.executable, str(script)], {"PYTHONPATH": str(ATJWT / "python")}


def _typescript(values: dict[str, str], _: Path) -> tuple[list[str], dict[str, str]]:
    script = built(ATJWT / "typescript") / f"timed-{values['port']}.mjs"
    script.write_text(TYPESCRIPT.format(**values), encoding="utf-8")
    return [node(), str(script)], {}


def _sidecar(values: dict[str, str], _: Path) -> tuple[list[str], dict[str, str]]:
    settings = {
        "PYTHONPATH": str(ATJWT / "python"),
        "ATJWT_ISSUER": values["issuer"],
        "ATJWT_AUDIENCE": values["audience"],
        "ATJWT_ADDRESS": f"127.0.0.1:{values['port']}",
        **({"ATJWT_HINTS": values["hints"]} if values["hints"] else {}),
    }
    return [sys.executable, "-m", "atjwt", "serve"], settings


STARTS: Mapping[str, Callable[[dict[str, str], Path], tuple[list[str], dict[str, str]]]] = {
    "Python": _python,
    "TypeScript": _typescript,
    "sidecar": _sidecar,
}


def report(verifier: Verifier, seconds: Sequence[float]) -> bool:
    """Print a row. `seconds` are sorted. Returns whether the target is reached."""
    p99, target = seconds[min(len(seconds) - 1, int(len(seconds) * 0.99))], TARGETS[verifier.way]
    verdict = "reached" if p99 <= target else "MISSED"
    print(
        f"{verifier.name:11} {verifier.way:11} p50 {statistics.median(seconds):5.2f}  p99 {p99:5.2f}"
        f"  max {seconds[-1]:5.2f}  target: p99 at most {target} s, {verdict}",
        flush=True,
    )
    return p99 <= target
