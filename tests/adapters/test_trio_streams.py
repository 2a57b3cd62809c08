"""What is special about an association over a trio stream: who receives ahead, and how a stream is left."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from dicomwire import evt
from dicomwire.associations.server_base import handler_table
from dicomwire.trio import AE, Association
from dicomwire.trio.stream_channel import StreamChannel
from dicomwire.upper_layer.state import Role
from tests.support.certificates import self_signed
from tests.support.patience import SOON
from tests.support.scripted import accepting, ask, hear
from tests.support.streams import ABORT
from tests.support.transports import StreamPeer

ROOT = Path(__file__).parents[2]
VERIFICATION = "1.2.840.10008.1.1"
ECHO_RQ = ask(1, 0x0030, VERIFICATION)


def an_ae() -> AE:
    ae = AE("PEER")
    ae.add_requested_context(VERIFICATION)
    ae.add_supported_context(VERIFICATION)
    return ae


def in_trio(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def limited() -> None:
        with trio.fail_after(SOON):
            await main()

    trio.run(limited)


class Wrapped(trio.abc.HalfCloseableStream):
    """A stream with nothing but what the ABC has, which remembers how it was used."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.received = 0
        self.cancelled = 0
        self.closed = 0
        self.on_close: Exception | None = None
        self.stuck = False

    async def send_all(self, data: Any) -> None:
        if self.stuck:
            await trio.sleep_forever()
        await self.stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self.stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        try:
            data: bytes = await self.stream.receive_some(max_bytes)
        except trio.Cancelled:
            self.cancelled += 1
            raise
        self.received += len(data)
        return data

    async def send_eof(self) -> None:
        await self.stream.send_eof()

    async def aclose(self) -> None:
        self.closed += 1
        try:
            await self.stream.aclose()
        finally:
            if self.on_close is not None:
                raise self.on_close


class Accepted:
    """For scripted acceptors: the other end of a pair."""

    def __init__(self) -> None:
        there, here = trio.testing.memory_stream_pair()
        self.here = Wrapped(here)
        self.there = StreamPeer(there)

    async def accept(self) -> StreamPeer:
        return self.there

    async def associate(self, nursery: trio.Nursery, ae: AE | None = None, **options: Any) -> Association:
        nursery.start_soon(accepting, self)
        association = await (ae or an_ae()).associate_over(self.here, **options)
        assert association.is_established, association.failure
        return association


def test_an_abort_that_comes_while_a_handler_runs_is_there_when_it_asks() -> None:
    seen: list[bool] = []

    async def main() -> None:
        here, there = trio.testing.memory_stream_pair()
        called, aborted = trio.Event(), trio.Event()

        async def slow(event: evt.Event) -> int:
            called.set()
            await aborted.wait()
            await trio.testing.wait_all_tasks_blocked()
            # Fed by what was received ahead.
            seen.append(event.assoc.line.channel.poll())
            return 0x0000

        async def serve() -> None:
            served = await an_ae().serve_over(there, [(evt.EVT_C_ECHO, slow)])
            assert served.is_aborted and served.failure is not None and "aborted by the peer" in served.failure

        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            association = await an_ae().associate_over(here)
            async with trio.open_nursery() as asking:
                asking.start_soon(association.send_c_echo)
                await called.wait()
                asking.start_soon(association.abort)
                await trio.testing.wait_all_tasks_blocked()
                aborted.set()

    in_trio(main)
    assert seen == [True]


def test_no_more_than_a_piece_is_received_ahead() -> None:
    async def main() -> None:
        there, here = trio.testing.memory_stream_pair()
        stream = Wrapped(here)
        channel = StreamChannel(stream, an_association().line.session)
        await there.send_all(bytes(1 << 20))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(channel.read_ahead)
            await trio.testing.wait_all_tasks_blocked()
            assert 0 < stream.received <= 65536
            channel.abandon()

    in_trio(main)


def an_association() -> Association:
    return Association(an_ae(), Role.ACCEPTOR, handler_table(None))


def test_verbs_that_are_cancelled_do_not_cancel_who_receives_ahead() -> None:
    async def main() -> None:
        accepted = Accepted()
        async with trio.open_nursery() as nursery, await accepted.associate(nursery) as association:
            await trio.testing.wait_all_tasks_blocked()
            for _ in range(3):
                with trio.move_on_after(0.001):
                    await association.wait_closed()
            assert accepted.here.cancelled == 0
            await accepted.there.send(ABORT)
            await association.wait_closed()
            assert association.failure is not None and "aborted by the peer" in association.failure

    in_trio(main)


def test_the_peer_is_noticed_while_nobody_calls() -> None:
    async def main() -> None:
        accepted, told = Accepted(), trio.Event()
        async with trio.open_nursery() as nursery:
            on_abort = (evt.EVT_ABORTED, lambda event: told.set())
            async with await accepted.associate(nursery, evt_handlers=[on_abort]):
                await accepted.there.send(ABORT)
                await told.wait()
        assert accepted.here.closed

    in_trio(main)


def test_who_aborts_does_not_wait_long_for_a_task_that_is_stuck_in_sending() -> None:
    async def main() -> None:
        accepted = Accepted()
        async with trio.open_nursery() as nursery:
            association = await accepted.associate(nursery)
            association.acse_timeout = 0.01
            accepted.here.stuck = True
            nursery.start_soon(association.send_c_echo)
            await trio.testing.wait_all_tasks_blocked()
            began = trio.current_time()
            # write_timeout is a minute.
            await association.abort()
            assert trio.current_time() - began < SOON / 2
        assert association.is_aborted and accepted.here.closed

    in_trio(main)


