"""Faults one after the other under constant load, and how their cost is judged.

During a fault, only what it takes away may fail. Acknowledged writes stay, always.
"""

import json
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any

from e2e_fixtures.composed import Composed
from e2e_fixtures.load import Answer, Load, Member
from e2e_fixtures.nodes import Nodes
from e2e_fixtures.people import PASSWORD, sign_up
from e2e_fixtures.providers import Account, Ours
from e2e_fixtures.relying_party import CALLBACK, RelyingParty
from e2e_fixtures.user_agent import UserAgent

# The limits are far above the load, because all visitors share one address.
UNLIMITED = {
    **{f"GATEWAY_{zone}_RATE": "10000r/s" for zone in ("SIGN_IN", "PASSWORD", "AUTH", "TOKEN", "API")},
    **{f"GATEWAY_{zone}_BURST": "10000" for zone in ("SIGN_IN", "PASSWORD", "AUTH", "TOKEN", "API")},
    "GATEWAY_CONNECTIONS": "1000",
}
APPLICATION = {
    "client_name": "Application",
    "token_endpoint_auth_method": "client_secret_post",
    "require_pkce": False,
    "grant_types": ["authorization_code", "refresh_token"],
    "redirect_uris": [CALLBACK],
    "scope": "openid offline_access todos:read todos:write",
    "first_party": True,
}
BEFORE, AFTER = 60, 200  # requests
AFTERGLOW = 2.0  # seconds after a fault's end in which connections may still time out
RARE = 0.001  # share of all requests
# The errors that a fault may cause. In no case may it lose an acknowledged write or let an invalid token through.
NOTHING = "one request in a thousand"  # the part stops in good order, or another one takes over
UNDER_WAY = "requests under way"  # only its sender may repeat a write that has begun
MEANWHILE = "requests that need the part"  # while it is away
HEADINGS = ("fault", "requests", "errors", "share", "erring", "slowest", "verdict")


@dataclass(frozen=True)
class Fault:
    """`strike` breaks something when its block is entered, and has repaired it when the block ends."""

    name: str
    strike: Callable[[Nodes], AbstractContextManager[None]]
    may_cost: str = NOTHING
    keeps_from_knowing: bool = False  # verifiers cannot fetch the status lists
    needs: Callable[[], str] = lambda: ""  # the tool that this machine lacks for it, or ""


@dataclass
class Outcome:
    fault: Fault
    answers: list[Answer]
    ended: float
    visitors: int
    broken: Sequence[str]

    @property
    def errors(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.is_error]

    @property
    def late(self) -> list[Answer]:
        """Errors of requests that began after the fault had ended."""
        return [answer for answer in self.errors if answer.begun > self.ended + AFTERGLOW]

    @property
    def troubled(self) -> float:
        """Seconds from the first error to the last."""
        errors = self.errors
        return max(each.ended for each in errors) - min(each.begun for each in errors) if errors else 0.0

    @property
    def slowest(self) -> Answer:
        return max(self.answers, key=lambda answer: answer.took)

    def complaints(self) -> list[str]:
        found = list(self.broken)
        if self.late:
            found.append(f"{len(self.late)} errors after the end: {tally(self.late)}")
        allowed = {NOTHING: 0, UNDER_WAY: self.visitors, MEANWHILE: len(self.answers)}[self.fault.may_cost]
        if len(self.errors) > max(allowed, RARE * len(self.answers)):
            found.append(f"too many errors: {tally(self.errors)}")
        return found


def tally(answers: list[Answer]) -> str:
    counts: dict[str, int] = {}
    for answer in answers:
        name = f"{answer.operation} {answer.status or 'no answer'}"
        counts[name] = counts.get(name, 0) + 1
    return ", ".join(f"{name} x{count}" for name, count in sorted(counts.items()))


def row(*cells: object) -> str:
    return "| " + " | ".join(f"{cell!s:>8}" if place else f"{cell!s:48}" for place, cell in enumerate(cells)) + " |"


def described(outcome: Outcome) -> str:
    requests, errors = len(outcome.answers), len(outcome.errors)
    verdict = "; ".join(outcome.complaints()[:3]) or "as promised"
    share = f"{errors / requests:.2%}"
    return row(
        outcome.fault.name,
        requests,
        errors,
        share,
        f"{outcome.troubled:.1f} s",
        f"{outcome.slowest.took:.1f} s {outcome.slowest.operation}",
        verdict,
    )


def measure(fault: Fault, nodes: Nodes, load: Load) -> Outcome:
    with load.running(), ExitStack() as opened:
        load.wait_for(BEFORE)
        begun = time.monotonic()
        if fault.keeps_from_knowing:
            opened.enter_context(load.late_revocations())
        with fault.strike(nodes):
            pass
        ended = time.monotonic()
        load.wait_for(AFTER)
        while time.monotonic() < ended + 2 * AFTERGLOW:
            time.sleep(0.05)
    return Outcome(fault, load.answers(begun), ended, len(load.visitors), load.audit())


@dataclass(frozen=True)
class Deployed(Ours):
    """The composed system as an OpenID Provider; its own command registers the clients."""

    composed: Composed | None = None

    def register(self, **metadata: Any) -> dict[str, Any]:
        assert self.composed is not None
        created = self.composed.compose(
            "run", "--rm", "-T", "auth-commands", "clients", "create", stdin=json.dumps(metadata)
        )
        assert created.returncode == 0, created.stderr
        client: dict[str, Any] = json.loads(created.stdout)
        return client


def invite(composed: Composed, number: int) -> Load:
    """The load of several people, each with an account, a session and an application's refresh token."""
    provider = Deployed(composed.stack, composed=composed)
    registered = provider.register(**APPLICATION, default_resource=f"{composed.stack.url}/api/v1")
    party = RelyingParty(provider, registered)
    return Load([_member(party, composed) for _ in range(number)], composed.stack.url, composed.stack.client)


def _member(party: RelyingParty, composed: Composed) -> Member:
    person = sign_up(composed.stack)
    account = Account(person.id, person.email, PASSWORD)
    scope = str(APPLICATION["scope"])
    signed_in = party.sign_in(UserAgent(party.provider), account, scope=scope)
    cookies = {name: value for name, value in person.browser.cookies.items() if "session_token" in name}
    own = {"client_id": party.client_id, "client_secret": party.registered["client_secret"]}
    return Member(person.email, cookies, own, signed_in.response["refresh_token"])
