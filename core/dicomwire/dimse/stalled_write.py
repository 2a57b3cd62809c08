"""What an adapter looks for while a write waits: the end of a peer that does not read."""

from __future__ import annotations

from collections.abc import Callable

from dicomwire.dimse.session import Session
from dicomwire.upper_layer.state import State


def peer_has_ended(session: Session, receive: Callable[[], bool]) -> bool:
    """Whether the peer has aborted, or gone: nobody has to wait for it to read then.

    ``receive()`` feeds what has arrived, if that needs no waiting, and says whether anything was.  It is not asked
    while there is something that nobody has taken: what comes then waits its turn.
    """
    session.scan()
    if session.wants_scan and not session.connection.unread and receive():
        session.scan()
    return session.connection.state is State.STA1
