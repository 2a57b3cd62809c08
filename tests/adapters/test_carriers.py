"""Serial lines and WebSockets carry echo, store and C-GET, and tell how they end."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
import trio
from pydicom.dataset import Dataset

from dicomwire import AE, asyncio as dicom_asyncio, build_role, evt, trio as dicom_trio
from dicomwire.asyncio_carriers import over_pipes, over_web_socket
from dicomwire.carriers import FilePair, SerialLine, WebSocket
from dicomwire.trio_carriers import WebSocketStream, serial_stream
from tests.support.adapters import CT_IMAGE_STORAGE, PATIENCE, VERIFICATION
from tests.support.getting import GET
from tests.support.storing import instance

serial = pytest.importorskip("serial")
sync_client = pytest.importorskip("websockets.sync.client")
sync_server = pytest.importorskip("websockets.sync.server")
async_client = pytest.importorskip("websockets.asyncio.client")
async_server = pytest.importorskip("websockets.asyncio.server")

posix = pytest.mark.skipif(os.name != "posix", reason="terminals are those of POSIX")

ROLES = [build_role(CT_IMAGE_STORAGE, scu_role=True, scp_role=True)]


def sample() -> Dataset:
    """More than a line holds at a time, or a message may have."""
    dataset = instance()
    dataset.PixelData = bytes(range(256)) * 1024
    return dataset


class Both:
    """What both ends of a connection need: contexts, handlers, and what they have stored."""

    def __init__(self) -> None:
        self.stored: list[int] = []
        self.handlers = [
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_C_GET, lambda event: iter([1, (0xFF00, sample())])),
        ]

    def _store(self, event: evt.Event) -> int:
        self.stored.append(len(event.dataset.PixelData))
        return 0x0000

    def configure(self, ae: Any) -> Any:
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = PATIENCE
        for uid in (VERIFICATION, CT_IMAGE_STORAGE, GET):
            ae.add_requested_context(uid)
            ae.add_supported_context(uid, scu_role=True, scp_role=True)
        # On a line nobody sees the peer close.
        ae.timeouts.close = 0.05
        return ae

    @property
    def over(self) -> dict[str, Any]:
        return {"ext_neg": ROLES, "evt_handlers": self.handlers}

    def check(self, statuses: list[int]) -> None:
        assert statuses == [0x0000, 0x0000, 0xFF00, 0x0000]
        assert self.stored == [256 * 1024] * 2


def identifier() -> Dataset:
    query = Dataset()
    query.QueryRetrieveLevel = "IMAGE"
    return query


def blocking_operations(ae: AE, transport: Any, both: Both) -> None:
    with ae.associate_over(transport, **both.over) as association:
        assert association.is_established, association.failure
        statuses = [association.send_c_echo().Status, association.send_c_store(sample()).Status]
        statuses += [status.Status for status, _ in association.send_c_get(identifier(), GET)]
    assert association.is_released
    both.check(statuses)


async def loop_operations(over: Any, both: Both) -> None:
    async with over as association:
        assert association.is_established, association.failure
        statuses = [(await association.send_c_echo()).Status, (await association.send_c_store(sample())).Status]
        statuses += [status.Status async for status, _ in association.send_c_get(identifier(), GET)]
    assert association.is_released
    both.check(statuses)


@contextmanager
def serving(ae: AE, transport: Any, both: Both) -> Iterator[list[Any]]:
    """Serve one association over ``transport`` beside the block; it is kept when it has ended."""
    served: list[Any] = []
    thread = threading.Thread(target=lambda: served.append(ae.serve_over(transport, both.handlers)))
    thread.start()
    yield served
    thread.join()
    assert served[0].is_released


@pytest.fixture
def line() -> tuple[int, Any]:
    """A pseudo terminal: one end as a descriptor, and the other as a serial port."""
    master, slave = os.openpty()
    port = serial.Serial(os.ttyname(slave), 115200)
    os.close(slave)
    return master, port


@posix
def test_a_serial_line_carries_all(line: tuple[int, Any]) -> None:
    both = Both()
    ae = both.configure(AE())
    master, port = line
    with serving(ae, FilePair(master, master), both):
        blocking_operations(ae, SerialLine(port), both)
    assert not port.is_open


@posix
def test_a_serial_line_can_be_served(line: tuple[int, Any]) -> None:
    both = Both()
    ae = both.configure(AE())
    master, port = line
    with serving(ae, SerialLine(port), both):
        blocking_operations(ae, FilePair(master, master), both)


@posix
def test_a_serial_line_carries_all_in_asyncio(line: tuple[int, Any]) -> None:
    both = Both()
    ae = both.configure(dicom_asyncio.AE())
    master, port = line

    async def main() -> None:
        served = asyncio.ensure_future(ae.serve_over(over_pipes(master, master), both.handlers))
        await loop_operations(ae.associate_over(over_pipes(port, port), **both.over), both)
        assert (await served).is_released

    asyncio.run(main())


@posix
def test_a_serial_line_carries_all_in_trio(line: tuple[int, Any]) -> None:
    both = Both()
    ae = both.configure(dicom_trio.AE())
    master, port = line

    def stream(descriptor: int) -> trio.StapledStream[Any, Any]:
        # Else who is closed first makes it block for both.
        os.set_blocking(descriptor, False)
        return trio.StapledStream(trio.lowlevel.FdStream(os.dup(descriptor)), trio.lowlevel.FdStream(descriptor))

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ae.serve_over, stream(master), both.handlers)
            await loop_operations(ae.associate_over(serial_stream(port), **both.over), both)

    trio.run(main)
    assert not port.is_open


@posix
def test_a_line_whose_other_end_is_gone_has_ended(line: tuple[int, Any]) -> None:
    master, port = line
    os.close(master)
    with port:
        association = Both().configure(AE()).associate_over(SerialLine(port))
        assert association.is_aborted


@posix
def test_a_line_on_which_nothing_comes_is_waited_for_as_long_as_was_said(line: tuple[int, Any]) -> None:
    master, port = line
    transport, other = SerialLine(port), FilePair(master, master)
    for end in (transport, other):
        with pytest.raises(TimeoutError):
            end.receive(0)
    with pytest.raises(TimeoutError):
        # Nobody reads.
        transport.send(bytes(1 << 20), 0.01)
    transport.close()
    transport.close()
    other.close()
    other.close()


@posix
def test_files_are_as_blocking_as_before() -> None:
    source, target = os.pipe()
    kept = os.dup(target)
    FilePair(source, target).close()
    assert os.get_blocking(kept)
    os.close(kept)


# -- WebSockets ----------------------------------------------------------------------------------------------------
@contextmanager
def blocking_web_server(handler: Any) -> Iterator[str]:
    """Where it is reached."""
    with sync_server.serve(handler, "127.0.0.1", 0, close_timeout=0.1) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        host, port = server.socket.getsockname()
        yield f"ws://{host}:{port}"
        server.shutdown()
        thread.join()


def test_a_web_socket_carries_all() -> None:
    both = Both()
    ae = both.configure(AE())
    served: list[Any] = []
    ended = threading.Event()

    def handler(connection: Any) -> None:
        served.append(ae.serve_over(WebSocket(connection), both.handlers))
        ended.set()

    with blocking_web_server(handler) as url:
        with sync_client.connect(url) as connection:
            blocking_operations(ae, WebSocket(connection), both)
        assert ended.wait(PATIENCE)
    assert served[0].is_released


def test_a_web_socket_carries_all_in_asyncio() -> None:
    both = Both()
    ae = both.configure(dicom_asyncio.AE())

    async def main() -> None:
        served = asyncio.get_running_loop().create_future()

        async def handler(connection: Any) -> None:
            served.set_result(await ae.serve_over(over_web_socket(connection), both.handlers))

        async with async_server.serve(handler, "127.0.0.1", 0) as server:
            host, port = next(iter(server.sockets)).getsockname()
            async with async_client.connect(f"ws://{host}:{port}") as connection:
                await loop_operations(ae.associate_over(over_web_socket(connection), **both.over), both)
            assert (await served).is_released

    asyncio.run(main())


def test_a_blocking_program_talks_to_one_of_asyncio() -> None:
    both = Both()
    ours, theirs = both.configure(AE()), both.configure(dicom_asyncio.AE())

    async def main() -> None:
        async def handler(connection: Any) -> None:
            await theirs.serve_over(over_web_socket(connection), both.handlers)

        async with async_server.serve(handler, "127.0.0.1", 0) as server:
            host, port = next(iter(server.sockets)).getsockname()

            def work() -> None:
                with sync_client.connect(f"ws://{host}:{port}") as connection:
                    blocking_operations(ours, WebSocket(connection), both)

            await asyncio.to_thread(work)

    asyncio.run(main())


def run_in_trio(scenario: Any) -> None:
    """trio-websocket leaves it to the garbage collector to close a socket whose peer has closed first."""
    trio.run(scenario)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_a_web_socket_carries_all_in_trio() -> None:
    web = pytest.importorskip("trio_websocket")
    both, here, there = Both(), dicom_trio.AE(), dicom_trio.AE()
    for ae in (here, there):
        both.configure(ae)
    served: list[Any] = []
    is_over = trio.Event()

    async def handler(request: Any) -> None:
        served.append(await there.serve_over(WebSocketStream(await request.accept()), both.handlers))
        is_over.set()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            server = await nursery.start(web.serve_websocket, handler, "127.0.0.1", 0, None)
            async with web.open_websocket("127.0.0.1", server.port, "/", use_ssl=False) as connection:
                await loop_operations(here.associate_over(WebSocketStream(connection), **both.over), both)
            with trio.fail_after(PATIENCE):
                await is_over.wait()
            nursery.cancel_scope.cancel()

    run_in_trio(main)
    assert served[0].is_released


def test_a_trio_program_talks_to_one_that_blocks() -> None:
    web = pytest.importorskip("trio_websocket")
    both, theirs = Both(), Both().configure(AE())
    ours = both.configure(dicom_trio.AE())
    with blocking_web_server(lambda connection: theirs.serve_over(WebSocket(connection), both.handlers)) as url:

        async def main() -> None:
            async with web.open_websocket_url(url) as connection:
                await loop_operations(ours.associate_over(WebSocketStream(connection), **both.over), both)

        run_in_trio(main)


@pytest.mark.parametrize("last", ["text", "close", "empty"])
def test_what_a_peer_of_a_web_socket_does_is_no_harm(last: str) -> None:
    """A text is the end of the connection, as the peer's close is; an empty message is nothing."""

    def handler(connection: Any) -> None:
        connection.recv()
        if last == "text":
            connection.send("hello")
        elif last == "empty":
            connection.send(b"")
            # A release, which is no answer to a request for an association (PS3.8 9.3.6).
            connection.send(bytes.fromhex("05 00 00 00 00 04 00 00 00 00"))
        else:
            return
        for _ in connection:
            pass

    with blocking_web_server(handler) as url:
        with sync_client.connect(url) as connection:
            assert Both().configure(AE()).associate_over(WebSocket(connection)).is_aborted

        async def again() -> None:
            async with async_client.connect(url) as connection:
                over = Both().configure(dicom_asyncio.AE()).associate_over(over_web_socket(connection))
                assert (await over).is_aborted

        asyncio.run(again())

        async def once_more() -> None:
            web = pytest.importorskip("trio_websocket")
            async with web.open_websocket_url(url) as connection:
                over = Both().configure(dicom_trio.AE()).associate_over(WebSocketStream(connection))
                assert (await over).is_aborted

        run_in_trio(once_more)


