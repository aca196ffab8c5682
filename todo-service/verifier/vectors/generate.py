"""Write the vectors anew: python todo-service/verifier/vectors/generate.py [FILE...], such as tokens; without: all.

The keys are new each time, so all tokens change. Names, verdicts and reasons come from todo_fixtures/vectors.py.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

FOLDER = Path(__file__).parent
sys.path += [str(FOLDER.parents[1]), str(FOLDER.parent / "python")]

from todo_fixtures import proofs, vectors  # noqa: E402 - the line above says where it is


def main(chosen: Sequence[str]) -> None:
    for file, rows in vectors.table().items():
        if not chosen or file in chosen:
            write(file, [vectors.make(name, entry) for name, entry in rows.items()])
    if not chosen or "proofs" in chosen:
        write("proofs", list(map(proofs.make, proofs.table().values())))


def write(file: str, made: Sequence[vectors.Vector | proofs.ProofVector]) -> None:
    wrong = [each.name for each in made if (each.reason is None) != (each.verdict == vectors.ACCEPT)]
    if wrong:
        raise SystemExit(f"atjwt gives another verdict: {', '.join(wrong)}")
    (FOLDER / f"{file}.json").write_text(_render(made), encoding="utf-8")


def _render(made: Sequence[vectors.Vector | proofs.ProofVector]) -> str:
    """One vector per line. Key sets and policies that occur more than once are written once, and numbered."""
    shared: dict[str, list[object]] = {"key_sets": [], "policies": []}

    def place(kind: str, value: object) -> int:
        if value not in shared[kind]:
            shared[kind].append(value)
        return shared[kind].index(value)

    lines = []
    for each in made:
        row = {**asdict(each), "key_set": place("key_sets", each.key_set), "policy": place("policies", each.policy)}
        lines.append(json.dumps(row))
    heads = [f"  {json.dumps(kind)}: {_array(map(json.dumps, values))}," for kind, values in shared.items()]
    return "{\n" + "\n".join(heads) + f'\n  "vectors": {_array(lines)}\n}}\n'


def _array(lines: Iterable[str]) -> str:
    return "[\n    " + ",\n    ".join(lines) + "\n  ]"


if __name__ == "__main__":
    main(sys.argv[1:])
