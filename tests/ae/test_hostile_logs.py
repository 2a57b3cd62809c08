"""What a hostile peer says in the log: each line is clean and has an end, and no secret is in it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from struct import pack
from typing import Any

import pytest
from pydicom.dataset import Dataset

from dicomwire import _config, evt
from dicomwire._logging import Dump
from dicomwire.presentation import build_context
from dicomwire.sources import EncodedDataSet
from tests.support.adapters import World, done
from tests.support.finding import collect
from tests.support.scripted import ask, offering
from tests.support.sessions import (
    CT_IMAGE_STORAGE,
    IMPLICIT,
    STUDY_ROOT_FIND,
    VERIFICATION,
    element,
    us,
)

EVIL = "\x1b[2J\r\nI: all is well\x07\x9b\u202e".encode("latin-1", "replace")
LONG = EVIL * (64_000 // len(EVIL))
LONGEST_LINE = 1200
SECRETS = ("s3cret-name", "s3cret-password", "s3cret-answer")


class Kept(logging.Handler):
    """Keeps the lines of all records, and who wrote them."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.traces: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += record.msg.lines if isinstance(record.msg, Dump) else [record.getMessage()]
        if record.exc_info or record.exc_text:
            self.traces.append(logging.Formatter().format(record))
        self.lines += (getattr(record, name) for name in ("association", "peer", "called", "calling"))


@pytest.fixture
def log() -> Iterator[Kept]:
    logger, handler = logging.getLogger("dicomwire"), Kept()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(level)


def unclean(log: Kept) -> list[str]:
    """The beginnings of those lines that reach a terminal as more than text, or have no end."""
    return [line[:200] for line in log.lines if not line.isprintable() or len(line) > LONGEST_LINE]


def item(kind: int, body: bytes) -> bytes:
    return pack(">BxH", kind, len(body)) + body


def counted(value: bytes) -> bytes:
    return pack(">H", len(value)) + value


def request_with(field: str, text: bytes) -> bytes:
    """An A-ASSOCIATE-RQ that is correct but for one text."""

    def or_text(name: str, proper: bytes) -> bytes:
        return text if field == name else proper

    uid = VERIFICATION.encode()
    user = item(0x51, pack(">L", 16384)) + item(0x52, or_text("implementation class", b"1.2.3"))
    user += item(0x55, or_text("implementation version", b"V"))
    if field in ("role", "extended", "common extended", "user name", "password", "unknown"):
        user += {
            "role": item(0x54, counted(text) + b"\1\1"),
            "extended": item(0x56, counted(text[:32_000]) + text[:32_000]),
            "common extended": item(0x57, counted(text[:20_000]) * 2 + counted(counted(text[:20_000]))),
            "user name": item(0x58, b"\1\0" + counted(text) + counted(b"")),
            "password": item(0x58, b"\2\0" + counted(b"user") + counted(text)),
            "unknown": item(0x60, text),
        }[field][:65_000]
    context = b"\1\0\0\0" + item(0x30, or_text("abstract syntax", uid))
    context += item(0x40, or_text("transfer syntax", IMPLICIT.encode()))
    body = pack(">H2x", 1) + or_text("called", b"CALLED").ljust(16)[:16] + or_text("calling", b"CALLING").ljust(16)[:16]
    body += bytes(32) + item(0x10, or_text("application context", b"1.2.840.10008.3.1.1.1"))
    body += item(0x20, context) + item(0x50, user)
    return pack(">BxL", 1, len(body)) + body


@pytest.mark.parametrize("text", [EVIL, LONG], ids=["short", "long"])
@pytest.mark.parametrize(
    "field",
    ["called", "calling", "application context", "abstract syntax", "transfer syntax", "implementation class",
     "implementation version", "role", "extended", "common extended", "user name", "password", "unknown"],
)  # fmt: skip
async def test_no_text_of_an_association_request_reaches_the_log_as_it_is(
    world: World, log: Kept, field: str, text: bytes
) -> None:
    server = await world.serve()
    peer = await world.connect(server)
    with suppress(ConnectionError):
        await peer.send(request_with(field, text[:63_000]))
        await peer.pdu()
    await peer.close()
    assert (await world.join()).is_established
    assert log.lines
    assert unclean(log) == []


TEXTS = {
    "affected class": 0x0002, "requested class": 0x0003, "destination": 0x0600, "comment": 0x0902,
    "affected instance": 0x1000, "requested instance": 0x1001, "originator": 0x1030, "command of none": 0x5010,
}  # fmt: skip


@pytest.mark.parametrize("text", [EVIL, LONG], ids=["short", "long"])
@pytest.mark.parametrize("command_field", [0x0001, 0x0020, 0x0021, 0x0030, 0x0100, 0x0140, 0x8001, 0x4444])
@pytest.mark.parametrize("field", TEXTS)
async def test_no_text_of_a_command_reaches_the_log_as_it_is(
    memory_world: World, log: Kept, field: str, command_field: int, text: bytes
) -> None:
    contexts = [build_context(uid, IMPLICIT) for uid in (VERIFICATION, CT_IMAGE_STORAGE, STUDY_ROOT_FIND)]
    server = await memory_world.serve(contexts=contexts)
    for context_id, uid in ((1, VERIFICATION), (3, CT_IMAGE_STORAGE), (5, STUDY_ROOT_FIND)):
        peer = await offering(memory_world, server, VERIFICATION, CT_IMAGE_STORAGE, STUDY_ROOT_FIND)
        said = element(TEXTS[field], text + b" " * (len(text) % 2))
        if field == "affected class":
            from tests.support.scripted import say

            message = say(context_id, command_field, said, us(0x0110, 1), us(0x0700, 0), data=text)
        else:
            message = ask(context_id, command_field, uid, said, us(0x0700, 0), data=text)
        with suppress(ConnectionError):
            await peer.send(message[:16_000] if len(message) > 16_300 else message)
        await peer.close()
    assert (await memory_world.join()).is_established
    assert unclean(log) == []


