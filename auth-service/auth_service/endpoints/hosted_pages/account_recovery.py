"""The button on every page that stops a recovery, for the person who is signed in."""

from datetime import datetime

from fastapi import Request, Response

from ...http.current_session import Current
from ...http.pages import see_other
from ...oauth.parameters import Parameters
from ...signing_in.mailed_links import MailParts
from ...signing_in.recovery import stop_by_session


async def stop(request: Request, parts: MailParts, current: Current, form: Parameters, now: datetime) -> Response:
    stopped = await stop_by_session(request, parts, current, now)
    return see_other("/account", **({"done": "stop-recovery"} if stopped else {}))
