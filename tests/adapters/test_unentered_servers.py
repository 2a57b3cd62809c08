"""A trio server listens before ``async with``, and says that it accepts nobody until then."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable

import pytest
import trio

from dicomwire.presentation import build_context
from dicomwire.trio import AE
from dicomwire.vocabulary.sop_classes import Verification
from tests.support.patience import SOON

CONTEXTS = [build_context(Verification)]


async def until(holds: Callable[[], bool]) -> None:
    with trio.fail_after(SOON):
        while not holds():  # noqa: ASYNC110 - there is no event in a log
            await trio.sleep(0.001)


def test_whoever_connects_before_it_is_entered_is_told_of_and_served_after(caplog: pytest.LogCaptureFixture) -> None:
    def told() -> list[str]:
        return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]

    async def scenario() -> None:
        ae = AE()
        server = await ae.start_server(("127.0.0.1", 0), block=False, contexts=CONTEXTS)
        assert "accepts nobody before async with" in repr(server)
        with socket.create_connection(server.server_address[:2]):
            await until(lambda: bool(told()))
        assert told()[0].startswith(
            f"somebody connects to 127.0.0.1:{server.server_address[1]}, where nobody is accepted"
        )
        async with server:
            assert "listening" in repr(server)
            host, port = server.server_address[:2]
            association = await ae.associate(host, port, contexts=CONTEXTS)
            assert association.is_established
            await association.release()
        assert "stopped" in repr(server) and len(told()) == 1

    trio.run(scenario)


@pytest.mark.parametrize("is_entered", [True, False])
def test_nothing_is_said_and_no_task_left_where_nobody_connects(
    caplog: pytest.LogCaptureFixture, is_entered: bool
) -> None:
    async def scenario() -> None:
        before = trio.lowlevel.current_statistics().tasks_living
        server = await AE().start_server(("127.0.0.1", 0), block=False, contexts=CONTEXTS)
        if is_entered:
            async with server:
                pass
        else:
            server.shutdown()
        await until(lambda: trio.lowlevel.current_statistics().tasks_living == before)

    trio.run(scenario)
    assert caplog.records == []


@pytest.mark.parametrize("checkpoints", range(4))
def test_a_server_that_is_given_to_nobody_listens_no_more(checkpoints: int) -> None:
    """Cancelled while it is made or entered: whoever asked for it has nothing to shut down."""
    ae = AE()

    async def scenario() -> None:
        with trio.CancelScope() as scope:
            if checkpoints == 0:
                scope.cancel()
            server = await ae.start_server(("127.0.0.1", 0), block=False, contexts=CONTEXTS)
            for _ in range(checkpoints - 1):
                await trio.lowlevel.checkpoint()
            scope.cancel()
            async with server:
                await trio.sleep_forever()

    trio.run(scenario)
    assert ae.servers == []
