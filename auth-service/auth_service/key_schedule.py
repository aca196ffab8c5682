"""When keys are rotated by themselves: so often, and as soon as the spare may sign. One of many workers does it."""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from .database import Database
from .instants import Clock
from .key_rotation import RotationRefused, rotate_keys
from .logs import audit
from .signing_keys import ACTIVE, KeyStore

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class KeySchedule:
    database: Database
    store: KeyStore
    clock: Clock
    interval: timedelta
    spare_min_age: timedelta

    async def rotate_when_due(self) -> None:
        """Rotate if the active key has signed for the interval. What is refused now is tried again at the next look.

        Raises:
            UnreadableKey: the spare cannot be opened, so the active key stays what it is.
        """
        active = next((key for key in await self.store.list_keys() if key.state == ACTIVE), None)
        if active is None or self.clock() < (active.activated_at or active.created_at) + self.interval:
            return
        try:
            rotation = await rotate_keys(self.database, self.store, self.clock, published_for=self.spare_min_age)
        except RotationRefused as refused:
            _log.info("key_rotation_waits", reason=str(refused))
        else:
            audit("keys_rotated", retiring=rotation.replaced, active=rotation.active, next=rotation.next)
