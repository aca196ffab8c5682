"""A SIGKILL at any moment loses no acknowledged revocation, key rotation or event.

KILL_ROUNDS=20 ./run.py test tests-e2e/test_kills.py -s      many more rounds; prints what was counted
"""

import os
import secrets
from collections.abc import Iterator
from random import Random

import pytest

from e2e_fixtures.killable import System, running_system
from e2e_fixtures.losses import Ledger, check_events, play

VICTIMS = ("auth-service", "worker", "todo-service", "PostgreSQL", "a backend of PostgreSQL")
ROUNDS = int(os.environ.get("KILL_ROUNDS", "1"))  # for each kind of process


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running_system(tmp_path_factory.mktemp("killable")) as running:
        yield running


def test_nothing_that_was_acknowledged_is_lost(system: System) -> None:
    """The services also recover without a restart when the database is back."""
    ledger = Ledger(seed=secrets.randbits(32))
    random = Random(ledger.seed)
    for victim in VICTIMS * ROUNDS:
        play(system, victim, ledger, random)
    check_events(system, ledger)
    print(f"\n{ledger}")
    assert ledger.lost == []
