"""Turns: how many costly requests of one subject run at once, wait, and are refused."""

import asyncio
from datetime import timedelta

import pytest

from todo_fixtures.event_loop import in_a_loop, until
from todo_service.limits.turns import Busy, Full, Places, Turns

LONG = timedelta(minutes=1)


class Guest:
    """A request that has its turn until it is let go."""

    def __init__(self, turns: Turns, subject: str) -> None:
        self.is_in, self.leave = False, asyncio.Event()
        self.task = asyncio.create_task(self._visit(turns, subject))

    async def _visit(self, turns: Turns, subject: str) -> None:
        async with turns.turn(subject):
            self.is_in = True
            await self.leave.wait()
        self.is_in = False


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@in_a_loop
async def test_two_run_the_next_wait_and_more_are_refused_at_once() -> None:
    turns = Turns(at_once=2, waiting=1, patience=LONG)
    guests = [Guest(turns, "eve") for _ in range(3)]
    await settled()
    assert [guest.is_in for guest in guests] == [True, True, False]
    with pytest.raises(Busy):
        async with turns.turn("eve"):
            raise AssertionError
    bob = Guest(turns, "bob")  # another subject has turns of its own
    await settled()
    assert bob.is_in
    guests[0].leave.set()
    await until(lambda: guests[2].is_in)
    assert guests[1].is_in
    for guest in (*guests, bob):
        guest.leave.set()
    await asyncio.gather(*(guest.task for guest in (*guests, bob)))
    assert len(turns) == 0


@in_a_loop
async def test_a_wait_that_takes_too_long_is_refused_and_forgotten() -> None:
    turns = Turns(at_once=1, waiting=5, patience=timedelta(milliseconds=20))
    first = Guest(turns, "eve")
    await settled()
    with pytest.raises(Busy):
        async with turns.turn("eve"):
            raise AssertionError
    first.leave.set()
    await first.task
    assert len(turns) == 0


@in_a_loop
async def test_who_hangs_up_while_waiting_keeps_no_place() -> None:
    turns = Turns(at_once=1, waiting=1, patience=LONG)
    first, second = Guest(turns, "eve"), Guest(turns, "eve")
    await settled()
    second.task.cancel()
    await asyncio.gather(second.task, return_exceptions=True)
    third = Guest(turns, "eve")
    await settled()
    first.leave.set()
    await until(lambda: third.is_in)
    third.leave.set()
    await third.task
    assert len(turns) == 0


@in_a_loop
async def test_a_subject_rests_after_its_turn_and_others_do_not_wait_for_it() -> None:
    turns = Turns(at_once=1, waiting=1, patience=LONG, share=1e-9)  # the rest is the longest one
    async with turns.turn("eve"):
        await asyncio.sleep(0.002)
    guest = Guest(turns, "eve")
    await settled()
    assert not guest.is_in
    async with turns.turn("bob"):
        pass
    guest.task.cancel()
    await asyncio.gather(guest.task, return_exceptions=True)


@in_a_loop
async def test_the_places_of_everybody_are_bounded_and_given_in_the_order_of_asking() -> None:
    places, order = Places(2, patience=timedelta(milliseconds=20)), []
    go = asyncio.Event()

    async def take(name: str) -> None:
        async with places.place(may_fail=False):
            order.append(name)
            await go.wait()

    tasks = [asyncio.create_task(take(name)) for name in ("eve", "bob", "cid", "dan")]
    await settled()
    assert order == ["eve", "bob"]
    with pytest.raises(Full):
        async with places.place(may_fail=True):
            raise AssertionError
    tasks[2].cancel()  # who hangs up while waiting keeps no place
    go.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert order == ["eve", "bob", "dan"]
    async with places.place(may_fail=True), places.place(may_fail=True):
        pass
