"""Automatic key rotation: at a fixed interval, by the worker that holds the lease."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from ..audit.trail import record, record_rotation
from ..clients.algorithms import find_lacking, find_used
from ..keys.encryption import UnreadableKey
from ..keys.rotation import RotationRefused, retire_keys, rotate_keys
from ..keys.signing import ACTIVE, NEXT, KeyStore, SigningKey
from ..store.database import Database
from ..store.instants import Clock

EVIDENCE_MAX_DELAY = timedelta(hours=1)  # longest delay by verifiers that lack the spare
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Pace:
    """How long a key signs, and how long its spare is published before it may sign."""

    interval: timedelta
    spare_min_age: timedelta

    def due_at(self, *, active_since: datetime, spare_since: datetime) -> datetime:
        return max(active_since + self.interval, spare_since + self.spare_min_age)


@dataclass(frozen=True)
class KeySchedule:
    database: Database
    store: KeyStore
    clock: Clock
    pace: Pace

    async def follow_use(self, *, is_used: bool) -> None:
        """Make the first key of the algorithm when it is used, and retire its keys when nobody uses it any more.

        RS256 is always used.
        """
        if self.store.begins_active:
            return
        if is_used:
            await self.store.create_first(now=self.clock())
        elif retired := await retire_keys(self.database, self.store, self.clock):
            async with self.database.writing() as session:
                kids = " ".join(retired)
                await record(session, "keys_retired", now=self.clock(), alg=self.store.alg, kids=kids)

    async def rotate_when_due(self) -> None:
        """Rotate if the active key has signed for the interval and the spare is known to the verifiers.

        The first key of an algorithm becomes active as soon as the spare is known, and waits for every verifier.

        There are two conditions. The spare must have been published for `spare_min_age`; this is never waived here. And
        no verifier may report that it lacks the spare; this is waived after EVIDENCE_MAX_DELAY, with an error in the
        log. A refused rotation is tried again at the next call.

        Raises:
            UnreadableKey: the spare cannot be decrypted; nothing is changed.
        """
        keys = {key.state: key for key in await self.store.list_keys()}
        now = self.clock()
        active, spare = keys.get(ACTIVE), keys.get(NEXT)
        if spare is None or (active is None and self.store.begins_active):
            return
        if now < (due_at := self._due_at(active, spare)):
            return
        async with self.database.reading() as session:
            lacking = await find_lacking(session, self.store.purpose, spare.kid, now=now)
        if lacking and (active is None or now < due_at + EVIDENCE_MAX_DELAY):
            _log.warning("key_rotation_waits", kid=spare.kid, alg=self.store.alg, verifiers=lacking)
        else:
            await self._rotate(lacking)

    def _due_at(self, active: SigningKey | None, spare: SigningKey) -> datetime:
        if active is None:
            return spare.created_at + self.pace.spare_min_age
        return self.pace.due_at(active_since=active.activated_at or active.created_at, spare_since=spare.created_at)

    async def _rotate(self, lacking: Sequence[str]) -> None:
        try:
            rotation = await rotate_keys(self.database, self.store, self.clock, published_for=self.pace.spare_min_age)
        except RotationRefused as refused:
            _log.info("key_rotation_waits", reason=str(refused))
            return
        async with self.database.writing() as session:
            await record_rotation(session, "keys_rotated", rotation, now=self.clock())
        if lacking:
            _log.error("key_rotated_without_evidence", kid=rotation.active, verifiers=lacking)


async def rotate_all_when_due(schedules: Sequence[KeySchedule]) -> None:
    """Rotate the keys of each algorithm in use when they are due. One algorithm's failure does not stop the others.

    Raises:
        UnreadableKey: the first failure.
    """
    failed: list[UnreadableKey] = []
    async with schedules[0].database.reading() as session:
        used = await find_used(session)
    for schedule in schedules:
        try:
            await schedule.follow_use(is_used=schedule.store.alg in used)
            await schedule.rotate_when_due()
        except UnreadableKey as error:
            failed.append(error)
    if failed:
        raise failed[0]
