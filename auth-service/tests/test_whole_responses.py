"""Parts that are written together are sent together, and no part waits longer than one turn of the event loop."""

import asyncio
from collections.abc import Callable

import pytest

from auth_service.commands.whole_responses import HeadHolding

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"


class Sink(asyncio.Transport):
    """A transport that records each write, which would be one system call."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.sent.append(b"closed")


def sent_by(*turns: Callable[[HeadHolding], None]) -> list[bytes]:
    """The writes to the transport when each function is called in its own turn of the event loop."""

    async def run() -> list[bytes]:
        sink = Sink()
        transport = HeadHolding(sink, asyncio.get_running_loop())
        for turn in turns:
            turn(transport)
            await asyncio.sleep(0)
        return sink.sent

    return asyncio.run(run())


def writing(*parts: bytes) -> Callable[[HeadHolding], None]:
    def write(transport: HeadHolding) -> None:
        for part in parts:
            transport.write(part)

    return write


def write_and_close(transport: HeadHolding) -> None:
    transport.write(HEAD)
    transport.close()


@pytest.mark.parametrize(
    ("turns", "sent"),
    [
        pytest.param([writing(HEAD, b"{}")], [HEAD + b"{}"], id="head and body leave together"),
        pytest.param(
            [writing(HEAD), writing(b"1"), writing(b"2")], [HEAD, b"1", b"2"], id="a stream's head does not wait"
        ),
        pytest.param([writing(HEAD, b"1", b"2")], [HEAD + b"1", b"2"], id="no part of a body waits"),
        pytest.param([writing(HEAD, HEAD, b"{}")], [HEAD + HEAD, b"{}"], id="two heads keep their order"),
        pytest.param([writing(HEAD), HeadHolding.close], [HEAD, b"closed"], id="nothing is sent twice"),
        pytest.param([write_and_close], [HEAD, b"closed"], id="a head leaves before the end"),
    ],
)
def test_nothing_is_lost_or_late(turns: list[Callable[[HeadHolding], None]], sent: list[bytes]) -> None:
    assert sent_by(*turns) == sent
