"""`Verifier`: finds an issuer's keys and status lists, keeps them fresh, and verifies access tokens with them.

async with Verifier(issuer="https://id.example.com", audience="https://api.example.com") as verifier:
    token = verifier.verify(text)      no network, no waiting; raises Refused
"""

import asyncio
import copy
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from . import discovery, dpop, jws, reports, status_hints
from .access_token import AccessToken, Terms
from .discovery import Discovery, Endpoints
from .dpop import Proof
from .jwks import JwksCache, Schedule
from .key_set import KeySet
from .policy import DEFAULT_POLICY, Policy, WhenStale
from .polling import Polling
from .refusals import InvalidProof, InvalidToken, KeysUnavailable, Reason, Refused, UnknownKey
from .saved_copy import SavedCopies
from .spent_proofs import SpentProofs
from .status_list import Freshness
from .status_lists import StatusLists
from .verified_tokens import VerifiedTokens

MAX_JWT_LENGTH = 8192
_MOST_LEARNING = 16  # unknown kids that are looked for at once


@dataclass(frozen=True, slots=True)
class Seams:
    """What tests replace: the clocks, and the times between fetches. `clock` is in seconds since the epoch."""

    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    schedule: Schedule | None = None
    polling: Polling | None = None


@dataclass(frozen=True, slots=True)
class _Following:
    """The keys and lists of known endpoints."""

    tokens: VerifiedTokens
    jwks: JwksCache
    lists: StatusLists | None


