"""A person comes back from an upstream provider: whose answer it is, and who they are there."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request

from ..accounts.upstreams import starts
from ..accounts.upstreams.dialogue import Upstreams
from ..accounts.upstreams.discovery import ProviderUnavailable
from ..accounts.upstreams.starts import Used
from ..http.browsers import Browsers
from ..http.parts import Given
from ..oauth.upstream_answers import Answer, BadAnswer, Person, check_issuer
from ..oauth.upstreams import Upstream, is_upstream_id
from ..store.database import Database
from ..store.instants import CLOCK_SKEW


class Declined(Exception):
    """The person, or their organization, did not agree at the provider."""


class NotAskedAgain(Exception):
    """The provider was asked to let the person sign in anew, and does not say that it has."""


@dataclass(frozen=True)
class UpstreamAnswerParts(Given):
    database: Database
    browsers: Browsers
    upstreams: Upstreams


async def take_start(
    request: Request, parts: UpstreamAnswerParts, upstream_id: str, answer: Answer, now: datetime
) -> Used | None:
    """What this browser has begun with this `state`. None: nothing, or too long ago."""
    browser = parts.browsers.read(request)
    if browser is None or not answer.state or not is_upstream_id(upstream_id):
        return None
    return await parts.database.transact(
        starts.use, parts.upstreams.starts, answer.state, browser, upstream_id, now=now
    )


async def identify(parts: UpstreamAnswerParts, used: Used, answer: Answer, now: datetime) -> tuple[Upstream, Person]:
    """Who the person is at the provider, proved by its ID token. No transaction is open meanwhile.

    Raises:
        Declined, NotAskedAgain, ProviderUnavailable
        BadAnswer: something is wrong with it; the text is for the log.
    """
    start = used.start
    registered = await parts.upstreams.cache.find(start.upstream_id, now=now)
    if registered is None or (registered.upstream.issuer, registered.upstream.client_id) != (
        start.issuer,
        start.client_id,
    ):
        raise BadAnswer("the provider was removed or changed meanwhile")
    check_issuer(answer, start.issuer, is_sent=False)
    if answer.is_declined:
        raise Declined
    if answer.is_elsewhere:
        raise ProviderUnavailable("it says so in its answer")
    if answer.error or not answer.code:
        raise BadAnswer("the provider answers with an error, or without a code")
    person = await parts.upstreams.redeem(registered, start, answer, now)
    earliest = (used.begun_at - CLOCK_SKEW).timestamp()
    if start.asks_again and (person.auth_time is None or person.auth_time < earliest):
        raise NotAskedAgain  # `max_age` was sent, so a provider has to send `auth_time` (OpenID Connect Core §2)
    return registered.upstream, person