def identity() -> Any:
    from dicomwire.pdu_primitives import UserIdentityNegotiation

    made = UserIdentityNegotiation()
    made.user_identity_type = 2
    made.primary_field, made.secondary_field = (secret.encode() for secret in SECRETS[:2])
    made.positive_response_requested = True
    return made


async def test_who_the_user_is_is_neither_logged_nor_shown(world: World, log: Kept) -> None:
    shown: list[str] = []

    def see(event: Any) -> Any:
        shown.extend(map(repr, (event, event.assoc, event.assoc.requestor, event.assoc.line)))
        return (True, SECRETS[2].encode()) if event.event is evt.EVT_USER_ID else None

    def pdu(event: Any) -> None:
        shown.extend((repr(event), repr(event.pdu), str(event.pdu)))

    def acse(event: Any) -> None:
        shown.extend((repr(event), repr(event.primitive), str(event.primitive)))

    handlers = [(evt.EVT_PDU_RECV, pdu), (evt.EVT_PDU_SENT, pdu), (evt.EVT_ACSE_RECV, acse), (evt.EVT_ACSE_SENT, acse)]
    server = await world.serve([(evt.EVT_USER_ID, see), *handlers])
    association = await world.associate(server, ext_neg=[identity()], evt_handlers=handlers)
    assert association.is_established
    shown += map(repr, (association, association.requestor, association.acceptor, association.ae, server))
    shown.append(repr(association.requestor.user_identity))
    await done(association.release())
    assert [text for text in shown if any(secret in text for secret in SECRETS)] == []
    assert [line for line in log.lines if any(secret in line for secret in SECRETS)] == []


def query(name: str) -> Dataset:
    made = Dataset()
    made.QueryRetrieveLevel, made.PatientName, made.PatientID = "PATIENT", name, "id-of-doe"
    return made


@pytest.mark.parametrize("is_logged", [True, False])
async def test_patients_are_in_the_log_only_by_a_setting(
    world: World, log: Kept, is_logged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_config, "LOG_PATIENT_DATA", is_logged)

    # Not as it stands in a line of source, which a traceback shows.
    odd = "^".join(("Doe", "Error"))

    def find(event: Any) -> Iterator[Any]:
        yield 0xFF00, query("Doe^Match")
        raise ValueError(f"{odd} is no name")

    contexts = [build_context(STUDY_ROOT_FIND, IMPLICIT)]
    server = await world.serve([(evt.EVT_C_FIND, find)], contexts=contexts)
    association = await world.associate(server, contexts=contexts)
    assert len(await collect(association.send_c_find(query("Doe^Asked"), STUDY_ROOT_FIND))) == 2
    await done(association.release())
    text = "\n".join(log.lines + log.traces)
    assert ("(0010,0010) PatientName (not shown)" in text) is not is_logged
    assert "ValueError" in text and "in find" in text
    assert [name in text for name in ("Doe^Asked", "Doe^Match", "id-of-doe", "Doe^Error")] == [is_logged] * 4


# -- how much ------------------------------------------------------------------------------------------------------
def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


async def test_what_comes_again_and_again_is_told_ten_times_and_then_counted(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicomwire._logging.BoundedFilter.APART", 1e9)
    contexts = [build_context(STUDY_ROOT_FIND, IMPLICIT)]
    server = await world.serve([], contexts=contexts)
    association: Any = None
    kinds = Counter[str]()
    for _ in range(2):
        caplog.clear()
        association = await world.associate(server, contexts=contexts)
        for _ in range(30):
            await collect(association.send_c_find(query("Doe^Asked"), STUDY_ROOT_FIND))
        kinds = Counter(text.partition(" (more like this")[0] for text in warnings_of(caplog))
        # Each association has its own ten.
        assert kinds and set(kinds.values()) == {10}
        assert sum(" (more like this of this association only every " in text for text in warnings_of(caplog)) == len(
            kinds
        )
    caplog.clear()
    monkeypatch.setattr("dicomwire._logging.BoundedFilter.APART", 0.0)
    await collect(association.send_c_find(query("Doe^Asked"), STUDY_ROOT_FIND))
    assert [text.partition(" (")[2] for text in warnings_of(caplog)] == ["20 more like this since the last)"] * len(
        kinds
    )
    await done(association.release())


async def test_a_data_set_that_is_none_is_no_fault_of_the_handler(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def look(event: Any) -> int:
        len(event.dataset)
        return 0x0000

    association = await world.join([(evt.EVT_C_STORE, look)])
    (context,) = [each for each in association.accepted_contexts if each.abstract_syntax == CT_IMAGE_STORAGE]
    broken = EncodedDataSet(
        sop_class_uid=CT_IMAGE_STORAGE,
        sop_instance_uid="1.2.3",
        transfer_syntax_uid=context.transfer_syntax[0],
        data=b"\x08\x00\x16\x00" + b"\xff" * 10,
    )
    assert (await done(association.send_c_store(broken))).Status == 0x0210
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.exc_info is None and "EVT_C_STORE raised: NoDataSet: " in record.getMessage()
