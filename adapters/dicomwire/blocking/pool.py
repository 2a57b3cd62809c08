"""Associations with one peer, lent to threads."""

from __future__ import annotations

from typing import Unpack

from dicomwire.blocking.client import Client
from dicomwire.blocking.lending import Lending, Lent
from dicomwire.blocking.pool_host import lender_for
from dicomwire.pooling.association_kind import AssociationKind, pooled, terms_of
from dicomwire.pooling.lender import Lender
from dicomwire.sockets.addresses import Peer
from dicomwire.sockets.connect_options import PooledOptions


class Pool(Lending):
    """Associations with one peer, kept open and lent: ``with pool.client() as client:`` (extension).

    At most ``size`` associations exist at a time, as seen by the peer too; one is opened when it is needed, and
    whoever comes first gets the next one.  ``idle`` is seconds after which one that nobody uses is released (0: at
    once, None: never), ``wait`` for how long a place is waited for (None: for ever), ``verify`` seconds of idleness
    from which on an association is asked by C-ECHO before it is given out (0: always, None: never): one that is not
    established any more, or does not answer within five seconds, is replaced.  One in whose use something went wrong is
    not given back but ended; an answer that is a failure, `ServiceFailed` or `Refused`, is nothing wrong with it.
    Nor is one given back with a request under way, such as a query whose matches were not read to the end.

    All else are the keywords of ``connect``, without ``sock``.  Verification is proposed in any case.  The time of
    ``Timeouts.idle`` begins when ``idle`` has passed; without ``timeouts`` a connection may take ``wait`` seconds to
    open.

    Safe to be used by any number of threads; ``with`` on the pool closes it.  In a fork it begins anew.  What a use
    binds to a client, or sets of it, stays for the next one.

    Raises:
        TypeError, ValueError: a bad argument.
    """

    def __init__(
        self,
        host: Peer,
        port: int | None = None,
        *,
        size: int = 4,
        idle: float | None = 20.0,
        wait: float | None = 10.0,
        verify: float | None = 5.0,
        **options: Unpack[PooledOptions],
    ) -> None:
        terms = terms_of(size, idle, wait, verify)
        self.lender: Lender[Client] = lender_for(host, port, options, terms, "Pool")
        self._wanted: AssociationKind = pooled(options)

    def client(self) -> Lent:
        """An association: ``with`` it, and it is given back at the end.

        Entering raises:
            AllInUse: there was none within ``wait`` seconds.
            PoolClosed: the pool is closed.
            Refused: the peer wants no association.
        """
        return Lent(self.lender, self._wanted)
