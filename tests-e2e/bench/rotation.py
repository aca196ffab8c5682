"""A hundred key rotations under constant load on a simulated clock: valid tokens pass, those of removed keys do not.

    python tests-e2e/bench/rotation.py [ROTATIONS]

Two nodes of auth-service sign and publish. Two workers rotate by schedule, and an operator withdraws every tenth key.
Five verifiers fetch the key set, each at its own pace, which stands for caches in between. One of them is cut off again
and again for longer than the time between two rotations. No verifier fetches early for an unknown key: a token that
only an early fetch would save counts as refused. Keys, database, rotation and verification are the services' own code;
the clock and the network are simulated.
"""

import asyncio
import json
import logging
import secrets
import sys
import tempfile
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import structlog

sys.path.append(str(Path(__file__).resolve().parents[2] / "auth-service"))
sys.path.append(str(Path(__file__).resolve().parents[2] / "todo-service/verifier/python"))

# The bench imports the services, because a hundred rotations, hours apart, cannot be tested over HTTP.
from atjwt.access_token import Terms, verify
from atjwt.algorithms import VerificationKey
from atjwt.key_set import parse_keys
from atjwt.refusals import InvalidToken
from auth_service.clients import clients
from auth_service.clients.algorithms import find_lacking
from auth_service.keys import verifier_reports as verifiers
from auth_service.keys.pairs import PrivateKey
from auth_service.keys.ring import RELOAD_PERIOD, KeyRing, open_ring
from auth_service.keys.rotation import withdraw_active_key
from auth_service.keys.signing import KeyStore
from auth_service.migrations import migrate
from auth_service.oauth.audiences import Resources
from auth_service.oauth.client_metadata import parse
from auth_service.oauth.resources import Resource
from auth_service.store.database import Database, open_database
from auth_service.worker.schedule import KeySchedule, Pace

ISSUER = "https://id.example.com"
API = {"resource": f"{ISSUER}/api/v1", "name": "Todos", "scopes": {"todos:read": "Read your todos"}}
RESOURCES = Resources(ISSUER, (Resource.parse(API, issuer=ISSUER),))
TERMS = Terms(issuer=ISSUER, audience=f"{ISSUER}/api/v1", status_lists=f"{ISSUER}/oauth/status-lists/")
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
SECRETS = {1: secrets.token_urlsafe(48)}
TTL, LEEWAY = timedelta(minutes=5), TERMS.policy.leeway
INTERVAL, SPARE_MIN_AGE = timedelta(hours=2), timedelta(hours=1)
STEP, FINE_STEP, FINE_FOR = timedelta(minutes=2), timedelta(seconds=1), timedelta(seconds=12)
PACES = {"30 s": 30, "35 s": 35, "5 min": 300, "15 min": 900, "55 min": 3300}
CUT_OFF, CUT_EVERY, CUT_FOR = "5 min", timedelta(hours=9), timedelta(minutes=150)
CUT_FIRST = INTERVAL - timedelta(minutes=5)  # so that two rotations fall into the time cut off
SHOWN_AT = (timedelta(0), TTL / 2, TTL, TTL + LEEWAY - timedelta(seconds=5))  # ages at which a token is shown
REPORTED_AT = 10  # minutes past the hour
WITHDRAWN_EVERY, WITHDRAWN_AT = 10, timedelta(minutes=90)


@dataclass
class Clock:
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Verifier:
    """A resource server and its copy of the key set, which is fetched again after each `pace`."""

    name: str
    client_id: str
    pace: timedelta
    keys: Mapping[str, VerificationKey] = field(default_factory=dict)
    fetched_at: datetime = LONG_AGO

    def accepts(self, token: str, now: datetime) -> bool:
        try:
            verify(token, keys=self.keys, terms=TERMS, now=now.timestamp())
        except InvalidToken:
            return False
        return True


@dataclass
class Counts:
    rotations: int = 0
    withdrawals: int = 0
    shown: int = 0
    refused: int = 0
    gone_shown: int = 0
    gone_accepted: int = 0
    delayed: int = 0


