"""DPoP proofs (RFC 9449; rule R28 of VERIFIER.md): the vectors, the RFC's own example, and that none counts twice."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from atjwt import Policy, Reason, Refused, VerifierThread, dpop
from atjwt.dpop import Proof
from atjwt.spent_proofs import SpentProofs
from atjwt.testing import Issuer
from todo_fixtures import proofs
from todo_fixtures.proofs import ProofVector

FILE = Path(__file__).parents[1] / "verifier/vectors/proofs.json"
URL = "https://api.example.com/invoices"
# RFC 9449 §7.1, figures 12 and 13, and the key of §6.1.
EXAMPLE_TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
EXAMPLE_JKT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
EXAMPLE_PROOF = (
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0Rs"
    "cEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2"
    "In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90"
    "ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFF"
    "byJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as made:
        yield made


def load() -> list[ProofVector]:
    parts: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return [
        ProofVector(
            **{**each, "key_set": parts["key_sets"][each["key_set"]], "policy": parts["policies"][each["policy"]]}
        )
        for each in parts["vectors"]
    ]


def test_the_file_of_proofs_is_that_of_the_table() -> None:
    """If not: python todo-service/verifier/vectors/generate.py proofs"""
    table = {name: vector.verdict for name, vector in proofs.table().items()}
    assert {each.name: each.verdict for each in load()} == table


def test_atjwt_gives_every_verdict_and_reason_for_proofs() -> None:
    """Years after they were signed. Every reason that begins with `proof-` occurs."""
    loaded = load()
    assert [each.name for each in loaded if proofs.judge(each) != each.reason] == []
    assert {each.name for each in loaded if (each.reason is None) != (each.verdict == proofs.ACCEPT)} == set()
    of_proofs = {reason for reason in Reason if reason.startswith("proof-")}
    assert {*of_proofs, Reason.NOT_BOUND, Reason.BOUND_TO_ANOTHER_KEY} <= {each.reason for each in loaded}


def test_the_example_of_the_rfc_is_verified() -> None:
    """RFC 9449 §7.1, RFC 7638."""
    proof = Proof(EXAMPLE_PROOF, "GET", "https://resource.example.org/protectedresource")
    verified = dpop.verify(proof, token=EXAMPLE_TOKEN, jkt=EXAMPLE_JKT, policy=Policy(), now=1562262620)
    assert verified.iat == 1562262618


def test_a_proof_is_checked_although_its_token_was_seen_before(issuer: Issuer) -> None:
    verifier, key = issuer.verifier(), issuer.client_key()
    token = issuer.token("alice", cnf=key.cnf)
    for _ in range(3):
        verifier.verify_dpop(token, key.proof(token, "GET", URL), "GET", URL)
    for proof in (key.proof(token, "PUT", URL), issuer.client_key().proof(token, "GET", URL)):
        with pytest.raises(Refused, match="DPoP proof"):
            verifier.verify_dpop(token, proof, "GET", URL)
    with pytest.raises(Refused, match="must come with a DPoP proof"):
        verifier.verify(token)
    assert verifier.report().refusals[Reason.BOUND_TO_KEY] == 1


def test_a_token_that_is_revoked_is_refused_with_a_good_proof(issuer: Issuer) -> None:
    with VerifierThread(issuer.verifier()) as verifier:
        key = issuer.client_key()
        token = issuer.token("alice", cnf=key.cnf)
        assert verifier.verify_dpop(token, key.proof(token, "GET", URL), "GET", URL).jkt == key.cnf["jkt"]
        issuer.revoke(token)
        with pytest.raises(Refused) as refused:
            verifier.verify_dpop(token, key.proof(token, "GET", URL), "GET", URL)
    assert refused.value.reason is Reason.REVOKED


def test_of_many_requests_at_once_with_one_proof_one_is_let_in(issuer: Issuer) -> None:
    verifier, key = issuer.verifier(), issuer.client_key()
    token = issuer.token("alice", cnf=key.cnf)

    def refusal(proof: str) -> Reason | None:
        try:
            verifier.verify_dpop(token, proof, "GET", URL)
        except Refused as refused:
            return refused.reason
        return None

    with ThreadPoolExecutor(8) as pool:
        for _ in range(50):
            told = Counter(pool.map(refusal, [key.proof(token, "GET", URL)] * 8))
            assert told == {None: 1, Reason.PROOF_REPLAYED: 7}


def test_a_full_memory_forgets_no_proof_that_would_be_accepted_again() -> None:
    """It refuses older proofs instead, and only until the memory has room."""
    spent, begin = SpentProofs(capacity=100), time.time()
    accepted: list[tuple[bytes, float]] = []
    for number in range(1000):
        now = begin + number / 20
        name, iat = number.to_bytes(2, "big"), now - number % 7
        if spent.spend(name, iat, now=now, max_age=30):
            accepted.append((name, iat))
        assert len(spent) <= 100
    assert len(accepted) > 500
    assert not any(spent.spend(name, iat, now=now, max_age=30) for name, iat in accepted if now - iat <= 30)
    assert spent.spend(b"new", now, now=now, max_age=30)
    assert spent.spend(b"old", now + 31, now=now + 60, max_age=30)


def test_a_clock_that_jumps_does_not_end_proofs_for_good() -> None:
    spent = SpentProofs(capacity=10)
    year = timedelta(days=365).total_seconds()
    for moment in (year, 2 * year, year):
        for number in range(20):
            spent.spend(f"{moment} {number}".encode(), moment, now=moment, max_age=30)
        assert spent.spend(f"then {moment}".encode(), moment + 2, now=moment + 2, max_age=30)
    assert spent.spend(b"last", year + 5, now=year + 5, max_age=30)
    assert len(spent) <= 10
