"""Associations over transports that are no sockets of ours: ``associate_over`` and ``serve_over``."""

from __future__ import annotations

import asyncio
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydicom.dataset import Dataset

from dicomwire import AE, Association, evt
from dicomwire.asyncio import AE as LoopAE
from tests.support.patience import SOON

VERIFICATION, FIND = "1.2.840.10008.1.1", "1.2.840.10008.5.1.4.1.2.2.1"


class End:
    """One end of a connection in memory, which keeps to the rules of the guide and sees that we do."""

    def __init__(self, piece: int = 1 << 16) -> None:
        self.peer: End
        self.piece = piece
        self.arrived: queue.Queue[bytes] = queue.Queue()
        self.rest = b""
        self.has_ended = False
        self.sending_fails: type[OSError] | None = None
        self.receiving_fails: type[OSError] | None = None
        self.closed = threading.Event()
        self.users = 0
        self._sender = threading.Lock()
        self.mistakes: list[str] = []

    @contextmanager
    def _used(self) -> Iterator[None]:
        if self.closed.is_set():
            self.mistakes.append("used when it was closed")
        self.users += 1
        try:
            yield
        finally:
            self.users -= 1

    def receive(self, seconds: float) -> bytes:
        with self._used():
            if self.receiving_fails is not None:
                raise self.receiving_fails
            if not self.rest and not self.has_ended:
                try:
                    self.rest = self.arrived.get(timeout=seconds) if seconds else self.arrived.get_nowait()
                except queue.Empty:
                    raise TimeoutError from None
                self.has_ended = not self.rest
            data, self.rest = self.rest[: self.piece], self.rest[self.piece :]
            return data

    def send(self, data: Any, seconds: float | None) -> None:
        with self._used():
            if not self._sender.acquire(blocking=False):
                self.mistakes.append("two threads sent at a time")
            if self.sending_fails is not None:
                raise self.sending_fails
            # Long enough for another thread to come.
            time.sleep(0.0005)
            self.peer.arrived.put(bytes(data))
            self._sender.release()

    def send_eof(self) -> None:
        self.peer.arrived.put(b"")

    def close(self) -> None:
        if self.users:
            self.mistakes.append("closed under the hands of a thread")
        if not self.closed.is_set():
            self.closed.set()
            self.peer.arrived.put(b"")


def ends(piece: int = 1 << 16) -> tuple[End, End]:
    one, other = End(piece), End(piece)
    one.peer, other.peer = other, one
    return one, other


class Served:
    """An AE that serves one end, and asks for an association over the other."""

    def __init__(self, *handlers: Any, piece: int = 1 << 16) -> None:
        self.ae = AE("PEER")
        for uid in (VERIFICATION, FIND):
            self.ae.add_requested_context(uid)
            self.ae.add_supported_context(uid)
        self.there, self.here = ends(piece)
        self.outcome: list[Association] = []
        self.thread = threading.Thread(target=lambda: self.outcome.append(self.ae.serve_over(self.there, handlers)))

    def __enter__(self) -> Served:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.thread.join(SOON)
        assert not self.thread.is_alive()
        assert self.there.closed.wait(SOON) and self.here.closed.wait(SOON)
        assert self.there.mistakes == self.here.mistakes == []
        assert not self.ae.active_associations

    def associate(self) -> Association:
        association = self.ae.associate_over(self.here)
        assert association.is_established, association.failure
        return association