def test_a_stream_over_a_web_socket_that_is_closed_says_so() -> None:
    web = pytest.importorskip("trio_websocket")

    async def main(url: str) -> None:
        async with web.open_websocket_url(url) as connection:
            stream = WebSocketStream(connection)
            for _ in range(2):
                await stream.aclose()
            for use in (stream.receive_some(), stream.send_all(b"data"), stream.wait_send_all_might_not_block()):
                with pytest.raises(trio.ClosedResourceError):
                    await use

    with blocking_web_server(lambda connection: [*connection]) as url:
        run_in_trio(partial(main, url))


def test_a_web_socket_whose_peer_does_not_read_is_given_up() -> None:
    stuck = threading.Event()

    def handler(connection: Any) -> None:
        stuck.wait(PATIENCE)

    # Zeros would be compressed to nearly nothing.
    options = {"close_timeout": 0.1, "compression": None}
    with blocking_web_server(handler) as url, sync_client.connect(url, **options) as connection:
        transport = WebSocket(connection)
        with pytest.raises(TimeoutError):
            transport.receive(0)
        with pytest.raises(TimeoutError):
            # More than anything on the way can hold.
            transport.send(bytes(64 << 20), 0.05)
        transport.close()
        transport.close()
        stuck.set()


def test_nothing_can_be_sent_over_a_web_socket_that_is_closed() -> None:
    with blocking_web_server(lambda connection: None) as url, sync_client.connect(url) as connection:
        transport = WebSocket(connection)
        assert transport.receive(PATIENCE) == b""
        with pytest.raises(BrokenPipeError):
            transport.send(b"data", None)
