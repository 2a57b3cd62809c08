"""A process that serves with others, under a supervisor that may go away."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

from dicomwire.apps._common.exit_codes import FAILED, CannotStart
from dicomwire.apps._common.output import application_logger, logging_at

READY = b"ready"
RENEW = b"renew"
FINISH = b"finish"
ABORT = b"abort"


class Orders:
    """What the supervisor wants of this process.  When it is gone, that is an order to finish."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._finish: Callable[[], object] | None = None
        self._is_to_finish = False

    @contextmanager
    def obeyed(
        self,
        finish: Callable[[], object],
        abort: Callable[[], object],
        renew: Callable[[], object] = lambda: None,
    ) -> Iterator[None]:
        """While the block runs, ``finish`` is called when nobody new is to be served, also by SIGTERM, and maybe again;
        ``abort`` when nobody is to be waited for any more; ``renew`` whenever the files of TLS are to be read again.
        """
        self._finish = finish
        if self._is_to_finish:
            finish()
        threading.Thread(target=self._listen, args=(abort, renew), name="dicomwire-orders", daemon=True).start()
        with suppress(OSError):
            self._connection.send_bytes(READY)
        yield

    def finish(self, *signal_and_frame: object) -> None:
        """Obey such an order, or remember it; may be called by a signal handler."""
        self._is_to_finish = True
        if self._finish is not None:
            self._finish()

    def _listen(self, abort: Callable[[], object], renew: Callable[[], object]) -> None:
        order = b""
        while order != ABORT:
            try:
                order = self._connection.recv_bytes()
            except (EOFError, OSError):
                self.finish()
                return
            if order == RENEW:
                renew()
            else:
                self.finish()
        abort()


Work: TypeAlias = Callable[[Orders], object]
"""What a worker process does, until it is told to finish.  Pickled where processes are not forks."""


def perform(
    work: Work, connection: Connection, inherited: Sequence[Any], settings: tuple[int, int | None, bool] | None
) -> None:
    """The life of a worker process.

    ``inherited`` is what a fork has and must not keep: it would hide the supervisor's end from the others.
    ``settings`` are those of the log, None if a fork has it.
    """
    # A terminal tells the supervisor, too.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.set_wakeup_fd(-1)
    orders = Orders(connection)
    signal.signal(signal.SIGTERM, orders.finish)
    for thing in inherited:
        thing.close()
    with nullcontext() if settings is None else logging_at(*settings):
        try:
            work(orders)
        except Exception as error:
            trace = None if isinstance(error, CannotStart) else error
            application_logger("worker").error("a worker process failed: %s", error, exc_info=trace)
            sys.exit(FAILED)
