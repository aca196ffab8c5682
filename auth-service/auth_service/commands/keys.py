"""`keys`: lists, rotates and re-encrypts the signing keys."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Annotated

import typer

from ..accounts.factors.rewrap import rewrap_secrets
from ..accounts.factors.totp_factors import seal_of
from ..accounts.upstreams import providers
from ..audit.trail import record, record_rotation
from ..clients.algorithms import Use, find_evidence, find_lacking, find_use
from ..keys.rewrap import rewrap_keys
from ..keys.rotation import Rotation, SpareTooYoung, rotate_keys
from ..keys.signing import NEXT, STATUS_LISTS, KeyStore, SigningKey, token_purpose
from ..keys.verifier_reports import VerifierReport
from ..oauth.algorithms import ALGORITHMS, RS256
from ..settings.settings import load_settings
from ..store.database import Database
from ..store.instants import utc_now
from .key_withdrawal import find_store, open_stores, when_processes_know, withdraw, written
from .opened import CommandRefused, Yes, confirm, opened, run
from .output import AsJson, Record, show
from .verifiers import list_held_keys, list_held_status_lists

OfStatusLists = Annotated[bool, typer.Option("--status-lists", help="The key that signs status lists, not tokens.")]
OF_LISTS = typer.Option("--status-lists", help="Show the versions of the held status lists, not the keys.")
AT_ONCE = timedelta(0)
OfAlgorithm = Annotated[
    str | None, typer.Option("--alg", help="The key for tokens of this algorithm: RS256 (the default), PS256 or ES256.")
]
Kid = Annotated[str | None, typer.Argument(metavar="KID", help="With --emergency: the key to withdraw.")]
All = Annotated[bool, typer.Option("--all", help="With --emergency: withdraw every active key.")]
MOST_NAMES = 10  # of APIs in one column

app = typer.Typer(help="Signing keys.", no_args_is_help=True)
AtOnce = Annotated[bool, typer.Option("--now", help="Do not wait until all caches know the spare.")]
Emergency = Annotated[bool, typer.Option("--emergency", help="Withdraw a key: its signatures are refused.")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the keys, their states, and what they sign. Private parts are never shown.

    An API under `polled_only` has no verifier that reports its keys, so it is no evidence for a rotation.
    """
    show(run(_list()), as_json=as_json)


