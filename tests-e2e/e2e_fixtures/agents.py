"""AI agents that nobody registered: PyPI's `mcp` client, known to the issuer by its metadata document."""

import asyncio
import base64
import hashlib
import json
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar
from urllib.parse import urlencode

import httpx2
from deploy.authority import certify
from mcp.client.auth import OAuthClientProvider
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

from e2e_fixtures.providers import Account, Ours
from e2e_fixtures.stack import Stack
from e2e_fixtures.user_agent import Callback, UserAgent

T = TypeVar("T")
CALLBACK = "http://127.0.0.1:48999/callback"  # nothing answers there; a browser refuses ports of known services


@dataclass(frozen=True)
class Documents:
    """An https server of metadata documents, whose authority is in `ca_file`."""

    url: str
    ca_file: Path
    texts: dict[str, bytes]

    def publish(self, name: str, **members: Any) -> str:
        """The client_id of a new client: the URL of its document."""
        client_id = f"{self.url}/{name}/client.json"
        document = {"client_id": client_id, "client_name": name, "redirect_uris": [CALLBACK], **members}
        document.setdefault("grant_types", ["authorization_code", "refresh_token"])
        self.texts[f"/{name}/client.json"] = json.dumps(document).encode()
        return client_id


@contextmanager
def documents(folder: Path) -> Iterator[Documents]:
    certify(folder / "authority", folder / "server", ["localhost"], now=datetime.now(UTC))
    texts: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = texts.get(self.path)
            self.send_response(404 if text is None else 200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(text or b"")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server/gateway.crt", folder / "server/gateway.key")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield Documents(f"https://localhost:{server.server_port}", folder / "authority/authority.crt", texts)
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Memory:
    """What the client keeps: the SDK's `TokenStorage`."""

    kept: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.kept

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.kept = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


@dataclass
class Agent:
    """An agent in front of a person, who reads what it asks for (`consents`) and presses `allow`."""

    stack: Stack
    account: Account
    client_id: str
    memory: Memory = field(default_factory=Memory)
    consents: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._browser, self._answer = UserAgent(Ours(self.stack)), ""

    def call(self, tool: str, **arguments: Any) -> Any:
        """What a tool returns, for this agent. It signs in when it has to."""

        async def act(client: Client) -> Any:
            found = await client.call_tool(tool, arguments)
            return json.loads(found.content[0].text)  # type: ignore[union-attr]  # all our tools return text

        return self.visit(act)

    def visit(self, act: Callable[[Client], Awaitable[T]]) -> T:
        """In a thread of its own, because Playwright's loop may run in this one."""
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(asyncio.run, self._visit(act)).result()

    async def _visit(self, act: Callable[[Client], Awaitable[T]]) -> T:
        url = f"{self.stack.url}/mcp"
        provider = OAuthClientProvider(
            url,
            OAuthClientMetadata(redirect_uris=[CALLBACK], token_endpoint_auth_method="none"),  # type: ignore[list-item]  # it parses text
            self.memory,
            self._open,
            self._called_back,
            client_metadata_url=self.client_id,
        )
        async with (
            httpx2.AsyncClient(auth=provider, trust_env=False, timeout=60) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            return await act(client)

    async def _open(self, url: str) -> None:
        """The person's browser: the page of the consent is kept, then agreed to."""
        self.asked.append(url)
        await asyncio.to_thread(self._agree, url)

    def sign_in(self, scope: str) -> None:
        """Sign in for these scopes only. The SDK by itself asks for those that the server's challenge names."""
        verifier = "v" * 43
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = authorization(self.stack, self.client_id, scope, code_challenge=challenge)
        self._agree(asked)
        form = {
            "grant_type": "authorization_code",
            "code": Callback("GET", self._answer).parameters["code"],
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "code_verifier": verifier,
        }
        answered = self.stack.client().post("/oauth/token", data=form)
        assert answered.status_code == 200, answered.text
        self.memory.kept = OAuthToken.model_validate(answered.json())

    def _agree(self, url: str) -> None:
        shown = self._browser.open(url)
        if not isinstance(shown, Callback) and "sign-in" in shown:
            shown = self._browser.press(shown, "sign-in", email=self.account.email, password=self.account.password)
        if not isinstance(shown, Callback):
            self.consents.append(shown.text)
            shown = self._browser.press(shown, "allow")
        assert isinstance(shown, Callback), shown
        self._answer = shown.url

    async def _called_back(self) -> AuthorizationCodeResult:
        answer = Callback("GET", self._answer).parameters
        return AuthorizationCodeResult(code=answer["code"], state=answer.get("state"), iss=answer.get("iss"))


@dataclass
class WatchedAgent(Agent):
    """An agent whose person sits in front of a browser that the test drives."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._urls, self._answers = SimpleQueue[str](), SimpleQueue[str]()

    def call_in_front_of(self, agree: Callable[[str], str], tool: str, **arguments: Any) -> Any:
        """The same as `call`. `agree` opens the address in this thread, and returns that of the answer."""
        with ThreadPoolExecutor(1) as pool:
            called = pool.submit(self.call, tool, **arguments)
            self._answers.put(agree(self._urls.get(timeout=60)))
            return called.result()

    def _agree(self, url: str) -> None:
        self._urls.put(url)
        self._answer = self._answers.get(timeout=60)


def authorization(stack: Stack, client_id: str, scope: str, **more: str) -> str:
    """The address of an authorization request for /mcp."""
    asked = {
        "client_id": client_id,
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": scope,
        "resource": f"{stack.url}/mcp",
        "code_challenge_method": "S256",
        "code_challenge": "x" * 43,
        "state": "s",
        **more,
    }
    return f"{stack.url}/oauth/authorize?{urlencode(asked)}"
