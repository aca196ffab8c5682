"""Sending of events (RFC 8935). Each attempt signs the event anew, with the same `jti`.

So a receiver may refuse old signatures, and an event that waits for days is signed with a key that is still published.
"""

import asyncio
from dataclasses import dataclass

from ..clients.clients import Client
from ..keys import jws
from ..keys.ring import KeyRing
from ..network.outbound import FetchFailed, Outbound
from ..oauth.security_event import MEDIA_TYPE, TYP, SecurityEvent
from ..store.database import Database
from ..store.instants import Clock
from .deliveries import EventDelivery, distribute, finish, list_due, postpone

AT_ONCE = 8  # deliveries sent in parallel


@dataclass(frozen=True)
class EventSender:
    issuer: str
    database: Database
    keys: KeyRing
    outbound: Outbound
    clock: Clock

    async def send_due(self) -> None:
        """Send everything that is due. A failed delivery is rescheduled; a slow receiver delays others by seconds."""
        await distribute(self.database)
        while due := await list_due(self.database, now=self.clock(), limit=AT_ONCE):
            await self.keys.reload(now=self.clock())
            sending = (self._send(delivery, receiver) for delivery, receiver in due)
            for outcome in await asyncio.gather(*sending, return_exceptions=True):
                if outcome is not None:
                    raise outcome

    async def _send(self, delivery: EventDelivery, receiver: Client) -> None:
        """Send one event. Only 202 is success (RFC 8935 §2.2). 400 is retried, too: a clock or key set may catch up."""
        endpoint = receiver.registration.event_endpoint
        if endpoint is None:
            await finish(self.database, delivery)
            return
        try:
            status = await self.outbound.post(endpoint, self._sign(delivery).encode(), media_type=MEDIA_TYPE)
            reason = "" if status == 202 else f"the answer is a {status}"
        except FetchFailed as error:
            reason = str(error)
        if reason:
            await postpone(self.database, delivery, reason, now=self.clock())
        else:
            await finish(self.database, delivery)

    def _sign(self, delivery: EventDelivery) -> str:
        event = SecurityEvent(
            iss=self.issuer,
            aud=delivery.client_id,
            jti=delivery.jti,
            type=delivery.type,
            sub=delivery.account_id,
            sid=delivery.session_id,
            occurred_at=delivery.occurred_at,
            issued_at=self.clock(),
        )
        keys = self.keys.current
        return jws.sign(event.claims(), typ=TYP, kid=keys.active_kid, key=keys.active_key)
