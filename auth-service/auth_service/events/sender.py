"""Sending of events (RFC 8935) and logout tokens (Back-Channel Logout 1.0 §2.5). Each attempt is signed anew.

So a receiver may refuse old signatures, and what waits for days is signed with a key that is still published. An event
keeps its `jti`: its receiver acknowledges what it has seen. A logout token gets a new one, because a client refuses a
`jti` that it has seen, also if its answer was lost.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from ..clients.clients import Client
from ..keys import jws
from ..keys.ring import KeyRing
from ..network.outbound import FetchFailed, Outbound
from ..oauth import logout_token
from ..oauth.logout_token import LogoutToken
from ..oauth.security_event import MEDIA_TYPE, TYP, SecurityEvent
from ..store import identifiers
from ..store.database import Database
from ..store.instants import Clock
from .deliveries import EventDelivery, distribute, finish, list_due, pause_receiver, postpone, resume_receiver

AT_ONCE = 8  # deliveries sent in parallel
OF_ONE_RECEIVER = 4  # of these


@dataclass(frozen=True)
class Message:
    """What is posted to a receiver, and the statuses by which it acknowledges."""

    url: str
    content: str
    media_type: str
    acknowledged_by: tuple[int, ...]


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
        while due := await self._list_due():
            await self.keys.reload(now=self.clock())
            sending = (self._send(delivery, receiver) for delivery, receiver in due)
            for outcome in await asyncio.gather(*sending, return_exceptions=True):
                if outcome is not None:
                    raise outcome

    async def _list_due(self) -> Sequence[tuple[EventDelivery, Client]]:
        return await list_due(self.database, now=self.clock(), limit=AT_ONCE, of_one_receiver=OF_ONE_RECEIVER)

    async def _send(self, delivery: EventDelivery, receiver: Client) -> None:
        """Send one delivery. A refusal, 400 too, is tried again: the receiver's clock or key set may catch up."""
        message = self._write(delivery, receiver)
        if message is None:
            await finish(self.database, delivery)
            return
        try:
            status = await self.outbound.post(message.url, message.content.encode(), media_type=message.media_type)
        except FetchFailed as error:
            await postpone(self.database, delivery, str(error), now=self.clock())
            await pause_receiver(self.database, delivery.client_id, str(error), now=self.clock())
            return
        if status in message.acknowledged_by:
            await finish(self.database, delivery)
            if delivery.last_error is not None:
                await resume_receiver(self.database, delivery.client_id, now=self.clock())
        else:
            await postpone(self.database, delivery, f"the answer is a {status}", now=self.clock())

    def _write(self, delivery: EventDelivery, receiver: Client) -> Message | None:
        """None: the client has no URL for it any more."""
        if delivery.type == logout_token.EVENT:
            url = receiver.registration.backchannel_logout_uri
            form = urlencode({"logout_token": self._sign_logout(delivery, receiver)})
            # §2.8: 200; some frameworks answer 204 instead.
            return Message(url, form, "application/x-www-form-urlencoded", (200, 204)) if url else None
        url = receiver.registration.event_endpoint
        return Message(url, self._sign(delivery), MEDIA_TYPE, (202,)) if url else None  # RFC 8935 §2.2

    def _sign_logout(self, delivery: EventDelivery, receiver: Client) -> str:
        """Signed like the client's ID tokens (Back-Channel Logout 1.0 §2.6 step 2)."""
        alg = receiver.registration.id_token_signed_response_alg
        token = LogoutToken(
            iss=self.issuer,
            aud=delivery.client_id,
            jti=identifiers.draw(),
            sub=delivery.account_id,
            sid=delivery.session_id or "",
            issued_at=self.clock(),
        )
        return jws.sign(token.claims(), typ=logout_token.TYP, by=self.keys.current.signer(alg))

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
        return jws.sign(event.claims(), typ=TYP, by=self.keys.current.active)
