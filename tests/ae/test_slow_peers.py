"""Peers that take what we send slowly have time, and those that do not take it are named."""

from __future__ import annotations

import itertools
import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from dicomwire import build_context, evt
from dicomwire.sources import EncodedDataSet
from tests.support.accepting import IMPLICIT
from tests.support.adapters import CT_IMAGE_STORAGE, MemoryWorld, Recorder, World, done, port_of
from tests.support.idling import pause
from tests.support.scripted import accepting, ask, offering, reply
from tests.support.sessions import STUDY_ROOT_FIND, acceptance, element, result
from tests.support.storing import instance, save

CONTEXTS = [build_context(CT_IMAGE_STORAGE, IMPLICIT)]

SECONDS = 0.4
SMALL = 4096


def lower(sock: socket.socket, *options: int) -> None:
    for option in options or (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, SMALL)


def pixels(size: int) -> Dataset:
    dataset = instance()
    dataset.add_new(0x7FE00010, "OW", bytes(size))
    return dataset


def encoded(size: int) -> EncodedDataSet:
    return EncodedDataSet(
        sop_class_uid=CT_IMAGE_STORAGE, sop_instance_uid="1.2.3", transfer_syntax_uid=IMPLICIT, data=bytes(size)
    )


SOURCES: dict[str, Callable[[int, Path], Any]] = {
    "Dataset": lambda size, folder: pixels(size),
    "path": lambda size, folder: save(pixels(size), folder / "large.dcm"),
    "bytes": lambda size, folder: save(pixels(size), folder / "large.dcm").read_bytes(),
    "encoded": lambda size, folder: encoded(size),
}


async def slow_listener(world: World) -> Any:
    listener: Any = await world.listen()
    lower(listener.sock, socket.SO_RCVBUF)
    return listener


