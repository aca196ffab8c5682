"""Some of the faults that the system must survive under load. `./run.py bench faults` tries all and prints figures."""

from collections.abc import Iterator

import pytest

from e2e_fixtures.composed import Composed, another_project, started
from e2e_fixtures.every_fault import DATABASE_RESTARTED, at_once, killed, unplugged
from e2e_fixtures.faults import UNDER_WAY, UNLIMITED, Fault, described, invite, measure
from e2e_fixtures.load import Load
from e2e_fixtures.nodes import Nodes

VISITORS = 4
FAULTS = (
    killed("auth-service-1"),
    Fault("todo-service-2 restarted", at_once(lambda nodes: nodes.restart("todo-service-2")), UNDER_WAY),
    unplugged("todo-service-1", "inside", UNDER_WAY, seconds=3),
    DATABASE_RESTARTED,
)


@pytest.fixture(scope="module")
def nodes(built: Composed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    folder = tmp_path_factory.mktemp("faults")
    with another_project(built, folder, "replicas", **UNLIMITED) as project, started(project):
        yield Nodes(project)


@pytest.fixture(scope="module")
def load(nodes: Nodes) -> Load:
    return invite(nodes.composed, VISITORS)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_no_promise_is_broken(fault: Fault, nodes: Nodes, load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    """No acknowledged write is lost or doubled, no invalid token is accepted, and errors end with the fault."""
    outcome = measure(fault, nodes, load)
    with capsys.disabled():
        print(f"\n{described(outcome)}")
    assert outcome.complaints() == []
