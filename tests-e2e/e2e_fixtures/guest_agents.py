"""AI agents with other people's clients (guests/), in front of a person whose browser is ours.

An agent says on its standard error which address the person is to open, or opens the browser that BROWSER names. It
calls a tool for each line of its input, and answers with a line.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from deploy.local.ports import free_port

from e2e_fixtures.checkout import ambient
from e2e_fixtures.guest_programs import command_of
from e2e_fixtures.providers import Account, Ours
from e2e_fixtures.stack import Stack
from e2e_fixtures.user_agent import Callback, Page, UserAgent
from e2e_fixtures.waiting import wait_until

PROGRAMS = {"fastmcp": "agent.py", "mcp-client": "app.js", "mcp-remote": "app.js"}
# Where the agents listen: any port of a loopback address (RFC 8252 §7.3).
CALLBACKS = [f"http://{host}{path}" for host in ("127.0.0.1", "localhost") for path in ("/callback", "/oauth/callback")]
BROWSER = '#!/bin/sh\necho "$1" >> "$FOLDER/opened"\n'


@dataclass
class GuestAgent:
    stack: Stack
    account: Account
    process: "subprocess.Popen[str]"
    folder: Path
    consents: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._browser = UserAgent(Ours(self.stack))
        self._opened = 0

    def call(self, tool: str, **arguments: Any) -> Any:
        """What the tool returns. If the agent asks for a sign-in meanwhile, the person signs in and agrees."""
        assert self.process.stdin is not None
        answers = self.folder / "answers"
        before = len(answers.read_text(encoding="utf-8").splitlines())
        self.process.stdin.write(f"{tool} {json.dumps(arguments)}\n")
        self.process.stdin.flush()
        wait_until(lambda: self._is_answered(answers, before))
        return json.loads(answers.read_text(encoding="utf-8").splitlines()[before])

    def cut_off(self, client_id: str) -> None:
        """The person removes the agent at /account."""
        account = self._browser.open(f"{self.stack.url}/account")
        assert isinstance(account, Page)
        shown = self._browser.press(account, f"withdraw-{client_id}")
        assert isinstance(shown, Page)
        assert "changed" in shown

    def _is_answered(self, answers: Path, before: int) -> bool:
        assert self.process.poll() is None, self._log()
        for url in self._asked()[self._opened :]:
            self._opened += 1
            self._agree(url)
        return answers.read_text(encoding="utf-8").count("\n") > before

    def _asked(self) -> list[str]:
        """The addresses that the person was asked to open, the oldest first, each once: an agent may say it twice."""
        opened = self.folder / "opened"
        told = self._log() + (opened.read_text(encoding="utf-8") if opened.exists() else "")
        urls = re.finditer(rf"{re.escape(self.stack.url)}/oauth/authorize\?\S*code_challenge=([\w-]{{43}})\S*", told)
        return list({url[1]: url[0] for url in urls}.values())

    def _agree(self, url: str) -> None:
        shown = self._browser.open(url)
        if not isinstance(shown, Callback) and "sign-in" in shown:
            shown = self._browser.press(shown, "sign-in", email=self.account.email, password=self.account.password)
        assert not isinstance(shown, Callback), shown
        self.consents.append(shown.text)
        shown = self._browser.press(shown, "allow")
        assert isinstance(shown, Callback), shown
        wait_until(lambda: _is_received(shown.url))

    def _log(self) -> str:
        return (self.folder / "errors").read_text(encoding="utf-8")


def _is_received(callback: str) -> bool:
    """Whether the agent has its answer. It may begin to listen after it has said where to sign in: people are slow."""
    try:
        httpx2.get(callback, trust_env=False)
    except httpx2.ConnectError:
        return False
    return True


@contextmanager
def running_agent(name: str, stack: Stack, account: Account, client_id: str, folder: Path) -> Iterator[GuestAgent]:
    folder.mkdir()
    browser = folder / "browser"
    browser.write_text(BROWSER, encoding="utf-8")
    browser.chmod(0o755)
    *interpreter, program = command_of(name, folder)
    environ = {"MCP": f"{stack.url}/mcp", "CLIENT_ID": client_id, "PORT": str(free_port()), "FOLDER": str(folder)}
    with (folder / "answers").open("wb") as answers, (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(
            [*interpreter, str(Path(program).with_name(PROGRAMS[name]))],
            env={**ambient(), **environ, "BROWSER": f"{browser} %s", "HOME": str(folder)},
            text=True,
            stdin=subprocess.PIPE,
            stdout=answers,
            stderr=errors,
        )
        with process:
            try:
                yield GuestAgent(stack, account, process, folder)
            finally:
                process.terminate()
