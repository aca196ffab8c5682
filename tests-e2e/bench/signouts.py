"""The time from a sign-out to the first refusal, by each verifier: atjwt for Python, for TypeScript, and the sidecar.

    python tests-e2e/bench/signouts.py [SIGN_OUTS]

Each verifier runs as two processes: one only polls, the other also follows the issuer's hints. All six are asked every
50 ms with the same token, while its person signs out. Several people do so at once, so that the sign-outs fall on all
moments between two polls. The time begins when the sign-out is answered; a refusal before that counts as 0. Other load
on the machine makes all of it slower, so its load average is printed, too.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

sys.path += map(str, Path(__file__).resolve().parents[1:3])

import httpx2
from deploy.local.ports import free_port

from e2e_fixtures.checkout import ROOT, ambient
from e2e_fixtures.npm import built, node
from e2e_fixtures.people import bearer, sign_up
from e2e_fixtures.stack import Stack, running_stack
from e2e_fixtures.waiting import wait_until

SIGN_OUTS, AT_ONCE = 120, 2
ASKED_EVERY, GIVEN_UP_AFTER = 0.05, 60.0  # seconds
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
async def check(token: Annotated[AccessToken, protection.requires("todos:read")]) -> str:
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
app.get("/check", requires("todos:read"), (request, response) => response.json(request.token.sub));
app.listen({port}, "127.0.0.1");
"""


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
        wait_until(lambda: self.status(token) == 200)

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


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else SIGN_OUTS
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stack(Path(folder) / "checkout", "--no-limits") as stack,
        running_verifiers(stack, Path(folder)) as verifiers,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        took = list(pool.map(lambda _: sign_out(stack, verifiers), range(count)))
    load = os.getloadavg()[0]
    print(f"{count} sign-outs; seconds from the answer to the first refusal; load average {load:.1f}")
    reached = [report(each, sorted(seconds)) for each, seconds in zip(verifiers, zip(*took, strict=True), strict=True)]
    return int(not all(reached))


@contextmanager
def running_verifiers(stack: Stack, folder: Path) -> Iterator[list[Verifier]]:
    """Each verifier, polling and with hints, as a process that knows the issuer's keys and lists."""
    known = sign_up(stack).token()
    with ExitStack() as opened:
        verifiers = []
        for way in TARGETS:
            hints = "" if way == "polling" else f"{stack.own_url('auth')}/internal/status-list-hints"
            for name in STARTS:
                verifier = Verifier(name, way, start(name, stack, hints, folder, opened))
                verifier.wait_until_accepted(known)
                verifiers.append(verifier)
        yield verifiers


def start(name: str, stack: Stack, hints: str, folder: Path, opened: ExitStack) -> str:
    port = free_port()
    values = {"issuer": stack.url, "audience": f"{stack.url}/api/v1", "hints": hints, "port": str(port)}
    command, environ = STARTS[name](values, folder)
    log = opened.enter_context((folder / f"{name}-{port}.log").open("wb"))
    process = subprocess.Popen(command, stdout=log, stderr=log, env={**ambient(), **environ}, cwd=folder)
    opened.callback(process.wait)
    opened.callback(process.kill)
    return f"http://127.0.0.1:{port}/check"


def python(values: dict[str, str], folder: Path) -> tuple[list[str], dict[str, str]]:
    script = folder / f"application_{values['port']}.py"
    script.write_text(PYTHON.format(**values), encoding="utf-8")
    return [sys.executable, str(script)], {"PYTHONPATH": str(ATJWT / "python")}


def typescript(values: dict[str, str], _: Path) -> tuple[list[str], dict[str, str]]:
    script = built(ATJWT / "typescript") / f"signouts-{values['port']}.mjs"
    script.write_text(TYPESCRIPT.format(**values), encoding="utf-8")
    return [node(), str(script)], {}


def sidecar(values: dict[str, str], _: Path) -> tuple[list[str], dict[str, str]]:
    settings = {
        "PYTHONPATH": str(ATJWT / "python"),
        "ATJWT_ISSUER": values["issuer"],
        "ATJWT_AUDIENCE": values["audience"],
        "ATJWT_ADDRESS": f"127.0.0.1:{values['port']}",
        **({"ATJWT_HINTS": values["hints"]} if values["hints"] else {}),
    }
    return [sys.executable, "-m", "atjwt", "serve"], settings


STARTS = {"Python": python, "TypeScript": typescript, "sidecar": sidecar}


def sign_out(stack: Stack, verifiers: Sequence[Verifier]) -> list[float]:
    """Seconds until each verifier refused the token of a person who signed out."""
    person = sign_up(stack)
    token = person.token()
    for each in verifiers:
        each.wait_until_accepted(token)
    with ThreadPoolExecutor(len(verifiers)) as asking:
        refusals = [asking.submit(each.refused_at, token) for each in verifiers]
        response = person.browser.post("/api/auth/sign-out", json={})
        if response.status_code != 200:
            raise SystemExit(f"sign-out: {response.status_code}")
        answered = time.monotonic()
        return [max(0.0, each.result() - answered) for each in refusals]


def report(verifier: Verifier, seconds: Sequence[float]) -> bool:
    p99, target = seconds[min(len(seconds) - 1, int(len(seconds) * 0.99))], TARGETS[verifier.way]
    verdict = "reached" if p99 <= target else "MISSED"
    print(
        f"{verifier.name:11} {verifier.way:11} p50 {statistics.median(seconds):5.2f}  p99 {p99:5.2f}"
        f"  max {seconds[-1]:5.2f}  target: p99 at most {target} s, {verdict}",
        flush=True,
    )
    return p99 <= target


if __name__ == "__main__":
    sys.exit(main())
