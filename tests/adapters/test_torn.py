"""A PDU that was begun and not written to its end: nothing follows it."""

from __future__ import annotations

import asyncio
import signal
import threading
from io import BytesIO

import pytest
import trio

import dicomwire
import dicomwire.asyncio
import dicomwire.trio
from dicomwire.dimse_primitives import C_STORE
from tests.support.lazy_peers import CONTEXTS, VERIFICATION, LazyPeer, small

DATA = b"\xd0" * (4 << 20)


def by_hand() -> C_STORE:
    message = C_STORE()
    message.MessageID = 1
    message.AffectedSOPClassUID = VERIFICATION
    message.AffectedSOPInstanceUID = "1.2.3"
    message.Priority = 2
    message.DataSet = BytesIO(DATA)
    return message


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