class Verifier:
    """Verifies the access tokens of one issuer for one audience.

    Args:
        issuer: as the `iss` of the tokens, to the letter.
        audience: this API, as in the `aud` of the tokens.
        reached_at: the issuer's origin inside the network, if it is not reached under its own name. http is allowed.
        endpoints: where keys and lists are, for an issuer without metadata. Otherwise they are discovered.
        also_at: further origins at which the issuer may keep its keys and lists.
        hints: an address where the issuer says at once which status list has changed (auth-service has one inside the
            network).
        saved: a folder, or files, for copies of what was fetched last. A restart then needs no issuer.

    Raises:
        ValueError: the issuer is not https and not on loopback, and neither `reached_at` nor `endpoints` is given.
    """

    def __init__(
        self,
        issuer: str,
        audience: str,
        *,
        policy: Policy | None = None,
        reached_at: str | None = None,
        endpoints: Endpoints | None = None,
        also_at: Collection[str] = (),
        hints: str | None = None,
        saved: Path | SavedCopies | None = None,
        seams: Seams | None = None,
    ) -> None:
        if reached_at is None and endpoints is None:
            discovery.check_issuer(issuer)
        self.issuer, self.audience, self.policy = issuer, audience, policy or DEFAULT_POLICY
        self._reached_at = (reached_at or "").rstrip("/")
        self._saved = SavedCopies.in_folder(saved) if isinstance(saved, Path) else saved or SavedCopies()
        self._hints, self._seams = hints, seams or Seams()
        self._discovery = Discovery(issuer, self._address, also_at=also_at, saved=self._saved.metadata)
        self._following = None if endpoints is None else self._follow(endpoints)
        self._refusals: Counter[Reason] = Counter()
        self._spent_proofs = SpentProofs()
        self._learning: set[asyncio.Task[bool]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._open: AsyncExitStack | None = None
        self._lender: Verifier | None = None

    def for_audience(self, audience: str) -> "Verifier":
        """A verifier for another API, which uses this one's keys and lists while this one runs. It is not entered."""
        other = copy.copy(self)
        other.audience, other._lender = audience, self._lender or self
        other._following, other._refusals = None, Counter()
        return other

    def verify(self, text: str, *, when_stale: WhenStale | None = None) -> AccessToken:
        """Return the claims of a bearer token that is valid and not revoked. It waits for nothing.

        A token that is bound to a key is refused: see `verify_dpop`.

        Args:
            when_stale: replaces the policy's, for a request that may read with stale status lists but not write.

        Raises:
            Refused: with its reason. If the key is unknown, it is looked for in the background.
        """
        return self._verify_now(text, None, when_stale)

    def verify_dpop(
        self, text: str, proof: str, method: str, url: str, *, when_stale: WhenStale | None = None
    ) -> AccessToken:
        """As `verify`, for a token that is bound to a key, and the proof of possession beside it (RFC 9449 §7.1).

        The proof is checked each time, whether the token was seen before or not. Each proof is accepted once per
        process.

        Args:
            proof: the value of the request's one DPoP header.
            method: of the request, as in its first line.
            url: of the request, as its client knows it. Its origin comes from your settings, not from the Host header:
                whoever replays a proof can choose that.

        Raises:
            Refused: with its reason. Those of the proof begin with `proof-`.
        """
        return self._verify_now(text, Proof(proof, method, url), when_stale)

    async def verify_or_wait(
        self, text: str, *, proof: Proof | None = None, when_stale: WhenStale | None = None
    ) -> AccessToken:
        """The same; if the key is unknown, it waits at most a second for one fetch, which all such requests share.

        Args:
            proof: of a token that came with the scheme DPoP; None: it came with the scheme Bearer.
        """
        try:
            try:
                return self._verify(text, proof, when_stale)
            except UnknownKey as error:
                if not await self._learn(error.kid):
                    raise
            return self._verify(text, proof, when_stale)
        except Refused as error:
            self._refusals[error.reason] += 1
            raise

    def verify_in_thread(
        self,
        text: str,
        proof: Proof | None,
        when_stale: WhenStale | None,
        wait: Callable[[Coroutine[None, None, bool]], bool],
    ) -> AccessToken:
        """As `verify_or_wait`, for another thread than the loop's. `wait` runs a coroutine in the loop."""
        try:
            try:
                return self._verify(text, proof, when_stale)
            except UnknownKey as error:
                if not wait(self._learn(error.kid)):
                    raise
            return self._verify(text, proof, when_stale)
        except Refused as error:
            self._refusals[error.reason] += 1
            raise

    def check_again(self, token: AccessToken) -> None:
        """Raise Refused if a token that was verified before is not valid any more: for a response that lasts long.

        It has expired, it was revoked, or its key is gone. This costs a microsecond: the signature is not verified
        again, and a proof of possession is not asked for. There is no leeway: whoever holds the token asks anew.
        """
        following, now = self._known(), self._seams.clock()
        if now >= token.exp:
            raise InvalidToken(Reason.EXPIRED, "the token has expired")
        if token.kid not in following.jwks.get_key_set().keys:
            raise UnknownKey(token.kid)
        if token.status is not None and following.lists is not None:
            following.lists.check(token, now=now)

    async def verify_jwt(
        self, text: str, *, types: Collection[str], max_length: int = MAX_JWT_LENGTH
    ) -> dict[str, object]:
        """The claims of another JWT that the issuer has signed, whose `typ` is among `types` (in lower case).

        Only the signature and the header are checked: `iss`, `aud` and times are the caller's.

        Raises:
            Refused: with its reason; UNKNOWN_KEY after at most a second.
        """
        try:
            return self._verify_jwt(text, types, max_length)
        except UnknownKey as error:
            if not await self._learn(error.kid):
                raise
        return self._verify_jwt(text, types, max_length)

    def has_recent_sign_in(self, token: AccessToken, max_age: timedelta) -> bool:
        """Whether the person signed in within `max_age` (RFC 9470). A service's token counts: it authenticated itself.

        A sign-in of the future has an unknown age, so it does not count; two clocks may differ by the leeway.
        """
        if token.is_of_service:
            return True
        if token.auth_time is None:
            return False
        age = self._seams.clock() - token.auth_time
        return -self.policy.leeway.total_seconds() <= age <= max_age.total_seconds()

    def learn(self, keys: KeySet, lists: Mapping[str, str]) -> None:
        """Take keys and signed lists as if they had been fetched. Tests use it (testing.py)."""
        following = self._known()
        following.jwks.replace(keys)
        for uri, document in lists.items():
            if following.lists is not None:
                following.lists.replace(uri, document)

    @property
    def is_ready(self) -> bool:
        """Whether tokens can be verified: there are keys and, if the issuer has any, status lists."""
        following = self._find()
        return self.has_keys and following is not None and (following.lists is None or following.lists.is_ready)

    @property
    def has_keys(self) -> bool:
        try:
            self._known().jwks.get_key_set()
        except KeysUnavailable:
            return False
        return True

    @property
    def problem(self) -> str:
        """Why the issuer's metadata could not be used, in words for its operator; empty if they could."""
        return self._discovery.problem

    def report(self) -> reports.Report:
        """Counters and ages, for metrics."""
        following, now = self._find(), self._seams.clock()
        return reports.Report(
            reports.of_keys(None if following is None else following.jwks, now),
            reports.of_status_lists(None if following is None else following.lists, now),
            dict(self._refusals),
        )

    async def __aenter__(self) -> Self:
        """Begin to fetch. It does not wait for the issuer."""
        if self._lender is not None:
            raise RuntimeError("enter the verifier that this one has its keys from")
        self._loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            if self._following is None:
                stack.push_async_callback(_end, asyncio.create_task(self._discover()))
            else:
                await stack.enter_async_context(self._fetching(self._following))
            self._open = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        opened, self._open, self._loop = self._open, None, None
        if opened is not None:
            await opened.aclose()

    def _known(self) -> _Following:
        if (following := self._find()) is None:
            raise KeysUnavailable
        return following

    def _find(self) -> _Following | None:
        """The keys and lists, once they are known. Those of a lender change when it follows other endpoints."""
        if self._lender is None:
            return self._following
        lent = self._lender._find()
        if lent is not None and (self._following is None or self._following.jwks is not lent.jwks):
            self._following = _Following(VerifiedTokens(self._terms(lent.lists)), lent.jwks, lent.lists)
        return self._following

    def _verify_now(self, text: str, proof: Proof | None, when_stale: WhenStale | None) -> AccessToken:
        try:
            return self._verify(text, proof, when_stale)
        except Refused as error:
            self._refusals[error.reason] += 1
            if isinstance(error, UnknownKey):
                self._look_for(error.kid)
            raise

    def _verify(self, text: str, proof: Proof | None, when_stale: WhenStale | None) -> AccessToken:
        following, now = self._known(), self._seams.clock()
        keys = following.jwks.get_key_set().keys
        token = following.tokens.verify(text, keys=keys, now=now, may_be_bound=proof is not None)
        if token.status is not None and following.lists is not None:
            is_stale = following.lists.check(token, now=now) is Freshness.STALE
            if is_stale and (when_stale or self.policy.when_stale) is WhenStale.REFUSE:
                raise Refused(Reason.STATUS_STALE, "the issuer's status lists are too old")
        if proof is not None:
            self._check_proof(proof, text, token, now)
        return token

    def _check_proof(self, proof: Proof, text: str, token: AccessToken, now: float) -> None:
        """Last, so that a proof that came with a token that is refused may come again."""
        if token.jkt is None:
            raise InvalidToken(Reason.NOT_BOUND, "the token is bound to no key, so it is a bearer token")
        verified = dpop.verify(proof, token=text, jkt=token.jkt, policy=self.policy, now=now)
        max_age = self.policy.proof_max_age.total_seconds()
        if not self._spent_proofs.spend(verified.name, verified.iat, now=now, max_age=max_age):
            raise InvalidProof(Reason.PROOF_REPLAYED, "the DPoP proof was used before")

    def _verify_jwt(self, text: str, types: Collection[str], max_length: int) -> dict[str, object]:
        keys = self._known().jwks.get_key_set().keys
        return jws.verify(text, types=types, keys=keys, max_length=max_length, algorithms=self.policy.algorithms)[1]

    async def _learn(self, kid: str) -> bool:
        return await self._known().jwks.learn(kid)

    def _look_for(self, kid: str) -> None:
        """Look for a key without waiting for it. `verify` may run in another thread than the loop."""
        runs = self._lender or self
        if runs._loop is not None and len(runs._learning) < _MOST_LEARNING:
            runs._loop.call_soon_threadsafe(runs._begin_to_look_for, kid)

    def _begin_to_look_for(self, kid: str) -> None:
        if len(self._learning) < _MOST_LEARNING:
            task = asyncio.create_task(self._learn(kid))
            self._learning.add(task)
            task.add_done_callback(self._learning.discard)

    def _address(self, url: str) -> str:
        """The address at which a public one is reached from here."""
        origin = "/".join(self.issuer.split("/", 3)[:3])
        is_inside = self._reached_at and (url == origin or url.startswith(f"{origin}/"))
        return self._reached_at + url.removeprefix(origin) if is_inside else url

    def _follow(self, endpoints: Endpoints) -> _Following:
        seams, uri = self._seams, endpoints.status_lists
        jwks = JwksCache(
            self._address(endpoints.jwks_uri),
            saved_copy=self._saved.keys,
            schedule=seams.schedule,
            clock=seams.clock,
            monotonic=seams.monotonic,
        )
        lists = None
        if uri:
            lists = StatusLists(
                uri,
                jwks,
                fetched_from=self._address(uri),
                saved_copy=self._saved.status_lists,
                polling=seams.polling,
                clock=seams.clock,
                monotonic=seams.monotonic,
            )
        return _Following(VerifiedTokens(self._terms(lists)), jwks, lists)

    def _terms(self, lists: StatusLists | None) -> Terms:
        status_lists = "" if lists is None else lists.prefix
        return Terms(self.issuer, self.audience, status_lists=status_lists, policy=self.policy)

    async def _discover(self) -> None:
        """Find the endpoints and follow them; begin anew if the issuer names others. Until cancelled."""
        endpoints = await self._discovery.find()
        while True:
            following = self._follow(endpoints)
            async with self._fetching(following):
                self._following = following
                endpoints = await self._discovery.find_others(endpoints)

    @asynccontextmanager
    async def _fetching(self, following: _Following) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(following.jwks.running())
            if following.lists is not None:
                await stack.enter_async_context(following.lists.running())
                if self._hints is not None:
                    hints = asyncio.create_task(status_hints.follow(self._hints, following.lists.hint))
                    stack.push_async_callback(_end, hints)
            try:
                yield
            finally:
                for task in tuple(self._learning):
                    await _end(task)


async def _end(task: asyncio.Task[None] | asyncio.Task[bool]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