@dataclass(frozen=True)
class Token:
    text: str
    kid: str
    issued_at: datetime


def sign(key: PrivateKey, kid: str, now: datetime) -> str:
    issued_at = int(now.timestamp())
    claims: dict[str, object] = {"iss": ISSUER, "aud": TERMS.audience, "sub": "alice", "client_id": "web"}
    claims |= {"iat": issued_at, "exp": issued_at + int(TTL.total_seconds()), "jti": secrets.token_hex(8)}
    claims |= {"sid": "s", "auth_time": issued_at}
    return jwt.encode(claims, key, algorithm="RS256", headers={"typ": "at+jwt", "kid": kid})


class Simulation:
    def __init__(self, database: Database, nodes: Sequence[KeyRing], schedules: Sequence[KeySchedule], clock: Clock):
        self.database, self.nodes, self.schedules, self.clock = database, nodes, schedules, clock
        self.store = schedules[0].store
        self.verifiers: list[Verifier] = []
        self.counts = Counts()
        self.tokens: deque[Token] = deque()
        self.shown: dict[tuple[str, timedelta], None] = {}
        self.stolen: dict[str, PrivateKey] = {}
        self.withdrawn: set[str] = set()
        self.gone_at: dict[str, datetime] = {}
        self.begun = clock()

    async def register(self) -> None:
        async with self.database.writing() as session:
            for name, seconds in PACES.items():
                members = {"grant_types": ["client_credentials"], "protected_resource": TERMS.audience}
                registration = parse(members, resources=RESOURCES, supported_grant_types=("client_credentials",))
                client, _ = await clients.register(session, registration, now=self.clock())
                self.verifiers.append(Verifier(name, client.client_id, timedelta(seconds=seconds)))

    async def run(self, rotations: int) -> None:
        await self._look()
        while self.counts.rotations < rotations:
            active = self.nodes[0].current.active.kid
            self.stolen[active] = self.nodes[0].current.active.key
            if await self._rotate(active):
                await self._go_on_finely()
            else:
                self.clock.now += STEP
                for node in self.nodes:
                    await node.reload(now=self.clock())
            await self._look()
            self._load()

    async def _rotate(self, active: str) -> bool:
        """Let both workers check at once, or the operator withdraw the key; return whether the signing key changed."""
        keys = {key.state: key for key in await self.store.list_keys()}
        age = self.clock() - (keys["active"].activated_at or keys["active"].created_at)
        is_tenth = self.counts.rotations % WITHDRAWN_EVERY == WITHDRAWN_EVERY // 2 - 1
        if is_tenth and age >= WITHDRAWN_AT and not await self._lacking(keys["next"].kid):
            await withdraw_active_key(self.database, self.store, self.clock)
            self.withdrawn.add(active)
            self.counts.withdrawals += 1
        else:
            await asyncio.gather(*(schedule.rotate_when_due() for schedule in self.schedules))
        now_active = next(key.kid for key in await self.store.list_keys() if key.state == "active")
        if now_active == active:
            self.counts.delayed += age > INTERVAL + STEP
            return False
        self.counts.rotations += 1
        return True

    async def _lacking(self, kid: str) -> Sequence[str]:
        """The verifiers that lack the spare key. A real withdrawal ignores them; the bench waits until all have it."""
        async with self.database.reading() as session:
            return await find_lacking(session, self.store.purpose, kid, now=self.clock())

    async def _go_on_finely(self) -> None:
        """Go through the seconds after a rotation in small steps: one node already knows the new key, the other not."""
        end, number = self.clock() + FINE_FOR, 0
        while self.clock() < end:
            self.clock.now += FINE_STEP
            number += 1
            self._load()
            if number == 1:
                await self.nodes[0].reload(now=self.clock())
            if number == RELOAD_PERIOD // FINE_STEP:
                await self.nodes[1].reload(now=self.clock())

    async def _look(self) -> None:
        """Let each verifier fetch the key set when its pace says so, and report its keys, unless it is cut off."""
        now = self.clock()
        is_cut = (now - self.begun - CUT_FIRST) % CUT_EVERY < CUT_FOR
        async with self.database.writing() as session:
            for number, verifier in enumerate(self.verifiers):
                if is_cut and verifier.name == CUT_OFF:
                    continue
                if now - verifier.fetched_at >= verifier.pace:
                    node = self.nodes[(number + now.minute) % len(self.nodes)]
                    verifier.keys = parse_keys(json.dumps({"keys": node.current.public_jwks}).encode()).access_tokens
                    verifier.fetched_at = now
                if verifier.fetched_at == now or now.minute % REPORTED_AT == 0:
                    report = verifiers.Report("one", tuple(sorted(verifier.keys)), ())
                    await verifiers.store_report(session, verifier.client_id, report, now=now)
        published = {key["kid"] for node in self.nodes for key in node.current.public_jwks}
        for kid in self.stolen.keys() - published - self.gone_at.keys():
            self.gone_at[kid] = now

    def _load(self) -> None:
        now = self.clock()
        for node in self.nodes:
            held = node.current
            self.tokens.append(Token(sign(held.active.key, held.active.kid, now), held.active.kid, now))
        while self.tokens[0].issued_at < now - TTL - LEEWAY:
            self.tokens.popleft()
        for token in self.tokens:
            if token.kid not in self.withdrawn:
                self._show(token, now)
        self._show_stolen(now)

    def _show(self, token: Token, now: datetime) -> None:
        """Show the token to every verifier, once at each age of SHOWN_AT."""
        age = max((shown_at for shown_at in SHOWN_AT if shown_at <= now - token.issued_at), default=None)
        if age is None or now - token.issued_at >= TTL + LEEWAY or (token.text, age) in self.shown:
            return
        self.shown[token.text, age] = None
        while len(self.shown) > 4000:
            del self.shown[next(iter(self.shown))]
        for verifier in self.verifiers:
            self.counts.shown += 1
            if not verifier.accepts(token.text, now):
                self.counts.refused += 1

    def _show_stolen(self, now: datetime) -> None:
        """Sign with the last two removed keys, as a thief would; each verifier that has fetched since must refuse."""
        for kid in list(self.gone_at)[-2:]:
            looked = [verifier for verifier in self.verifiers if verifier.fetched_at > self.gone_at[kid]]
            forged = sign(self.stolen[kid], kid, now) if looked else ""
            self.counts.gone_shown += len(looked)
            self.counts.gone_accepted += sum(verifier.accepts(forged, now) for verifier in looked)


