"""``python -m benchmarks.codec``: the codec alone, without I/O; to be run before and after a change."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from attrs import asdict, frozen

from benchmarks.machine import this_machine
from benchmarks.report import number
from benchmarks.tasks import CT_IMAGE_STORAGE, EXPLICIT_LITTLE, VERIFICATION
from dicomwire import Command, Connection, DataSetReceived, MessageReceived, Role, Session
from dicomwire.dimse import answer
from dicomwire.upper_layer import AssociateAC, AssociateRQ, ConnectionEvent, decode_pdu
from dicomwire.upper_layer.items import (
    ImplementationClassUIDItem,
    MaximumLengthItem,
    PresentationContextACItem,
    PresentationContextRQItem,
)

_IMPLICIT_LITTLE = "1.2.840.10008.1.2"
_RECEIVED_AT_ONCE = 256 * 1024
_SENT_AT_ONCE = 1 << 20

ECHO_RQ = Command(command_field=0x0030, message_id=7, affected_sop_class_uid=VERIFICATION)
STORE_RQ = Command(
    command_field=0x0001,
    message_id=7,
    affected_sop_class_uid=CT_IMAGE_STORAGE,
    affected_sop_instance_uid="1.2.826.0.1.3680043.8.498.12345678901234567890123456",
    priority=2,
)


@frozen(kw_only=True)
class Work:
    """Something to repeat: what one call does, counted in PDUs and bytes."""

    name: str
    call: Callable[[], object]
    pdus: int = 1
    """PDUs or messages per call."""

    size: int = 0
    """Bytes per call."""


@frozen(kw_only=True)
class Result:
    name: str
    microseconds: float
    """Of one PDU or message: median over the rounds."""

    least: float
    most: float
    pdus_per_second: float
    megabytes_per_second: float
    calls: float
    """Calls of functions, of Python and of C, for each."""


# -- associations ---------------------------------------------------------------------------------------------------
def request(contexts: int, maximum_length: int = 16382) -> AssociateRQ:
    """A request with this many contexts, of two transfer syntaxes each; the first two are CT and verification."""
    classes = [CT_IMAGE_STORAGE, VERIFICATION, *(f"1.2.840.10008.5.1.4.1.1.{index}" for index in range(1000, 1126))]
    return AssociateRQ(
        called_ae_title="ACCEPTOR",
        calling_ae_title="REQUESTOR",
        presentation_context=tuple(
            PresentationContextRQItem(
                context_id=2 * index + 1, abstract_syntax=uid, transfer_syntax=(EXPLICIT_LITTLE, _IMPLICIT_LITTLE)
            )
            for index, uid in enumerate(classes[:contexts])
        ),
        user_information=_user_information(maximum_length),
    )


def acceptance(proposal: AssociateRQ, maximum_length: int = 16382) -> AssociateAC:
    return AssociateAC(
        called_ae_title="ACCEPTOR",
        calling_ae_title="REQUESTOR",
        presentation_context=tuple(
            PresentationContextACItem(context_id=context.context_id, result=0, transfer_syntax=EXPLICIT_LITTLE)
            for context in proposal.presentation_context
        ),
        user_information=_user_information(maximum_length),
    )


def _user_information(maximum_length: int) -> tuple[MaximumLengthItem, ImplementationClassUIDItem]:
    return (
        MaximumLengthItem(maximum_length=maximum_length),
        ImplementationClassUIDItem(implementation_class_uid="1.2.826.0.1.3680043.8.498.1"),
    )


def joined(maximum_length: int) -> tuple[Session, Session]:
    """Requestor and acceptor with an association; context 1 is CT, 3 is verification."""
    requestor, acceptor = Session(Connection(Role.REQUESTOR)), Session(Connection(Role.ACCEPTOR))
    proposal = request(2, maximum_length)
    requestor.send(proposal)
    _carry(requestor, acceptor)
    acceptor.send(acceptance(proposal, maximum_length))
    _carry(acceptor, requestor)
    return requestor, acceptor


def _carry(source: Session, target: Session) -> list[ConnectionEvent]:
    """Bring what ``source`` has to send into the buffer of ``target``, as a socket would, and take the events."""
    events = []
    for data in source.data_to_send():
        events += _receive(target, memoryview(data))
    return events


def _receive(target: Session, view: memoryview) -> list[ConnectionEvent]:
    """The events of some bytes, but for pieces of data sets, which are dropped."""
    events = []
    while view:
        room = target.get_buffer()
        count = min(len(room), len(view))
        room[:count] = view[:count]
        target.buffer_updated(count)
        view = view[count:]
        while (event := target.next_event()) is not None:
            if not isinstance(event, DataSetReceived):
                events.append(event)
    return events


# -- what is measured -----------------------------------------------------------------------------------------------
def receive(maximum_length: int, size: int) -> Work:
    """P-DATA through a Session that drops the data set, fed 256 KiB at a time."""
    requestor, acceptor = joined(maximum_length)
    requestor.begin_message(1, STORE_RQ, data_set_follows=True)
    _carry(requestor, acceptor)
    requestor.send_data_set(bytes(size), last=False)
    buffers = requestor.data_to_send()
    stream = memoryview(b"".join(buffers))
    pieces = [stream[start : start + _RECEIVED_AT_ONCE] for start in range(0, len(stream), _RECEIVED_AT_ONCE)]

    def call() -> None:
        for piece in pieces:
            _receive(acceptor, piece)

    return Work(name=f"receive P-DATA, PDU {maximum_length}", call=call, pdus=len(buffers) // 2, size=size)


def send(maximum_length: int, size: int) -> Work:
    """P-DATA out of a Session, a MiB at a time; the buffers are dropped unwritten."""
    requestor, _ = joined(maximum_length)
    requestor.begin_message(1, STORE_RQ, data_set_follows=True)
    requestor.data_to_send()
    fragment = requestor.connection.fragment_size
    step = max(1, _SENT_AT_ONCE // fragment) * fragment
    piece = memoryview(bytes(step))
    times = max(1, size // step)

    def call() -> None:
        for _ in range(times):
            requestor.send_data_set(piece, last=False)
            requestor.data_to_send()

    return Work(
        name=f"send P-DATA, PDU {maximum_length}", call=call, pdus=times * (step // fragment), size=times * step
    )


def associations(contexts: int) -> list[Work]:
    proposal = request(contexts)
    data = proposal.encode()
    plural = "s" if contexts > 1 else ""
    return [
        Work(name=f"decode A-ASSOCIATE-RQ, {contexts} context{plural}", call=lambda: decode_pdu(data), size=len(data)),
        Work(name=f"encode A-ASSOCIATE-RQ, {contexts} context{plural}", call=proposal.encode, size=len(data)),
    ]


def commands() -> list[Work]:
    made = []
    for name, command in (
        ("C-ECHO-RQ", ECHO_RQ),
        ("C-ECHO-RSP", answer(ECHO_RQ, 0)),
        ("C-STORE-RQ", STORE_RQ),
        ("C-STORE-RSP", answer(STORE_RQ, 0)),
    ):
        data = command.encode()
        made += [
            Work(name=f"encode {name}", call=command.encode, size=len(data)),
            Work(name=f"decode {name}", call=lambda data=data: Command.decode(data), size=len(data)),  # type: ignore[misc]
        ]
    return made


def exchange(size: int, maximum_length: int = 16382) -> Work:
    """A whole C-STORE in memory: request, data set, and response."""
    requestor, acceptor = joined(maximum_length)
    data_set = bytes(size)
    pdus = 2 + -(-size // requestor.connection.fragment_size)

    def call() -> None:
        requestor.send_message(1, STORE_RQ, data_set)
        (received,) = _carry(requestor, acceptor)
        assert isinstance(received, MessageReceived)
        acceptor.send_message(1, answer(received.command, 0x0000))
        (response,) = _carry(acceptor, requestor)
        assert isinstance(response, MessageReceived)

    return Work(name=f"whole C-STORE in memory, {size} bytes", call=call, pdus=pdus, size=size)


def small(size: int | None) -> Work:
    """A C-ECHO, or a C-STORE of a small data set: what is written at once arrives at once, as with sockets."""
    requestor, acceptor = joined(16382)
    context_id, request = (3, ECHO_RQ) if size is None else (1, STORE_RQ)
    data_set = None if size is None else bytes(size)
    response = answer(request, 0x0000)

    def carry(source: Session, target: Session) -> None:
        data = b"".join(source.data_to_send())
        target.get_buffer()[: len(data)] = data
        target.buffer_updated(len(data))
        assert isinstance(target.next_event(), MessageReceived)

    def call() -> None:
        requestor.send_message(context_id, request, data_set)
        carry(requestor, acceptor)
        if size is not None:
            assert isinstance(acceptor.next_event(), DataSetReceived)
        acceptor.send_message(context_id, response)
        carry(acceptor, requestor)

    name = "whole C-ECHO, as sockets carry it" if size is None else f"whole C-STORE, as sockets carry it, {size} bytes"
    return Work(name=name, call=call, size=size or 0)


def all_work(*, tiny: bool) -> list[Work]:
    size = 1 << 20 if tiny else 64 << 20
    lengths = (16382, 131072, 1 << 20)
    return [
        *(receive(length, size) for length in lengths),
        *(send(length, size) for length in lengths),
        *associations(1),
        *associations(128),
        *commands(),
        small(None),
        small(4096),
        exchange(4096),
        exchange(512 * 1024),
    ]


def count_calls(call: Callable[[], object]) -> int:
    """How many functions are called by ``call``; the same each time, on any machine."""
    count = 0

    def note(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    # Ours, and that which ends it.
    return count - 2


# -- measuring ------------------------------------------------------------------------------------------------------
def measure(work: Work, rounds: int, seconds: float) -> Result:
    """Time ``rounds`` rounds of about ``seconds`` each."""
    started = time.perf_counter()
    work.call()
    once = max(time.perf_counter() - started, 1e-7)
    times = max(1, int(seconds / once))
    each = []
    for _ in range(rounds):
        started = time.perf_counter()
        for _ in range(times):
            work.call()
        each.append((time.perf_counter() - started) / times / work.pdus)
    middle = statistics.median(each)
    return Result(
        name=work.name,
        microseconds=middle * 1e6,
        least=min(each) * 1e6,
        most=max(each) * 1e6,
        pdus_per_second=1 / middle,
        megabytes_per_second=work.size / work.pdus / middle / 1e6,
        calls=count_calls(work.call) / work.pdus,
    )


def as_text(results: Sequence[Result]) -> str:
    rows = [("case", "us each (min-max)", "PDUs or messages/s", "MB/s", "calls")]
    for result in results:
        spread = f"{number(result.microseconds)} ({number(result.least)}-{number(result.most)})"
        speeds = number(result.pdus_per_second), number(result.megabytes_per_second)
        rows.append((result.name, spread, *speeds, number(result.calls)))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.codec", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tiny", action="store_true", help="only shows that everything works")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the figures as JSON, too")
    options = parser.parse_args(arguments)
    seconds = 0.0 if options.tiny else 0.2
    results = [measure(work, options.rounds, seconds) for work in all_work(tiny=options.tiny)]
    machine = this_machine()
    print(machine.line, as_text(results), sep="\n\n")
    if options.output is not None:
        document = {"machine": asdict(machine), "results": [asdict(result) for result in results]}
        options.output.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
