"""Retrieving into a folder: a whole C-GET or C-MOVE, with what has to be around it."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import ExitStack, suppress
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import evolve

from dicomwire._globals import ALL_TRANSFER_SYNTAXES, DEFAULT_MAX_LENGTH, DEFAULT_TRANSFER_SYNTAXES, EXPLICIT_LITTLE
from dicomwire._logging import logger
from dicomwire.associations import events as evt
from dicomwire.associations.association_base import AssociationBase
from dicomwire.associations.configured_contexts import MOST_CONTEXTS
from dicomwire.associations.coroutines import Held, outcome
from dicomwire.associations.entity_base import ApplicationEntityBase
from dicomwire.associations.explanation import why_none
from dicomwire.associations.negotiation import ACCEPTED, NegotiatedContext
from dicomwire.associations.releasing import release
from dicomwire.associations.response_streams import Stream
from dicomwire.compat.pdu_primitives import NegotiationItem, SCP_SCU_RoleSelectionNegotiation
from dicomwire.data import store
from dicomwire.data.part_files import FolderClaim
from dicomwire.data.receiving_folder import Folder
from dicomwire.operations.query_scu import Response, send_c_cancel, send_c_get, send_c_move
from dicomwire.retrieval import Progress, Retrieved
from dicomwire.retrieval.outcome import outcome_of, progress_of
from dicomwire.upper_layer.timers import Timer
from dicomwire.vocabulary.contexts import PresentationContext, build_context, build_role
from dicomwire.vocabulary.statuses import STATUS_PENDING, code_to_category
from dicomwire.vocabulary.titles_and_uids import uid_name

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

LOGGER = logger(__name__)

STUDY_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY_ROOT_GET = "1.2.840.10008.5.1.4.1.2.2.3"

_MESSAGE_ID = 1

_MOST_NAMED = 4

_NOT_PROPOSED = "other SOP classes were never proposed: add those wanted to storage_classes"

_NOT_THE_USUAL = (
    "SOP classes that StoragePresentationContexts lacks (retired and private ones) were never proposed: name those "
    "wanted in storage_classes"
)

StorageClasses: TypeAlias = str | Iterable[str | PresentationContext] | None
ProgressHandler: TypeAlias = Callable[[Progress], Any]


async def get_to_folder(
    self: ApplicationEntityBase,
    addr: str | os.PathLike[str] | tuple[str, int, int],
    port: int,
    identifier: Dataset | bytes,
    folder: str | os.PathLike[str],
    *,
    query_model: str = STUDY_ROOT_GET,
    ae_title: str = "ANY-SCP",
    storage_classes: StorageClasses = None,
    progress: ProgressHandler | None = None,
    priority: int = 2,
    max_pdu: int = DEFAULT_MAX_LENGTH,
    ext_neg: Sequence[NegotiationItem] | None = None,
    bind_address: tuple[str, int] | tuple[str, int, int, int] | None = None,
    tls_args: tuple[Any, str | None] | None = None,
    evt_handlers: Sequence[evt.EventHandler] | None = None,
) -> Retrieved:
    """Retrieve what ``identifier`` asks for by C-GET, as files in ``folder`` (extension).

    Opens an association of its own, on which the peer sends the instances, and ends it.  ``storage_classes`` are the
    SOP classes to be received, each a UID or a `PresentationContext` with the transfer syntaxes wanted, 127 at most;
    what is left of that is used for compressed transfer syntaxes of the UIDs.  Default: the classes of
    `StoragePresentationContexts`, uncompressed.  Their roles are negotiated, and an answer without role selection is
    put up with.  ``progress`` is called with a `Progress` for each response; if it returns False,
    the peer is asked to stop.  Files are named after their SOP instance and are complete; what is there already is
    replaced.  The other arguments are those of ``associate``.  A peer that refuses or fails raises nothing: see
    ``failure`` of what comes back.

    Raises:
        TypeError, ValueError: a bad argument.
        OSError: the folder cannot be made, ``addr`` cannot be resolved, or the local address not be bound.
    """
    storage = _storage(storage_classes, MOST_CONTEXTS - 1)
    classes = {str(context.abstract_syntax) for context in storage}
    given = {item.sop_class_uid for item in ext_neg or () if isinstance(item, SCP_SCU_RoleSelectionNegotiation)}
    roles = [build_role(uid, scp_role=True) for uid in sorted(classes) if uid not in given]
    files, claim = _folder(self, folder)
    try:
        association = await _associate(
            self,
            addr,
            port,
            [build_context(query_model), *storage],
            ae_title,
            max_pdu,
            [*(ext_neg or ()), *roles],
            bind_address,
            tls_args,
            [*(evt_handlers or ()), *files.handlers()],
        )
        explained = _explained(association, classes)
        if (refused := await _refused(association, query_model)) is not None:
            return refused
        files.arrived = lambda: _restart_wait(association)
        _receive_on(association, classes)
        async with Held(association):
            request = send_c_get(association, identifier, query_model, _MESSAGE_ID, priority)
            progressed = await _follow(association, request, files, progress, query_model)
    finally:
        files.discard_all()
        claim.close()
    if storage_classes is None:
        proposed = _NOT_THE_USUAL
    else:
        proposed = _NOT_PROPOSED if explained else _proposed(association, classes)
    return outcome_of(association, progressed, files, explained, proposed=proposed)


async def move_to_folder(
    self: ApplicationEntityBase,
    addr: str | os.PathLike[str] | tuple[str, int, int],
    port: int,
    identifier: Dataset | bytes,
    folder: str | os.PathLike[str],
    *,
    listen_on: tuple[str, int] | tuple[str, int, int, int] | str | os.PathLike[str],
    move_aet: str | None = None,
    query_model: str = STUDY_ROOT_MOVE,
    ae_title: str = "ANY-SCP",
    storage_classes: StorageClasses = None,
    progress: ProgressHandler | None = None,
    priority: int = 2,
    max_pdu: int = DEFAULT_MAX_LENGTH,
    ext_neg: Sequence[NegotiationItem] | None = None,
    bind_address: tuple[str, int] | tuple[str, int, int, int] | None = None,
    tls_args: tuple[Any, str | None] | None = None,
    ssl_context: Any = None,
    evt_handlers: Sequence[evt.EventHandler] | None = None,
) -> Retrieved:
    """Retrieve what ``identifier`` asks for by C-MOVE to ourselves, as files in ``folder`` (extension).

    Meanwhile a storage server listens on ``listen_on``, with the title ``move_aet``, default: that of the AE.  The peer
    must have been told that this title is to be found there.  ``storage_classes`` are what the server accepts, each a
    UID or a `PresentationContext`; default: every storage class in every transfer syntax.  ``ssl_context`` is the
    server's.  The rest is as for :meth:`get_to_folder`.
    """
    storage = _storage(storage_classes, None)
    title = move_aet or self.ae_title
    files, claim = _folder(self, folder)
    try:
        server = await _start_server(self, listen_on, ssl_context, files.handlers(), title, storage)
        async with Held(server):
            association = await _associate(
                self,
                addr,
                port,
                [build_context(query_model)],
                ae_title,
                max_pdu,
                ext_neg,
                bind_address,
                tls_args,
                evt_handlers,
            )
            if (refused := await _refused(association, query_model)) is not None:
                return refused
            # What arrives shows that the peer is at work, also one that sends no pending responses.
            files.arrived = lambda: association.line.host.apart(lambda: _restart_wait(association))
            async with Held(association):
                request = send_c_move(association, identifier, title, query_model, _MESSAGE_ID, priority)
                progressed = await _follow(association, request, files, progress, query_model)
            for other in server.active_associations:
                # The peer has said that it is done with them.
                await outcome(other.release())
    finally:
        files.discard_all()
        claim.close()
    return outcome_of(association, progressed, files, None, destination=title)


def _storage(storage_classes: StorageClasses, most: int | None) -> list[PresentationContext]:
    """The contexts of the classes to receive: ``most`` of them, as requestor, or as acceptor any number."""
    if storage_classes is None:
        # Each import gives new ones.
        from dicomwire.vocabulary.context_lists import storage_classes as every_one
        from dicomwire.vocabulary.contexts import StoragePresentationContexts

        if most is not None:
            return StoragePresentationContexts
        return [build_context(uid, _ACCEPTED) for uid in every_one()]
    given = [storage_classes] if isinstance(storage_classes, str) else list(storage_classes)
    contexts = [
        item if isinstance(item, PresentationContext) else build_context(item, None if most else _ACCEPTED)
        for item in given
    ]
    if not contexts:
        raise ValueError("no storage classes: nothing could be received")
    if most is None:
        return contexts
    if len(contexts) > most:
        raise ValueError(f"{len(contexts)} storage contexts, but beside the query model there is room for {most}")
    # One for each: of several in one context the peer chooses one, and can send only what fits.
    uids = dict.fromkeys(item for item in given if isinstance(item, str))
    return [*contexts, *compressed_contexts(uids)][:most]


def compressed_contexts(uids: Iterable[str]) -> list[PresentationContext]:
    """A context for each compressed transfer syntax of each SOP class, the most frequent first."""
    return [build_context(uid, syntax) for syntax, uid in product(_COMPRESSED, uids)]


_OFTEN = (
    "1.2.840.10008.1.2.4.70",  # JPEG lossless, first-order prediction
    "1.2.840.10008.1.2.4.90",  # JPEG 2000 lossless
    "1.2.840.10008.1.2.4.80",  # JPEG-LS lossless
    "1.2.840.10008.1.2.4.50",  # JPEG baseline
    "1.2.840.10008.1.2.5",  # RLE
    "1.2.840.10008.1.2.4.91",  # JPEG 2000
)
_COMPRESSED = dict.fromkeys((*_OFTEN, *(uid for uid in ALL_TRANSFER_SYNTAXES if uid not in DEFAULT_TRANSFER_SYNTAXES)))

_ACCEPTED = [EXPLICIT_LITTLE, *(syntax for syntax in ALL_TRANSFER_SYNTAXES if syntax != EXPLICIT_LITTLE)]
"""What a server takes, in its order: explicit before implicit, which loses the VRs of private elements."""


def _folder(ae: ApplicationEntityBase, folder: str | os.PathLike[str]) -> tuple[Folder, ExitStack]:
    """The folder, made if it is missing, and what ends our claim to it."""
    path = Path(folder)
    files = store.STORE if ae.file_store is None else ae.file_store
    files.make_folder(path)
    claimed = ExitStack()
    # A store of the user's may have it elsewhere; a folder that nobody may list can be written to.
    with suppress(OSError):
        claimed.enter_context(FolderClaim(path, store=files)).tell()
    return Folder(path, store=files), claimed


async def _associate(ae: Any, *args: Any) -> AssociationBase:
    association: AssociationBase = await outcome(ae.associate(*args))
    return association


async def _start_server(ae: Any, address: Any, *args: Any) -> Any:
    return await outcome(ae.start_server(address, False, *args))


async def _refused(association: AssociationBase, query_model: str) -> Retrieved | None:
    """The outcome if the request cannot be made at all."""
    if not association.is_established:
        return Retrieved(failure=association.explain())
    if association.contexts.find(query_model) is not None:
        return None
    line = association.line
    await outcome(line.host.face(release(line)))
    why = why_none(line.sides, association.contexts, query_model)
    return Retrieved(failure=f"no context for {uid_name(query_model)}: {why}")


def _explained(association: AssociationBase, classes: set[str]) -> str | None:
    """What the peer did not take of what was proposed; None if it can send every class in some transfer syntax."""
    explained = association.explain()
    is_plain = explained.startswith("all ") and ";" not in explained
    return None if is_plain or (association.is_established and classes <= _accepted_classes(association)) else explained


def _accepted_classes(association: AssociationBase) -> set[str]:
    return {context.abstract_syntax for context in association.contexts.all if context.result == ACCEPTED}


def _proposed(association: AssociationBase, classes: set[str]) -> str:
    """What a peer cannot send, in words: instances of every class that it was not offered."""
    names = sorted(map(uid_name, classes & _accepted_classes(association)))
    more = len(names) - _MOST_NAMED
    named = ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "") or "nothing"
    return f"{named} was accepted, and {_NOT_PROPOSED}"


def _receive_on(association: AssociationBase, classes: set[str]) -> None:
    """Be SCP on every accepted context of these classes: many peers send, and say nothing of roles in their answer."""

    def is_meant(context: NegotiatedContext) -> bool:
        return context.result == ACCEPTED and context.abstract_syntax in classes

    contexts = association.contexts
    contexts.set([evolve(item, as_scp=True) if is_meant(item) else item for item in contexts.all])


def _restart_wait(association: AssociationBase) -> None:
    """The peer is at work: give it the full time for its next response again."""
    timers = association.line.session.connection.timers
    if timers.is_running(Timer.RESPONSE):
        timers.start(Timer.RESPONSE)


async def _follow(
    association: AssociationBase,
    request: Coroutine[Any, Any, Stream[Response]],
    files: Folder,
    progress: ProgressHandler | None,
    query_model: str,
) -> tuple[Progress, Dataset, Dataset | None, bool]:
    """Take the responses up to the end.

    How far it came, the final status, the list of failed instances, and whether ``progress`` has stopped it.
    """
    from pydicom.dataset import Dataset

    stream = await outcome(association.line.host.face(request))
    done = Progress()
    status, failed = Dataset(), None
    is_stopping = False
    while True:
        try:
            status, failed = await outcome(association.line.host.face(stream.__anext__()))
        except StopAsyncIteration:
            return done, status, failed, is_stopping
        if not status:
            continue
        done = progress_of(status, done, files)
        if progress is None:
            continue
        wants_more = await outcome(progress(done)) is not False
        if not wants_more and not is_stopping and code_to_category(status.Status) == STATUS_PENDING:
            is_stopping = True
            if association.is_established:
                await outcome(
                    association.line.host.face(send_c_cancel(association, _MESSAGE_ID, query_model=query_model))
                )
