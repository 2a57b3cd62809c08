"""An archive, asked by threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import update_wrapper
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, Unpack

from dicomwire.associations.coroutines import run
from dicomwire.blocking.blocking_verbs import completed
from dicomwire.blocking.client import Client
from dicomwire.blocking.lending import Lending, Lent
from dicomwire.blocking.pool_host import lender_for
from dicomwire.pooling.archive_storing import store
from dicomwire.pooling.archive_verbs import QUERIES, echo, find, matches, move, retrieve, worklist
from dicomwire.pooling.association_kind import terms_of
from dicomwire.pooling.lender import Lender
from dicomwire.pooling.lent_matches import LentMatches
from dicomwire.sockets.addresses import Peer
from dicomwire.sockets.connect_options import CallOptions

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

P = ParamSpec("P")


class ReadMatches:
    """``with`` it, and ``for`` each match, read when it is asked for; the query is sent for the first."""

    def __init__(self, asked: LentMatches) -> None:
        self._asked = asked

    def __enter__(self) -> Self:
        run(self._asked.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        run(self._asked.__aexit__(kind, error, traceback))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Dataset:
        """The next match; errors of a client's ``find``."""
        try:
            return run(self._asked.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None


def _read(
    function: Callable[Concatenate[Any, P], Any],
) -> Callable[Concatenate[Any, P], AbstractContextManager[Iterator[Dataset]]]:
    # To type checkers there is nothing to iterate over before the ``with``.
    def plain(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> AbstractContextManager[Iterator[Dataset]]:
        return ReadMatches(function(self, *args, **kwargs))

    return update_wrapper(plain, function)


# With names of their own, as in association.py.
_echo = completed(echo)
_find = completed(find)
_matches = _read(matches)
_worklist = completed(worklist)
_store = completed(store)
_retrieve = completed(retrieve)
_move = completed(move)


class Archive(Lending):
    """An archive at an address: ``archive.find(query)``, and what else there is to ask of one (extension).

    Each verb has an association of its own kind for as long as it takes, at most ``size`` of all kinds at a time, and
    idle ones are used again: queries and moves share one kind, what is retrieved has another, and what is stored is
    proposed as it needs.  Where one that was idle turns out to be dead before anything was answered, that is asked once
    more on a new one.  May be shared by everything in a program.

    ``size``, ``idle``, ``wait`` and ``verify`` are those of a `Pool`; all else are the keywords of ``connect`` without
    ``contexts``, ``files``, ``services`` and ``sock``.

    Safe to be used by any number of threads; ``with`` closes it.  In a fork it begins anew.

    Raises:
        TypeError, ValueError: a bad argument.
    """

    echo = _echo
    find = _find
    matches = _matches
    worklist = _worklist
    store = _store
    retrieve = _retrieve
    move = _move

    def __init__(
        self,
        host: Peer,
        port: int | None = None,
        *,
        size: int = 4,
        idle: float | None = 20.0,
        wait: float | None = 10.0,
        verify: float | None = 5.0,
        **options: Unpack[CallOptions],
    ) -> None:
        terms = terms_of(size, idle, wait, verify)
        self.lender: Lender[Client] = lender_for(host, port, options, terms, "Archive")

    def client(self) -> Lent:
        """A client for whatever else there is to ask, with the contexts of queries: ``with`` it."""
        return Lent(self.lender, QUERIES)
