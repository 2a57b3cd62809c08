"""Retrieving into a folder: a whole C-GET or C-MOVE, with what has to be around it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

from dicomwire._globals import ALL_TRANSFER_SYNTAXES, DEFAULT_MAX_LENGTH, DEFAULT_TRANSFER_SYNTAXES, EXPLICIT_LITTLE
from dicomwire._logging import logger
from dicomwire.associations import events as evt
from dicomwire.associations.association_base import AssociationBase
from dicomwire.associations.configured_contexts import MOST_CONTEXTS
from dicomwire.associations.coroutines import Held, outcome
from dicomwire.associations.entity_base import ApplicationEntityBase
from dicomwire.associations.explanation import why_none
from dicomwire.associations.negotiation import ACCEPTED
from dicomwire.associations.releasing import release
from dicomwire.compat.pdu_primitives import NegotiationItem, SCP_SCU_RoleSelectionNegotiation
from dicomwire.data.receiving_folder import Folder
from dicomwire.retrieval import Retrieved
from dicomwire.retrieval.outcome import outcome_of
from dicomwire.retrieval.under_way import ProgressHandler, folder_of, get_on, move_on, receive_on
from dicomwire.vocabulary.contexts import PresentationContext, build_context, build_role
from dicomwire.vocabulary.titles_and_uids import uid_name

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

LOGGER = logger(__name__)

STUDY_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY_ROOT_GET = "1.2.840.10008.5.1.4.1.2.2.3"

_MOST_NAMED = 4

_NOT_PROPOSED = "other SOP classes were never proposed: add those wanted to storage_classes"

_NOT_THE_USUAL = (
    "SOP classes that StoragePresentationContexts lacks (retired and private ones) were never proposed: name those "
    "wanted in storage_classes"
)

StorageClasses: TypeAlias = str | Iterable[str | PresentationContext] | None


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
    files, claim = folder_of(self, folder)
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
        receive_on(association, classes)
        async with Held(association):
            progressed = await get_on(association, identifier, files, query_model, priority=priority, progress=progress)
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
    files, claim = folder_of(self, folder)
    try:
        server = await receiving_server(self, listen_on, ssl_context, files, title, storage)
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
            async with Held(association):
                progressed = await move_on(
                    association,
                    identifier,
                    files,
                    query_model,
                    destination=title,
                    priority=priority,
                    progress=progress,
                )
            await release_all(server)
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


async def _associate(ae: Any, *args: Any) -> AssociationBase:
    association: AssociationBase = await outcome(ae.associate(*args))
    return association


async def receiving_server(
    ae: Any, address: Any, ssl_context: Any, files: Folder, title: str, storage_classes: StorageClasses
) -> Any:
    """A server of this AE that takes instances to a folder."""
    storage = _storage(storage_classes, None)
    return await outcome(ae.start_server(address, False, ssl_context, files.handlers(), title, storage))


async def release_all(server: Any) -> None:
    """End its associations, now that the peer has said that it is done with them."""
    for association in server.active_associations:
        await outcome(association.release())


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