@app.command(context_settings={"ignore_unknown_options": True})  # one kid in 64 begins with a hyphen
def rotate(
    kid: Kid = None,
    at_once: AtOnce = False,
    emergency: Emergency = False,
    status_lists: OfStatusLists = False,
    alg: OfAlgorithm = None,
    everything: All = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Make the spare key active, retire the active key, and make a new spare. The first key of an algorithm begins.

    Running services notice within seconds. The old key's tokens stay valid until they expire, except with --emergency.
    Refused while the spare is younger than AUTH_KEY_SPARE_MIN_AGE, because caches may not have it yet, and while a
    verifier reports that it lacks the spare.

    With --emergency a key is withdrawn: the active one, or the one that KID names, or with --all every active key. The
    command waits until every verifier reports that it refuses the key, and shows when each did. A verifier that has
    been silent for 90 s has probably ended: it is named, and not waited for.
    """
    named = alg is not None or status_lists
    purpose = _purpose(alg or RS256, status_lists)
    if not emergency:
        if kid is not None or everything:
            raise CommandRefused("KID and --all are for --emergency only")
        show([run(_rotate(purpose, at_once=at_once))], as_json=as_json)
        return
    if named + everything + (kid is not None) > 1:
        raise CommandRefused("name the key in one way: KID, --all, --alg or --status-lists")
    what = "every active key" if everything else f"the key {kid}" if kid else "the active key"
    confirm(f"Withdraw {what}, so that everything it has signed is refused?", yes=yes)
    run(withdraw(purpose if named else None, kid=kid, everything=everything, as_json=as_json))


@app.command()
def rewrap(as_json: AsJson = False) -> None:
    """Re-encrypt what AUTH_KEY_ENCRYPTION_KEYS encrypted with the newest of them, so that older ones can be dropped.

    These are the private keys, the secrets of authenticator apps, and our client secrets at upstream providers.

    First restart every auth-service and worker with the newest one, so that all can decrypt the result.
    """
    show([run(_rewrap())], as_json=as_json)


@app.command()
def verifiers(status_lists: Annotated[bool, OF_LISTS] = False, as_json: AsJson = False) -> None:
    """List the processes that verify tokens, with the keys that each reports to hold.

    With --status-lists there is one line per verifier and list: the number of revocations that it lacks, and since
    when it has held its version.
    """
    show(run(list_held_status_lists() if status_lists else list_held_keys()), as_json=as_json)


def record_of(store: KeyStore, key: SigningKey, reports: Sequence[VerifierReport], use: Use | None) -> Record:
    """One line. `use` is None for a key of status lists."""
    return {
        "kid": key.kid,
        "purpose": key.purpose,
        "state": store.state_of(key, now=utc_now()),
        "alg": store.alg,
        "created_at": written(key.created_at),
        "activated_at": written(key.activated_at),
        "retired_at": written(key.retired_at),
        "encryption_key_version": key.encryption_key_version,
        "verifiers": f"{sum(report.holds(key.kid) for report in reports)}/{len(reports)}",
        "apis": "" if use is None else _names(use.apis),
        "polled_only": "" if use is None else _names(use.polled_only),
        "clients": None if use is None else use.clients,
    }


def _names(names: Sequence[str]) -> str:
    more = [f"+{len(names) - MOST_NAMES}"] if len(names) > MOST_NAMES else []
    return " ".join([*names[:MOST_NAMES], *more])


async def _list() -> list[Record]:
    async with opened() as database:
        stores, now = open_stores(database), utc_now()
        async with database.reading() as session:
            reports = {store.purpose: await find_evidence(session, store.purpose, now=now) for store in stores}
            uses = {alg: await find_use(session, alg, now=now) for alg in ALGORITHMS}
        found = [(store, key) for store in stores for key in await store.list_keys()]
    return [
        record_of(store, key, reports[store.purpose], None if store.purpose == STATUS_LISTS else uses[store.alg])
        for store, key in found
    ]


def _purpose(alg: str, of_status_lists: bool) -> str:
    if alg not in ALGORITHMS:
        raise CommandRefused(f"--alg: supported are {', '.join(ALGORITHMS)}")
    if of_status_lists and alg != RS256:
        raise CommandRefused(f"--alg: status lists are always signed with {RS256}")
    return STATUS_LISTS if of_status_lists else token_purpose(alg)


async def _rotate(purpose: str, *, at_once: bool) -> Record:
    async with opened() as database:
        store = find_store(database, purpose)
        spare_min_age = load_settings().key_spare_min_age
        await store.check_readable()  # fails without the services' secret: they could not decrypt a new key
        if at_once:
            rotation = await when_processes_know(partial(rotate_keys, database, store, utc_now, published_for=AT_ONCE))
        else:
            rotation = await _rotate_when_known(database, store, spare_min_age)
        async with database.writing() as session:
            await record_rotation(session, "keys_rotated", rotation, now=utc_now())
    return {"active": rotation.active, "retiring": rotation.replaced, "next": rotation.next}


async def _rotate_when_known(database: Database, store: KeyStore, spare_min_age: timedelta) -> Rotation:
    """Rotate. Raises CommandRefused while the spare is too young, or a verifier reports that it lacks it."""
    spare = next((key.kid for key in await store.list_keys() if key.state == NEXT), "")
    async with database.reading() as session:
        lacking = await find_lacking(session, store.purpose, spare, now=utc_now())
    try:
        if lacking:
            raise CommandRefused(
                f"these verifiers lack the spare key {spare}: {', '.join(lacking)}; see keys verifiers"
            )
        return await rotate_keys(database, store, utc_now, published_for=spare_min_age)
    except SpareTooYoung as young:
        raise CommandRefused(_explain(young)) from None


async def _rewrap() -> Record:
    async with opened() as database:
        stores = open_stores(database)
        rewrapped = sum([len(await rewrap_keys(database, store)) for store in stores])
        version = stores[0].encryption.newest
        secrets = load_settings().versioned("key_encryption_keys")
        rewrapped += await rewrap_secrets(database, seal_of(secrets))
        rewrapped += await providers.rewrap_secrets(database, providers.seal_of(secrets))
        async with database.writing() as session:
            await record(session, "keys_rewrapped", now=utc_now(), rewrapped=rewrapped, version=version)
    return {"rewrapped": rewrapped, "version": version}


def _explain(young: SpareTooYoung) -> str:
    minutes = -(-young.remaining // timedelta(minutes=1))
    return f"{young}: wait {minutes} min, or add --now; some verifiers may then refuse new tokens for a minute"
