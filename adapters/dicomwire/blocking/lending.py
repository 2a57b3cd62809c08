"""What blocks of a pool and of an archive: clients in ``with``, and their end."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from dicomwire.associations.coroutines import run
from dicomwire.blocking.client import Client
from dicomwire.pooling.association_kind import AssociationKind
from dicomwire.pooling.lender import Lender
from dicomwire.pooling.lent_client import LentClient


class Lent:
    """``with`` it: an established association, given back at the end, whose failures end it."""

    def __init__(self, lender: Lender[Client], wanted: AssociationKind) -> None:
        self._lent: LentClient[Client] = LentClient(lender, wanted)

    def __enter__(self) -> Client:
        return run(self._lent.__aenter__())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        run(self._lent.__aexit__(kind, error, traceback))


class Lending:
    """What is made of a lender; ``with`` closes it."""

    lender: Lender[Client]

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.lender}>"

    def close(self, drain: float = 0.0) -> None:
        """End all associations; those in use are aborted after ``drain`` seconds, and whoever waits is told.

        Afterwards nothing is left of the pool, and nothing can be asked of it.  Closed again it does nothing.
        """
        run(self.lender.close(drain))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
