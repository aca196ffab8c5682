"""The vectors of verifier/vectors: the files are those of the generator's table, and atjwt passes all."""

import json
from pathlib import Path
from typing import Any

import pytest

from atjwt import Reason
from todo_fixtures import vectors
from todo_fixtures.vectors import Vector

FOLDER = Path(__file__).parents[1] / "verifier/vectors"


def load(file: str) -> list[Vector]:
    parts: dict[str, Any] = json.loads((FOLDER / f"{file}.json").read_text(encoding="utf-8"))
    return [
        Vector(**{**each, "key_set": parts["key_sets"][each["key_set"]], "policy": parts["policies"][each["policy"]]})
        for each in parts["vectors"]
    ]


@pytest.mark.parametrize("file", vectors.FILES)
def test_the_files_are_those_of_the_table(file: str) -> None:
    """If not: python todo-service/verifier/vectors/generate.py"""
    table = {name: entry.verdict for name, entry in vectors.table()[file].items()}
    assert {each.name: each.verdict for each in load(file)} == table


@pytest.mark.parametrize("file", vectors.FILES)
def test_atjwt_gives_every_verdict_and_reason(file: str) -> None:
    """Years after the tokens were signed: each vector has its own time."""
    loaded = load(file)
    assert [each.name for each in loaded if vectors.judge(each) != each.reason] == []
    assert {each.name for each in loaded if (each.reason is None) != (each.verdict == vectors.ACCEPT)} == set()


def test_there_are_some_500_and_each_reason_that_a_token_can_have() -> None:
    everything = [each for file in vectors.FILES for each in load(file)]
    assert len(everything) > 450
    missing = set(Reason) - {each.reason for each in everything}
    of_proofs = {reason for reason in Reason if reason.startswith("proof-")}  # test_proofs.py
    of_proofs |= {Reason.NOT_BOUND, Reason.BOUND_TO_ANOTHER_KEY}
    assert missing - of_proofs == {Reason.OLDER_EPOCH}  # needs two lists: test_epochs.py
