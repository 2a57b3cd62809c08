"""What is asked of an archive, each time on an association that fits (PS3.4 annexes A to C and K)."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from dicomwire.associations.coroutines import outcome
from dicomwire.client.answered import Priority, priority_code
from dicomwire.client.failures import ConnectionLost
from dicomwire.client.proposing import proposal_of
from dicomwire.client.queries import WORKLIST, Query, query_of
from dicomwire.client.retrieving import get_into, move as send_move
from dicomwire.client.storing import echo as send_echo
from dicomwire.pooling.association_kind import AssociationKind
from dicomwire.pooling.lender import Lease, Lender
from dicomwire.pooling.lent_matches import Asked, LentMatches, is_overdue
from dicomwire.retrieval import Retrieved
from dicomwire.retrieval.under_way import ProgressHandler
from dicomwire.vocabulary.contexts import PresentationContext
from dicomwire.vocabulary.typed_status import Status

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

T = TypeVar("T")

QUERIES: AssociationKind = AssociationKind("queries", proposal_of())
"""What echo, find, move and worklist need."""


class HasLender(Protocol):
    """An archive, as its verbs know it."""

    @property
    def lender(self) -> Lender[Any]: ...


async def on_lent(
    archive: HasLender,
    wanted: AssociationKind,
    work: Callable[[Lease[Any]], Coroutine[Any, Any, T]],
    has_answer: Callable[[], object],
) -> T:
    """Do something on an association; once more on a new one, if the one that was idle had died of it meanwhile.

    ``has_answer()`` says whether the peer has answered anything: then nothing is done twice.
    """
    lender = archive.lender
    lease = await lender.take(wanted)
    try:
        try:
            result = await work(lease)
        except ConnectionLost as error:
            if (
                lease.is_fresh
                or has_answer()
                or is_overdue(lease.client)
                or (error.retrieved and error.retrieved.paths)
            ):
                raise
            await lender.renew(lease)
            result = await work(lease)
    except BaseException as error:
        await lender.give_back(lease, error)
        raise
    await lender.give_back(lease)
    return result


async def echo(self: HasLender) -> Status:
    """Ask whether the archive is there and answers (C-ECHO).

    Raises:
        Refused, AllInUse, PoolClosed: there is no association for it; this holds for all that is asked.
        ConnectionLost, ServiceFailed: there was no answer, or it was a failure.
    """
    return await on_lent(self, QUERIES, _on_face(send_echo), _nothing)


async def find(
    self: HasLender, query: Query, *, model: str | None = None, limit: int | None = None, priority: Priority = "medium"
) -> list[Dataset]:
    """What the archive has that matches: all of it, or the first ``limit`` ones.

    ``query`` is a ``Dataset``, or a mapping such as ``{"QueryRetrieveLevel": "STUDY", "PatientID": "4711",
    "StudyInstanceUID": ""}``; ``model`` the UID of the query model, by default the study root, and the patient root for
    the level PATIENT.

    Raises:
        Refused, AllInUse, PoolClosed: no association, or no presentation context.
        ConnectionLost, ServiceFailed: not all answers came; matches that came before are lost with it.
        ValueError, TypeError: a bad argument, or the query cannot be encoded.
    """
    return await _all(LentMatches(self.lender, QUERIES, Asked(query_of(query), model, limit, priority)))


async def worklist(
    self: HasLender, query: Query, *, limit: int | None = None, priority: Priority = "medium"
) -> list[Dataset]:
    """What is scheduled: :meth:`find` in the modality worklist (PS3.4 annex K)."""
    return await _all(LentMatches(self.lender, QUERIES, Asked(query_of(query), WORKLIST, limit, priority)))


def matches(
    self: HasLender, query: Query, *, model: str | None = None, limit: int | None = None, priority: Priority = "medium"
) -> AbstractAsyncContextManager[AsyncIterator[Dataset]]:
    """:meth:`find` one by one, each read from the archive when it is asked for.

    An association is in use until the end of the ``with`` or ``async with``; left early, it is aborted.
    """
    return LentMatches(self.lender, QUERIES, Asked(query_of(query), model, limit, priority))


async def retrieve(
    self: HasLender,
    query: Query,
    folder: str | os.PathLike[str],
    *,
    contexts: Iterable[PresentationContext | str] | None = None,
    model: str | None = None,
    progress: ProgressHandler | None = None,
    priority: Priority = "medium",
) -> Retrieved:
    """Retrieve instances as files in ``folder``, over the association that asks for them (C-GET): what came of it.

    ``query`` names what is wanted by its unique keys, such as ``{"QueryRetrieveLevel": "STUDY", "StudyInstanceUID":
    uid}``.  Proposed are the usual storage classes, uncompressed: what has to come as it is stored there, compressed,
    or is of another class, is named in ``contexts``, such as ``[build_context(CTImageStorage, JPEG2000Lossless)]``.
    For what is missing in the end nothing is raised: see ``failure`` of what comes back.  The rest is as for
    ``get_into`` of a client.

    Raises:
        Refused, AllInUse, PoolClosed: no association, or the archive offers no C-GET.
        ConnectionLost, ServiceFailed: with ``retrieved``, which says what has come.
        OSError: the folder cannot be made.
        ValueError, TypeError: a bad argument, or the query cannot be encoded.
    """
    proposal = proposal_of(None if contexts is None else [*contexts], None, ["echo", "get"])
    given = [(str(item.abstract_syntax), tuple(item.transfer_syntax)) for item in proposal.contexts]
    # In order: where several fit, the archive chooses.
    wanted = AssociationKind("retrieve", proposal, frozenset([tuple(given)]))
    identifier = query_of(query)
    has_come: list[object] = []

    def seen(one: Any) -> Any:
        has_come.append(one)
        return None if progress is None else progress(one)

    async def work(lease: Lease[Any]) -> Retrieved:
        return await get_into(lease.client, folder, identifier, model=model, progress=seen, priority=priority)

    priority_code(priority)
    return await on_lent(self, wanted, work, lambda: has_come)


async def move(
    self: HasLender,
    query: Query,
    to: str,
    *,
    model: str | None = None,
    progress: ProgressHandler | None = None,
    priority: Priority = "medium",
) -> Retrieved:
    """Have the archive send instances to the application entity ``to``, which it must know: what came of it.

    The rest is as for :meth:`retrieve`, without files.
    """
    identifier = query_of(query)
    has_come: list[object] = []

    def seen(one: Any) -> Any:
        has_come.append(one)
        return None if progress is None else progress(one)

    async def work(lease: Lease[Any]) -> Retrieved:
        return await send_move(lease.client, identifier, to, model=model, progress=seen, priority=priority)

    return await on_lent(self, QUERIES, work, lambda: has_come)


async def _all(asked: LentMatches) -> list[Dataset]:
    async with asked:
        return [match async for match in asked]


def _nothing() -> None:
    return None


def _on_face(verb: Callable[[Any], Coroutine[Any, Any, T]]) -> Callable[[Lease[Any]], Coroutine[Any, Any, T]]:
    async def work(lease: Lease[Any]) -> T:
        result: T = await outcome(lease.client.line.host.face(verb(lease.client)))
        return result

    return work
