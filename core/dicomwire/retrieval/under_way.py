"""A retrieval under way on an association: its request, its responses, and the files that come meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import evolve

from dicomwire.associations.association_base import AssociationBase
from dicomwire.associations.coroutines import outcome
from dicomwire.associations.entity_base import ApplicationEntityBase
from dicomwire.associations.negotiation import ACCEPTED, NegotiatedContext
from dicomwire.associations.response_streams import Stream
from dicomwire.data import store
from dicomwire.data.part_files import FolderClaim
from dicomwire.data.receiving_folder import Folder
from dicomwire.operations.query_scu import Response, send_c_cancel, send_c_get, send_c_move
from dicomwire.retrieval import Progress
from dicomwire.retrieval.outcome import Followed, progress_of
from dicomwire.upper_layer.timers import Timer
from dicomwire.vocabulary.statuses import STATUS_PENDING, code_to_category

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

ProgressHandler: TypeAlias = Callable[[Progress], Any]
"""Called with each response; with False it asks the peer to stop."""

_MESSAGE_ID = 1


async def get_on(
    association: AssociationBase,
    identifier: Dataset | bytes,
    files: Folder,
    query_model: str,
    *,
    priority: int,
    progress: ProgressHandler | None,
) -> Followed:
    """A whole C-GET, whose instances are taken by ``files``, the handlers of the association already."""
    files.arrived = lambda: restart_wait(association)
    request = send_c_get(association, identifier, query_model, _MESSAGE_ID, priority)
    return await _follow(association, request, files, progress, query_model)


async def move_on(
    association: AssociationBase,
    identifier: Dataset | bytes,
    files: Folder | None,
    query_model: str,
    *,
    destination: str,
    priority: int,
    progress: ProgressHandler | None,
) -> Followed:
    """A whole C-MOVE; the instances that come here meanwhile, if any do, are taken by ``files`` of a server."""
    if files is not None:
        # What arrives shows that the peer is at work, also one that sends no pending responses.
        files.arrived = lambda: association.line.host.apart(lambda: restart_wait(association))
    request = send_c_move(association, identifier, destination, query_model, _MESSAGE_ID, priority)
    return await _follow(association, request, files, progress, query_model)


def folder_of(ae: ApplicationEntityBase, folder: str | os.PathLike[str]) -> tuple[Folder, ExitStack]:
    """The folder, made if it is missing, and what ends our claim to it."""
    path = Path(folder)
    files = store.STORE if ae.file_store is None else ae.file_store
    files.make_folder(path)
    claimed = ExitStack()
    # A store of the user's may have it elsewhere; a folder that nobody may list can be written to.
    with suppress(OSError):
        claimed.enter_context(FolderClaim(path, store=files)).tell()
    return Folder(path, store=files), claimed


def receive_on(association: AssociationBase, classes: set[str]) -> None:
    """Be SCP on every accepted context of these classes: many peers send, and say nothing of roles in their answer."""

    def is_meant(context: NegotiatedContext) -> bool:
        return context.result == ACCEPTED and context.abstract_syntax in classes

    contexts = association.contexts
    contexts.set([evolve(item, as_scp=True) if is_meant(item) else item for item in contexts.all])


def restart_wait(association: AssociationBase) -> None:
    """The peer is at work: give it the full time for its next response again."""
    timers = association.line.session.connection.timers
    if timers.is_running(Timer.RESPONSE):
        timers.start(Timer.RESPONSE)


async def _follow(
    association: AssociationBase,
    request: Coroutine[Any, Any, Stream[Response]],
    files: Folder | None,
    progress: ProgressHandler | None,
    query_model: str,
) -> Followed:
    """Take the responses up to the end."""
    from pydicom.dataset import Dataset

    stream = await outcome(association.line.host.face(request))
    done = Progress()
    status, failed = Dataset(), None
    is_stopping = False
    while True:
        try:
            status, failed = await outcome(association.line.host.face(stream.__anext__()))
        except StopAsyncIteration:
            return Followed(done, status, failed, is_stopping)
        if not status:
            continue
        done = progress_of(status, done, None if files is None else files.last)
        if progress is None:
            continue
        wants_more = await outcome(progress(done)) is not False
        if not wants_more and not is_stopping and code_to_category(status.Status) == STATUS_PENDING:
            is_stopping = True
            if association.is_established:
                await outcome(
                    association.line.host.face(send_c_cancel(association, _MESSAGE_ID, query_model=query_model))
                )
