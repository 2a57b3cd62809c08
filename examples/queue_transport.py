"""An association between two processes, over queues of ``multiprocessing``: ``python examples/queue_transport.py``.

The transport is written from ``docs/how-to/write-a-transport.md`` alone, and ``dicomwire.testing.check_channel`` finds
nothing wrong with it.
"""

from __future__ import annotations

import multiprocessing
import queue
import time
from collections.abc import Iterator
from typing import Any

from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from dicomwire import AE, build_role, evt
from dicomwire.sop_class import CTImageStorage, PatientRootQueryRetrieveInformationModelGet, Verification

PIECE = 65536
LOOK = 0.05
"""Seconds after which a process that waits looks whether the other one has gone."""

GRACE = 0.5
"""Seconds for a peer that reads nothing to hear of the end."""


class QueueTransport:
    """One end: a queue and an event for each direction; the event says that the reader has gone."""

    def __init__(self, arriving: Any, nobody_here: Any, leaving: Any, nobody_there: Any) -> None:
        self.arriving, self.nobody_here = arriving, nobody_here
        self.leaving, self.nobody_there = leaving, nobody_there
        self.has_sent_eof = False

    def receive(self, seconds: float) -> bytes:
        try:
            data: bytes = self.arriving.get(timeout=seconds) if seconds else self.arriving.get_nowait()
        except queue.Empty:
            raise TimeoutError from None
        return data

    def send(self, data: Any, seconds: float | None) -> None:
        view = memoryview(data)
        for at in range(0, len(view), PIECE):
            self._put(bytes(view[at : at + PIECE]), seconds)

    def _put(self, piece: bytes, seconds: float | None) -> None:
        since = time.monotonic()
        while not self.nobody_there.is_set():
            try:
                self.leaving.put(piece, timeout=LOOK)
                return
            except queue.Full:
                if seconds is not None and time.monotonic() - since >= seconds:
                    raise TimeoutError from None
        raise BrokenPipeError("the other process has closed")

    def send_eof(self) -> None:
        if not self.has_sent_eof:
            self.has_sent_eof = True
            self._put(b"", GRACE)

    def close(self) -> None:
        self.nobody_here.set()
        try:
            self.send_eof()
        except OSError:
            # Nobody reads: the end of this process must not wait for that, as it does with a queue.
            self.leaving.cancel_join_thread()


def ends() -> tuple[QueueTransport, QueueTransport]:
    """Both ends; either may be given to another process."""
    context = multiprocessing.get_context("spawn")
    one, other = [(context.Queue(maxsize=16), context.Event()) for _ in range(2)]
    return QueueTransport(*one, *other), QueueTransport(*other, *one)


def entity() -> AE:
    ae = AE("QUEUES")
    for uid in (Verification, CTImageStorage, PatientRootQueryRetrieveInformationModelGet):
        ae.add_requested_context(uid)
        ae.add_supported_context(uid, scu_role=True, scp_role=True)
    return ae


def image() -> Dataset:
    return dcmread(str(get_testdata_file("CT_small.dcm", download=False)))


def on_get(event: evt.Event) -> Iterator[Any]:
    yield 1
    yield 0xFF00, image()


def serve(transport: QueueTransport) -> None:
    """Accept one association: the other process."""
    on_store = (evt.EVT_C_STORE, lambda event: 0x0000)
    entity().serve_over(transport, [on_store, (evt.EVT_C_GET, on_get)])


def main() -> None:
    here, there = ends()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(there,))
    process.start()
    got: list[str] = []

    def on_store(event: evt.Event) -> int:
        got.append(event.dataset.PatientID)
        return 0x0000

    role = build_role(CTImageStorage, scu_role=True, scp_role=True)
    handlers = [(evt.EVT_C_STORE, on_store)]
    with entity().associate_over(here, ext_neg=[role], evt_handlers=handlers) as association:
        print(f"echo 0x{association.send_c_echo().Status:04X}")
        print(f"store 0x{association.send_c_store(image()).Status:04X}")
        for status, _ in association.send_c_get(image(), PatientRootQueryRetrieveInformationModelGet):
            print(f"get 0x{status.Status:04X}")
    process.join()
    print("got", *got)


if __name__ == "__main__":
    main()