# -- those that read nothing ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("what", SOURCES)
async def test_a_peer_that_reads_nothing_of_an_instance_is_said_to_be_that(
    socket_world: World, what: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    listener = await slow_listener(socket_world)
    job = socket_world.start(lambda: accepting(listener))
    association = await socket_world.associate(listener, contexts=CONTEXTS, ae_title="LAZY")
    await job.result()
    lower(association.dul.socket.socket, socket.SO_SNDBUF)
    association.write_timeout = SECONDS
    assert "Status" not in await done(association.send_c_store(SOURCES[what](4 << 20, tmp_path)))
    assert association.is_aborted
    why = f"the peer 127.0.0.1:{port_of(listener)} (LAZY) has read nothing of what we send for {SECONDS:g} s"
    assert association.failure == why
    assert why in caplog.messages
    assert why in association.explain()


async def test_a_requestor_that_reads_no_responses_is_said_to_be_that(socket_world: World) -> None:
    aborted = Recorder()
    ae = socket_world.ae()
    ae.write_timeout = SECONDS
    found = Dataset()
    found.PatientName = "A" * 60
    server = await socket_world.serve(
        [(evt.EVT_C_FIND, lambda event: itertools.repeat((0xFF00, found))), *aborted.bindings(evt.EVT_ABORTED)],
        ae=ae,
        contexts=[build_context(STUDY_ROOT_FIND, IMPLICIT)],
    )
    peer: Any = await offering(socket_world, server, STUDY_ROOT_FIND)
    lower(peer.sock)
    lower(ae.active_associations[0].dul.socket.socket)
    await peer.send(ask(1, 0x0020, STUDY_ROOT_FIND, data=element(0x0010, b"", group=0x0010)))
    await socket_world.until(lambda: aborted.events)
    failure = aborted.events[0].assoc.failure
    host, port = peer.sock.getsockname()
    assert failure.startswith(f"the peer {host}:{port} (")
    assert failure.endswith(f"has read nothing of what we send for {SECONDS:g} s")


async def test_a_peer_that_reads_no_request_for_an_association_is_said_to_be_that(socket_world: World) -> None:
    """Our system keeps some of it."""
    listener = await slow_listener(socket_world)
    ae = socket_world.ae()
    ae.acse_timeout = SECONDS
    many = [build_context(f"1.2.3.{number}", [f"1.2.{n}.{'5' * 50}" for n in range(50)]) for number in range(120)]
    association = await socket_world.associate(listener, ae=ae, contexts=many)
    assert association.is_aborted
    assert association.failure == (
        "timed out waiting for the answer to the association request: "
        f"the peer 127.0.0.1:{port_of(listener)} (ANY-SCP) does not read what we send"
    )


async def test_a_request_that_is_read_and_not_answered_is_not_called_unread(socket_world: World) -> None:
    listener = await socket_world.listen()
    ae = socket_world.ae()
    ae.acse_timeout = SECONDS
    association = await socket_world.associate(listener, ae=ae, contexts=CONTEXTS)
    assert association.failure == "timed out waiting for the answer to the association request"


# -- those that read slowly -----------------------------------------------------------------------------------------
def read_slowly(sock: socket.socket) -> None:
    """Take one C-STORE-RQ and answer it, so slowly that it takes much longer than a write may wait."""
    sock.settimeout(6.0)

    def exactly(count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = sock.recv(min(SMALL, count - len(data)))
            assert piece
            data += piece
            if len(piece) > 100:
                time.sleep(0.005)
        return data

    control = 0
    while control != 2:
        _, _, length = struct.unpack(">BBL", exactly(6))
        control = exactly(length)[5]
    sock.sendall(reply(1, 0x0001, 0x0000, element(0x1000, b"1.2.3\0")))


@pytest.mark.parametrize("what", SOURCES)
async def test_a_peer_that_reads_slowly_has_all_the_time_it_needs(
    socket_world: World, what: str, tmp_path: Path
) -> None:
    listener = await slow_listener(socket_world)
    job = socket_world.start(lambda: accepting(listener))
    association = await socket_world.associate(listener, contexts=CONTEXTS)
    peer = await job.result()
    lower(association.dul.socket.socket, socket.SO_SNDBUF)
    association.write_timeout = SECONDS
    peer.sock.setblocking(True)
    reader = threading.Thread(target=read_slowly, args=(peer.sock,))
    reader.start()
    started = time.monotonic()
    status = await done(association.send_c_store(SOURCES[what](500_000, tmp_path)))
    assert time.monotonic() - started > SECONDS
    assert status.Status == 0x0000, association.failure
    reader.join()
    peer.sock.close()


# -- giving up ------------------------------------------------------------------------------------------------------
async def test_an_abort_does_not_wait_for_what_the_peer_does_not_read(socket_world: World) -> None:
    listener = await slow_listener(socket_world)
    job = socket_world.start(lambda: accepting(listener))
    association = await socket_world.associate(listener, contexts=CONTEXTS)
    await job.result()
    lower(association.dul.socket.socket, socket.SO_SNDBUF)
    association.write_timeout = None

    async def store() -> None:
        assert "Status" not in await done(association.send_c_store(encoded(4 << 20)))

    job = socket_world.start(store)
    await socket_world.until(lambda: association.line.is_sending)
    await done(association.abort())
    await job.result()
    # In a thread, whoever writes may be the first to hear that the connection is broken off.
    assert association.is_aborted
    assert association.failure in ("aborted by us", "connection closed without release")


async def test_a_write_timeout_that_is_set_while_it_waits_counts(socket_world: World) -> None:
    listener = await slow_listener(socket_world)
    ae = socket_world.ae()
    ae.write_timeout = None
    job = socket_world.start(lambda: accepting(listener))
    association = await socket_world.associate(listener, ae=ae, contexts=CONTEXTS)
    await job.result()
    lower(association.dul.socket.socket, socket.SO_SNDBUF)

    async def store() -> None:
        await done(association.send_c_store(encoded(4 << 20)))

    job = socket_world.start(store)
    await socket_world.until(lambda: association.line.is_sending)
    ae.write_timeout = 0.05
    await job.result()
    assert "has read nothing of what we send for 0.05 s" in association.failure


# -- without sockets, and without waiting ---------------------------------------------------------------------------
async def joined(world: MemoryWorld, seconds: float) -> Any:
    """An association with a server whose sink takes so long for each fragment of 16 KiB."""

    async def sink(fragment: memoryview) -> None:
        await world.network.sleep(seconds)

    association = await world.join(
        [(evt.EVT_C_STORE_SINK, lambda event: sink), (evt.EVT_C_STORE, lambda event: 0x0000)], contexts=CONTEXTS
    )
    assert association.write_timeout == 60
    for ae in world.entities:
        ae.dimse_timeout = ae.network_timeout = None
    return association


async def test_in_memory_a_slow_peer_has_all_the_time_it_needs(memory_world: MemoryWorld) -> None:
    association = await joined(memory_world, 0.7)
    assert (await association.send_c_store(encoded(8 << 20))).Status == 0x0000
    assert memory_world.network.now > 300
    await association.release()


async def test_in_memory_a_peer_that_reads_nothing_is_given_up(memory_world: MemoryWorld) -> None:
    association = await joined(memory_world, 500)
    assert "Status" not in await association.send_c_store(encoded(8 << 20))
    assert association.failure is not None
    assert association.failure.endswith("(ANY-SCP) has read nothing of what we send for 60 s")
    assert 60 <= memory_world.network.now < 70


@pytest.mark.parametrize("longest", [16384, 0], ids=["many small PDUs", "one large PDU"])
async def test_what_is_written_in_many_parts_arrives_as_it_was_sent(socket_world: World, longest: int) -> None:
    listener = await slow_listener(socket_world)

    async def accept() -> Any:
        other = await listener.accept()
        await other.pdu()
        await other.send(acceptance([result(1, 0, IMPLICIT)], maximum_length=longest).encode())
        return other

    job = socket_world.start(accept)
    association = await socket_world.associate(listener, contexts=CONTEXTS)
    peer = await job.result()
    lower(association.dul.socket.socket, socket.SO_SNDBUF)
    association.write_timeout = SECONDS
    # No part of it is like another.
    data = b"".join(number.to_bytes(4, "big") for number in range(50_000))
    received: list[bytes] = []

    async def read() -> None:
        while True:
            head = await peer.read(6)
            pdu, left = bytearray(head), int.from_bytes(head[2:], "big")
            while left:
                # Longer than a write waits before it is looked at: it returns with a part.
                await pause(socket_world, SECONDS / 3 if left > 100_000 else 0.0)
                piece = await peer.read(min(left, 60_000))
                pdu += piece
                left -= len(piece)
            at = 6
            while at < len(pdu):
                length, _, control = struct.unpack_from(">LBB", pdu, at)
                if not control & 1:
                    received.append(bytes(pdu[at + 6 : at + 4 + length]))
                at += 4 + length
                if control == 2:
                    return
            if len(received) % 4 == 1:
                await pause(socket_world, SECONDS / 3)

    reading = socket_world.start(read)
    sent = EncodedDataSet(
        sop_class_uid=CT_IMAGE_STORAGE, sop_instance_uid="1.2.3", transfer_syntax_uid=IMPLICIT, data=data
    )

    async def store() -> Any:
        return await done(association.send_c_store(sent))

    storing = socket_world.start(store)
    await reading.result()
    assert b"".join(received) == data
    await peer.send(reply(1, 0x0001, 0x0000, element(0x1000, b"1.2.3\0")))
    assert (await storing.result()).Status == 0x0000
    await peer.close()
