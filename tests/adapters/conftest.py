"""A peer that several modules here are slow with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.lazy_peers import LazyPeer


@pytest.fixture
def peer() -> Iterator[LazyPeer]:
    peer = LazyPeer()
    yield peer
    peer.close()
