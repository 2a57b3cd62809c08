"""What the shared logic asks of a transport."""

from __future__ import annotations

from typing import Any, Protocol

from dicomwire.dimse.session import Session


class Turns(Protocol):
    """Who reads for whom, and who sends, where several threads or tasks use one association."""

    def hold(self, held: bool) -> None:
        """Views of received data are in use while the caller waits for something else: receive nothing over them."""

    async def turn(self) -> None:
        """Wait for somebody else's :meth:`changed`: another thread or task reads or sends for all."""

    def changed(self) -> None:
        """Wake those who wait in :meth:`turn`."""


class Channel(Turns, Protocol):
    """One peer, seen from the shared logic: a session and the transport that feeds it.

    A blocking adapter does its work before each coroutine returns, so the logic above never suspends; an
    event-loop adapter suspends as usual, and lets its loop run once in every ``flush`` and ``pump``, even with
    nothing to wait for: else a fast handler starves reading, and a C-CANCEL goes unseen.
    """

    session: Session

    @property
    def is_torn(self) -> bool:
        """A PDU was not written to its end, and never will be: nothing may follow it."""
        ...

    @property
    def transport_socket(self) -> Any:
        """The socket below, for those who want to look at it; None if there is none."""
        ...

    async def flush(self) -> None:
        """Write what the session has to send; on return its buffers may be used again.

        Left by any exception in the middle of writing, it leaves the channel torn.

        Raises:
            OSError: the peer cannot be written to.
        """

    async def pump(self) -> None:
        """Return once the session was fed more, told of the end of the stream, or told that its deadline passed."""

    def poll(self) -> bool:
        """Feed the session what has arrived already, and deadlines that are over, without waiting.

        True if it was fed something.
        """
        ...

    async def send_eof(self) -> None:
        """Half-close: nothing more will be sent.  Does nothing where the transport cannot, or is gone."""

    async def aclose(self) -> None:
        """Close the transport.  Never raises, may be called again."""

    def abandon(self) -> None:
        """Send what is queued if that needs no waiting, and close: for tasks that are being cancelled."""
