"""`atjwt.Verifier`: discovery, revocation, threads, and what it refuses."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from atjwt import Endpoints, Policy, Reason, Refused, Seams, Verifier, VerifierThread, WhenStale
from todo_fixtures.event_loop import in_a_loop, until
from todo_fixtures.issuer import AUDIENCE, ISSUER, jwk, serve_jwks, status, token
from todo_fixtures.service import QUICK, QUICK_POLLING, wait_until
from todo_fixtures.whole_issuer import SEAMS, Issuer, made, reason_of, running


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with serve_jwks() as endpoint:
        yield Issuer(endpoint)


@in_a_loop
async def test_keys_and_lists_are_found_by_the_metadata(issuer: Issuer) -> None:
    text = token(sub="alice", status=status(7), roles=["accountant"], groups=[{"value": "staff"}])
    async with running(issuer) as verifier:
        found = verifier.verify(text)
        assert (found.sub, *found.roles, *found.groups) == ("alice", "accountant", "staff")
        issuer.lists.revoke("1", 7)
        await until(lambda: reason_of(verifier, text) is Reason.REVOKED)
        report = verifier.report()
    assert report.keys.kids == ("first",)
    assert [each.uri for each in report.status_lists.held] == [f"{ISSUER}/oauth/status-lists/1"]
    assert report.refusals[Reason.REVOKED] >= 1


@in_a_loop
async def test_before_the_first_keys_every_refusal_is_temporary(issuer: Issuer) -> None:
    issuer.metadata["issuer"] = f"{ISSUER}/"
    async with made(issuer) as verifier:
        await until(lambda: bool(verifier.problem))
        assert "differs by a slash" in verifier.problem
        with pytest.raises(Refused) as refused:
            verifier.verify(token())
        assert (refused.value.reason, refused.value.is_temporary) == (Reason.KEYS_UNAVAILABLE, True)
        issuer.metadata["issuer"] = ISSUER
        await until(lambda: verifier.is_ready)
        verifier.verify(token())
        assert not verifier.problem


@in_a_loop
async def test_a_restart_needs_no_issuer(issuer: Issuer, tmp_path: Path) -> None:
    async with running(issuer, saved=tmp_path):
        await until(lambda: len(list(tmp_path.iterdir())) == 3)
    async with Verifier(ISSUER, AUDIENCE, reached_at="http://127.0.0.1:1", seams=SEAMS, saved=tmp_path) as verifier:
        await until(lambda: bool(verifier.problem))
        assert not verifier.has_keys  # the copy of the keys is from another address
    issuer.endpoint.status = issuer.lists.status = 503
    issuer.metadata.clear()
    async with running(issuer, saved=tmp_path) as verifier:
        verifier.verify(token(status=status(1)))


@in_a_loop
async def test_other_endpoints_in_the_metadata_are_followed(issuer: Issuer, tmp_path: Path) -> None:
    """After a restart the saved endpoints serve until the issuer's own word arrives."""
    saved = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/moved.json", "status_lists": ""}
    (tmp_path / "metadata.json").write_text(json.dumps(saved))
    async with running(issuer, saved=tmp_path) as verifier:
        verifier.verify(token(status=status(1)))


@in_a_loop
async def test_an_unknown_key_is_looked_for_without_waiting(issuer: Issuer) -> None:
    async with running(issuer) as verifier:
        issuer.endpoint.keys.append(jwk("second"))
        assert reason_of(verifier, token("second")) is Reason.UNKNOWN_KEY
        await until(lambda: reason_of(verifier, token("second")) is None)


@in_a_loop
async def test_another_api_shares_keys_and_lists(issuer: Issuer) -> None:
    """Each verifier takes its own audience only. The second one fetches nothing."""
    async with running(issuer) as verifier:
        other = verifier.for_audience(f"{ISSUER}/mcp")
        assert other.is_ready
        mine, theirs = token(status=status(1)), token(status=status(2), aud=f"{ISSUER}/mcp")
        assert (reason_of(other, mine), reason_of(verifier, theirs)) == (Reason.WRONG_AUDIENCE, Reason.WRONG_AUDIENCE)
        assert (verifier.verify(mine).sub, other.verify(theirs).sub) == ("alice", "alice")
        issuer.lists.revoke("1", 2)
        await until(lambda: reason_of(other, theirs) is Reason.REVOKED)
        issuer.endpoint.keys.append(jwk("second"))
        assert reason_of(other, token("second", aud=f"{ISSUER}/mcp")) is Reason.UNKNOWN_KEY
        await until(lambda: reason_of(other, token("second", aud=f"{ISSUER}/mcp")) is None)
        assert Reason.REVOKED not in verifier.report().refusals
        with pytest.raises(RuntimeError):
            await other.__aenter__()