async def simulate(url: str, rotations: int) -> Counts:
    clock = Clock()
    databases = [open_database(url) for _ in range(2)]
    try:
        stores = [KeyStore(database, SECRETS, longest_token_ttl=TTL) for database in databases]
        nodes = [await open_ring(store, now=clock()) for store in stores]
        pairs = zip(databases, stores, strict=True)
        schedules = [KeySchedule(database, store, clock, Pace(INTERVAL, SPARE_MIN_AGE)) for database, store in pairs]
        simulation = Simulation(databases[0], nodes, schedules, clock)
        await simulation.register()
        await simulation.run(rotations)
        return simulation.counts
    finally:
        for database in databases:
            await database.close()


def main() -> int:
    rotations = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{folder}/auth.db"
        migrate(url)
        counts = asyncio.run(simulate(url, rotations))
    print(f"rotations                        {counts.rotations:10,}  of these in an emergency: {counts.withdrawals}")
    print(f"valid tokens shown               {counts.shown:10,}")
    print(f"  refused                        {counts.refused:10,}")
    print(f"tokens of removed keys shown     {counts.gone_shown:10,}")
    print(f"  accepted                       {counts.gone_accepted:10,}")
    print(f"checks that waited for evidence  {counts.delayed:10,}")
    print(f"seconds                          {time.monotonic() - began:10.0f}")
    return 0 if counts.refused == counts.gone_accepted == 0 and min(counts.shown, counts.gone_shown) > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
