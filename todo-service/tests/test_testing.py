"""atjwt.testing: an issuer in the process, and verifiers that know each change at once."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import httpx2
import pytest

from atjwt import Policy, Reason, Refused, Verifier, VerifierThread, WhenStale
from atjwt.testing import AUDIENCE, Issuer
from todo_fixtures.event_loop import in_a_loop, until
from todo_fixtures.service import wait_until


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as made:
        yield made


def reason_of(verifier: Verifier, text: str) -> Reason | None:
    try:
        verifier.verify(text)
    except Refused as refused:
        return refused.reason
    return None


def test_a_token_says_what_the_test_wants(issuer: Issuer) -> None:
    verifier = issuer.verifier()
    signed_in = timedelta(minutes=10)
    text = issuer.token("bob", scope="a b", roles=["accountant"], groups=["staff"], signed_in=signed_in, nonce="n")
    token = verifier.verify(text)
    assert (token.sub, sorted(token.scope), *token.roles, *token.groups) == ("bob", ["a", "b"], "accountant", "staff")
    assert token.auth_time == token.iat - 600
    assert token.claims["nonce"] == "n"
    assert verifier.verify(issuer.token("job", client_id="job")).is_of_service
    assert reason_of(verifier, issuer.token(aud="https://other.example.com")) is Reason.WRONG_AUDIENCE
    assert reason_of(verifier, issuer.token(headers={"typ": "JWT"})) is Reason.WRONG_TYPE


def test_a_revoked_token_is_refused_at_once_and_no_other(issuer: Issuer) -> None:
    verifier, text, other = issuer.verifier(), issuer.token(), issuer.token()
    verifier.verify(text)
    issuer.revoke(text)
    assert reason_of(verifier, text) is Reason.REVOKED
    assert reason_of(verifier, other) is None
    issuer.rotate()
    assert reason_of(verifier, text) is Reason.REVOKED


def test_keys_rotate_and_are_withdrawn(issuer: Issuer) -> None:
    verifier, text = issuer.verifier(), issuer.token()
    issuer.rotate()
    assert (reason_of(verifier, text), reason_of(verifier, issuer.token())) == (None, None)
    issuer.rotate(withdraw=True)
    assert (reason_of(verifier, text), reason_of(verifier, issuer.token())) == (Reason.UNKNOWN_KEY, None)


def test_time_passes(issuer: Issuer) -> None:
    verifier, text = issuer.verifier(), issuer.token()
    issuer.travel(timedelta(minutes=7))
    assert reason_of(verifier, text) is Reason.EXPIRED
    assert reason_of(verifier, issuer.token()) is None


def test_an_outage_of_a_day(issuer: Issuer) -> None:
    refusing, accepting = issuer.verifier(), issuer.verifier(policy=Policy(when_stale=WhenStale.ACCEPT))
    issuer.down()
    issuer.travel(timedelta(hours=1))
    text = issuer.token()
    assert (reason_of(refusing, text), reason_of(accepting, text)) == (Reason.STATUS_STALE, None)
    issuer.travel(timedelta(days=1))
    assert reason_of(accepting, issuer.token()) is Reason.KEYS_UNAVAILABLE
    issuer.up()
    assert reason_of(refusing, issuer.token()) is None


def test_while_an_issuer_is_down_for_an_hour_no_good_token_is_a_401(issuer: Issuer) -> None:
    """Its keys and lists cannot be fetched, however often the verifier tries; its tokens come all the same.

    A token whose life is longer than the outage is accepted in each minute. Of any other token the list may be too old
    to say anything: then the client is told to come again later (503), not that its token is bad.
    """
    lives = [timedelta(minutes=minutes) for minutes in (5, 30, 120)]
    long = issuer.token(expires_in=lives[-1])
    before = [(issuer.token(expires_in=life), issuer.clock() + life.total_seconds()) for life in lives]
    with VerifierThread(issuer.verifier()) as thread:
        issuer.down()
        reasons: Counter[Reason | None] = Counter()
        for _ in range(60):
            issuer.travel(timedelta(minutes=1))
            assert reason_of(thread.verifier, long) is None
            good = [text for text, ends in before if issuer.clock() < ends]
            good += [issuer.token(expires_in=life) for life in lives]
            reasons.update(reason_of(thread.verifier, text) for text in good)
        wait_until(lambda: thread.report().keys.counts.fetches["failed"] > 0)
    assert reasons.keys() == {None, Reason.STATUS_STALE}
    assert Refused(Reason.STATUS_STALE, "").is_temporary
    assert reasons.total() > 240


def test_it_stands_in_for_the_verifier_of_an_application(issuer: Issuer) -> None:
    verifier = Verifier("https://id.example.com", "https://billing.example.com", policy=Policy(requires_status=True))
    with issuer.standing_in_for(verifier):
        assert verifier.verify(issuer.token()).claims["aud"] == "https://billing.example.com"
        assert reason_of(verifier, issuer.token(status=None)) is Reason.NO_STATUS
    assert verifier.issuer == "https://id.example.com"
    assert reason_of(verifier, issuer.token()) is Reason.KEYS_UNAVAILABLE


@in_a_loop
async def test_a_token_with_an_unknown_key_is_refused_by_a_verifier_that_was_not_started() -> None:
    """As in a team's test of an application whose lifespan does not run."""
    with Issuer() as issuer, Issuer() as thief:
        verifier = issuer.verifier()
        forged = thief.token(iss=issuer.url, aud=issuer.audience)
        with pytest.raises(Refused) as refused:
            await verifier.verify_or_wait(forged)
        assert refused.value.reason is Reason.UNKNOWN_KEY


@in_a_loop
async def test_a_verifier_that_finds_everything_itself() -> None:
    """Over HTTP, as in production: the issuer is not told of this verifier."""
    with Issuer() as issuer:
        async with Verifier(issuer.url, AUDIENCE) as verifier:
            await until(lambda: verifier.is_ready)
            text = issuer.token()
            verifier.verify(text)
            issuer.rotate()
            assert (await verifier.verify_or_wait(issuer.token())).sub == "alice"
            issuer.revoke(text)
            await until(lambda: reason_of(verifier, text) is Reason.REVOKED)


def test_it_is_down_and_slow_over_http(issuer: Issuer) -> None:
    with httpx2.Client(base_url=issuer.url, trust_env=False) as client:
        assert client.get("/jwks.json").json()["keys"]
        assert client.get("/elsewhere").status_code == 404
        issuer.slow(timedelta(minutes=5))
        with pytest.raises(httpx2.ReadTimeout):
            client.get("/lists", timeout=0.2)
        issuer.slow(timedelta(0))
        issuer.down()
        assert client.get("/jwks.json").status_code == 503
