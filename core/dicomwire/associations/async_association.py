"""The application entity and the association as the adapters with ``await`` show them."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from dicomwire.associations.association_base import AssociationBase
from dicomwire.associations.ending import refuse_to_wait
from dicomwire.associations.entity_base import ApplicationEntityBase
from dicomwire.associations.releasing import release
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
from dicomwire.retrieval.into_folder import get_to_folder, move_to_folder


class AsyncApplicationEntity(ApplicationEntityBase):
    """An application entity whose verbs are awaited."""

    get_to_folder = get_to_folder
    move_to_folder = move_to_folder


class AsyncAssociation(AssociationBase):
    """An association whose verbs are awaited; ``async with`` releases it, or aborts it on an exception."""

    send_c_echo = send_c_echo
    send_c_store = send_c_store
    send_c_store_many = send_c_store_many
    send_c_find = send_c_find
    send_c_get = send_c_get
    send_c_move = send_c_move
    send_c_cancel = send_c_cancel
    send_n_action = send_n_action
    send_n_create = send_n_create
    send_n_delete = send_n_delete
    send_n_event_report = send_n_event_report
    send_n_get = send_n_get
    send_n_set = send_n_set

    async def release(self) -> None:
        """Release the association: returns when it is released, aborted or ``acse_timeout`` has passed.

        Does nothing if it is not established.
        """
        await release(self.line)

    async def abort(self, block: bool = True) -> None:
        """Abort the association, with ``block`` until the connection is closed; does nothing if it has ended."""
        await self.control.abort(block=block)

    async def wait_closed(self) -> None:
        """Return when the association has ended and its last handlers have returned, ``EVT_CONN_CLOSE`` last.

        Raises:
            RuntimeError: it would wait for itself, in a handler that is told of its end.
        """
        refuse_to_wait(self)
        if self.line.standing.was_opened:
            await self.line.wait_closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            await self.release()
        elif issubclass(kind, Exception):
            await self.abort()
        else:
            # A cancelled task must not wait.
            self.line.ending.abandon()
