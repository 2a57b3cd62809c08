"""A received data set on its way: what is kept, what is refused, and what is told of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dicomwire import evt
from dicomwire.associations.incoming_data_sets import receive_data_set
from dicomwire.associations.received_message import ReceivedMessage
from dicomwire.associations.sides import Sides
from dicomwire.associations.user_code import HandlerRaised
from dicomwire.data.memory_budget import MemoryBudget
from dicomwire.data.store import STORE
from dicomwire.dimse.accepted_contexts import AcceptedContext
from dicomwire.dimse.command import Command
from dicomwire.upper_layer.limits import Limits
from dicomwire.upper_layer.state import Role
from tests.support.encoded import CT, EXPLICIT, Writer

DATA = Writer().uids("1.2.3")
META = Writer().uid(0x00020010, EXPLICIT)


class Event:
    """A piece that came."""

    def __init__(self, piece: bytes, last: bool) -> None:
        self.fragments, self.last = [memoryview(piece)], last


class Line:
    """One on which pieces come; without a last one it ends before."""

    def __init__(self, *pieces: bytes, ends: bool = False, sink: Any = None) -> None:
        self._events = [Event(piece, not ends and index == len(pieces) - 1) for index, piece in enumerate(pieces)]
        for name in ("session", "connection", "handlers", "standing", "host", "channel", "association", "ae"):
            setattr(self, name, self)
        self.sides = Sides(Role.ACCEPTOR)
        self.limits = Limits(identifier=len(DATA), data_set_in_memory=2 * len(DATA))
        self.interventions = {} if sink is None else {evt.EVT_C_STORE_SINK: sink}
        self.is_established, self.unserved = True, None
        self.file_store, self.memory_budget = STORE, MemoryBudget()
        self.taken, self.held = 0, list[bool]()
        self._sink = sink

    async def next_data_set_event(self) -> Event | None:
        return self._events.pop(0) if self._events else None

    def data_set_taken(self) -> None:
        self.taken += 1

    def hold(self, on: bool) -> None:
        self.held.append(on)

    async def call(self, function: Any, *args: Any) -> Any:
        return function(*args)

    def call_now(self, function: Any) -> None:
        function()

    async def ask_handler(self, event: Any) -> Any:
        if isinstance(self._sink, Exception):
            raise HandlerRaised("no") from self._sink
        return self._sink


class Broken:
    """A sink that is full, and cannot even forget."""

    def write(self, fragments: list[memoryview]) -> None:
        raise OSError("it is full")

    def close(self) -> None: ...

    def discard(self) -> None:
        raise ValueError("nor forget")


def receive(line: Line, field: int = 1) -> tuple[bool, ReceivedMessage]:
    command = Command(command_field=field, message_id=7, affected_sop_class_uid=CT, affected_sop_instance_uid="1.2.3")
    message = ReceivedMessage(AcceptedContext(1, CT, EXPLICIT), command)
    message.made_primitive = "before"
    given: Any = line
    return asyncio.run(receive_data_set(given, message, given)), message


def heard(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.startswith("dicomwire")]


@pytest.mark.parametrize("cut", [1, 9, len(DATA)])
def test_what_comes_is_kept_whole(cut: int, caplog: pytest.LogCaptureFixture) -> None:
    line = Line(DATA[:cut], DATA[cut:])
    whole, message = receive(line)
    assert (whole, bytes(message.data or b""), message.refused, message.unfit) == (True, DATA, None, None)
    assert (line.taken, message.made_primitive, heard(caplog)) == (1, None, [])


def test_file_meta_information_in_front_is_dropped_and_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    _, message = receive(Line(META + DATA))
    assert bytes(message.data or b"") == DATA
    what = f"{len(META)} bytes of file meta information in front of a data set: dropped"
    assert heard(caplog) == [f"tolerated from the peer: {what}"]


def test_of_an_identifier_nothing_is_dropped_and_it_has_a_limit_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    _, message = receive(Line(DATA), field=0x0020)
    assert bytes(message.data or b"") == DATA
    _, message = receive(Line(DATA, b"more"), field=0x0020)
    assert message.data is None and message.refused == 0xA700
    assert heard(caplog) == [f"storing a data set failed: MemoryError: data set longer than {len(DATA)} bytes"]
    _, message = receive(Line(DATA, b"more"))
    assert message.refused is None


def test_where_an_association_ends_before_nothing_is_kept() -> None:
    line = Line(DATA, ends=True)
    whole, message = receive(line)
    assert (whole, message.data, line.taken, message.made_primitive) == (False, None, 0, "before")


@pytest.mark.parametrize("name", ["unserved", "is_established"])
def test_what_nobody_will_be_asked_to_store_is_read_and_dropped(name: str) -> None:
    line = Line(DATA)
    setattr(line, name, 0x0122 if name == "unserved" else False)
    whole, message = receive(line)
    assert (whole, message.data, message.refused, line.taken) == (True, None, None, 1)


def test_a_sink_that_fails_stops_nothing_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    line = Line(DATA[:9], DATA[9:], sink=Broken())
    whole, message = receive(line)
    assert (whole, message.refused, line.taken, line.held) == (True, 0xA700, 1, [True, False])
    told = ["storing a data set failed: OSError: it is full", "discarding an incomplete data set failed: nor forget"]
    assert heard(caplog) == told


@pytest.mark.parametrize(("sink", "status"), [(OSError("no"), 0xA700), (ValueError("no"), 0xC211), (object(), 0xC211)])
def test_where_no_sink_can_be_had_a_failure_is_answered(sink: Any, status: int) -> None:
    whole, message = receive(Line(DATA, sink=sink))
    assert (whole, message.data, message.refused) == (True, None, status)


def test_what_is_no_data_set_is_kept_for_whoever_asks_and_nothing_for_others() -> None:
    _, message = receive(Line(b"this is no data set at all"))
    assert message.unfit is not None and message.refused is None
    taken: list[Any] = []
    _, message = receive(Line(b"this is no data set at all", sink=taken.append))
    assert (message.unfit, message.refused, taken) == (None, 0x0210, [])
