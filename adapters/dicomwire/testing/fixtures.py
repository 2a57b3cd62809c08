"""Fixtures of pytest: ``pytest_plugins = ["dicomwire.testing.fixtures"]`` in a test module or the root conftest.py.

Each ends what it has started.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, TypeAlias

import pytest

from dicomwire.blocking.entity import AE
from dicomwire.memory.end import End, ends
from dicomwire.memory.network import Network
from dicomwire.testing.recorded_script import recorded
from dicomwire.testing.script import ScriptStep
from dicomwire.testing.scripted_peer import ScriptedPeer
from dicomwire.traces import read_trace

MakeServer: TypeAlias = Callable[..., Any]
MakePeer: TypeAlias = Callable[..., ScriptedPeer]


@pytest.fixture
def dicom_scp() -> Iterator[MakeServer]:
    """``dicom_scp(ae, handlers)`` starts a server of an AE on a free port of the loopback interface; it is returned."""
    with ExitStack() as stack:

        def start(ae: AE, handlers: Sequence[Any] = (), **options: Any) -> Any:
            stack.callback(ae.shutdown)
            return ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=list(handlers), **options)

        yield start


@pytest.fixture
def scripted_peer() -> Iterator[MakePeer]:
    """``scripted_peer(accept(), serve())`` is a peer that runs; at the end of the test it must have done its script."""
    with ExitStack() as stack:

        def start(*steps: ScriptStep, **options: Any) -> ScriptedPeer:
            return stack.enter_context(ScriptedPeer(*steps, **options))

        yield start


@pytest.fixture
def recorded_peer(scripted_peer: MakePeer) -> MakePeer:
    """``recorded_peer(path)`` plays the peer of an association that was recorded with ``trace=`` or ``--trace``.

    ``number`` chooses another one than the first; ``recorder=True`` takes the part of the side that has recorded.
    """

    def start(path: str | os.PathLike[str], number: int = 0, *, recorder: bool = False, **options: Any) -> ScriptedPeer:
        return scripted_peer(*recorded(read_trace(path).associations[number], recorder=recorder), **options)

    return start


@pytest.fixture
def dicom_network() -> Network:
    """A network in memory, whose clock jumps to the next deadline: ``now`` is what time it is."""
    return Network()


@pytest.fixture
def dicom_ends(dicom_network: Network) -> tuple[End, End]:
    """The two ends of a connection inside ``dicom_network``."""
    return ends(dicom_network)
