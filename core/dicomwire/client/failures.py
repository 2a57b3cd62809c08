"""How the verbs of a client fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicomwire.vocabulary.typed_status import Status

if TYPE_CHECKING:
    from dicomwire.retrieval import Retrieved


_KEYWORDS = {
    "acse_timeout is how long": "timeouts=Timeouts(associate=...) says how long",
    "dimse_timeout is how long": "timeouts=Timeouts(response=...) says how long",
    "network_timeout is how long it may take": "timeouts=Timeouts(progress=...) says how long it may take",
    "network_timeout is how long there may be none": "timeouts=Timeouts(idle=...) says how long there may be none",
    "or give the AE a title it knows": "or give a title it knows (title=...)",
    "give its own as called AE title (ae_title)": "give its own (to=...)",
    "it may expect TLS,": "it may expect TLS (tls=...),",
}


def in_keywords(text: str) -> str:
    """What ``explain()`` says, with the keywords of ``connect`` where it names those of an AE.

    Whole phrases are looked for: a name alone may be said by a peer.
    """
    for said, keyword in _KEYWORDS.items():
        text = text.replace(said, keyword)
    return text


class Failure(Exception):
    """Base of what verbs of a client raise when they do not come to what they are for; the text says why."""

    retrieved: Retrieved | None = None
    """How far a retrieval had come that failed; None for everything else."""


class Refused(Failure):
    """The peer does not want it: no association came about, or no presentation context that the request needs.

    Also where nobody answers at the address, or TLS is not agreed upon.  The text is that of ``explain()``, with the
    keywords of ``connect``.
    """


class ConnectionLost(Failure):
    """The association ended before the answer came: aborted, cut, or because the peer took longer than it may.

    The text is that of ``explain()``, with the keywords of ``connect``.
    """


class AllInUse(Failure):
    """No association of a pool became free in the time that there was for it; the text says how many use it."""


class PoolClosed(Failure):
    """There are no more associations: the pool was closed, before this one was asked for or meanwhile."""


class ServiceFailed(Failure):
    """The peer answered with a failure, or stopped by itself.

    A handler raises it to refuse the request it serves: its status is what the peer gets.
    """

    def __init__(self, status: Status, operation: str = "") -> None:
        super().__init__(status, operation)
        self.status = status
        self.operation = operation
        """As the standard calls it, such as ``"C-STORE"``; empty if a handler raised it."""

        self.reason_here = ""
        """What went wrong on this side, such as a full disk, if the peer failed because of that; else empty."""

    def __str__(self) -> str:
        here = f"; {self.reason_here}" if self.reason_here else ""
        return f"{self.operation or 'the service'} failed: {self.status.explain()}{here}"