def test_a_write_timeout_that_is_set_while_a_task_sends_counts_for_it() -> None:
    async def main() -> None:
        accepted = Accepted()
        async with trio.open_nursery() as nursery:
            association = await accepted.associate(nursery)
            association.acse_timeout = 0.01
            accepted.here.stuck = True
            nursery.start_soon(association.send_c_echo)
            await trio.testing.wait_all_tasks_blocked()
            association.write_timeout = 0.01
        assert association.is_aborted and "has not read" in str(association.failure)

    in_trio(main)


@pytest.mark.parametrize("how", ["kill", "abandon", "cancelled"])
def test_a_stream_is_closed_also_by_those_who_may_not_wait(how: str) -> None:
    async def main() -> None:
        accepted = Accepted()
        async with trio.open_nursery() as nursery:
            association = await accepted.associate(nursery)
            with trio.CancelScope() as scope:
                if how == "kill":
                    association.kill()
                elif how == "abandon":
                    association.acse.send_abort(0)
                else:
                    scope.cancel()
                    await association.release()
            if how == "cancelled":
                # The request was not begun, so that the peer can be told.
                rest = await accepted.there.rest()
                assert rest[-len(ABORT) :] == ABORT
            else:
                assert await accepted.there.rest() == (b"" if how == "kill" else ABORT)
            assert accepted.here.closed == 1

    in_trio(main)


def test_a_stream_that_fails_to_close_is_told_of_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        accepted = Accepted()
        async with trio.open_nursery() as nursery:
            association = await accepted.associate(nursery)
            accepted.here.on_close = ValueError("odd")
            association.kill()
            await accepted.there.rest()

    in_trio(main)
    assert "closing a Wrapped failed" in caplog.text


def test_over_tls(tmp_path: Path) -> None:
    pem = self_signed(tmp_path)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(pem)
    client = ssl.create_default_context(cafile=str(pem))
    client.check_hostname = False

    async def main() -> None:
        here, there = trio.testing.memory_stream_pair()
        outcome: list[Association] = []

        async def serve() -> None:
            outcome.append(await an_ae().serve_over(trio.SSLStream(there, server, server_side=True)))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            async with await an_ae().associate_over(trio.SSLStream(here, client)) as association:
                assert association.is_established, association.failure
                assert (await association.send_c_echo()).Status == 0x0000
        assert association.is_released and outcome[0].is_released

    in_trio(main)


def test_a_peer_with_a_certificate_that_is_not_trusted_is_named(tmp_path: Path) -> None:
    pem = self_signed(tmp_path)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(pem)

    async def main() -> None:
        here, there = trio.testing.memory_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(an_ae().serve_over, trio.SSLStream(there, server, server_side=True))
            association = await an_ae().associate_over(trio.SSLStream(here, ssl.create_default_context()))
        assert association.is_aborted

    in_trio(main)


def test_bad_arguments_leave_the_stream_to_the_caller() -> None:
    async def main() -> None:
        _, here = trio.testing.memory_stream_pair()
        stream = Wrapped(here)
        with pytest.raises(RuntimeError, match="no presentation contexts"):
            await AE().associate_over(stream)
        with pytest.raises(ValueError, match="no supported presentation contexts"):
            await AE().serve_over(stream)
        assert not stream.closed

    in_trio(main)


def test_what_serve_over_raises_is_no_group() -> None:
    async def main() -> None:
        here, there = trio.testing.memory_stream_pair()

        def fail(event: evt.Event) -> None:
            raise KeyboardInterrupt

        async with trio.open_nursery() as nursery:

            async def serve() -> None:
                with pytest.raises(KeyboardInterrupt):
                    await an_ae().serve_over(there, [(evt.EVT_CONN_OPEN, fail)])

            nursery.start_soon(serve)
            assert await StreamPeer(here).rest() in (b"", ABORT)

    in_trio(main)


def test_an_association_over_a_stream_has_no_addresses() -> None:
    async def main() -> None:
        accepted = Accepted()
        async with trio.open_nursery() as nursery:
            association = await accepted.associate(nursery)
            nursery.start_soon(association.send_c_echo)
            assert (await hear(accepted.there)).field == 0x0030
            await association.abort()
            assert "as requestor with -:" in repr(association) and association.acceptor.address_tuple is None

    in_trio(main)


PEER = """
from dicomwire import AE
from tests.support.transports import Pipes

ae = AE("CHILD")
ae.add_supported_context("1.2.840.10008.1.1")
assert ae.serve_over(Pipes(0, 1)).is_released
"""


@pytest.mark.skipif(sys.platform == "win32", reason="pipes cannot be waited for")
def test_over_the_pipes_of_a_process() -> None:
    async def main() -> None:
        process = await trio.lowlevel.open_process(
            [sys.executable, "-c", PEER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
        )
        assert process.stdin is not None and process.stdout is not None
        async with await an_ae().associate_over(trio.StapledStream(process.stdin, process.stdout)) as association:
            assert (await association.send_c_echo()).Status == 0x0000
        assert association.is_released
        assert await process.wait() == 0

    in_trio(main)


def test_a_server_of_trios_own_may_serve() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(trio.serve_tcp, an_ae().serve_over, 0)
            stream = await trio.testing.open_stream_to_socket_listener(listeners[0])
            async with await an_ae().associate_over(stream) as association:
                assert (await association.send_c_echo()).Status == 0x0000
                assert association.line.channel.transport_socket is stream.socket
            nursery.cancel_scope.cancel()
        assert association.is_released

    in_trio(main)


def test_a_fork_lets_go_of_its_copy_of_a_socket() -> None:
    async def main() -> None:
        one, other = (trio.SocketStream(trio.socket.from_stdlib_socket(sock)) for sock in socket.socketpair())
        channel = StreamChannel(one, an_association().line.session)
        channel.forsake()
        assert await other.receive_some() == b""
        await other.aclose()

    in_trio(main)