@in_a_loop
async def test_who_can_wait_gets_a_new_key_at_once(issuer: Issuer) -> None:
    async with running(issuer) as verifier:
        issuer.endpoint.keys.append(jwk("second"))
        assert (await verifier.verify_or_wait(token("second"))).sub == "alice"


@in_a_loop
async def test_another_jwt_of_the_issuer_is_verified_by_its_type(issuer: Issuer) -> None:
    async with running(issuer) as verifier:
        text = token(headers={"typ": "secevent+jwt"}, jti="1")
        assert (await verifier.verify_jwt(text, types=("secevent+jwt",)))["jti"] == "1"
        assert reason_of(verifier, text) is Reason.WRONG_TYPE
        with pytest.raises(Refused):
            await verifier.verify_jwt(token(), types=("secevent+jwt",))


@in_a_loop
async def test_stale_lists_are_a_matter_of_policy(issuer: Issuer) -> None:
    now = 2_000_000_000.0
    clock = [now]
    issuer.lists.publish("1", iat=int(now), exp=None)
    text = token(status=status(1), iat=int(now), exp=int(now) + 60, auth_time=int(now))
    seams = Seams(clock=lambda: clock[0], schedule=QUICK, polling=QUICK_POLLING)
    accepting = Policy(when_stale=WhenStale.ACCEPT)
    for policy, expected in ((None, Reason.STATUS_STALE), (accepting, None)):
        clock[0] = now
        verifier = Verifier(ISSUER, AUDIENCE, reached_at=issuer.endpoint.url, seams=seams, policy=policy)
        async with verifier:
            await until(lambda verifier=verifier: verifier.is_ready)  # type: ignore[misc]  # lambdas of a loop have no type
            clock[0] = now + 61  # older than the token's life, which the leeway extends
            assert reason_of(verifier, text) is expected
            assert reason_of(verifier, text, when_stale=WhenStale.ACCEPT) is None
            assert reason_of(verifier, text, when_stale=WhenStale.REFUSE) is Reason.STATUS_STALE


def test_threads_share_one_verifier(issuer: Issuer) -> None:
    texts = [token(sub=f"s{number}", status=status(number)) for number in range(8)]
    with VerifierThread(made(issuer)) as verifier:
        wait_until(lambda: verifier.is_ready)
        failed: list[BaseException] = []

        def work() -> None:
            try:
                for text in texts * 20:
                    verifier.verify(text)
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        issuer.endpoint.keys.append(jwk("second"))
        assert verifier.verify(token("second")).sub == "alice"  # found while another thread waits for it
        assert reason_of(verifier, token(status=status(1, "9"))) is Reason.STATUS_UNAVAILABLE
        issuer.lists.publish("9")
        wait_until(lambda: reason_of(verifier, token(status=status(1, "9"))) is None)
        for thread in threads:
            thread.join()
        assert not failed
    assert threading.active_count() == len([each for each in threading.enumerate() if each.name != "atjwt"])


def test_a_thread_begins_with_the_first_token(issuer: Issuer) -> None:
    """As in a worker that was forked after the verifier was made."""
    verifier = VerifierThread(made(issuer))
    assert reason_of(verifier, token()) is Reason.KEYS_UNAVAILABLE
    wait_until(lambda: verifier.is_ready)
    verifier.verify(token())
    verifier.close()
    verifier.close()


@pytest.mark.parametrize(
    "url", ["http://id.example.com", "id.example.com", "ftp://id", "https://id/?a", "https://u@id"]
)
def test_an_issuer_whose_metadata_could_be_forged_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        Verifier(url, AUDIENCE)
    Verifier(url, AUDIENCE, endpoints=Endpoints("http://127.0.0.1:1/jwks.json"))
    for loopback in ("http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080"):
        Verifier(loopback, AUDIENCE)


def test_closing_ends_all_fetches(issuer: Issuer) -> None:
    async def run() -> int:
        async with running(issuer):
            pass
        return len(asyncio.all_tasks())

    assert asyncio.run(run()) == 1
