"""A PDU that was begun and not written to its end: nothing follows it."""

from __future__ import annotations

import asyncio
import signal
import socket
import struct
import threading
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
import trio

import dicomwire
import dicomwire.asyncio
import dicomwire.trio
from dicomwire import build_context
from dicomwire.dimse_primitives import C_STORE
from tests.ae.test_ending import acceptance

VERIFICATION = "1.2.840.10008.1.1"
IMPLICIT = "1.2.840.10008.1.2"
DATA = b"\xd0" * (4 << 20)
SECONDS = 20.0
CONTEXTS = [build_context(VERIFICATION, IMPLICIT)]


class LazyPeer:
    """Accepts one association, and then reads only when it is told to."""

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self._listener.settimeout(SECONDS)
        self.port = self._listener.getsockname()[1]
        self.received = b""
        self.sock: socket.socket
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self) -> None:
        self.sock, _ = self._listener.accept()
        self.sock.settimeout(SECONDS)
        (length,) = struct.unpack(">2xL", self.sock.recv(6, socket.MSG_WAITALL))
        self.sock.recv(length, socket.MSG_WAITALL)
        self.sock.sendall(acceptance())

    def wait_accepted(self) -> None:
        self._thread.join()

    def take_some(self) -> None:
        """Make room for the sender to write."""
        self.received += self.sock.recv(4096)
        self.sock.settimeout(0.05)
        try:
            while piece := self.sock.recv(4096):
                self.received += piece
        except TimeoutError:
            self.sock.settimeout(SECONDS)

    def end_of_data(self) -> bytes:
        """What came behind the last byte of the data, when the stream has ended."""
        try:
            while piece := self.sock.recv(1 << 16):
                self.received += piece
        except ConnectionError:
            pass
        return self.received[self.received.rfind(b"\xd0" * 100) + 100 :]

    def close(self) -> None:
        self.wait_accepted()
        self.sock.close()
        self._listener.close()


@pytest.fixture
def peer() -> Iterator[LazyPeer]:
    peer = LazyPeer()
    yield peer
    peer.close()


def by_hand() -> C_STORE:
    message = C_STORE()
    message.MessageID = 1
    message.AffectedSOPClassUID = VERIFICATION
    message.AffectedSOPInstanceUID = "1.2.3"
    message.Priority = 2
    message.DataSet = BytesIO(DATA)
    return message


def small(association: Any) -> None:
    association.dul.socket.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)


def test_asyncio_a_message_sent_by_hand_and_cancelled_in_the_middle_of_a_pdu_ends_the_association(
    peer: LazyPeer,
) -> None:
    async def main() -> None:
        association = await dicomwire.asyncio.AE().associate("127.0.0.1", peer.port, contexts=CONTEXTS)
        small(association)
        task = asyncio.create_task(association.dimse.send_msg(by_hand(), 1))
        await asyncio.sleep(0.02)
        peer.take_some()
        task.cancel()
        await asyncio.wait([task])
        assert not association.is_established
        assert association.is_aborted
        with pytest.raises(RuntimeError):
            await association.send_c_echo()
        assert await asyncio.to_thread(peer.end_of_data) == b""

    asyncio.run(main())


def test_trio_a_message_sent_by_hand_and_cancelled_in_the_middle_of_a_pdu_ends_the_association(peer: LazyPeer) -> None:
    async def main() -> None:
        association = await dicomwire.trio.AE().associate("127.0.0.1", peer.port, contexts=CONTEXTS)
        small(association)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(association.dimse.send_msg, by_hand(), 1)
            await trio.sleep(0.02)
            peer.take_some()
            nursery.cancel_scope.cancel()
        assert not association.is_established
        assert association.is_aborted
        assert await trio.to_thread.run_sync(peer.end_of_data) == b""

    trio.run(main)


def test_trio_no_abort_is_written_into_the_middle_of_a_pdu(peer: LazyPeer) -> None:
    async def main() -> None:
        association = await dicomwire.trio.AE().associate("127.0.0.1", peer.port, contexts=CONTEXTS)
        small(association)
        async with trio.open_nursery() as nursery:

            async def send() -> None:
                # What cancelling an operation does, while there is room to write again.
                with association.line.exchange:
                    await association.dimse.send_msg(by_hand(), 1)

            nursery.start_soon(send)
            await trio.sleep(0.02)
            peer.take_some()
            nursery.cancel_scope.cancel()
        assert await trio.to_thread.run_sync(peer.end_of_data) == b""

    trio.run(main)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals cannot be sent to a thread")
def test_blocking_no_abort_is_written_into_the_middle_of_a_pdu_when_ctrl_c_is_pressed(peer: LazyPeer) -> None:
    association = dicomwire.AE().associate("127.0.0.1", peer.port, contexts=CONTEXTS)
    small(association)
    main = threading.get_ident()

    def interrupt(*_: object) -> None:
        peer.take_some()
        raise KeyboardInterrupt

    def press() -> None:
        while not association.line.is_sending:
            threading.Event().wait(0.002)
        threading.Event().wait(0.02)
        signal.pthread_kill(main, signal.SIGINT)

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        thread = threading.Thread(target=press)
        thread.start()
        with pytest.raises(KeyboardInterrupt), association.line.exchange:
            association.dimse.send_msg(by_hand(), 1)
        thread.join()
    finally:
        signal.signal(signal.SIGINT, before)
    assert association.is_aborted
    assert peer.end_of_data() == b""
