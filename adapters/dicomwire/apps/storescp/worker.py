"""One of the processes of ``dicomwire storescp --processes``, and what it tells the others."""

from __future__ import annotations

import socket
import threading
from collections.abc import MutableSequence, Sequence
from ctypes import c_uint64
from multiprocessing.sharedctypes import RawArray
from typing import Any, TypeAlias

from attrs import define, field, frozen

from dicomwire.apps._common.metrics_endpoint import MetricsEndpoint
from dicomwire.apps._common.output import application_logger
from dicomwire.apps._common.providing import serve_as_worker
from dicomwire.apps._common.storage import Received
from dicomwire.apps._common.worker_process import Orders
from dicomwire.apps.storescp.storage_service import StorageService
from dicomwire.data.receiving_files import SUCCESS

LOGGER = application_logger("storescp")

Counts: TypeAlias = MutableSequence[int]
"""Instances received, instances not stored, and bytes: in memory that is there when the process has been killed."""


def new_counts() -> Counts:
    """Of a worker, and of those that take its place; for processes of any kind."""
    made: Any = RawArray(c_uint64, 3)
    counts: Counts = made
    return counts


def all_received(counts: Sequence[Counts]) -> Received:
    """What all of them have received."""
    received, not_stored, size = (sum(column) for column in zip(*counts, strict=True))
    return Received(received, not_stored, size)


@define
class _Counting:
    counts: Counts
    _lock: threading.Lock = field(factory=threading.Lock)

    def stored(self, status: int, size: int) -> None:
        with self._lock:
            if status == SUCCESS:
                self.counts[0] += 1
                self.counts[2] += size
            else:
                self.counts[1] += 1


@frozen
class StoringWorker:
    """What such a process does."""

    service: StorageService
    sock: socket.socket
    counts: Counts
    metrics: MetricsEndpoint | None = None

    def __call__(self, orders: Orders) -> None:
        """Store what comes until told to finish."""
        service = self.service
        with service.handlers(LOGGER, _Counting(self.counts).stored) as handlers:
            observers = [] if self.metrics is None else [self.metrics.observer()]
            serve_as_worker(service.provider, service.contexts, handlers, self.sock, orders, LOGGER, observers)
