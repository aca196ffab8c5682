"""Epochs of the issuer's status lists: what a restored backup of the issuer means for a verifier."""

import json
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from atjwt.refusals import InvalidToken, StatusUnknown
from atjwt.status_lists import StatusLists
from todo_fixtures.event_loop import in_a_loop, until
from todo_fixtures.issuer import JwksEndpoint, jwk
from todo_fixtures.status_lists import URI, StatusEndpoint

from .test_status_lists import ONCE, access_token, has, running


class TestEpochs:
    """A restore of the issuer's database begins a new epoch: `EPOCH-NUMBER` is the last segment of a list's URI."""

    @staticmethod
    def refusal(lists: StatusLists, name: str, index: int = 0) -> str:
        try:
            lists.check(access_token(index, name), now=time.time())
        except InvalidToken as error:
            return str(error)
        except StatusUnknown:
            return "unknown"
        return ""

    def is_over(self, lists: StatusLists, name: str) -> bool:
        return "restore" in self.refusal(lists, name)

    def test_a_verified_list_of_a_newer_epoch_ends_the_older_ones(
        self, jwks: JwksEndpoint, lists: StatusEndpoint
    ) -> None:
        """Refused without a fetch, whether the list was in memory or not."""

        @in_a_loop
        async def run() -> None:
            lists.documents.clear()
            lists.publish("100-1")
            async with running(jwks) as held:
                await until(lambda: has(held, "100-1"))
                assert self.refusal(held, "100-1") == ""
                assert self.refusal(held, "200-2") == "unknown"
                lists.documents.clear()
                lists.publish("200-2")
                await until(lambda: has(held, "200-2"))
                asked = len(lists.fetched("100-1"))
                assert self.is_over(held, "100-1")
                assert self.is_over(held, "100-7")
                assert self.refusal(held, "200-2") == ""
                polls = held.counts.fetches["unchanged"]
                await until(lambda: held.counts.fetches["unchanged"] > polls + 2)
                assert len(lists.fetched("100-1")) == asked
                assert lists.fetched("100-7") == []

        run()

    def test_a_list_that_a_token_named_ends_the_older_ones_before_the_next_poll(
        self, jwks: JwksEndpoint, lists: StatusEndpoint
    ) -> None:
        @in_a_loop
        async def run() -> None:
            lists.documents.clear()
            lists.publish("100-1")
            async with running(jwks, ONCE) as held:
                await until(lambda: has(held, "100-1"))
                lists.publish("200-2")
                assert self.refusal(held, "200-2") == "unknown"
                await until(lambda: has(held, "200-2"))
                assert self.is_over(held, "100-1")

        run()

    def test_an_aggregation_or_an_unverified_list_raises_no_epoch(
        self, jwks: JwksEndpoint, lists: StatusEndpoint
    ) -> None:
        """The aggregation is not signed."""

        @in_a_loop
        async def run() -> None:
            lists.documents.clear()
            lists.publish("100-1")
            async with running(jwks) as held:
                await until(lambda: has(held, "100-1"))
                lists.publish("900-1", signer="thief")
                lists.publish("901-1", signer="first")
                lists.publish("902-1", sub=f"{URI}/100-1")
                await until(lambda: held.counts.fetches["failed"] > 5)
                assert self.refusal(held, "100-1") == ""
                lists.aggregation = json.dumps({"status_lists": [f"{URI}/903-1"]}).encode()
                await until(lambda: has(held))
                assert self.refusal(held, "100-1") == "unknown"

        run()

    def test_the_keys_of_a_new_epoch_are_fetched_with_its_lists(
        self, jwks: JwksEndpoint, lists: StatusEndpoint
    ) -> None:
        """A restore replaces all keys. An unknown `kid` of a moment ago has used up the fetch that J5 allows."""

        @in_a_loop
        async def run() -> None:
            lists.documents.clear()
            lists.publish("100-1")
            async with running(jwks) as held:
                await until(lambda: has(held, "100-1"))
                held._jwks._schedule = replace(held._jwks._schedule, forced_cooldown=timedelta(days=1))
                assert not await held._jwks.learn("unknown")
                jwks.keys = [jwk("first"), jwk("second", signs="statuslist+jwt")]
                lists.documents.clear()
                lists.publish("200-2", signer="second")
                await until(lambda: has(held, "200-2"))
                lists.publish("300-1", signer="thief")
                fetches = len(jwks.requests)
                failed = held.counts.fetches["failed"]
                await until(lambda: held.counts.fetches["failed"] > failed + 5)
                assert len(jwks.requests) <= fetches + 1

        run()

    def test_an_older_epoch_is_never_taken_again(self, jwks: JwksEndpoint, lists: StatusEndpoint) -> None:
        """A cache, or a process of the issuer that did not notice the restore, still lists and sends it."""

        @in_a_loop
        async def run() -> None:
            lists.documents.clear()
            lists.publish("100-1")
            lists.publish("200-2")
            async with running(jwks) as held:
                await until(lambda: has(held, "200-2"))
                polls = held.counts.fetches["unchanged"]
                await until(lambda: held.counts.fetches["unchanged"] > polls + 2)
                assert has(held, "200-2")
                assert self.is_over(held, "100-1")

        run()

    def test_the_saved_copy_keeps_the_epoch(self, jwks: JwksEndpoint, lists: StatusEndpoint, tmp_path: Path) -> None:
        """Even if the key of its lists has been withdrawn since, so that none of them is used."""

        @in_a_loop
        async def run() -> None:
            copy = tmp_path / "status_lists.json"
            lists.documents.clear()
            lists.publish("200-2")
            async with running(jwks, saved_copy=copy) as held:
                await until(lambda: has(held, "200-2") and copy.exists() and (tmp_path / "jwks.json").exists())
            kept = json.loads(copy.read_text())
            copy.write_text(json.dumps({name: value for name, value in kept.items() if "200-2" not in name}))
            lists.status = 500
            async with running(jwks, saved_copy=copy) as held:
                assert has(held)
                assert self.is_over(held, "100-1")
                assert self.refusal(held, "200-2") == "unknown"

        run()

    def test_lists_from_before_the_epochs_stay_while_they_are_listed(
        self, jwks: JwksEndpoint, lists: StatusEndpoint
    ) -> None:
        """The upgrade refuses no token. After a restore the issuer no longer lists them."""

        @in_a_loop
        async def run() -> None:
            lists.publish("2")
            async with running(jwks) as held:
                await until(lambda: has(held, "1", "2"))
                lists.publish("200-3")
                await until(lambda: has(held, "1", "2", "200-3"))
                assert self.refusal(held, "1") == self.refusal(held, "200-3") == ""
                lists.publish("4")
                await until(lambda: self.refusal(held, "4") == "")
                del lists.documents["1"]
                await until(lambda: has(held, "2", "200-3", "4"))
                assert self.is_over(held, "1")
                assert self.refusal(held, "2") == ""
            assert lists.fetched("1")

        run()


@in_a_loop
async def test_the_version_is_the_one_that_the_issuer_states(jwks: JwksEndpoint, lists: StatusEndpoint) -> None:
    """Otherwise the number of revoked tokens."""
    lists.revoke("1", 5)
    lists.publish("2", version=7)
    async with running(jwks) as held:
        await until(lambda: has(held, "1", "2"))
        assert {each.uri.rpartition("/")[2]: each.version for each in held.held} == {"1": 1, "2": 7}
