"""`keys verifiers`: lists the keys or status lists that the verifiers report to hold."""

import json
from datetime import UTC, datetime

from ..keys.verifier_reports import HeldList, VerifierReport, list_reports
from ..settings.settings import load_settings
from ..status_lists.epochs import ListName
from ..status_lists.lists import CLOSED_MARGIN, find_states
from ..status_lists.published import PATH
from ..store.instants import utc_now
from .key_withdrawal import written
from .opened import opened
from .output import Record


async def list_held_keys() -> list[Record]:
    async with opened() as database, database.reading() as session:
        reports = await list_reports(session, now=utc_now())
    return [
        {
            "client_id": report.client_id,
            "instance": report.instance,
            "kids": " ".join(json.loads(report.kids)),
            "status_lists": " ".join(each.uri for each in report.lists),
            "held_since": written(report.held_since),
            "reported_at": written(report.reported_at),
        }
        for report in reports
    ]


async def list_held_status_lists() -> list[Record]:
    settings, now = load_settings(), utc_now()
    async with opened() as database, database.reading() as session:
        states = await find_states(database, closed_after=now - settings.longest_access_token_ttl - CLOSED_MARGIN)
        reports = await list_reports(session, now=now)
    published = {f"{settings.issuer}{PATH}/{ListName(state.epoch, state.id)}": state.version for state in states}
    return [_record_of(report, held, published.get(held.uri)) for report in reports for held in report.lists]


def _record_of(report: VerifierReport, held: HeldList, published: int | None) -> Record:
    """One line. `lacking` is the number of changes missing in the held version; None if no longer published."""
    lacking = None if published is None or held.version is None else max(published - held.version, 0)
    return {
        "client_id": report.client_id,
        "instance": report.instance,
        "status_list": held.uri,
        "version": held.version,
        "lacking": lacking,
        "signed_at": None if held.iat is None else written(datetime.fromtimestamp(held.iat, UTC)),
        "held_since": held.since,
        "reported_at": written(report.reported_at),
    }
