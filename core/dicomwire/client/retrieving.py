"""Whole retrievals: into a folder, or to another application entity (PS3.4 C.4.2 and C.4.3)."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import Any

from dicomwire.associations import events as evt
from dicomwire.associations.association_base import AssociationBase
from dicomwire.associations.coroutines import Held, outcome
from dicomwire.client.answered import Priority, asking_of, lost, priority_code
from dicomwire.client.arriving import one_at_a_time
from dicomwire.client.failures import Failure, ServiceFailed
from dicomwire.client.queries import GET, MOVE, Query, model_for, query_of
from dicomwire.retrieval import Retrieved
from dicomwire.retrieval.into_folder import StorageClasses, receiving_server, release_all
from dicomwire.retrieval.outcome import Followed, outcome_of
from dicomwire.retrieval.under_way import ProgressHandler, folder_of, get_on, move_on
from dicomwire.vocabulary.statuses import QR_MOVE_SERVICE_CLASS_STATUS
from dicomwire.vocabulary.typed_status import Status


async def get_into(
    self: AssociationBase,
    folder: str | os.PathLike[str],
    query: Query,
    *,
    model: str | None = None,
    progress: ProgressHandler | None = None,
    priority: Priority = "medium",
) -> Retrieved:
    """Retrieve instances on this association, as files in ``folder``: what came of it.

    Each is acknowledged when its file is complete and has its name, which is that of the SOP instance; what is there
    already is replaced.  ``progress`` is called with a `Progress` for each response; if it returns False, the peer is
    asked to stop.  Where some instances could not be sent nothing is raised: see ``failure`` of what comes back.  The
    rest is as for :meth:`get`.

    Raises:
        Refused: no presentation context for the model was accepted.
        ConnectionLost, ServiceFailed: with ``retrieved``, which says what has come.
        OSError: the folder cannot be made.
        ValueError, TypeError: a bad argument, or the query cannot be encoded.
    """
    identifier, code = query_of(query), priority_code(priority)
    with asking_of(self.invoker):
        chosen = model_for(self.invoker, identifier, GET, model)
        self.invoker.choose_context(chosen)
        await outcome(self.line.host.face(one_at_a_time(self)))
        files, claim = folder_of(self.ae, folder)
        with claim, ExitStack() as bound:
            bound.callback(files.discard_all)
            _bind_for_a_while(self, files.handlers(), bound)
            followed = await get_on(self, identifier, files, chosen, priority=code, progress=progress)
    return _told(self, followed, outcome_of(self, followed, files, None), "C-GET", files.error)


async def move(
    self: AssociationBase,
    query: Query,
    to: str,
    *,
    model: str | None = None,
    progress: ProgressHandler | None = None,
    priority: Priority = "medium",
) -> Retrieved:
    """Have the peer send instances to the application entity ``to``, which it must know: what came of it.

    The rest is as for :meth:`get_into`, without files.
    """
    identifier, code = query_of(query), priority_code(priority)
    with asking_of(self.invoker):
        chosen = model_for(self.invoker, identifier, MOVE, model)
        self.invoker.choose_context(chosen)
        followed = await move_on(self, identifier, None, chosen, destination=to, priority=code, progress=progress)
    return _told(self, followed, outcome_of(self, followed, None, None, destination=to), "C-MOVE")


async def move_into(
    self: AssociationBase,
    folder: str | os.PathLike[str],
    query: Query,
    *,
    listen_on: tuple[str, int] | tuple[str, int, int, int] | str | os.PathLike[str],
    to: str | None = None,
    storage_classes: StorageClasses = None,
    ssl_context: Any = None,
    model: str | None = None,
    progress: ProgressHandler | None = None,
    priority: Priority = "medium",
) -> Retrieved:
    """Have the peer send instances to ourselves, as files in ``folder``: what came of it.

    Meanwhile a storage server listens on ``listen_on`` with the title ``to``, by default ours; the peer must have been
    told that this title is to be found there.  ``storage_classes`` are what it accepts, by default every storage class
    in every transfer syntax; ``ssl_context`` is the server's.  The rest is as for :meth:`get_into`.
    """
    identifier, code, title = query_of(query), priority_code(priority), to or self.ae.ae_title
    with asking_of(self.invoker):
        chosen = model_for(self.invoker, identifier, MOVE, model)
        self.invoker.choose_context(chosen)
        files, claim = folder_of(self.ae, folder)
        with claim, ExitStack() as bound:
            bound.callback(files.discard_all)
            server = await receiving_server(self.ae, listen_on, ssl_context, files, title, storage_classes)
            async with Held(server):
                followed = await move_on(
                    self, identifier, files, chosen, destination=title, priority=code, progress=progress
                )
                await release_all(server)
    return _told(self, followed, outcome_of(self, followed, files, None, destination=title), "C-MOVE", files.error)


def _bind_for_a_while(association: AssociationBase, handlers: list[evt.EventHandler], bound: ExitStack) -> None:
    """Bind handlers until ``bound`` is closed; those of interventions come back then."""
    table = association.line.handlers.own_table()
    bind: evt.Handler = association.bind
    for event, handler in handlers:
        before = table.interventions.get(event)
        bind(event, handler)
        bound.callback(association.unbind, event, handler)
        if before is not None:
            bound.callback(bind, event, *before)


def _told(
    association: AssociationBase,
    followed: Followed,
    retrieved: Retrieved,
    operation: str,
    writing: Exception | None = None,
) -> Retrieved:
    """What came of it, unless that is a failure; ``writing`` is why the first file could not be written."""
    if not followed.status:
        failure: Failure = lost(association.invoker)
    else:
        status = Status.of(followed.status, QR_MOVE_SERVICE_CLASS_STATUS)
        if not status.is_failure:
            return retrieved
        failure = ServiceFailed(status, operation)
        if writing is not None:
            # The peer can only say that it could not send.
            failure.reason_here = f"writing failed: {writing}"
        if retrieved.failure:
            failure.add_note(retrieved.failure)
    failure.retrieved = retrieved
    raise failure
