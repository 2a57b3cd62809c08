"""The verbs of an archive as the adapters with ``await`` show them."""

from __future__ import annotations

from typing import TypeVar

from dicomwire.associations.association_base import AssociationBase
from dicomwire.pooling.archive_storing import store
from dicomwire.pooling.archive_verbs import QUERIES, echo, find, matches, move, retrieve, worklist
from dicomwire.pooling.lent_client import AsyncLending, LentClient

ClientT = TypeVar("ClientT", bound=AssociationBase)


class AsyncArchive(AsyncLending[ClientT]):
    """Verbs that are awaited, on associations that are lent for each."""

    echo = echo
    find = find
    matches = matches
    worklist = worklist
    store = store
    retrieve = retrieve
    move = move

    def client(self) -> LentClient[ClientT]:
        """A client for whatever else there is to ask, with the contexts of queries: ``async with`` it."""
        return LentClient(self.lender, QUERIES)
