"""Third-party relying parties in Node.js, each driven by a script of ours (frontends/relying-parties).

Script and test exchange JSON lines. The script names an address for the person's browser to open, and gets the response
that its redirect_uri received; or it names a device's code for the person to type. It also names each step that has
passed, so that a missing step is noticed.
"""

import json
import os
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from e2e_fixtures.npm import node
from e2e_fixtures.providers import Account, Provider
from e2e_fixtures.user_agent import Callback, Page, UserAgent

TIMEOUT = 300


def drive(script: Path, provider: Provider, clients: dict[str, dict[str, Any]], account: Account) -> Sequence[str]:
    """Run a script to its end, and return the names of the steps that it passed."""
    environ = dict(os.environ)
    if provider.authority:
        environ["NODE_EXTRA_CA_CERTS"] = str(provider.authority)
    process = subprocess.Popen(
        [node(), script.name], cwd=script.parent, env=environ, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    watchdog = threading.Timer(TIMEOUT, process.kill)
    watchdog.start()
    assert process.stdin is not None
    assert process.stdout is not None
    told = {"issuer": provider.issuer, "clients": clients, "account": {"sub": account.sub, "email": account.email}}
    try:
        with process.stdout, process.stdin:
            _tell(process.stdin, told)
            passed = list(_converse(process.stdin, process.stdout, UserAgent(provider), account))
        assert process.wait(60) == 0, f"{script.name} failed after {passed}"
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()
    return passed


def _converse(stdin: IO[str], stdout: IO[str], agent: UserAgent, account: Account) -> Any:
    for line in stdout:
        said = json.loads(line)
        if "passed" in said:
            yield said["passed"]
        elif "enter" in said:
            _tell(stdin, _enter(agent, said["enter"], said["user_code"], account))
        else:
            _tell(stdin, _answer(agent, said["open"], account))


def _answer(agent: UserAgent, url: str, account: Account) -> dict[str, Any]:
    shown = agent.sign_in(url, account)
    if isinstance(shown, Callback):
        return {"method": shown.method, "url": shown.url, "body": shown.body}
    return {"page": repr(shown)}


def _enter(agent: UserAgent, url: str, user_code: str, account: Account) -> dict[str, Any]:
    """Type a device's code at the page that it names, and allow the device."""
    page = agent.open(url)
    assert isinstance(page, Page)
    page.forms[page.ids["continue"]["<form>"]].fields["user_code"] = user_code
    return {"page": repr(agent.go_on(agent.press(page, "continue"), account))}


def _tell(stdin: IO[str], message: dict[str, Any]) -> None:
    stdin.write(json.dumps(message) + "\n")
    stdin.flush()
