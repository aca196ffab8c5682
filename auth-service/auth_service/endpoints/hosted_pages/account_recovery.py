"""The button on every page that stops a recovery, for the person who is signed in. An old sign-in is asked for anew."""

from datetime import datetime

from fastapi import Request, Response

from ...http.current_session import Current
from ...http.pages import see_other
from ...oauth.parameters import Parameters
from ...signing_in.mailed_links import MailParts
from ...signing_in.recent_sign_in import NotFresh
from ...signing_in.recovery import stop_by_session
from .after_sign_in import confirm_first


async def stop(request: Request, parts: MailParts, current: Current, form: Parameters, now: datetime) -> Response:
    try:
        stopped = await stop_by_session(request, parts, current, now)
    except NotFresh:
        return confirm_first("stop-recovery")
    return see_other("/account", **({"done": "stop-recovery"} if stopped else {}))
