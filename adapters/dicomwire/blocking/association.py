"""An association whose verbs block."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

from dicomwire.associations.association_base import AssociationBase
from dicomwire.associations.ending import refuse_to_wait
from dicomwire.associations.entity_base import ApplicationEntityBase
from dicomwire.associations.handlers import HandlerTable
from dicomwire.associations.releasing import release
from dicomwire.blocking.blocking_verbs import blocking, iterated
from dicomwire.blocking.thread_host import ThreadHost
from dicomwire.operations.echo_scu import send_c_echo
from dicomwire.operations.normalized_scu import (
    send_n_action,
    send_n_create,
    send_n_delete,
    send_n_event_report,
    send_n_get,
    send_n_set,
)
from dicomwire.operations.query_scu import send_c_cancel, send_c_find, send_c_get, send_c_move
from dicomwire.operations.store_scu import send_c_store, send_c_store_many
from dicomwire.sockets.forking import tell_forks
from dicomwire.upper_layer.state import Role

if TYPE_CHECKING:
    from dicomwire.tracing.trace_records import Recorder

_TO_FINISH = 0.1
"""Seconds for a thread that writes to have written, before its association is broken off."""

_A_MOMENT = 0.005
"""The same, if nobody is to be waited for."""

# With names of their own, as type checkers take the types of names for declared ones, and those of calls not.
_send_c_echo = blocking(send_c_echo)
_send_c_store = blocking(send_c_store)
_send_c_store_many = iterated(send_c_store_many)
_send_c_find = iterated(send_c_find)
_send_c_get = iterated(send_c_get)
_send_c_move = iterated(send_c_move)
_send_c_cancel = blocking(send_c_cancel)
_send_n_action = blocking(send_n_action)
_send_n_create = blocking(send_n_create)
_send_n_delete = blocking(send_n_delete)
_send_n_event_report = blocking(send_n_event_report)
_send_n_get = blocking(send_n_get)
_send_n_set = blocking(send_n_set)


class Association(AssociationBase):
    """An association whose verbs block.  May be used from several threads; ``with`` releases it at the end."""

    def __init__(
        self, ae: ApplicationEntityBase, role: Role, handlers: HandlerTable, trace: Recorder | None = None
    ) -> None:
        self.host: ThreadHost = ThreadHost()
        super().__init__(ae, role, handlers, self.host, trace)
        self.host.line = self.line
        self.name: str = f"{self.name}@{self.host.timestamp():%Y%m%d%H%M%S}"
        self.ident: int = threading.get_ident()
        """The thread that opened it, or serves it."""

        self.native_id: int = threading.get_native_id()
        """That thread as the system numbers it."""

        self.daemon = True
        """An association does not keep a program alive; setting this has no effect."""
        # Not only by its AE, which forgets it while a thread is still at its end, and holds the lock.
        tell_forks(self.line)

    send_c_echo = _send_c_echo
    send_c_store = _send_c_store
    send_c_store_many = _send_c_store_many
    send_c_find = _send_c_find
    send_c_get = _send_c_get
    send_c_move = _send_c_move
    send_c_cancel = _send_c_cancel
    send_n_action = _send_n_action
    send_n_create = _send_n_create
    send_n_delete = _send_n_delete
    send_n_event_report = _send_n_event_report
    send_n_get = _send_n_get
    send_n_set = _send_n_set

    def release(self) -> None:
        """Release the association: returns when it is released, aborted or ``acse_timeout`` has passed.

        Does nothing if it is not established.
        """
        self.host.run(release(self.line))

    def abort(self, block: bool = True) -> None:
        """Abort the association, with ``block`` until the connection is closed; does nothing if it has ended."""
        channel = self.host.channel
        if channel is not None and not channel.has_written(_TO_FINISH if block else _A_MOMENT):
            # Another thread is in the middle of a PDU: there is no way to say it nicely.
            channel.break_off()
        self.host.run(self.control.abort(block=block))

    def is_alive(self) -> bool:
        """The association runs, or handlers are still being told of its end, ``EVT_CONN_CLOSE`` last."""
        return self.line.standing.was_opened and not self.line.standing.is_closed

    def getName(self) -> str:
        """``name``, as threads have it."""
        return self.name

    def join(self, timeout: float | None = None) -> None:
        """Wait until the association has ended and its last handlers have returned, ``timeout`` seconds at most.

        Raises:
            RuntimeError: it would wait for itself, in a handler that is told of its end.
        """
        refuse_to_wait(self)
        self.host.wait_closed(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.release()
        else:
            self.abort()
