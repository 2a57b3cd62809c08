"""The end of a peer that does not read, as who writes to it looks for that."""

from __future__ import annotations

import pytest

from dicomwire.dimse.stalled_write import peer_has_ended
from tests.support.sessions import (
    ECHO,
    FIND,
    cancel_rq,
    echo_rq,
    feed,
    find_rq,
    joined,
    whole_command,
    whole_data,
)
from tests.support.streams import abort

FIND_REQUEST = whole_command(FIND, find_rq()) + whole_data(FIND, b"query!")
CANCEL = whole_command(FIND, cancel_rq())


@pytest.mark.parametrize(("arrived", "has_ended"), [(abort(0, 0), True), (b"", True), (CANCEL, False), (None, False)])
def test_who_writes_to_a_peer_that_does_not_read_sees_its_end(arrived: bytes | None, has_ended: bool) -> None:
    _, acceptor = joined()
    feed(acceptor, FIND_REQUEST)

    def receive() -> bool:
        if arrived is not None:
            acceptor.receive_data(arrived)
        return arrived is not None

    assert peer_has_ended(acceptor, receive) is has_ended
    # A C-CANCEL is not lost by that.
    assert acceptor.cancelled == ({1} if arrived == CANCEL else set())


def test_nothing_is_received_over_what_nobody_has_taken() -> None:
    _, acceptor = joined()
    acceptor.receive_data(whole_command(ECHO, echo_rq())[:10])

    def receive() -> bool:
        raise AssertionError("there is no room for it")

    assert not peer_has_ended(acceptor, receive)