def matches(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
    for number in range(20):
        match = Dataset()
        match.PatientID = str(number)
        yield 0xFF00, match


def in_thread(work: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.mark.parametrize("piece", [1, 7, 1 << 16])
def test_bytes_may_be_cut_anywhere(piece: int) -> None:
    with Served((evt.EVT_C_FIND, matches), piece=piece) as served, served.associate() as association:
        assert association.send_c_echo().Status == 0x0000
        assert [status.Status for status, _ in association.send_c_find(Dataset(), FIND)] == [0xFF00] * 20 + [0x0000]
    assert association.is_released and served.outcome[0].is_released


def test_there_are_no_addresses() -> None:
    opened: list[Any] = []
    on_open = (evt.EVT_CONN_OPEN, lambda event: opened.append(event.address))
    with Served(on_open) as served, served.associate() as association:
        assert association.acceptor.address_tuple is None
        assert "as requestor with -:" in repr(association)
    assert opened == [None]


def test_threads_take_turns() -> None:
    with Served() as served, served.associate() as association:
        statuses: list[int] = []
        echoes = [
            in_thread(lambda: statuses.extend(association.send_c_echo().Status for _ in range(30))) for _ in range(3)
        ]
        for thread in echoes:
            thread.join(SOON)
        assert statuses == [0x0000] * 90


def test_a_handler_sees_that_the_request_was_cancelled() -> None:
    def endless(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        (_, match), *_ = matches(event)
        while not event.is_cancelled:
            yield 0xFF00, match
        yield 0xFE00, None

    with Served((evt.EVT_C_FIND, endless)) as served, served.associate() as association:
        statuses = []
        for status, _ in association.send_c_find(Dataset(), FIND, msg_id=3):
            statuses.append(status.Status)
            if len(statuses) == 2:
                association.send_c_cancel(3, query_model=FIND)
        assert statuses[-1] == 0xFE00


def test_a_peer_that_never_answers_has_acse_timeout() -> None:
    ae = AE()
    ae.add_requested_context(VERIFICATION)
    ae.acse_timeout = 0.05
    _, here = ends()
    association = ae.associate_over(here)
    assert association.is_aborted and "timed out" in (association.failure or "")
    assert here.closed.is_set() and not here.mistakes


@pytest.mark.parametrize("error", [TimeoutError, BrokenPipeError])
def test_a_peer_that_cannot_be_written_to_is_given_up(error: type[OSError]) -> None:
    with Served() as served:
        association = served.associate()
        association.acse_timeout = association.dimse_timeout = 0.05
        served.here.sending_fails = error
        assert "Status" not in association.send_c_echo()
        assert association.is_aborted
        assert ("does not read" in (association.failure or "")) is (error is TimeoutError)


def test_a_connection_that_is_lost_is_its_end() -> None:
    with Served() as served:
        association = served.associate()
        served.here.receiving_fails = ConnectionResetError
        assert "Status" not in association.send_c_echo()
        assert association.is_aborted and "closed" in (association.failure or "")


def test_another_thread_aborts_while_one_waits() -> None:
    waiting, go_on = threading.Event(), threading.Event()

    def slow(event: evt.Event) -> int:
        waiting.set()
        go_on.wait(SOON)
        return 0x0000

    with Served((evt.EVT_C_ECHO, slow)) as served:
        association = served.associate()
        # The peer does not close as long as its handler runs.
        association.acse_timeout = 0.01
        answers: list[Dataset] = []
        thread = in_thread(lambda: answers.append(association.send_c_echo()))
        assert waiting.wait(SOON)
        association.abort()
        assert association.is_aborted and served.here.closed.is_set()
        thread.join(SOON)
        assert len(answers) == 1
        go_on.set()


def test_an_abort_waits_while_another_thread_is_stuck_in_sending() -> None:
    with Served() as served:
        association = served.associate()
        stuck, go_on = threading.Event(), threading.Event()

        def send(data: Any, seconds: float | None) -> None:
            with served.here._used():
                stuck.set()
                go_on.wait(SOON)
            raise TimeoutError

        served.here.send = send  # type: ignore[method-assign]
        sending = in_thread(association.send_c_echo)
        assert stuck.wait(SOON)
        aborting = in_thread(association.abort)
        # An abort that does not wait is over by then, nearly always.
        aborting.join(0.05)
        assert aborting.is_alive() and not served.here.closed.is_set()
        go_on.set()
        sending.join(SOON)
        aborting.join(SOON)
        assert association.is_aborted and not aborting.is_alive()


@pytest.mark.parametrize("how", ["kill", "abandon"])
def test_a_transport_is_not_closed_under_the_hands_of_who_reads(how: str) -> None:
    waiting, go_on = threading.Event(), threading.Event()

    def slow(event: evt.Event) -> int:
        waiting.set()
        go_on.wait(SOON)
        return 0x0000

    with Served((evt.EVT_C_ECHO, slow)) as served:
        association = served.associate()
        thread = in_thread(association.send_c_echo)
        assert waiting.wait(SOON)
        if how == "kill":
            association.kill()
        else:
            association.acse.send_abort(0)
        thread.join(SOON)
        assert served.here.closed.wait(SOON)
        go_on.set()


@pytest.mark.parametrize("kind", ["dimse_timeout", "network_timeout"])
def test_a_timeout_that_is_set_while_a_thread_waits_counts_for_it(kind: str) -> None:
    waiting, go_on = threading.Event(), threading.Event()

    def slow(event: evt.Event) -> int:
        waiting.set()
        go_on.wait(SOON)
        return 0x0000

    with Served((evt.EVT_C_ECHO, slow)) as served:
        association = served.associate()
        association.network_timeout = None
        association.acse_timeout = 0.01
        thread = in_thread(association.send_c_echo)
        assert waiting.wait(SOON)
        # Where there is no time for a response, silence alone counts.
        association.dimse_timeout = None
        setattr(association, kind, 0.01)
        thread.join(SOON)
        assert not thread.is_alive() and association.is_aborted
        go_on.set()


def test_shutdown_ends_what_is_served_and_what_is_asked_for() -> None:
    with Served() as served:
        association = served.associate()
        served.ae.shutdown()
        assert association.is_aborted


def test_bad_arguments_leave_the_transport_to_the_caller() -> None:
    _, here = ends()
    ae = AE()
    with pytest.raises(RuntimeError, match="no presentation contexts"):
        ae.associate_over(here)
    with pytest.raises(ValueError, match="no supported presentation contexts"):
        ae.serve_over(here)
    assert not here.closed.is_set()


# -- asyncio -------------------------------------------------------------------------------------------------------
def loop_ae() -> LoopAE:
    ae = LoopAE("PEER")
    ae.add_requested_context(VERIFICATION)
    ae.add_supported_context(VERIFICATION)
    return ae


def connecting(sock: socket.socket) -> Callable[[Any], Any]:
    return lambda factory: asyncio.get_running_loop().create_connection(factory, sock=sock)


def test_asyncio_notices_the_peer_while_nobody_calls() -> None:
    async def main() -> None:
        ae, (left, right) = loop_ae(), socket.socketpair()
        serving = asyncio.create_task(ae.serve_over(connecting(left)))
        aborted = asyncio.Event()
        on_abort = (evt.EVT_ABORTED, lambda event: aborted.set())
        association = await ae.associate_over(connecting(right), evt_handlers=[on_abort])
        assert (await association.send_c_echo()).Status == 0x0000
        accepted = next(item for item in ae.active_associations if item.is_acceptor)
        await accepted.abort()  # type: ignore[attr-defined]
        async with asyncio.timeout(SOON):
            await aborted.wait()
        assert association.is_aborted and (await serving).is_aborted

    asyncio.run(main())


def test_asyncio_a_cancelled_server_leaves_nothing() -> None:
    async def main() -> None:
        ae, (left, right) = loop_ae(), socket.socketpair()
        serving = asyncio.create_task(ae.serve_over(connecting(left)))
        association = await ae.associate_over(connecting(right))
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
        async with asyncio.timeout(SOON):
            await association.wait_closed()
        assert association.is_aborted and not ae.active_associations

    asyncio.run(main())


def test_asyncio_without_a_connection_there_is_no_association() -> None:
    async def refused(factory: Any) -> None:
        raise ConnectionRefusedError("nobody there")

    async def idle(factory: Any) -> None:
        factory()

    async def main() -> None:
        ae = loop_ae()
        association = await ae.associate_over(refused)
        assert association.is_aborted and association.failure == "no connection: nobody there"
        with pytest.raises(ConnectionRefusedError):
            await ae.serve_over(refused)
        with pytest.raises(RuntimeError, match="has not connected"):
            await ae.associate_over(idle)
        with pytest.raises(RuntimeError, match="has not connected"):
            await ae.serve_over(idle)
        assert not ae.active_associations

    asyncio.run(main())
