"""Traces as files: what is read of torn and broken ones, and what is left out of them."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from dicomwire.dimse.command import Command
from dicomwire.traces import BadTrace, RecordKind, ReplayDiffers, TraceFile, read_trace, replay, show, write_trace
from dicomwire.tracing.redaction import Redaction, Treatment
from dicomwire.tracing.trace_files import read_trace_from
from dicomwire.upper_layer.items import UserIdentityACItem, UserIdentityRQItem
from dicomwire.upper_layer.pdus import AssociateAC, AssociateRQ, PDataTF, PresentationDataValue, decode_pdu
from tests.support.streams import ASSOCIATE_AC, ASSOCIATE_RQ, RELEASE_RQ

SECRETS = (b"alice", b"open sesame", b"a ticket")
ECHO = Command(command_field=0x30, message_id=7, affected_sop_class_uid="1.2.840.10008.1.1").encode()
PATIENT = b"\x10\x00\x10\x00PN\x0a\x00Doe^Jane  "


def with_identity() -> bytes:
    item = UserIdentityRQItem(user_identity_type=2, primary_field=SECRETS[0], secondary_field=SECRETS[1])
    return AssociateRQ(called_ae_title="A", calling_ae_title="B", user_information=(item,)).encode()


def with_response() -> bytes:
    item = UserIdentityACItem(server_response=SECRETS[2])
    return AssociateAC(called_ae_title="A", calling_ae_title="B", user_information=(item,)).encode()


def p_data(*values: tuple[int, bytes]) -> bytes:
    items = tuple(PresentationDataValue(1, control, fragment) for control, fragment in values)
    return PDataTF(presentation_data_value_items=items).encode()


def kept(redaction: Redaction, pieces: list[bytes]) -> tuple[bytes, int]:
    data, left_out = b"", 0
    for treatment, run in redaction.treat_all([*pieces]):
        if treatment is Treatment.LEFT_OUT:
            left_out += len(run)
        elif treatment is Treatment.ONLY_HEADS:
            left_out += sum(int.from_bytes(run[at + 6 : at + 10], "big") - 2 for at in range(0, len(run), 12))
            data += run
        else:
            data += run
    return data, left_out


def in_pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("pdu", [with_identity(), with_response()], ids=["request", "response"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_credentials_are_masked_however_they_come_and_the_pdu_stays_one(pdu: bytes, size: int) -> None:
    data, left_out = kept(Redaction(credentials=False, data_sets=True), in_pieces(pdu + ECHO, size))
    assert not any(secret in data for secret in SECRETS) and b"*****" in data
    assert left_out == 0 and len(data) == len(pdu + ECHO) and data.endswith(ECHO)
    assert decode_pdu(data[: len(pdu)]).encode() == data[: len(pdu)]


@pytest.mark.parametrize("cut", range(6, len(with_identity())))
def test_a_request_whose_lengths_are_wrong_gives_no_secret_away(cut: int) -> None:
    # The items say more than the PDU has.
    pdu = bytearray(with_identity()[:cut])
    pdu[2:6] = (cut - 6).to_bytes(4, "big")
    data, _ = kept(Redaction(credentials=False, data_sets=True), [bytes(pdu), RELEASE_RQ])
    assert b"alice" not in data and b"open" not in data and data.endswith(RELEASE_RQ)


@pytest.mark.parametrize("size", [1, 5, 13, 1000])
def test_data_sets_are_left_out_and_commands_kept(size: int) -> None:
    stream = with_identity() + p_data((3, ECHO), (0, PATIENT)) + p_data((2, PATIENT)) + RELEASE_RQ
    data, left_out = kept(Redaction(credentials=False, data_sets=False), in_pieces(stream, size))
    assert ECHO in data and data.endswith(RELEASE_RQ) and b"Doe" not in data and b"alice" not in data
    assert left_out == 2 * len(PATIENT) and len(data) + left_out == len(stream)


def test_what_is_no_pdu_may_be_anything_and_is_left_out_with_the_data_sets() -> None:
    data, left_out = kept(Redaction(credentials=True, data_sets=False), [b"GET /?name=Doe HTTP/1.1"])
    assert b"Doe" not in data and left_out == len(b"GET /?name=Doe HTTP/1.1") - 6


def recorded(path: Path) -> bytes:
    """A request, its answer, and the end."""
    with TraceFile(path, data_sets=True) as trace:
        number = trace.next_association()
        trace.record(RecordKind.OPENED, number, 1000.0, [b'{"role": "requestor"}'])
        trace.record(RecordKind.SENT, number, 1000.5, [ASSOCIATE_RQ])
        trace.record(RecordKind.RECEIVED, number, 1001.0, [ASSOCIATE_AC[:9], ASSOCIATE_AC[9:]])
        trace.record(RecordKind.CLOSED, number, 1002.0, [])
    return path.read_bytes()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    recorded(tmp_path / "a")
    trace = read_trace(tmp_path / "a")
    (association,) = trace
    said = [(item.kind, item.time, item.data) for item in association.records[1:]]
    assert said == [
        (RecordKind.SENT, 1000.5, ASSOCIATE_RQ),
        (RecordKind.RECEIVED, 1001.0, ASSOCIATE_AC),
        (RecordKind.CLOSED, 1002.0, b""),
    ]
    write_trace(trace, tmp_path / "b")
    assert list(read_trace(tmp_path / "b")) == list(trace)


def test_of_a_torn_file_all_whole_records_are_read_and_the_rest_is_told(tmp_path: Path) -> None:
    content = recorded(tmp_path / "a")
    for cut in range(16, len(content)):
        trace = read_trace_from(BytesIO(content[:cut]))
        records = [record for association in trace for record in association.records]
        length = sum(24 + record.length for record in records)
        assert bool(trace.remarks) == (16 + length != cut)
        assert not trace.remarks or "torn" in trace.remarks[0]


def test_a_length_is_not_trusted(tmp_path: Path) -> None:
    content = bytearray(recorded(tmp_path / "a"))
    content[16 + 20 : 16 + 24] = b"\xff\xff\xff\xff"
    trace = read_trace_from(BytesIO(content))
    assert len(trace) == 0 and "4294967295 bytes" in trace.remarks[0]


def test_a_count_is_not_trusted(tmp_path: Path) -> None:
    with TraceFile(tmp_path / "a", data_sets=True) as trace:
        trace.record(RecordKind.OPENED, 1, 1.0, [b"{}"])
        trace.record_pieces(1, 1.0, [(RecordKind.SENT_LEFT_OUT, bytes(40 << 20))])
    (association,) = read_trace(tmp_path / "a")
    assert sum(record.left_out for record in association.records) == 40 << 20
    content = bytearray((tmp_path / "a").read_bytes())
    content[-8] = 1
    assert "left out at once" in read_trace_from(BytesIO(content)).remarks[0]


def test_a_kind_that_is_not_known_is_passed_over(tmp_path: Path) -> None:
    content = bytearray(recorded(tmp_path / "a"))
    second = 16 + 24 + len(b'{"role": "requestor"}')
    content[second] = 99
    (association,) = read_trace_from(BytesIO(content))
    assert [record.kind.name for record in association.records] == ["OPENED", "RECEIVED", "CLOSED"]


@pytest.mark.parametrize("content", [b"", b"\x89DWT", b"DICM" * 10, b"\x89DWT\r\n\x1a\n\0\2" + bytes(6)])
def test_what_is_no_trace_is_one_clear_error(content: bytes) -> None:
    with pytest.raises(BadTrace, match=r"not a trace|version 2"):
        read_trace_from(BytesIO(content))


def test_nothing_that_is_there_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        TraceFile(tmp_path / "a")


def test_a_replay_that_sends_something_else_says_so(tmp_path: Path) -> None:
    with TraceFile(tmp_path / "b", data_sets=True) as file:
        file.record(RecordKind.OPENED, 1, 1.0, [b'{"role": "acceptor"}'])
        file.record(RecordKind.RECEIVED, 1, 1.0, [RELEASE_RQ])
        file.record(RecordKind.SENT, 1, 1.0, [ASSOCIATE_AC])
    (association,) = read_trace(tmp_path / "b")
    # Whoever asks for release first gets an A-ABORT, which nobody has sent.
    with pytest.raises(ReplayDiffers):
        list(replay(association))


def test_what_is_shown_has_neither_credentials_nor_patients_nor_control_characters(tmp_path: Path) -> None:
    with TraceFile(tmp_path / "a", credentials=True, data_sets=True) as file:
        file.record(RecordKind.OPENED, 1, 1.0, [b'{"role": "acceptor"}'])
        file.record(RecordKind.RECEIVED, 1, 1.0, [with_identity().replace(b"B  ", b"\x1b[2")])
        file.record(RecordKind.RECEIVED, 1, 2.0, [p_data((3, ECHO), (2, PATIENT))])
        file.record(RecordKind.RECEIVED, 1, 2.0, [b"\x04\0\0\0\0\2ab" + b"\x09\0"])
    text = "\n".join(show(read_trace(tmp_path / "a")))
    assert "C-ECHO-RQ, message ID 7" in text and "User identity" in text
    assert not any(word in text for word in ("alice", "sesame", "Doe", "\x1b"))
    assert "P-DATA-TF that cannot be decoded" in text and "does not end" in text
