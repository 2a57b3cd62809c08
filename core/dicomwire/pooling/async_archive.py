"""The verbs of an archive as the adapters with ``await`` show them."""

from __future__ import annotations

from typing import TypeVar

from dicomwire.associations.association_base import AssociationBase
from dicomwire.pooling import archive_storing, archive_verbs
from dicomwire.pooling.archive_verbs import QUERIES
from dicomwire.pooling.lent_client import AsyncLending, LentClient

ClientT = TypeVar("ClientT", bound=AssociationBase)


class AsyncArchive(AsyncLending[ClientT]):
    """Verbs that are awaited, on associations that are lent for each."""

    echo = archive_verbs.echo
    find = archive_verbs.find
    matches = archive_verbs.matches
    worklist = archive_verbs.worklist
    store = archive_storing.store
    retrieve = archive_verbs.retrieve
    move = archive_verbs.move

    def client(self) -> LentClient[ClientT]:
        """A client for whatever else there is to ask, with the contexts of queries: ``async with`` it."""
        return LentClient(self.lender, QUERIES)
