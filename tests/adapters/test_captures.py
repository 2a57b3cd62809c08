"""Captures of networks: TCP put together again, and what our own pcapng files hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dicomwire.captures.capture_files import read_any, read_capture
from dicomwire.traces import BadTrace, RecordKind, Trace, TracedAssociation, show
from dicomwire.tracing.dissecting import SeenPDU, dissect
from dicomwire.tracing.json_captures import trace_of_json
from dicomwire.tracing.pcapng_writer import pcapng
from dicomwire.upper_layer.items import UserIdentityRQItem
from dicomwire.upper_layer.pdus import AssociateRQ
from dicomwire.upper_layer.state import Role

dpkt: Any = pytest.importorskip("dpkt")

CAPTURES = sorted((Path(__file__).parents[1] / "data" / "captures").glob("*.json"))
STORE = next(path for path in CAPTURES if path.name == "store-three-objects.json")


def streams(association: TracedAssociation) -> tuple[bytes, bytes]:
    """All that was sent, and all that was received."""
    sent, received = (
        b"".join(record.bytes_crossed for record in association.records if record.kind in kinds)
        for kinds in (
            (RecordKind.SENT, RecordKind.SENT_LEFT_OUT),
            (RecordKind.RECEIVED, RecordKind.RECEIVED_LEFT_OUT),
        )
    )
    return sent, received


def blocks(trace: Trace) -> list[bytes]:
    return list(pcapng(trace))


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_what_real_peers_say_is_decoded_and_survives_pcapng(path: Path) -> None:
    trace = trace_of_json(path.read_bytes())
    (association,) = trace
    trouble = [seen.trouble for seen in dissect(association) if isinstance(seen, SeenPDU) and seen.trouble]
    assert len(trouble) == (1 if path.stem == "unknown-pdu-instead-of-ac" else 0), trouble
    (read,) = read_capture(b"".join(blocks(trace)))
    assert streams(read) == streams(association) and read.role is Role.REQUESTOR


@pytest.mark.parametrize("path", [path for path in CAPTURES if "identity" in path.stem], ids=lambda path: path.stem)
def test_credentials_of_captures_are_not_shown(path: Path) -> None:
    trace = trace_of_json(path.read_bytes())
    text = "\n".join(show(trace))
    request = next(seen.pdu for seen in dissect(trace.associations[0]) if isinstance(seen, SeenPDU))
    assert isinstance(request, AssociateRQ)
    item = request.user_item(UserIdentityRQItem)
    assert item is not None and "User identity" in text and "(not shown)" in text
    for secret in filter(None, (item.primary_field, item.secondary_field)):
        assert secret.decode("latin-1")[:20] not in text


def test_segments_that_come_late_or_twice_make_no_difference() -> None:
    trace = trace_of_json(STORE.read_bytes())
    made = blocks(trace)
    head, segments = made[:5], made[5:]
    # Each twice, and every pair of neighbours the other way round.
    mixed = [block for pair in zip(segments[1::2], segments[::2], strict=False) for block in (*pair, pair[0])]
    mixed += segments[-(len(segments) % 2) :] if len(segments) % 2 else []
    (read,) = read_capture(b"".join(head + mixed))
    assert streams(read) == streams(trace.associations[0])


def test_a_segment_that_was_not_captured_is_told_and_zeros() -> None:
    trace = trace_of_json(STORE.read_bytes())
    made = blocks(trace)
    longest = max(range(5, len(made)), key=lambda index: len(made[index]))
    found = read_capture(b"".join(made[:longest] + made[longest + 1 :]))
    (remark,) = found.remarks
    assert "were not captured" in remark
    assert list(map(len, streams(found.associations[0]))) == list(map(len, streams(trace.associations[0])))


def test_several_associations_are_told_apart_and_other_connections_passed_over() -> None:
    one = trace_of_json(STORE.read_bytes()).associations[0]
    both = Trace(
        associations=[
            TracedAssociation(
                number=number,
                role=Role.REQUESTOR,
                about={"local": [host, 50000], "peer": ["::1", 104]},
                records=records,
            )
            for number, host, records in (
                (1, "::1", one.records),
                (2, "::2", one.records),
                (3, "::3", [record for record in one.records if record.kind is RecordKind.OPENED]),
            )
        ]
    )
    found = read_capture(b"".join(blocks(both)))
    assert [association.about["local"][0] for association in found] == ["::1", "::2"]
    assert [streams(association) for association in found] == [streams(one)] * 2


def test_a_file_is_what_it_begins_with(tmp_path: Path) -> None:
    trace = trace_of_json(STORE.read_bytes())
    (tmp_path / "a").write_bytes(b"".join(blocks(trace)))
    assert len(read_any(str(tmp_path / "a"))) == len(read_any(str(STORE))) == 1
    (tmp_path / "b").write_bytes(b"neither")
    with pytest.raises(BadTrace):
        read_any(str(tmp_path / "b"))
    (tmp_path / "c").write_bytes(b"\x0a\x0d\x0d\x0a" + b"junk" * 8)
    with pytest.raises(BadTrace):
        read_any(str(tmp_path / "c"))
