"""Matches of a query, one by one or by the page (PS3.4 annexes C and K)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicomwire._logging import logger, printable
from dicomwire.associations.awaitables import asking
from dicomwire.associations.invoking import HasInvoker, Invoker
from dicomwire.associations.response_streams import Stream
from dicomwire.client.answered import Priority, answered, asking_of, priority_code, stopped
from dicomwire.client.failures import Failure
from dicomwire.client.queries import FIND, WORKLIST, Query, model_for, query_of
from dicomwire.operations.query_scu import Response, send_c_find
from dicomwire.vocabulary.statuses import QR_FIND_SERVICE_CLASS_STATUS
from dicomwire.vocabulary.typed_status import Status

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

LOGGER = logger(__name__)

OPERATION = "C-FIND"


class Matches(Stream["Dataset"]):
    """The matches that are not over the limit; the rest is cancelled."""

    def __init__(self, invoker: Invoker, responses: Stream[Response], limit: int | None) -> None:
        self._invoker = invoker
        self._responses = responses
        self._left = limit
        self._is_stopped = False

    async def __anext__(self) -> Dataset:
        """The next match, read from the peer now.

        Raises:
            ServiceFailed: the peer ended with a failure, or stopped by itself.
            ConnectionLost: the association ended before the last one came.
        """
        if self._left == 0 and not self._is_stopped:
            self._is_stopped = True
            self.leave()
            # At once: there may be no other request.
            with self._invoker.line.exchange:
                await self._invoker.cancel_unread()
        if self._is_stopped:
            raise StopAsyncIteration
        while True:
            response, identifier = await self._responses.__anext__()
            status = answered(self._invoker, response, OPERATION, QR_FIND_SERVICE_CLASS_STATUS)
            if identifier is not None:
                self._left = None if self._left is None else self._left - 1
                return identifier
            if status.is_pending:
                # It could not be decoded: that is in the log, and no reason to lose the others.
                continue
            _tell_end(status)
            raise StopAsyncIteration

    def leave(self) -> None:
        """Take no more matches: what still comes is dropped, and the request cancelled before the next one."""
        self._responses.leave()


def _tell_end(status: Status) -> None:
    if status.is_cancel:
        raise stopped(status, OPERATION)
    if status.is_warning:
        LOGGER.warning("the matches may not be all: %s", printable(status.explain(), 300))


class Pages(Stream["list[Dataset]"]):
    """The matches in lists."""

    def __init__(self, matches: Matches, size: int) -> None:
        self._matches = matches
        self._size = size
        self._end: BaseException | None = None

    async def __anext__(self) -> list[Dataset]:
        """The next page: full, unless it is the last.

        Raises:
            ServiceFailed, ConnectionLost: as the matches; those that came before are the last page.
        """
        page: list[Dataset] = []
        while self._end is None and len(page) < self._size:
            try:
                page.append(await self._matches.__anext__())
            except (StopAsyncIteration, Failure) as end:
                self._end = end
        if page:
            return page
        told, self._end = self._end, StopAsyncIteration()
        assert told is not None
        raise told

    def leave(self) -> None:
        """Take no more pages."""
        self._end = StopAsyncIteration()
        self._matches.leave()


@asking
async def find(
    self: HasInvoker,
    query: Query,
    *,
    model: str | None = None,
    limit: int | None = None,
    priority: Priority = "medium",
) -> Stream[Dataset]:
    """Look for what the peer has: an iterator of matches, each read from the peer when it is asked for.

    ``query`` is a ``Dataset`` or a mapping such as ``{"QueryRetrieveLevel": "STUDY", "PatientName": "DOE*",
    "StudyInstanceUID": ""}``.  ``model`` is the UID of the query model; by default the study root, the patient root for
    the level PATIENT or where the peer has no other, and the worklist for what asks for scheduled steps.  After
    ``limit`` matches the peer is asked to stop.  The iterator may be left early.

    Raises:
        Refused: no presentation context for the model was accepted.
        ConnectionLost, ServiceFailed: also by the iterator, which ends with ServiceFailed where the peer stops early.
        ValueError, TypeError: a bad argument, or the query cannot be encoded.
    """
    return await _matches(self, query, model, limit, priority)


@asking
async def find_pages(
    self: HasInvoker,
    query: Query,
    size: int,
    *,
    model: str | None = None,
    limit: int | None = None,
    priority: Priority = "medium",
) -> Stream[list[Dataset]]:
    """As :meth:`find`, in lists of ``size`` matches; the last may be shorter.  No page is read before it is asked for.

    Raises: as :meth:`find`.
    """
    if size < 1:
        raise ValueError(f"a page has at least one match, not {size}")
    return Pages(await _matches(self, query, model, limit, priority), size)


@asking
async def worklist(
    self: HasInvoker, query: Query, *, limit: int | None = None, priority: Priority = "medium"
) -> Stream[Dataset]:
    """What is scheduled: :meth:`find` in the modality worklist (PS3.4 annex K)."""
    return await _matches(self, query, WORKLIST, limit, priority)


async def _matches(
    association: HasInvoker, query: Query, model: str | None, limit: int | None, priority: Priority
) -> Matches:
    if limit is not None and limit < 1:
        raise ValueError(f"a limit is at least one match, not {limit}")
    invoker, identifier = association.invoker, query_of(query)
    with asking_of(invoker):
        chosen = model_for(invoker, identifier, FIND, model)
        responses = await send_c_find(association, identifier, chosen, priority=priority_code(priority))
    return Matches(invoker, responses, limit)
