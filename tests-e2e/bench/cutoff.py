"""The time from cutting an agent off at /account to the first refusal at each of three APIs that it works at.

    python tests-e2e/bench/cutoff.py [ROUNDS]

An agent has one grant for three APIs, and a token for each. Their verifiers are atjwt for Python, for TypeScript, and
the sidecar; each runs as two processes, of which one also follows the issuer's hints. It asks all six every 50 ms.
Its person presses "Remove access", and the time begins when that is answered. Two people do so at once, so that it
falls on all moments between two polls. No round begins after MAX_SECONDS.
"""

import base64
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

sys.path += map(str, Path(__file__).resolve().parents[1:3])

import httpx2

from e2e_fixtures.providers import Ours
from e2e_fixtures.stack import Stack, running_stack
from e2e_fixtures.timed_verifiers import Api, Verifier, report, running_verifiers
from e2e_fixtures.user_agent import Callback, Page, UserAgent

ROUNDS, AT_ONCE, MAX_SECONDS = 120, 2, 420
CALLBACK = "http://127.0.0.1:9/callback"  # nothing answers there
CODE_VERIFIER = "v" * 43
CODE_CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(CODE_VERIFIER.encode()).digest()).rstrip(b"=").decode()


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder) / "checkout", "--no-limits") as stack:
        apis = register_apis(stack)
        scope = " ".join(("openid", "offline_access", *(api.scope for api in apis.values())))
        agent = Ours(stack).register(
            client_name="Agent",
            token_endpoint_auth_method="none",
            grant_types=["authorization_code", "refresh_token"],
            redirect_uris=[CALLBACK],
            scope=scope,
        )["client_id"]
        ends_at = time.monotonic() + MAX_SECONDS
        with running_verifiers(stack, Path(folder), apis) as verifiers, ThreadPoolExecutor(AT_ONCE) as pool:
            measured = pool.map(lambda _: cut_off(stack, agent, scope, apis, verifiers, ends_at), range(rounds))
            took = [each for each in measured if each]
    load = os.getloadavg()[0]
    print(f"{len(took)} agents cut off; seconds from the answer to the first refusal; load average {load:.1f}")
    reached = [report(each, sorted(seconds)) for each, seconds in zip(verifiers, zip(*took, strict=True), strict=True)]
    return int(not all(reached))


def register_apis(stack: Stack) -> dict[str, Api]:
    """The todo API and two more, by the names of their verifiers."""
    apis = {"Python": Api(f"{stack.url}/api/v1", "todos:read")}
    for name, word in (("TypeScript", "billing"), ("sidecar", "reports")):
        apis[name] = Api(f"https://api.example.com/{word}", f"{word}:read")
        described = {"resource": apis[name].audience, "name": word, "scopes": {apis[name].scope: f"See {word}"}}
        made = stack.checkout.run("auth", "resources", "create", stdin=json.dumps(described))
        if made.returncode:
            raise SystemExit(made.stderr)
    return apis


def cut_off(
    stack: Stack,
    agent: str,
    scope: str,
    apis: Mapping[str, Api],
    verifiers: Sequence[Verifier],
    ends_at: float,
) -> list[float]:
    """Seconds until each verifier refused the agent's token for its API; empty if it is too late for a round."""
    if time.monotonic() > ends_at:
        return []
    browser = UserAgent(Ours(stack))
    tokens = tokens_of(stack, browser, agent, scope, apis)
    for each in verifiers:
        each.wait_until_accepted(tokens[each.name])
    account = browser.open(f"{stack.url}/account")
    if not isinstance(account, Page):
        raise SystemExit("/account is no page")
    form = account.forms[f"withdraw-form-{agent}"]
    with ThreadPoolExecutor(len(verifiers)) as asking:
        refusals = [asking.submit(each.refused_at, tokens[each.name]) for each in verifiers]
        fields = {**form.fields, "withdraw": agent}
        answer = browser.http.post(form.action, data=fields, headers={"Origin": stack.url})
        answered = time.monotonic()
        if answer.status_code != 303:
            raise SystemExit(f"/account: {answer.status_code}")
        return [max(0.0, each.result() - answered) for each in refusals]


def tokens_of(stack: Stack, browser: UserAgent, agent: str, scope: str, apis: Mapping[str, Api]) -> dict[str, str]:
    """The agent's tokens by the verifiers' names. A new person has signed in and allowed all of it."""
    asked = {
        "client_id": agent,
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": scope,
        "resource": [api.audience for api in apis.values()],
        "code_challenge": CODE_CHALLENGE,
        "code_challenge_method": "S256",
    }
    url = f"{stack.url}/oauth/authorize?{urlencode(asked, doseq=True)}"
    answer = browser.sign_in(url, Ours(stack).sign_up())
    if not isinstance(answer, Callback):
        raise SystemExit(f"the agent got no answer: {answer!r}")
    code = {
        "grant_type": "authorization_code",
        "code": answer.parameters["code"],
        "redirect_uri": CALLBACK,
        "code_verifier": CODE_VERIFIER,
    }
    tokens, shown = {}, code
    for name, api in apis.items():
        given = ask(stack, {**shown, "client_id": agent, "resource": api.audience})
        tokens[name] = given["access_token"]
        shown = {"grant_type": "refresh_token", "refresh_token": given["refresh_token"]}
    return tokens


def ask(stack: Stack, form: Mapping[str, str]) -> dict[str, str]:
    answer = httpx2.post(f"{stack.url}/oauth/token", data=dict(form), trust_env=False)
    if answer.status_code != 200:
        raise SystemExit(answer.text)
    given: dict[str, str] = answer.json()
    return given


if __name__ == "__main__":
    sys.exit(main())
